import configparser

import pytest

from gyre_local import __main__, programs, start, tools
from gyre_local.errors import StackError
from gyre_local.stack import Stack


def parsed(text: str) -> configparser.RawConfigParser:
    config = configparser.RawConfigParser(inline_comment_prefixes=(";", "#"))
    config.read_string(text)
    return config


def test_kafka_is_a_program_that_starts_first_and_the_socket_is_in_the_home(stack: Stack) -> None:
    config = parsed(programs.supervisord(stack, ["java", "-cp", "jars/*", "kafka.Kafka"]))

    assert config["program:kafka"]["command"] == "java -cp 'jars/*' kafka.Kafka"
    assert config["program:kafka"]["priority"] == "1"
    assert config["unix_http_server"]["file"] == str(stack.run / "supervisor.sock")
    assert config["include"]["files"] == str(stack.run / "services.conf")


def test_a_service_is_restarted_on_any_exit_and_ended_with_its_children(stack: Stack) -> None:
    text = programs.services(stack, "/venv/bin/python", {"gateway": {}, "retrieval": {}})
    gateway = parsed(text)["program:gateway"]

    assert gateway["command"] == "/venv/bin/python -m gyre_gateway"
    assert gateway["autorestart"] == "true"
    assert gateway["stopasgroup"] == gateway["killasgroup"] == "true"
    assert gateway["stdout_logfile"] == str(stack.logs / "gateway.log")
    assert int(gateway["startretries"]) > 1000


def test_what_no_answer_waits_for_lets_the_others_go_first(stack: Stack) -> None:
    config = parsed(programs.services(stack, "python", {"inference": {}, "drift": {}}))

    assert config["program:inference"]["command"] == "python -m gyre_inference"
    assert config["program:drift"]["command"] == "nice -n 5 python -m gyre_drift"


def test_values_survive_spaces_quotes_and_percent_signs(stack: Stack) -> None:
    variables = {"A": "two words", "B": 'say "yes"', "C": "50 %", "D": "it's"}
    text = programs.services(stack, "python", {"gateway": variables})

    assert parsed(text)["program:gateway"]["environment"] == (
        """A="two words",B='say "yes"',C="50 %%",D="it's\""""
    )


@pytest.mark.parametrize("value", ["\"'", "two\nlines", "two\rlines", "a #b", "a\t;b"])
def test_a_value_that_cannot_be_written_is_refused_and_not_shown(stack: Stack, value: str) -> None:
    with pytest.raises(StackError, match="value of GYRE_X cannot be passed on") as raised:
        programs.services(stack, "python", {"gateway": {"GYRE_X": value}})
    assert value not in str(raised.value)


def test_it_is_refused_before_anything_starts(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GYRE_SECRET", "two\nlines")
    monkeypatch.setattr(tools, "check", lambda *_: pytest.fail("too late"))
    with pytest.raises(StackError, match="GYRE_SECRET"):
        start.up(stack)


def test_who_interrupts_a_start_is_told_what_ends_the_stack(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_: Stack) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(__main__, "COMMANDS", {"up": interrupted, "logs": interrupted})
    for name in ("up", "logs"):
        with pytest.raises(SystemExit, match="130"):
            __main__.run(name, stack)
    said = capsys.readouterr().err
    assert f"GYRE_HOME={stack.home} GYRE_PORT_BASE=9000 make down" in said
    assert said.count("\n") == 1
