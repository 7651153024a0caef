import configparser

import pytest

from gyre_local import programs
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


@pytest.mark.parametrize("value", ["\"'", "two\nlines"])
def test_a_value_that_cannot_be_written_is_refused(stack: Stack, value: str) -> None:
    with pytest.raises(ValueError, match="cannot be passed on"):
        programs.services(stack, "python", {"gateway": {"GYRE_X": value}})
