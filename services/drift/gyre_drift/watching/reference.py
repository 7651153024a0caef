"""What questions were like: the world that a detector compares with."""

import io
import json
from dataclasses import dataclass
from typing import Self
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2

Vectors = NDArray[np.float32]

POINTS = 512
NEAREST = 5
GROUP = 8  # questions that are much alike, about: they are never on both sides
CLUSTERS = 12
WINDOW = 100  # questions that one may say the same as
ALIKE = 0.92  # cosine of two that do
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
        novelty: Of that window, each question's distance, (m,).
        past: The cluster of each question that it was made of, in their order.
        ordered: Whether that is the order in which they were asked.
        alike: The share of them that say the same as one of the 100 before them.
    """

    reference_id: UUID
    points: Vectors
    centres: Vectors
    mean: float
    sd: float
    texts: tuple[str, ...]
    novelty: NDArray[np.float64]
    past: NDArray[np.uint8]
    ordered: bool
    alike: float

    @classmethod
    def build(
        cls,
        reference_id: UUID,
        vectors: Vectors,
        texts: list[str],
        calibration: int,
        *,
        ordered: bool = False,
    ) -> Self:
        """Freeze a reference.

        Args:
            reference_id: Its name, and the seed of what is drawn.
            vectors: Of the questions, (n, d), in any order.
            texts: Of the same questions.
            calibration: How many of them calibrate; the others are what is compared with.
            ordered: Whether they come in the order in which they were asked.
        """
        rng = np.random.default_rng(reference_id.int % 2**63)
        order = _grouped(vectors, rng)
        usual, others = order[calibration:], vectors[order[:calibration]]
        kept = np.sort(rng.permutation(usual)[:POINTS])
        centres, _ = kmeans2(
            vectors[usual].astype(float), min(CLUSTERS, len(usual)), minit="++", seed=rng
        )
        points = vectors[kept]
        novelty = np.array([_novelty(points, vector) for vector in others])
        mean, sd = _scale(novelty)
        texts_kept = tuple(texts[index] for index in kept)
        # The nearest centre of each, without all differences at once: they would be 70 MB.
        past = np.argmin((centres**2).sum(axis=1) - 2 * (vectors @ centres.T), axis=1)
        return cls(
            reference_id,
            points,
            centres.astype(np.float32),
            mean,
            sd,
            texts_kept,
            novelty,
            past.astype(np.uint8),
            ordered,
            float(
                np.mean([alike(vectors[max(0, n - WINDOW) : n + 1]) for n in range(len(vectors))])
            ),
        )

    def z(self, vector: Vectors) -> float:
        """Return how new a question is: its distance, in standard deviations of the usual."""
        return float(np.clip((_novelty(self.points, vector) - self.mean) / self.sd, -CLIP, CLIP))

    def distance(self, vector: Vectors) -> float:
        """Return the mean cosine distance to the nearest points."""
        return _novelty(self.points, vector)

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
            novelty=self.novelty,
            past=self.past,
            ordered=np.array(self.ordered),
            alike=np.array(self.alike),
            # Not as strings: numpy makes each as long as the longest.
            texts=np.frombuffer(json.dumps(self.texts, ensure_ascii=False).encode(), np.uint8),
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
            tuple(json.loads(kept["texts"].tobytes())),
            kept["novelty"],
            kept["past"],
            bool(kept["ordered"]),
            float(kept["alike"]),
        )


def alike(vectors: Vectors) -> bool:
    """Tell whether the last of some questions says the same as one before it."""
    return len(vectors) > 1 and bool((vectors[:-1] @ vectors[-1]).max() > ALIKE)


def _novelty(points: Vectors, vector: Vectors) -> float:
    """Return the mean cosine distance to the nearest points."""
    similar = points @ vector
    most = np.partition(similar, -NEAREST)[-NEAREST:] if len(similar) > NEAREST else similar
    return float(1 - most.mean())


def _grouped(vectors: Vectors, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return the places of questions in an order that keeps groups together, drawn at random.

    What is asked next is of the same world, and often of another thing. Split one by one, each
    question of the calibration would find others of its own thing, and everything live were new.
    """
    leaders = rng.permutation(len(vectors))[: max(1, len(vectors) // GROUP)]
    group = np.argmax(vectors @ vectors[leaders].T, axis=1)
    return np.argsort(group, kind="stable")


def _scale(novelty: NDArray[np.float64]) -> tuple[float, float]:
    """Return mean and standard deviation: outliers count no more than as z they can."""
    usual = np.clip(novelty, *np.quantile(novelty, (WINSOR, 1 - WINSOR)))
    mean, sd = usual.mean(), max(usual.std(), 1e-6)
    mean += sd * np.clip((novelty - mean) / sd, -CLIP, CLIP).mean()
    return float(mean), float(sd)
