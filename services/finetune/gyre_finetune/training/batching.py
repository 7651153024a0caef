"""The rows of a step, in parts that fit into memory."""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import torch
from torch import Tensor

IGNORED = -100

Row: TypeAlias = tuple[list[int], int]
"""The tokens of prompt and answer, and where the answer begins."""


def parts(rows: Sequence[Row], most: int) -> Iterator[list[Row]]:
    """Yield rows of about the same length, so many that padded they have at most `most` tokens.

    A longer row comes alone.
    """
    part: list[Row] = []
    for row in sorted(rows, key=lambda row: len(row[0])):
        if part and len(row[0]) * (len(part) + 1) > most:
            yield part
            part = []
        part.append(row)
    if part:
        yield part


def padded(rows: Sequence[Row], device: str) -> tuple[Tensor, Tensor]:
    """Return tokens and wanted tokens, (rows, longest).

    Padding is on the right, where nothing that counts looks back at it.
    """
    longest = max(len(ids) for ids, _ in rows)
    tokens = torch.zeros(len(rows), longest, dtype=torch.long)
    wanted = torch.full((len(rows), longest), IGNORED)
    for number, (ids, begin) in enumerate(rows):
        tokens[number, : len(ids)] = torch.tensor(ids)
        wanted[number, begin : len(ids)] = torch.tensor(ids[begin:])
    return tokens.to(device), wanted.to(device)
