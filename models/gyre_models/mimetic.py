"""A start that already looks things up, so that training refines instead of discovering.

From random weights the step "which passage is it" is a long plateau. Here
(after Trockman & Kolter 2023, "Mimetic initialization of self-attention layers", and the induction
circuit of Olsson et al. 2022):

- every embedding shares one constant direction, on which layer 0 builds heads that look a fixed
  distance back through the fast rotary frequencies: the previous tokens, then wider windows;
- the later layers start with equal queries and keys, on the slow (nearly position-free) rotary
  frequencies only: a position attends to what has the same content or the same surroundings;
- their output times value is near a positive multiple of the identity: what is attended to is
  copied, and the tied embedding reads it out;
- the forms of a word ("litres", " litres", "Litres") share most of their embedding, so that an
  answer, which starts without a space, can be copied from a text, where it has one.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gyre_models.llama import Llama

ROW_NORM = 3.0
FAST = 5
WINDOWS = (
    # (distance, strength on the fastest frequencies): one per head of layer 0
    (1, (9.0, 7.0, 4.0)),
    (2, (9.0, 7.0, 4.0)),
    (3, (9.0, 7.0, 4.0)),
    (4, (2.0, 6.0, 6.0)),
    (7, (0.0, 4.0, 6.0, 4.0)),
    (12, (0.0, 1.0, 6.0, 6.0)),
)


@torch.no_grad()
def initialise(model: Llama, vocabulary: list[str], seed: int, gain: float = 1.2) -> None:
    """Set every weight; `vocabulary` holds the tokens in byte-level spelling, by id."""
    generator = torch.Generator().manual_seed(seed)
    width = model.shape.width
    constant = torch.zeros(width)
    constant[0] = 1.0
    embedding = _embeddings(vocabulary, width, generator)
    model.model.embed_tokens.weight.copy_(embedding * ROW_NORM * 0.8 + constant * ROW_NORM * 0.6)
    model.model.norm.weight.fill_(0.2)
    copied = ROW_NORM / width**0.5
    for index, block in enumerate(model.model.layers):
        attention, mlp = block.self_attn, block.mlp
        basis = _orthogonal(width, generator)
        if index == 0:
            query, key = _windows(model)
            out = _orthogonal(width, generator) * copied
        else:
            query = key = _matching(model, generator) * gain
            out = basis.T * copied if index > 1 else _orthogonal(width, generator) * copied
        attention.q_proj.weight.copy_(query)
        attention.k_proj.weight.copy_(key)
        attention.v_proj.weight.copy_(basis)
        attention.o_proj.weight.copy_(out)
        for layer in (attention.q_proj, attention.k_proj):
            layer.weight.add_(torch.randn(layer.weight.shape, generator=generator) * 0.02)
        for layer in (mlp.gate_proj, mlp.up_proj):
            layer.weight.copy_(torch.randn(layer.weight.shape, generator=generator) * width**-0.5)
        mlp.down_proj.weight.copy_(
            torch.randn(mlp.down_proj.weight.shape, generator=generator) * 0.005
        )


def _embeddings(vocabulary: list[str], width: int, generator: torch.Generator) -> Tensor:
    """Unit rows, orthogonal to the constant direction; forms of one word are neighbours."""
    space, capital = torch.randn(2, width, generator=generator) * 0.3
    bases: dict[str, Tensor] = {}
    rows = []
    for token in vocabulary:
        word = token.removeprefix("Ġ")
        if word.lower() not in bases:
            bases[word.lower()] = torch.randn(width, generator=generator)
        row = bases[word.lower()] + space * token.startswith("Ġ") + capital * word[:1].isupper()
        row = row + torch.randn(width, generator=generator) * 0.1
        row[0] = 0.0
        rows.append(row / row.norm())
    return torch.stack(rows)


def _orthogonal(width: int, generator: torch.Generator) -> Tensor:
    matrix, _ = torch.linalg.qr(torch.randn(width, width, generator=generator))
    return matrix


def _windows(model: Llama) -> tuple[Tensor, Tensor]:
    """Queries and keys that read the constant direction only and peak at a fixed distance."""
    shape = model.shape
    half = shape.head_size // 2
    frequencies = shape.rope_theta ** (-torch.arange(half) / half)
    query = torch.zeros(shape.width, shape.width)
    key = torch.zeros(shape.width, shape.width)
    # The normed input is about 0.6 * sqrt(width) along the constant direction.
    level = shape.head_size**0.25 / (0.6 * shape.width**0.5)
    for head in range(shape.heads):
        distance, strengths = WINDOWS[head % len(WINDOWS)]
        for i, strength in enumerate(strengths):
            row = head * shape.head_size + i
            angle = distance * frequencies[i]
            size = strength**0.5 * level
            query[row, 0] = size
            # A key at the right distance, turned by the positions' difference, meets the query.
            key[row, 0] = size * angle.cos()
            key[row + half, 0] = size * angle.sin()
    return query, key


def _matching(model: Llama, generator: torch.Generator) -> Tensor:
    """A projection used for both queries and keys, on the slow frequencies of each head."""
    shape = model.shape
    half = shape.head_size // 2
    matrix = torch.zeros(shape.width, shape.width)
    slow = [*range(FAST, half), *range(half + FAST, shape.head_size)]
    for head in range(shape.heads):
        rows = _orthogonal(shape.width, generator)[: len(slow)]
        rows[:, 0] = 0.0
        matrix[[head * shape.head_size + i for i in slow]] = rows
    return matrix
