"""What a line depends on: a change of it is noticed, and of nothing else."""

import shutil
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

from gyre_driftbench import digests
from gyre_driftbench.detectors.gyre import Gyre
from gyre_driftbench.pool import COMMITTED
from gyre_driftbench.scenarios import SCENARIOS


@pytest.fixture
def changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Return what makes a scenario's digest with one file of the package edited."""
    here = tmp_path / "gyre_driftbench"
    shutil.copytree(digests.HERE, here)

    def edited(name: str) -> str:
        (here / name).write_text((digests.HERE / name).read_text() + "\n")
        monkeypatch.setattr(digests, "HERE", here)
        digests._of.cache_clear()
        return digests.of_streams(SCENARIOS["none"], COMMITTED)

    return edited


def test_streams_are_of_the_world_the_texts_the_vectors_and_their_own_module(
    changed: Callable[[str], str], tmp_path: Path
) -> None:
    before = digests.of_streams(SCENARIOS["none"], COMMITTED)
    assert digests.of_streams(SCENARIOS["none_seasonal"], COMMITTED) == before
    assert digests.of_streams(SCENARIOS["label_shift"], COMMITTED) != before
    other = tmp_path / "pool.npz"
    other.write_bytes(b"others")
    assert digests.of_streams(SCENARIOS["none"], other) != before
    assert changed("figures.py") == before
    assert changed("world.py") != before


def test_no_scenario_uses_the_module_of_another() -> None:
    for path in (digests.HERE / "scenarios").glob("*.py"):
        assert "gyre_driftbench.scenarios." not in path.read_text()


def test_a_detector_that_was_edited_or_has_another_library_is_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))

    def digest(text: str) -> str:
        (tmp_path / "mine.py").write_text(text)
        sys.modules.pop("mine", None)
        digests._of.cache_clear()
        return digests.of_detector(import_module("mine").Mine)

    plain = digest("class Mine:\n    pass\n")
    assert digest("class Mine:\n    pass\n") == plain
    edited = digest("class Mine:\n    LIMIT = 1\n")
    assert edited != plain
    assert digest('LIBRARIES = ("numpy",)\nclass Mine:\n    LIMIT = 1\n') != edited


def test_the_code_of_gyre_is_its_signals_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = digests.of_detector(Gyre)
    assert digests.of_detector(Gyre) == before
    (tmp_path / "panel.py").write_text("RARE = 1\n")
    monkeypatch.setattr("gyre_drift.watching.__path__", [str(tmp_path)])
    assert digests.of_detector(Gyre) != before
