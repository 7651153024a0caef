"""A Llama as small as it gets, with the parameter names of transformers' LlamaForCausalLM.

Training needs neither caches nor masks (rows are padded on the right), and leaving them out is a
third of the step on a processor.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class Shape:
    """The sizes of a model."""

    vocabulary: int = 3072
    width: int = 192
    hidden: int = 512
    layers: int = 4
    head_size: int = 64
    rope_theta: float = 1e8
    positions: int = 2048
    epsilon: float = 1e-5

    @property
    def heads(self) -> int:
        """Number of attention heads; together they span the width."""
        return self.width // self.head_size

    def as_config(self) -> dict[str, Any]:
        """Arguments for transformers' LlamaConfig."""
        sizes = asdict(self)
        return {
            "vocab_size": sizes["vocabulary"],
            "hidden_size": self.width,
            "intermediate_size": self.hidden,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.heads,
            "head_dim": self.head_size,
            "max_position_embeddings": self.positions,
            "rms_norm_eps": self.epsilon,
            "tie_word_embeddings": True,
            "rope_parameters": {"rope_type": "default", "rope_theta": self.rope_theta},
        }


class Norm(nn.Module):
    """RMS norm with a gain."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(shape.width))
        self.epsilon = shape.epsilon

    def forward(self, x: Tensor) -> Tensor:
        """Normalise the last dimension."""
        return functional.rms_norm(x, (x.shape[-1],), self.weight, self.epsilon)


class Attention(nn.Module):
    """Causal attention with rotary positions."""

    q_proj: nn.Linear
    k_proj: nn.Linear
    v_proj: nn.Linear
    o_proj: nn.Linear

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        for name in ("q_proj", "k_proj", "v_proj", "o_proj"):
            setattr(self, name, nn.Linear(shape.width, shape.width, bias=False))

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """Attend; x is (rows, length, width), cos and sin are (length, head size)."""
        rows, length, width = x.shape
        split = (rows, length, self.shape.heads, self.shape.head_size)
        query, key, value = (
            layer(x).view(split).transpose(1, 2)
            for layer in (self.q_proj, self.k_proj, self.v_proj)
        )
        query, key = (part * cos + _turn(part) * sin for part in (query, key))
        mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        joined: Tensor = self.o_proj(mixed.transpose(1, 2).reshape(rows, length, width))
        return joined


class Mlp(nn.Module):
    """The gated feed-forward part."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(shape.width, shape.hidden, bias=False)
        self.up_proj = nn.Linear(shape.width, shape.hidden, bias=False)
        self.down_proj = nn.Linear(shape.hidden, shape.width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Apply to every position."""
        out: Tensor = self.down_proj(functional.silu(self.gate_proj(x)) * self.up_proj(x))
        return out


class Block(nn.Module):
    """One layer."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.self_attn = Attention(shape)
        self.mlp = Mlp(shape)
        self.input_layernorm = Norm(shape)
        self.post_attention_layernorm = Norm(shape)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """Add attention, then the feed-forward part."""
        x = x + self.self_attn(self.input_layernorm(x), cos, sin)
        out: Tensor = x + self.mlp(self.post_attention_layernorm(x))
        return out


class Body(nn.Module):
    """Embedding, layers and the last norm."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(shape.vocabulary, shape.width)
        self.layers = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.norm = Norm(shape)


class Llama(nn.Module):
    """The model; `state_dict` has the names that transformers reads, the embedding being tied."""

    cos: Tensor
    sin: Tensor

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.model = Body(shape)
        half = shape.head_size // 2
        frequencies = shape.rope_theta ** (-torch.arange(half) / half)
        angles = torch.outer(torch.arange(shape.positions), frequencies).repeat(1, 2)
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)

    @property
    def blocks(self) -> list[Block]:
        """The layers, from the first."""
        return [block for block in self.model.layers if isinstance(block, Block)]

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the normed states (rows, length, width) of tokens (rows, length)."""
        cos, sin = self.cos[: tokens.shape[1]], self.sin[: tokens.shape[1]]
        x = self.model.embed_tokens(tokens)
        for block in self.model.layers:
            x = block(x, cos, sin)
        out: Tensor = self.model.norm(x)
        return out

    def logits(self, states: Tensor) -> Tensor:
        """Score the vocabulary; callers pick positions first, for this is the widest product."""
        return functional.linear(states, self.model.embed_tokens.weight)


def _turn(x: Tensor) -> Tensor:
    left, right = x.chunk(2, dim=-1)
    return torch.cat((-right, left), dim=-1)
