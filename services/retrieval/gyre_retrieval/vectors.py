"""Vectors as they travel and as they are kept."""

import base64
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Vectors: TypeAlias = NDArray[np.float32]  # a row a text, unit length


def to_bytes(vectors: Vectors) -> bytes:
    """Return little-endian float32, row after row."""
    return vectors.astype("<f4").tobytes()


def from_bytes(data: bytes, dimension: int) -> Vectors:
    """Return the rows that `to_bytes` wrote, shape `(n, dimension)`.

    >>> from_bytes(to_bytes(np.eye(2, dtype=np.float32)), 2).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    return np.frombuffer(data, dtype="<f4").reshape(-1, dimension).astype(np.float32)


def to_text(vectors: Vectors) -> str:
    """Return base64 of `to_bytes`, as events carry it."""
    return base64.b64encode(to_bytes(vectors)).decode()
