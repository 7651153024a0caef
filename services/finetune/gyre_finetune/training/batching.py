"""The rows of a step, in parts that fit into memory."""

from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import TypeAlias

import torch
from torch import Tensor

IGNORED = -100

Row: TypeAlias = tuple[list[int], int]
"""The tokens of prompt and answer, and where the answer begins."""


def parts(examples: Sequence[list[Row]], most: int) -> Iterator[list[Row]]:
    """Yield rows of about the same length, so many that padded they have at most `most` tokens.

    A longer row comes alone; an example of several rows does too, whole.

    Args:
        examples: The rows of each.
        most: Tokens of a part.
    """
    part: list[Row] = []
    for row in sorted((rows[0] for rows in examples if len(rows) == 1), key=_length):
        if part and len(row[0]) * (len(part) + 1) > most:
            yield part
            part = []
        part.append(row)
    if part:
        yield part
    yield from (rows for rows in examples if len(rows) > 1)


def _length(row: Row) -> int:
    return len(row[0])


def shared(rows: Sequence[Row]) -> int:
    """Return how many tokens the rows begin with alike, at most all before their answers' first.

    What predicts an answer's first token is left to each row.
    """
    places = zip(*(ids for ids, _ in rows), strict=False)
    alike = sum(1 for _ in takewhile(lambda tokens: len(set(tokens)) == 1, places))
    return min(alike, min(begin for _, begin in rows) - 1)


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
