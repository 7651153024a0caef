"""What questions were like: the world that a detector compares with."""

import io
import json
from dataclasses import dataclass
from math import ceil
from typing import Self
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2

Vectors = NDArray[np.float32]

POINTS = 512
NEAREST = 5
GROUP = 4  # questions about the same thing, about: they do not calibrate each other
CLUSTERS = 12
WINDOW = 100  # questions that one may say the same as
ALIKE = 0.98  # cosine of two that do, in other words at most in one: paraphrases have 0.92


@dataclass(frozen=True)
class Reference:
    """Frozen; vectors are of unit length.

    Attributes:
        reference_id: Of this reference.
        points: At most 512, shape (n, d).
        centres: Of 12 clusters of the questions, shape (c, d).
        texts: Of the points.
        novelty: Of each question, its distance without its own kind, (m,).
        past: The cluster of each question that it was made of, in their order.
        ordered: Whether that is the order in which they were asked.
        axes: Two directions in which the points differ most, (2, d): a map of them.
        alike: The share of them that say the same as one of the 100 before them.
    """

    reference_id: UUID
    points: Vectors
    centres: Vectors
    texts: tuple[str, ...]
    novelty: NDArray[np.float64]
    past: NDArray[np.uint8]
    ordered: bool
    alike: float
    axes: Vectors

    @classmethod
    def build(
        cls,
        reference_id: UUID,
        vectors: Vectors,
        texts: list[str],
        *,
        ordered: bool = False,
    ) -> Self:
        """Freeze a reference.

        Args:
            reference_id: Its name, and the seed of what is drawn.
            vectors: Of the questions, (n, d), in any order.
            texts: Of the same questions.
            ordered: Whether they come in the order in which they were asked.
        """
        rng = np.random.default_rng(reference_id.int % 2**63)
        kept = np.sort(rng.permutation(len(vectors))[:POINTS])
        centres, _ = kmeans2(
            vectors.astype(float), min(CLUSTERS, len(vectors)), minit="++", seed=rng
        )
        points = vectors[kept]
        # What is asked next is often of another thing. Compared with what is much like it, too,
        # each one of the past would be nearer than they are.
        alike_points = ceil(GROUP * len(points) / len(vectors))
        novelty = np.array([_novelty(points, vector, alike_points) for vector in vectors])
        texts_kept = tuple(texts[index] for index in kept)
        # The nearest centre of each, without all differences at once: they would be 70 MB.
        past = np.argmin((centres**2).sum(axis=1) - 2 * (vectors @ centres.T), axis=1)
        return cls(
            reference_id,
            points,
            centres.astype(np.float32),
            texts_kept,
            novelty,
            past.astype(np.uint8),
            ordered,
            float(
                np.mean(
                    [alike(vectors[max(0, n - WINDOW) : n], one) for n, one in enumerate(vectors)]
                )
            ),
            np.linalg.svd(points - points.mean(axis=0), full_matrices=False)[2][:2],
        )

    def distance(self, vector: Vectors) -> float:
        """Return how new a question is: its mean cosine distance to the nearest points."""
        return _novelty(self.points, vector)

    def cluster(self, vector: Vectors) -> int:
        return int(np.argmin(((self.centres - vector) ** 2).sum(axis=1)))

    def place(self, vector: Vectors) -> tuple[float, float]:
        """Return where a question is on the map of the points."""
        x, y = self.axes @ (vector - self.points.mean(axis=0))
        return float(x), float(y)

    def nearest(self, vector: Vectors) -> str:
        """Return the question of the reference that is most like this one."""
        return self.texts[int(np.argmax(self.points @ vector))]

    def to_bytes(self) -> bytes:
        file = io.BytesIO()
        np.savez(
            file,
            points=self.points,
            centres=self.centres,
            novelty=self.novelty,
            past=self.past,
            ordered=np.array(self.ordered),
            alike=np.array(self.alike),
            axes=self.axes,
            # Not as strings: numpy makes each as long as the longest.
            texts=np.frombuffer(json.dumps(self.texts, ensure_ascii=False).encode(), np.uint8),
        )
        return file.getvalue()

    @classmethod
    def of_bytes(cls, reference_id: UUID, content: bytes) -> Self | None:
        """Return what was stored; None if it was by a release that kept less."""
        kept = np.load(io.BytesIO(content), allow_pickle=False)
        if "axes" not in kept:
            return None
        return cls(
            reference_id,
            kept["points"],
            kept["centres"],
            tuple(json.loads(kept["texts"].tobytes())),
            kept["novelty"],
            kept["past"],
            bool(kept["ordered"]),
            float(kept["alike"]),
            kept["axes"],
        )


def alike(before: Vectors, vector: Vectors) -> bool:
    """Tell whether a question says the same as one before it; vectors are of any length."""
    return bool((cosines(before, vector) > ALIKE).any())


def cosines(before: Vectors, vector: Vectors) -> Vectors:
    """Return those of vectors with another one; they are of any length."""
    lengths = np.sqrt((before * before).sum(axis=1) * (vector @ vector))
    found: Vectors = before @ vector / lengths
    return found


def _novelty(points: Vectors, vector: Vectors, without: int = 0) -> float:
    """Return the mean cosine distance to the nearest points, but for the very nearest."""
    similar = np.sort(points @ vector)[: len(points) - without]
    return float(1 - similar[-NEAREST:].mean())
