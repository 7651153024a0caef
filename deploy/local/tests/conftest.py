from pathlib import Path

import pytest

from gyre_local.stack import Stack


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    """A home of its own, and a clone that has two services."""
    for name in ("gateway", "retrieval"):
        package = tmp_path / "clone" / "services" / name / f"gyre_{name}"
        package.mkdir(parents=True)
        (package / "__main__.py").touch()
    (tmp_path / "clone" / "services" / "drift").mkdir()  # begun, but nothing to start
    stack = Stack(tmp_path / "home", 9000, tmp_path / "clone")
    for folder in (stack.run, stack.logs):
        folder.mkdir(parents=True)
    return stack
