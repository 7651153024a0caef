import os
from pathlib import Path

import pytest

from gyre_local import kafka
from gyre_local.errors import StackError
from gyre_local.stack import Stack


def settings(stack: Stack) -> dict[str, str]:
    lines = kafka.properties(stack).splitlines()
    return dict(line.split("=", 1) for line in lines)


def test_it_listens_on_loopback_only_on_the_ports_of_the_stack(stack: Stack) -> None:
    found = settings(stack)

    assert found["listeners"] == "PLAINTEXT://127.0.0.1:9002,CONTROLLER://127.0.0.1:9003"
    assert found["advertised.listeners"] == "PLAINTEXT://127.0.0.1:9002"
    assert found["controller.quorum.voters"] == "1@127.0.0.1:9003"


def test_a_single_node_needs_no_second_one(stack: Stack) -> None:
    found = settings(stack)

    assert {v for k, v in found.items() if k.endswith(("replication.factor", "min.isr"))} == {"1"}


def test_a_misspelt_topic_is_not_made_and_a_group_does_not_wait(stack: Stack) -> None:
    found = settings(stack)

    assert found["auto.create.topics.enable"] == "false"
    assert found["group.initial.rebalance.delay.ms"] == "0"
    assert found["log.dirs"] == str(stack.home / "kafka")


def fake_java(folder: Path, version: str) -> None:
    folder.mkdir()
    java = folder / "java"
    java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-04-15' >&2\n")
    java.chmod(0o755)


def test_without_java_one_line_says_how_to_get_it(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StackError) as raised:
        kafka.check_tools(stack)

    assert str(raised.value) == "Java 17 is missing: apt-get install -y openjdk-17-jre-headless"


@pytest.mark.parametrize("version", ["1.8.0_392", "11.0.21", "16"])
def test_an_old_java_is_named(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    fake_java(tmp_path / "bin", version)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(StackError, match=f"Java 17 or newer is needed, this is {version}: apt-get"):
        kafka.check_tools(stack)


@pytest.mark.parametrize("version", ["17", "17.0.15", "21-ea", "25.0.1"])
def test_maven_is_asked_for_only_while_the_jars_are_missing(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    fake_java(tmp_path / "bin", version)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin")
    with pytest.raises(StackError, match="Maven is missing: apt-get install -y maven"):
        kafka.check_tools(stack)

    kafka.jars(stack).mkdir(parents=True)
    kafka.check_tools(stack)


def test_a_failing_maven_leaves_no_half_folder(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    maven = tmp_path / "mvn"
    maven.write_text("#!/bin/sh\nmkdir -p \"${6#-DoutputDirectory=}\"\necho 'no network'\nexit 1\n")
    maven.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    (stack.cache / "kafka").mkdir(parents=True)
    log = stack.logs / "setup.log"

    with pytest.raises(StackError, match=r"the reason is at the end of .*setup\.log"):
        kafka.fetch(stack, log)

    assert "no network" in log.read_text()
    assert list((stack.cache / "kafka").iterdir()) == []
