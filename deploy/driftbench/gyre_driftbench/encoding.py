"""Makes the vectors of texts, by the retrieval service's encoder.

`python -m gyre_driftbench.encoding` makes the pool that is in the repository, 10,000 of them;
with `--all FILE` all 56,405 into a file, in ten minutes of two cores.
"""

import argparse
import asyncio
import sys
from pathlib import Path
from typing import Any

import numpy as np

from gyre_driftbench.pool import COMMITTED, NAMES, Places, to_bytes_of
from gyre_driftbench.reading import texts_of
from gyre_retrieval.encoder import Encoder
from gyre_retrieval.injection import injection_score

BATCH = 64
POOL = {  # topics, and texts of each: few topics, so that none is known by heart after a day
    "clinc150": (45, 76),
    "banking77": (26, 100),
    "templates": (24, 100),
    "new-words": (24, 17),
    "long": (95, 6),
    "german": (1, 400),
    "attacks": (5, 40),
}


def some(seed: int = 0) -> dict[str, Places]:
    """Return lines for the pool; of a topic's long texts and new words only if it is in it too."""
    rng = np.random.default_rng(seed)
    found: dict[str, Places] = {}
    chosen: dict[str, list[str]] = {}
    for name, (count, each) in POOL.items():
        topics = np.array([topic for topic, _ in texts_of(name)])
        known = np.unique(topics)
        if name == "new-words":
            known = np.array(chosen["templates"])
        if name == "long":
            wanted = {f"{base}:{one}" for base, mine in chosen.items() for one in mine}
            known = np.array(sorted(wanted & set(known)))
        chosen[name] = [str(one) for one in rng.permutation(known)[:count]]
        rows = [rng.permutation(np.flatnonzero(topics == one))[:each] for one in chosen[name]]
        found[name] = np.sort(np.concatenate(rows))
    return found


def every() -> dict[str, Places]:
    return {name: np.arange(len(texts_of(name))) for name in NAMES}


async def encode(rows: dict[str, Places], threads: int) -> dict[str, Any]:
    """Return what `np.savez` is to write of these lines of each collection."""
    encoder = Encoder("", threads)
    identity = await encoder.load()
    kept: dict[str, Any] = {"encoder": f"{identity.name} {identity.digest}"}
    for name, chosen in rows.items():
        lines = texts_of(name)
        texts = [lines[row][1] for row in chosen]
        parts = [
            await encoder.encode(texts[start : start + BATCH])
            for start in range(0, len(texts), BATCH)
        ]
        whole, scale = to_bytes_of(np.concatenate(parts))
        kept |= {
            f"{name}.rows": chosen,
            f"{name}.vectors": whole,
            f"{name}.scale": scale,
            f"{name}.injection": np.array([injection_score(text) for text in texts], np.float32),
        }
        sys.stdout.write(f"{name}: {len(texts)} texts\n")
        sys.stdout.flush()
    encoder.close()
    return kept


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--all", type=Path, help="a file for the vectors of all texts")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    rows = some() if given.all is None else every()
    path = given.all or COMMITTED
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **asyncio.run(encode(rows, given.threads)))


if __name__ == "__main__":
    main()
