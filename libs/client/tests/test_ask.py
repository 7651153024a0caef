import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

Run = Callable[..., Result]
UUID = "01900000-0000-7000-8000-00000000000a"


def sent(fake: Any, at: int = -1) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(fake.requests[at]["body"])
    return body


def test_an_answer_comes_with_numbered_sources_and_the_hint(fake: Any, gyre: Run) -> None:
    result = gyre("ask", "How many days?")

    assert result.exit_code == 0
    assert "You have 30 days [1]." in result.stdout
    assert "[1] handbook/leave.md, page 3  score 0.82" in result.stdout
    assert "You have 30 days of leave." in result.stdout
    assert "answer 01900000-0000-7000-8000-000000000001, cost 0.00000010 EUR" in result.stdout
    assert "gyre feedback last --up" in result.stdout


def test_the_question_goes_to_the_route_with_its_conversation(fake: Any, gyre: Run) -> None:
    gyre("ask", "How many?", "--route", "hr", "--no-retrieval", "--conversation", UUID)

    body = sent(fake)
    assert (body["model"], body["stream"]) == ("gyre/hr", True)
    assert body["messages"] == [{"role": "user", "content": "How many?"}]
    assert body["metadata"] == {"conversation_id": UUID, "retrieval": "off"}
    assert fake.requests[-1]["headers"]["idempotency-key"]


def test_json_is_one_object_and_nothing_else(fake: Any, gyre: Run) -> None:
    result = gyre("ask", "How many days?", "--json")

    answer = json.loads(result.stdout)
    assert answer["answer"] == "You have 30 days [1]."
    assert answer["answer_id"] == "01900000-0000-7000-8000-000000000001"
    assert answer["refused"] is False
    assert answer["cost"] == {"amount": "0.00000010", "currency": "EUR", "prices": "v1"}
    (source,) = answer["sources"]
    assert (source["number"], source["document"], source["page"]) == (1, "handbook/leave.md", 3)
    assert source["text"] == "You have 30 days\nof leave."


def test_a_follow_up_sends_the_turns_before_it(fake: Any, gyre: Run) -> None:
    gyre("ask", "How many days?", "--route", "hr")
    gyre("ask", "--continue", "and how long?")

    first, second = sent(fake, 0), sent(fake, 1)
    assert [turn["content"] for turn in second["messages"]] == [
        "How many days?",
        "You have 30 days [1].",
        "and how long?",
    ]
    assert second["model"] == "gyre/hr"
    assert second["metadata"]["conversation_id"] == first["metadata"]["conversation_id"]


def test_naming_the_last_conversation_continues_it_as_well(fake: Any, gyre: Run) -> None:
    gyre("ask", "one", "--conversation", UUID)
    gyre("ask", "two", "--conversation", UUID)
    gyre("ask", "three")

    assert len(sent(fake, 1)["messages"]) == 3
    assert len(sent(fake, 2)["messages"]) == 1


def test_a_long_conversation_is_sent_only_in_part(fake: Any, gyre: Run) -> None:
    gyre("ask", "0")
    for number in range(1, 7):
        gyre("ask", "--continue", str(number))

    questions = [t["content"] for t in sent(fake)["messages"] if t["role"] == "user"]
    assert questions == ["2", "3", "4", "5", "6"]


def test_only_the_owner_may_read_the_conversation(fake: Any, gyre: Run, tmp_path: Path) -> None:
    gyre("ask", "How many days?")

    file = tmp_path / "home" / "run" / "conversation.json"
    assert file.stat().st_mode & 0o077 == 0
    assert os.listdir(file.parent) == ["conversation.json"]


@pytest.mark.parametrize("content", [None, "{", '{"url": 3}', '{"url": "http://other:1"}'])
def test_without_a_conversation_there_is_nothing_to_continue(
    fake: Any, gyre: Run, tmp_path: Path, content: str | None
) -> None:
    if content is not None:
        file = tmp_path / "home" / "run" / "conversation.json"
        file.parent.mkdir(parents=True)
        file.write_text(content)

    result = gyre("ask", "--continue", "and how long?")

    assert result.exit_code == 2
    assert result.stderr == (
        "gyre: there is no conversation to continue: ask without --continue first\n"
    )


def test_a_conversation_with_another_gyre_is_not_continued(
    fake: Any, gyre: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    gyre("ask", "How many days?")
    monkeypatch.setenv("GYRE_URL", "http://127.0.0.1:9")

    result = gyre("ask", "--continue", "and how long?")

    assert result.exit_code == 2
    assert f"the last conversation was with {fake.url}" in result.stderr


def test_a_refusal_is_an_answer(fake: Any, gyre: Run) -> None:
    refusal = {"answer_id": UUID, "refused": True, "passages": []}
    chunk = {"choices": [{"delta": {}, "finish_reason": "stop"}], "gyre": refusal}
    fake.answer_parts = [b"data: " + json.dumps(chunk).encode() + b"\n\ndata: [DONE]\n\n"]

    result = gyre("ask", "Who is the king?")

    assert result.exit_code == 0
    assert "declined" in result.stdout
    assert "Sources" not in result.stdout


def test_an_answer_cannot_rewrite_the_terminal(fake: Any, gyre: Run) -> None:
    chunk = json.dumps({"choices": [{"delta": {"content": "a\x1b[2J\x9bb\n"}}]})
    fake.answer_parts.insert(0, b"data: " + chunk.encode() + b"\n\n")

    result = gyre("ask", "How many days?")

    assert "a[2Jb" in result.stdout
    assert not {"\x1b", "\x9b"} & set(result.stdout)


def test_an_answer_that_fails_midway_is_an_error(fake: Any, gyre: Run) -> None:
    error = {"error": {"message": "the engine stopped", "type": "server_error"}}
    fake.answer_parts[1:] = [b"data: " + json.dumps(error).encode() + b"\n\n"]

    result = gyre("ask", "How many days?")

    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == "gyre: the engine stopped"


def test_an_error_has_a_line_of_its_own(fake: Any, gyre: Run) -> None:
    fake.answer_parts[1:] = []

    result = gyre("ask", "How many days?")

    assert result.output == "You have \ngyre: the answer broke off before its end\n"


@pytest.mark.parametrize("parts", [[], [RuntimeError("cut")]])
def test_an_answer_without_its_end_is_an_error(
    fake: Any, gyre: Run, parts: list[Exception]
) -> None:
    fake.answer_parts[1:] = parts

    result = gyre("ask", "How many days?", "--json")

    assert result.exit_code == 2
    assert result.stdout == ""
    assert "before" in result.stderr
    assert not Path(os.environ["GYRE_HOME"], "run").exists()


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["ask", "  "], "the question is empty"),
        (["ask", "a", "--conversation", "mine"], "expected a UUID"),
        (["ask", "a", "--continue", "--conversation", UUID], "not both"),
        (["ask", "a\udcff"], "cannot be sent"),
        (["ask"], "question"),
    ],
)
def test_a_wrong_call_is_refused_before_anything_is_sent(
    fake: Any, gyre: Run, args: list[str], said: str
) -> None:
    result = gyre(*args)

    assert result.exit_code == 2
    assert said in result.stderr.lower() or said in result.stderr
    assert fake.requests == []


def test_a_model_that_does_not_exist_is_one_line(fake: Any, gyre: Run) -> None:
    error = {"message": "the model 'gyre/x' does not exist", "param": "model"}
    fake.refuse(404, error, x_request_id="r-1")

    result = gyre("ask", "a", "--route", "x")

    assert result.exit_code == 2
    assert result.stderr == "gyre: the model 'gyre/x' does not exist [request r-1]\n"
