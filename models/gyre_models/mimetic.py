"""A start that already looks things up, so that training refines instead of discovering.

From random weights the step "which passage is it" is a long plateau. Here
(after Trockman & Kolter 2023, "Mimetic initialization of self-attention layers", and the induction
circuit of Olsson et al. 2022):

- every embedding shares one constant direction, on which layer 0 builds heads that look a fixed
  distance back through the fast rotary frequencies: the previous tokens, then wider windows, so
  that every position carries the bag of words before it;
- one direction holds how rare a token is; the bag's head adds it to its score, so that names and
  attributes outweigh "the" and "of";
- the later layers start with queries and keys that compare those bags (and a token with the token
  before the key, an induction head), on the slow, nearly position-free rotary frequencies: the
  end of a question attends to what stands after the same words in a passage;
- their output times value is a positive multiple of the identity: what is attended to is copied,
  and the tied embedding reads it out;
- the forms of a word ("litres", " litres", "Litres") share most of their embedding, so that an
  answer, which starts without a space, can be copied from a text, where it has one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from gyre_models.llama import Llama

CONTENT = slice(0, 64)
BAG = slice(64, 128)
PREVIOUS = slice(128, 192)
"""The residual stream at the start: a token's own content (its first number is the constant), the
bag of the words before it, and the token before it. Training is free to use it otherwise."""

CONSTANT, RARITY = 0.6, 1

SLOW = 9
"""Rotary pairs from here on barely turn over a few hundred tokens."""

PREVIOUS_TOKEN = (1.0, {0: 9.0, 1: 7.0, 2: 5.0, 3: 3.0})
LAST_TEN = (4.5, {3: 2.0, 4: 3.0, 5: 2.0})
"""Windows of layer 0: their centre in tokens, and strengths by rotary pair."""


@dataclass(frozen=True)
class Recipe:
    """Strengths of the parts of the start."""

    row_norm: float = 3.0
    bag_size: float = 6.0
    bag_match: float = 5.0
    token_match: float = 4.0
    apart: float = 6.0
    copied: float = 1.0
    rarity: float = 0.4
    noise: float = 0.02


@torch.no_grad()
def initialise(
    model: Llama, vocabulary: list[str], counts: Tensor, seed: int, recipe: Recipe | None = None
) -> None:
    """Set every weight.

    Args:
        model: the model; width 192 and heads of 64.
        vocabulary: the tokens in byte-level spelling, by id.
        counts: how often each occurs in generated text.
        seed: seed of what is drawn.
        recipe: strengths.
    """
    recipe = recipe or Recipe()
    generator = torch.Generator().manual_seed(seed)
    width, size = model.shape.width, model.shape.head_size
    first, second = slice(0, size), slice(size, 2 * size)
    embedding = _embeddings(vocabulary, counts, width, generator)
    model.model.embed_tokens.weight.copy_(embedding * recipe.row_norm)
    model.model.norm.weight.fill_(0.2)
    # An output of this size has the norm of an embedding where the normed input is all content.
    unit = recipe.row_norm / width**0.5
    eye = torch.eye(size)
    eye[[0, RARITY], [0, RARITY]] = 0.0
    for index, block in enumerate(model.blocks):
        attention, mlp = block.self_attn, block.mlp
        query, key, value, out = (
            torch.randn(width, width, generator=generator) * recipe.noise for _ in range(4)
        )
        if index == 0:
            for heads, window, rarity in (
                (first, PREVIOUS_TOKEN, 0.0),
                (second, LAST_TEN, recipe.rarity),
            ):
                query[heads], key[heads] = _window(model, *window, rarity=rarity)
                value[heads, CONTENT] += eye
            out[PREVIOUS, first] += eye * unit
            out[BAG, second] += eye * unit * recipe.bag_size
        else:
            for heads in (first, second):
                query[heads], key[heads] = _window(
                    model, 0.0, dict.fromkeys((3, 4, 5), recipe.apart), sign=-1.0
                )
                match = _projection(size, generator)
                query[heads, BAG] += match * recipe.bag_match**0.5
                key[heads, BAG] += match * recipe.bag_match**0.5
                value[heads, CONTENT] += eye
                out[CONTENT, heads] += eye * unit * recipe.copied * 0.5
            match = _projection(size, generator)
            query[second, CONTENT] += match * recipe.token_match**0.5
            key[second, PREVIOUS] += match * recipe.token_match**0.5
        attention.q_proj.weight.copy_(query)
        attention.k_proj.weight.copy_(key)
        attention.v_proj.weight.copy_(value)
        attention.o_proj.weight.copy_(out)
        for layer in (mlp.gate_proj, mlp.up_proj):
            layer.weight.copy_(torch.randn(layer.weight.shape, generator=generator) * width**-0.5)
        mlp.down_proj.weight.copy_(
            torch.randn(mlp.down_proj.weight.shape, generator=generator) * 0.005
        )


def _embeddings(
    vocabulary: list[str], counts: Tensor, width: int, generator: torch.Generator
) -> Tensor:
    """Unit rows of a constant and a content part; forms of one word are neighbours."""
    space, capital = torch.randn(2, width, generator=generator) * 0.3
    bases: dict[str, Tensor] = {}
    rows = []
    for token in vocabulary:
        word = token.removeprefix("Ġ")
        if word.lower() not in bases:
            bases[word.lower()] = torch.randn(width, generator=generator)
        row = bases[word.lower()] + space * token.startswith("Ġ") + capital * word[:1].isupper()
        row = row + torch.randn(width, generator=generator) * 0.1
        row[[0, RARITY]] = 0.0
        row[CONTENT.stop :] = 0.0
        rows.append(row / row.norm())
    unit = torch.stack(rows) * 0.8
    unit[:, 0] = CONSTANT
    unit[:, RARITY] = 0.05 * ((counts.sum() / (counts + 5.0)).log() - 5.0)
    return unit


def _window(
    model: Llama, centre: float, strengths: dict[int, float], sign: float = 1.0, rarity: float = 0.0
) -> tuple[Tensor, Tensor]:
    """Queries and keys that read the constant only; the score peaks `centre` tokens back.

    `rarity` is what a token gains for being a factor e rarer.
    """
    shape = model.shape
    half = shape.head_size // 2
    query = torch.zeros(shape.head_size, shape.width)
    key = torch.zeros(shape.head_size, shape.width)
    # What one unit of score costs in the query and in the key, both normed inputs.
    level = shape.head_size**0.25 / (CONSTANT * shape.width**0.5)
    for pair, strength in strengths.items():
        angle = centre * shape.rope_theta ** (-pair / half)
        size = strength**0.5 * level
        query[pair, 0] = size * sign
        # A key at the right distance, turned by the positions' difference, meets the query.
        key[pair, 0] = size * math.cos(angle)
        key[pair + half, 0] = size * math.sin(angle)
    if rarity:
        query[half - 1, 0] = level
        key[half - 1, RARITY] = level * rarity * CONSTANT / 0.05
    return query, key


def _projection(size: int, generator: torch.Generator) -> Tensor:
    """Orthonormal rows on the slow rotary pairs of a head, zeros on the fast ones."""
    matrix: Tensor
    matrix, _ = torch.linalg.qr(torch.randn(size, size, generator=generator))
    half = size // 2
    matrix[[*range(SLOW), *range(half, half + SLOW)]] = 0.0
    return matrix
