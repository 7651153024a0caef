"""A question's vector, as the event carries it."""

import base64
import binascii

import numpy as np

from gyre_drift.watching.reference import Vectors
from gyre_events import EmbeddingObserved
from gyre_service.errors import Rejected


def vector_of(event: EmbeddingObserved) -> Vectors:
    """Return the vector, (dimension,), of unit length.

    Raises:
        Rejected: It is none.
    """
    try:
        content = base64.b64decode(event.vector, validate=True)
    except binascii.Error as error:
        raise Rejected(f"vector is not base64: {error}") from error
    expected = event.encoder.dimension * 4
    if len(content) != expected:
        raise Rejected(
            f"vector has {len(content)} bytes, expected {expected}: "
            f"{event.encoder.dimension} float32"
        )
    vector = np.frombuffer(content, "<f4")
    length = float(np.linalg.norm(vector))
    if not np.isfinite(length) or length == 0:
        raise Rejected("vector has no length: it must be finite and not zero")
    return (vector / length).astype("<f4")
