"""Which answers are scored: the same ones in every replica and every replay."""

import hashlib
from uuid import UUID

BUCKETS = 1_000_000


def is_sampled(answer_id: UUID, share: float) -> bool:
    """Tell whether the answer is among `share` of all, by a hash of its id alone.

    A larger share contains every smaller one.

    >>> from uuid import UUID
    >>> is_sampled(UUID(int=1), 1.0), is_sampled(UUID(int=1), 0.0)
    (True, False)
    """
    bucket = int.from_bytes(hashlib.sha256(answer_id.bytes).digest()[:8], "big") % BUCKETS
    return bucket < share * BUCKETS
