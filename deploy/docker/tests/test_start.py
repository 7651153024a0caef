import subprocess
from pathlib import Path

import pytest

START = Path(__file__).parents[1] / "start.sh"


@pytest.mark.parametrize(
    ("given", "run"),
    [
        (["drift"], ["-m", "gyre_drift"]),
        (["finetune.runner"], ["-m", "gyre_finetune.runner"]),
        (
            ["drift", "replay", "--into", "/data/a b"],
            ["-m", "gyre_drift", "replay", "--into", "/data/a b"],
        ),
    ],
)
def test_a_container_runs_what_its_command_says_and_all_of_it(
    tmp_path: Path, given: list[str], run: list[str]
) -> None:
    assert started(tmp_path, 'printf "%s\\n" "$@"', START, given).splitlines() == run


def test_a_training_is_told_what_its_base_knows_already(tmp_path: Path) -> None:
    (tmp_path / "model.env").write_text("GYRE_MODEL_NAME=small\nGYRE_MODEL_PATH=/models/small\n")
    start = tmp_path / "start.sh"
    start.write_text(START.read_text().replace("/models/", f"{tmp_path}/"))

    assert started(tmp_path, 'echo "$GYRE_REPLAY_PATH"', start, ["finetune"]) == (
        "/replay/small.jsonl\n"
    )


def started(folder: Path, script: str, start: Path, given: list[str]) -> str:
    """Return what `script` prints in the place of Python."""
    python = folder / "python"
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)
    return subprocess.run(
        ["/bin/sh", str(start), *given],
        env={"PATH": str(folder)},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
