"""Vectors of the texts that were encoded last: a passage is scored again with every answer."""

from collections import OrderedDict
from hashlib import sha256

from gyre_retrieval.vectors import Vectors


class Recent:
    """At most `size` rows, by the SHA-256 of their texts; the one not used for longest goes.

    >>> import numpy as np
    >>> recent = Recent(1)
    >>> recent.put("a", np.ones(2, dtype=np.float32))
    >>> recent.put("b", np.zeros(2, dtype=np.float32))
    >>> recent.get("a") is None, recent.get("b").tolist()
    (True, [0.0, 0.0])
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._rows: OrderedDict[bytes, Vectors] = OrderedDict()

    def get(self, text: str) -> Vectors | None:
        """Return the row of a text, or None."""
        key = _key(text)
        row = self._rows.get(key)
        if row is not None:
            self._rows.move_to_end(key)
        return row

    def put(self, text: str, row: Vectors) -> None:
        self._rows[_key(text)] = row
        if len(self._rows) > self._size:
            self._rows.popitem(last=False)


def _key(text: str) -> bytes:
    return sha256(text.encode(errors="surrogatepass")).digest()
