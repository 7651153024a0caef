"""Reads the texts that are in the repository."""

import gzip
import json

from gyre_driftbench.collecting import TEXTS, Line


def texts_of(name: str) -> list[Line]:
    """Return a collection: topic and text of each line, sorted by both."""
    body = gzip.decompress((TEXTS / f"{name}.jsonl.gz").read_bytes()).decode()
    return [(topic, text) for topic, text in map(json.loads, body.splitlines())]
