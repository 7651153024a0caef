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
