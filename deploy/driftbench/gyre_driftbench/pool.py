"""Texts and their vectors: what streams are drawn from."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gyre_driftbench.reading import texts_of

Vectors = NDArray[np.float32]
Places = NDArray[np.intp]
NAMES = ("clinc150", "banking77", "templates", "new-words", "long", "german", "attacks")
COMMITTED = Path(__file__).parent / "pool.npz"


@dataclass(frozen=True)
class Pool:
    """A collection's texts, its topics and its vectors, in one order.

    Attributes:
        topics: Of each text, shape (n,).
        texts: Shape (n,).
        vectors: Of unit length, shape (n, d).
        injection: How much each text looks like an attack, 0..1, shape (n,).
    """

    topics: NDArray[np.str_]
    texts: NDArray[np.str_]
    vectors: Vectors
    injection: NDArray[np.float32]


def to_bytes_of(vectors: Vectors) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return vectors as whole numbers, and what each row is to be multiplied with."""
    scale = np.abs(vectors).max(axis=1, keepdims=True) / 127
    return np.rint(vectors / scale).astype(np.int8), scale.astype(np.float32)


def of_bytes(whole: NDArray[np.int8], scale: NDArray[np.float32]) -> Vectors:
    """Return rows of unit length."""
    vectors = whole.astype(np.float32) * scale
    unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def read(path: Path) -> tuple[str, dict[str, Pool]]:
    """Return the encoder's name with digest, and every collection that a file has vectors of."""
    kept = np.load(path, allow_pickle=False)
    found = {}
    for name in NAMES:
        lines = texts_of(name)
        rows = kept[f"{name}.rows"]
        chosen = [lines[row] for row in rows]
        found[name] = Pool(
            np.array([topic for topic, _ in chosen]),
            np.array([text for _, text in chosen]),
            of_bytes(kept[f"{name}.vectors"], kept[f"{name}.scale"]),
            kept[f"{name}.injection"],
        )
    return str(kept["encoder"]), found
