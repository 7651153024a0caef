"""Makes `texts/` from the public collections: who wants to check that it says what they say.

`python -m gyre_driftbench.collecting FOLDER` with checkouts of the three repositories in it, each
under its own name, at the commits that texts/README.md names.
"""

import csv
import gzip
import io
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeAlias

TEXTS = Path(__file__).parent / "texts"
Line: TypeAlias = tuple[str, str]  # topic, text


def clinc(folder: Path) -> Iterator[Line]:
    """Yield CLINC150: 150 intents of ten domains, topic `<domain>/<intent>`."""
    data = folder / "oos-eval" / "data"
    domain = {
        intent: name
        for name, intents in json.loads((data / "domains.json").read_text()).items()
        for intent in intents
    }
    full = json.loads((data / "data_full.json").read_text())
    for part in ("train", "val", "test"):
        yield from ((f"{domain[intent]}/{intent}", text) for text, intent in full[part])


def banking(folder: Path) -> Iterator[Line]:
    """Yield BANKING77: 77 intents of one domain."""
    for part in ("train", "test"):
        path = folder / "task-specific-datasets" / "banking_data" / f"{part}.csv"
        with path.open(newline="") as file:
            yield from ((row["category"], row["text"]) for row in csv.DictReader(file))


def german(folder: Path) -> Iterator[Line]:
    """Yield the German sentences of the NLU evaluation data: what people say to a home robot."""
    path = folder / "NLU-Evaluation-Data-de-en" / "NLU-Data-Home-Domain-similarity-de.csv"
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            yield from (("home", row[name]) for name in ("sentence1", "sentence2"))


def write(name: str, lines: Iterable[Line]) -> int:
    """Write a collection, each text once, in a fixed order; return how many there are."""
    kept: dict[str, str] = {}
    for topic, text in lines:
        kept.setdefault(" ".join(text.split()), topic)
    rows = sorted((topic, text) for text, topic in kept.items() if text)
    body = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as file:
        file.write(body.encode())
    (TEXTS / f"{name}.jsonl.gz").write_bytes(packed.getvalue())
    return len(rows)


def main() -> None:
    folder = Path(sys.argv[1])
    for name, collection in (("clinc150", clinc), ("banking77", banking), ("german", german)):
        sys.stdout.write(f"{name}: {write(name, collection(folder))} texts\n")


if __name__ == "__main__":
    main()
