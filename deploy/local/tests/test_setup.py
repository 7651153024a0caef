import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gyre_local.stack import REPO

FOUND = ("bash", "cat", "date", "dirname", "flock", "ln", "mkdir")
UV = """#!/bin/sh
if [ "$1" = venv ]; then mkdir -p .venv/bin && ln -s "$(command -v python3)" .venv/bin/python; fi
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone whose packages are installed by name only, on a system without Java and Maven."""
    clone = tmp_path / "clone"
    for name in ("deploy/local/setup.sh", "requirements.lock"):
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPO / name, clone / name)
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in FOUND:
        (tools / name).symlink_to(str(shutil.which(name)))
    (tools / "python3").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (tools / "uv").write_text(UV)
    for name in ("python3", "uv"):
        (tools / name).chmod(0o755)
    return clone


def set_up(clone: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(clone / "deploy/local/setup.sh")],
        env={"PATH": str(clone.parent / "bin"), "HOME": os.environ.get("HOME", "/")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )


def test_what_the_system_lacks_is_said_before_minutes_of_installing(clone: Path) -> None:
    first, second = set_up(clone), set_up(clone)

    said = first.stdout.splitlines()[0]
    assert "apt-get install -y openjdk-17-jre-headless maven" in said
    assert "set up" in first.stdout.splitlines()[-1], "who only reads code needs none of them"
    assert second.stdout == ""
