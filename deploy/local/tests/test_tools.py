import os
from pathlib import Path

import pytest

from gyre_local import tools
from gyre_local.errors import StackError
from gyre_local.kafka import jars
from gyre_local.stack import Stack


def fake_java(folder: Path, version: str) -> None:
    folder.mkdir()
    java = folder / "java"
    java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-04-15' >&2\n")
    java.chmod(0o755)


def test_all_that_is_missing_is_said_at_once_with_how_to_get_it(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(tools, "find_library", lambda name: None)
    with pytest.raises(StackError) as raised:
        tools.check(stack, ["inference"])

    assert str(raised.value).splitlines() == [
        "Java 17 is missing: apt-get install -y openjdk-17-jre-headless",
        "Maven is missing: apt-get install -y maven",
        "libnuma is missing: apt-get install -y libnuma1",
    ]


@pytest.mark.parametrize("version", ["1.8.0_392", "11.0.21", "16"])
def test_an_old_java_is_named(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    fake_java(tmp_path / "bin", version)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(StackError, match=f"Java 17 or newer is needed, this is {version}: apt-get"):
        tools.check(stack, [])


@pytest.mark.parametrize("version", ["17", "17.0.15", "21-ea", "25.0.1"])
def test_maven_is_asked_for_only_while_the_jars_are_missing(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    fake_java(tmp_path / "bin", version)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin")
    with pytest.raises(StackError, match="Maven is missing: apt-get install -y maven"):
        tools.check(stack, [])

    jars(stack).mkdir(parents=True)
    tools.check(stack, [])


def test_only_the_engine_needs_libnuma(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_java(tmp_path / "bin", "17")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin")
    monkeypatch.setattr(tools, "find_library", lambda name: None)
    jars(stack).mkdir(parents=True)
    tools.check(stack, ["gateway"])

    with pytest.raises(StackError, match="libnuma is missing: apt-get install -y libnuma1"):
        tools.check(stack, ["gateway", "inference"])
