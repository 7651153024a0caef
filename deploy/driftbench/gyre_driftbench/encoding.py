"""Makes the vectors of all texts, by the retrieval service's encoder.

`python -m gyre_driftbench.encoding FILE` makes all 56,605, in ten minutes of two cores. With
`--pool` it then takes from them the 10,000 that are in the repository.
"""

import argparse
import asyncio
import sys
from pathlib import Path
from typing import Any

import numpy as np

from gyre_driftbench.digests import of_texts
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
    "attacks": (10, 40),
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


async def encode(threads: int) -> dict[str, Any]:
    """Return what `np.savez` is to write of every collection."""
    encoder = Encoder("", threads)
    identity = await encoder.load()
    kept: dict[str, Any] = {
        "encoder": f"{identity.name} {identity.digest}",
        "texts": of_texts(),
    }
    for name in NAMES:
        texts = [text for _, text in texts_of(name)]
        parts = [
            await encoder.encode(texts[start : start + BATCH])
            for start in range(0, len(texts), BATCH)
        ]
        whole, scale = to_bytes_of(np.concatenate(parts))
        kept |= {
            f"{name}.rows": np.arange(len(texts)),
            f"{name}.vectors": whole,
            f"{name}.scale": scale,
            f"{name}.injection": np.array([injection_score(text) for text in texts], np.float32),
        }
        sys.stdout.write(f"{name}: {len(texts)} texts\n")
        sys.stdout.flush()
    encoder.close()
    return kept


def only(kept: dict[str, Any], rows: dict[str, Places]) -> dict[str, Any]:
    """Return the same of a few lines of each collection."""
    parts = ("rows", "vectors", "scale", "injection")
    chosen = {
        f"{n}.{part}": kept[f"{n}.{part}"][mine] for n, mine in rows.items() for part in parts
    }
    return {"encoder": kept["encoder"], "texts": kept["texts"], **chosen}


def is_of_now(file: Path) -> bool:
    """Return whether a file is there, of the texts that are there."""
    return file.exists() and str(np.load(file).get("texts", "")) == of_texts()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path, help="for the vectors; not made again of the same texts")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--pool", action="store_true", help="write the repository's pool")
    given = parser.parse_args()
    if not is_of_now(given.file):
        given.file.parent.mkdir(parents=True, exist_ok=True)
        part = given.file.with_suffix(".part.npz")
        np.savez_compressed(part, **asyncio.run(encode(given.threads)))
        part.replace(given.file)
    if given.pool:
        np.savez_compressed(COMMITTED, **only(dict(np.load(given.file)), some()))


if __name__ == "__main__":
    main()
