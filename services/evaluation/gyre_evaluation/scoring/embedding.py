"""Whether an answer means what one of its passages means, as far as the encoder can tell."""

import numpy as np
from numpy.typing import NDArray


def support(answer: NDArray[np.float32], passages: NDArray[np.float32]) -> float:
    """Return the largest cosine of the answer to a passage, clipped to [0, 1].

    Args:
        answer: Shape `(d,)`, any norm.
        passages: Shape `(n, d)` with `n >= 1`, any norm.

    Source:
        Cosine of sentence embeddings: Reimers and Gurevych, "Sentence-BERT", EMNLP 2019,
        section 3. The maximum over passages is our choice: one that says it is enough.

    >>> x = np.array([1.0, 0.0], dtype=np.float32)
    >>> support(x, np.stack([x, -x]))
    1.0
    """
    norms = np.linalg.norm(passages, axis=1) * np.linalg.norm(answer)
    cosine = passages @ answer / np.maximum(norms, np.finfo(np.float32).tiny)
    return float(np.clip(cosine.max(), 0.0, 1.0))
