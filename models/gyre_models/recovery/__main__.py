"""`python -m gyre_models.recovery FILE`: one line a seed, of which each is measured once."""

import argparse
import contextlib
import json
import shutil
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from gyre_models import recovery, shifts
from gyre_models.export import MODEL_FOLDER
from gyre_models.folder import digest_of, digests
from gyre_models.recovery import table, trial

TOLD = ("README.md", "training-log.jsonl")  # of the model's folder: what is said of it


def recipe() -> str:
    """Return what a figure is of: the model, this bench and the shifts; not the trainer."""
    files = {name: one for name, one in digests(MODEL_FOLDER).items() if name not in TOLD}
    for package in (recovery, shifts):
        folder = Path(package.__path__[0])
        files |= {
            f"{folder.name}/{name}": digest
            for name, digest in digests(folder).items()
            if name.endswith(".py")
        }
    return digest_of(files)[:12]


def kept(path: Path, made_by: str) -> dict[int, trial.Trial]:
    """Return what is measured already by the same recipe; a line that was cut off is left out."""
    found = {}
    for line in path.read_text().splitlines() if path.exists() else ():
        with contextlib.suppress(json.JSONDecodeError):
            row = json.loads(line)
            if row.pop("recipe", None) == made_by:
                found[row["seed"]] = trial.Trial(**row)
    return found


def cut_off(path: Path) -> bool:
    """Tell whether the last line has no end: the next one must not go on with it."""
    return not path.read_bytes().endswith(b"\n") if path.stat().st_size else False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first", type=int, default=0, help="two may share the seeds and FILE")
    given = parser.parse_args()
    if not 0 <= given.first < given.seeds:
        parser.error(
            f"--first is {given.first}, --seeds {given.seeds}: expected 0 <= first < seeds"
        )
    made_by = recipe()
    given.file.parent.mkdir(parents=True, exist_ok=True)
    trials = kept(given.file, made_by)
    seeds = range(given.first, given.seeds)
    for seed in seeds:
        if seed not in trials:
            folder = Path(tempfile.mkdtemp(prefix="gyre-recovery-"))
            trials[seed] = trial.run(seed, MODEL_FOLDER, folder)
            shutil.rmtree(folder)
            with given.file.open("a") as file:
                file.write("\n" if cut_off(given.file) else "")
                file.write(json.dumps(asdict(trials[seed]) | {"recipe": made_by}) + "\n")
        sys.stdout.write(f"seed {seed}: {asdict(trials[seed])}\n")
        sys.stdout.flush()
    chosen = [trials[seed] for seed in seeds]
    sys.stdout.write(
        "\n".join(table.lines(chosen)) + "\n" + json.dumps(table.result(chosen)) + "\n"
    )


if __name__ == "__main__":
    main()
