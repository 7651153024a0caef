"""What questions were like: the world that a detector compares with."""

import io
from dataclasses import dataclass
from typing import Self
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2

Vectors = NDArray[np.float32]

POINTS = 512
NEAREST = 5
CLUSTERS = 12
CLIP = 8.0  # at 4 a mixture of 5 % would vanish
WINSOR = 0.01  # of the calibration, at each end


@dataclass(frozen=True)
class Reference:
    """Frozen; vectors are of unit length.

    Attributes:
        reference_id: Of this reference.
        points: At most 512, shape (n, d).
        centres: Of 12 clusters of the questions, shape (c, d).
        mean: Of the novelty in a clean window that the points are not from.
        sd: Its standard deviation.
        texts: Of the points.
    """

    reference_id: UUID
    points: Vectors
    centres: Vectors
    mean: float
    sd: float
    texts: tuple[str, ...]

    @classmethod
    def build(
        cls, reference_id: UUID, vectors: Vectors, texts: list[str], calibration: Vectors
    ) -> Self:
        """Freeze a reference.

        Args:
            reference_id: Its name, and the seed of what is drawn.
            vectors: Of the questions, (n, d).
            texts: Of the same questions.
            calibration: Of other questions of the same time, (m, d).
        """
        rng = np.random.default_rng(reference_id.int % 2**63)
        kept = np.sort(rng.permutation(len(vectors))[:POINTS])
        centres, _ = kmeans2(
            vectors.astype(float), min(CLUSTERS, len(vectors)), minit="++", seed=rng
        )
        points = vectors[kept]
        novelty = np.array([_novelty(points, vector) for vector in calibration])
        low, high = np.quantile(novelty, (WINSOR, 1 - WINSOR))
        novelty = np.clip(novelty, low, high)
        return cls(
            reference_id,
            points,
            centres.astype(np.float32),
            float(novelty.mean()),
            float(max(novelty.std(), 1e-6)),
            tuple(texts[index] for index in kept),
        )

    def z(self, vector: Vectors) -> float:
        """Return how new a question is: its distance, in standard deviations of the usual."""
        return float(np.clip((_novelty(self.points, vector) - self.mean) / self.sd, -CLIP, CLIP))

    def cluster(self, vector: Vectors) -> int:
        return int(np.argmin(((self.centres - vector) ** 2).sum(axis=1)))

    def nearest(self, vector: Vectors) -> str:
        """Return the question of the reference that is most like this one."""
        return self.texts[int(np.argmax(self.points @ vector))]

    def to_bytes(self) -> bytes:
        file = io.BytesIO()
        np.savez(
            file,
            points=self.points,
            centres=self.centres,
            scale=np.array([self.mean, self.sd]),
            texts=np.array(self.texts),
        )
        return file.getvalue()

    @classmethod
    def of_bytes(cls, reference_id: UUID, content: bytes) -> Self:
        kept = np.load(io.BytesIO(content), allow_pickle=False)
        mean, sd = kept["scale"]
        return cls(
            reference_id,
            kept["points"],
            kept["centres"],
            float(mean),
            float(sd),
            tuple(str(text) for text in kept["texts"]),
        )


def _novelty(points: Vectors, vector: Vectors) -> float:
    """Return the mean cosine distance to the nearest points."""
    similar = points @ vector
    most = np.partition(similar, -NEAREST)[-NEAREST:] if len(similar) > NEAREST else similar
    return float(1 - most.mean())
