from pathlib import Path

import pytest

from gyre_local.errors import StackError
from gyre_local.stack import REPO, Stack
from gyre_service.settings import SERVICES as KNOWN
from gyre_service.settings import ServiceSettings


def test_without_variables_it_is_the_clone_and_port_8000() -> None:
    stack = Stack.from_environment({})

    assert (stack.home, stack.base) == (REPO / "var", 8000)
    assert stack.make_prefix() == ""


def test_empty_variables_are_no_variables() -> None:
    assert Stack.from_environment({"GYRE_HOME": "", "GYRE_PORT_BASE": ""}).base == 8000


def test_home_and_ports_are_told() -> None:
    stack = Stack.from_environment({"GYRE_HOME": "/srv/gyre", "GYRE_PORT_BASE": "9000"})

    assert stack.kafka_servers == "127.0.0.1:9002"
    assert stack.make_prefix() == "GYRE_HOME=/srv/gyre GYRE_PORT_BASE=9000 "


def test_a_relative_home_becomes_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)

    assert Stack.from_environment({"GYRE_HOME": "here"}).home == tmp_path / "here"


@pytest.mark.parametrize("base", ["eighty", "80", "-1", "65500", "8000.5", "8000 9000"])
def test_a_wrong_port_base_is_one_line(base: str) -> None:
    with pytest.raises(StackError, match=r"GYRE_PORT_BASE is .* expected a number") as raised:
        Stack.from_environment({"GYRE_PORT_BASE": base})
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "name", ["50%", "two words", "a\tb", "*", "a?", "[a]", "a;b", "a#b", "it's", "a,b", "a\\b"]
)
def test_a_home_no_configuration_file_can_name_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    with pytest.raises(StackError, match="GYRE_HOME"):
        Stack.from_environment({"GYRE_HOME": f"/srv/{name}"})

    (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / name)
    with pytest.raises(StackError, match="GYRE_HOME"):
        Stack.from_environment({"GYRE_HOME": "here"})


@pytest.mark.parametrize("service", KNOWN)
def test_ports_are_where_the_services_look_for_them(service: str) -> None:
    stack = Stack(Path("/srv/gyre"), 9000)
    settings = ServiceSettings(service=service, home=stack.home, port_base=9000)

    assert settings.kafka_servers == stack.kafka_servers
    assert settings.grpc_port == stack.rpc_port(service)
    assert settings.health_port == stack.health_port(service)
    assert settings.http_port == stack.gateway_port


def test_services_are_those_that_can_be_started(stack: Stack) -> None:
    assert stack.services() == ["gateway", "retrieval"]


def test_a_service_with_a_runner_is_two_programs(stack: Stack) -> None:
    (stack.repo / "services" / "retrieval" / "gyre_retrieval" / "runner.py").touch()

    assert stack.programs(stack.services()) == ["gateway", "retrieval", "retrieval-runner"]
