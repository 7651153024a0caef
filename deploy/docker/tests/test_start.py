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
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    python.chmod(0o755)

    done = subprocess.run(
        ["/bin/sh", str(START), *given],
        env={"PATH": str(tmp_path)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines() == run
