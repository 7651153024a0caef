import shutil
import subprocess
from pathlib import Path

import pytest

from gyre_local.stack import REPO


@pytest.mark.parametrize("target", ["down", "status", "logs", "clean"])
def test_what_ends_a_stack_or_looks_at_it_installs_nothing(tmp_path: Path, target: str) -> None:
    shutil.copy(REPO / "Makefile", tmp_path)

    def planned() -> str:
        return subprocess.run(
            ["make", "-n", target], cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout

    assert "setup.sh" in planned(), "nothing is installed yet"
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "gyre-setup").touch()
    assert "setup.sh" not in planned()
    assert f"gyre_local {target}" in planned()
