"""Vectors of the texts that were encoded last: a passage is scored again with every answer."""

from collections import OrderedDict
from hashlib import sha256

from gyre_retrieval.vectors import Vectors


class Recent:
    """At most `size` rows, by tenant and the SHA-256 of a text; the one not used for longest goes.

    By tenant, or the time that a text takes would tell whether another one had just the same.

    >>> import numpy as np
    >>> recent = Recent(1)
    >>> recent.put("acme", "a", np.ones(2, dtype=np.float32))
    >>> recent.put("acme", "b", np.zeros(2, dtype=np.float32))
    >>> recent.get("acme", "a") is None, recent.get("acme", "b").tolist()
    (True, [0.0, 0.0])
    >>> recent.get("umbrella", "b") is None
    True
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._rows: OrderedDict[tuple[str, bytes], Vectors] = OrderedDict()

    def get(self, tenant: str, text: str) -> Vectors | None:
        """Return the row of a tenant's text, or None."""
        key = _key(tenant, text)
        row = self._rows.get(key)
        if row is not None:
            self._rows.move_to_end(key)
        return row

    def put(self, tenant: str, text: str, row: Vectors) -> None:
        self._rows[_key(tenant, text)] = row
        if len(self._rows) > self._size:
            self._rows.popitem(last=False)


def _key(tenant: str, text: str) -> tuple[str, bytes]:
    return tenant, sha256(text.encode(errors="surrogatepass")).digest()
