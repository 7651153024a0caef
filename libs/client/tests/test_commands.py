import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

Run = Callable[..., Result]
ANSWER_ID = "01900000-0000-7000-8000-000000000001"
RECORD = {
    "id": ANSWER_ID,
    "question": "How many days?",
    "answer": "30 days [1].",
    "route": "default",
    "passages": [{"document": "leave.md", "page": 2, "text": "30 days"}],
    "scores": [{"judge": "rules", "name": "groundedness", "value": 1.0}],
    "verdicts": [],
}


def said(fake: Any) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(fake.requests[-1]["body"])
    return body


def test_feedback_goes_to_the_last_answer(fake: Any, gyre: Run) -> None:
    gyre("ask", "How many days?")
    result = gyre("feedback", "--down", "--comment", "too short", "--person", "ada")

    assert result.exit_code == 0
    assert f"on answer {ANSWER_ID}" in result.stdout
    assert said(fake) == {
        "answer_id": ANSWER_ID,
        "thumb": "down",
        "comment": "too short",
        "person": "ada",
    }


def test_feedback_goes_to_the_answer_that_is_named(fake: Any, gyre: Run) -> None:
    gyre("feedback", "other", "--score", "0", "--edit", "31 days")

    assert said(fake) == {"answer_id": "other", "score": 0.0, "edited_answer": "31 days"}


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ([], "say something of the answer"),
        (["last", "--up"], "there is no last answer"),
        (["a", "--up", "--down"], "not both"),
        (["a", "--score", "1.5"], "--score"),
    ],
)
def test_feedback_that_says_nothing_is_refused(
    fake: Any, gyre: Run, args: list[str], words: str
) -> None:
    result = gyre("feedback", *args)

    assert result.exit_code == 2
    assert words in result.stderr
    assert fake.requests == []


def test_documents_are_listed_shown_and_removed(fake: Any, gyre: Run, tmp_path: Path) -> None:
    assert "no documents" in gyre("documents", "list").stdout
    file = tmp_path / "leave.md"
    file.write_text("30 days")
    gyre("ingest", str(file))
    (id,) = fake.documents

    listed = gyre("documents", "list").stdout.splitlines()
    assert listed[0].split() == [
        "id", "status", "chunks", "collection", "name",
    ]  # fmt: skip
    assert listed[1].split() == [id, "indexed", "4", "default", "leave.md"]
    assert json.loads(gyre("documents", "list", "--json").stdout)[0]["id"] == id
    assert "status      indexed" in gyre("documents", "show", id).stdout
    assert json.loads(gyre("documents", "show", id, "--json").stdout)["name"] == "leave.md"
    assert gyre("documents", "remove", id).stdout == f"removed {id}\n"
    assert "no documents" in gyre("documents", "list", "--status", "indexed").stdout


def test_a_document_that_is_not_there_is_one_line(fake: Any, gyre: Run) -> None:
    for verb in ("show", "remove"):
        result = gyre("documents", verb, "missing")
        assert (result.exit_code, result.stderr) == (2, "gyre: no such document\n")


def test_answers_are_listed_and_shown(fake: Any, gyre: Run) -> None:
    fake.lists = {"/v1/answers": {"data": [RECORD]}, f"/v1/answers/{ANSWER_ID}": RECORD}

    listed = gyre("answers", "list", "--route", "default", "--limit", "5")
    assert ANSWER_ID in listed.stdout
    assert fake.requests[-1]["query"] == {"limit": "5", "route": "default"}
    shown = gyre("answers", "show", ANSWER_ID).stdout
    assert "[1] leave.md, page 2" in shown
    assert "groundedness" in shown
    for args in (["list"], ["show", ANSWER_ID]):
        found = json.loads(gyre("answers", *args, "--json").stdout)
        record = found[0] if isinstance(found, list) else found
        assert record["scores"] == RECORD["scores"]


def test_datasets_are_listed_and_shown(fake: Any, gyre: Run) -> None:
    dataset = {"route": "default", "digest": "ab" * 32, "examples": 1}
    example = {"kind": "edited", "question": "How many?", "answer": "31 days"}
    fake.lists = {
        "/v1/datasets": {"data": [dataset]},
        "/v1/datasets/default": {**dataset, "data": [example], "has_more": False},
    }

    assert "ab" * 32 in gyre("dataset", "list").stdout
    shown = gyre("dataset", "show").stdout
    assert "default: 1 examples" in shown
    assert "31 days" in shown
    assert json.loads(gyre("dataset", "show", "--json").stdout)["data"] == [example]


def test_a_route_is_put_with_what_is_given(fake: Any, gyre: Run, tmp_path: Path) -> None:
    file = tmp_path / "prompt.txt"
    file.write_text("Be brief.")

    result = gyre("routes", "put", "hr", "--prompt-file", str(file), "--policy", '{"passages": 6}')

    assert result.exit_code == 0
    assert said(fake) == {"prompt": "Be brief.", "policy": {"passages": 6}}
    assert fake.requests[-1]["path"] == "/v1/routes/hr"
    fake.lists = {"/v1/routes": {"data": [{"name": "hr", "revision": 2, "prompt": "Be\nbrief."}]}}
    assert gyre("routes", "list").stdout.splitlines()[1].split()[:2] == ["hr", "2"]


def test_a_prompt_that_is_no_text_is_refused(fake: Any, gyre: Run, tmp_path: Path) -> None:
    file = tmp_path / "prompt.txt"
    file.write_bytes(b"\xff")

    result = gyre("routes", "put", "hr", "--prompt-file", str(file))

    assert (result.exit_code, "is not UTF-8" in result.stderr) == (2, True)
    assert fake.requests == []


@pytest.mark.parametrize("policy", ["{", "[]", "6"])
def test_a_policy_that_is_no_object_is_refused(fake: Any, gyre: Run, policy: str) -> None:
    result = gyre("routes", "put", "hr", "--policy", policy)

    assert result.exit_code == 2
    assert result.stderr.startswith("gyre: --policy is no JSON")


@pytest.mark.parametrize(
    ("text", "args", "name"),
    [
        ("name: golden\nitems: []\n", [], "golden"),
        ("items: []\n", [], "mine"),
        ("name: golden\n", ["--name", "other"], "other"),
        ("name: [\n", [], "mine"),
        ("name: 2024\n", [], "2024"),
        ("name: golden\nsince: 2024-02-31\n", [], "golden"),
        ("[" * 5000, [], "mine"),
    ],
)
def test_a_suite_goes_under_its_own_name(
    fake: Any, gyre: Run, tmp_path: Path, text: str, args: list[str], name: str
) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text)

    result = gyre("suite", "add", str(file), *args)

    assert result.exit_code == 0
    request = fake.requests[-1]
    assert (request["path"], request["body"].decode()) == (f"/v1/suites/{name}", text)
    assert f"gyre eval {name}" in result.stdout


def test_a_suite_that_is_no_text_is_refused(fake: Any, gyre: Run, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_bytes(b"\xff")

    assert "is not UTF-8" in gyre("suite", "add", str(file)).stderr
    assert gyre("suite", "add", str(tmp_path / "missing.yaml")).exit_code == 2
    assert fake.requests == []


def test_suites_are_listed(fake: Any, gyre: Run) -> None:
    suite = {"name": "smoke", "items": 12, "shipped": True, "description": "Simple questions."}
    fake.lists = {"/v1/suites": {"data": [suite]}}

    assert "smoke" in gyre("suite", "list").stdout
    assert json.loads(gyre("suite", "list", "--json").stdout)[0]["items"] == 12


def test_status_says_where_and_with_what_it_answers(fake: Any, gyre: Run) -> None:
    fake.lists = {"/v1/models": {"data": [{"id": "gyre/default", "owned_by": "gyre"}]}}

    result = gyre("status")

    assert f"Gyre answers at {fake.url}" in result.stdout
    assert "gyre/default" in result.stdout


@pytest.mark.parametrize("args", [["status"], ["ask", "a"], ["documents", "list"]])
def test_nothing_at_the_address_is_one_line(
    gyre: Run, monkeypatch: pytest.MonkeyPatch, args: list[str]
) -> None:
    monkeypatch.setenv("GYRE_URL", "http://127.0.0.1:1")
    monkeypatch.setattr("gyre_client.attempts.Attempts._next", _at_once)

    result = gyre(*args)

    assert result.exit_code == 2
    assert result.stderr == (
        "gyre: Gyre does not answer at http://127.0.0.1:1: start it with `make up`, "
        "or set GYRE_URL\n"
    )


def _at_once(attempts: Any) -> float:
    attempts.left -= 1
    return 0


def test_a_wrong_address_is_one_line(gyre: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GYRE_URL", "nowhere")

    result = gyre("status")

    assert result.exit_code == 2
    assert result.stderr.startswith("gyre: the address 'nowhere' (GYRE_URL)")


def test_it_says_its_version(gyre: Run) -> None:
    result = gyre("--version")

    assert result.exit_code == 0
    assert result.stdout.startswith("gyre 0.")


def test_a_dump_of_what_is_no_service_says_so(gyre: Run) -> None:
    for name in ("nobody", "client", "a.b"):
        result = gyre("dump", name)
        assert result.exit_code == 2
        assert f"there is no service '{name}'" in result.stderr


def test_a_dump_is_the_services_own(gyre: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[list[str]] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[bytes]:
        ran.append(command[1:])
        return subprocess.CompletedProcess(command, 1)

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr("gyre_client.command.stores.find_spec", lambda _: True)
    assert gyre("dump", "drift", "--hash").exit_code == 1
    assert gyre("replay", "drift", "--into", "new", "--from", "7").exit_code == 1
    assert ran == [
        ["-m", "gyre_drift", "dump", "--hash"],
        ["-m", "gyre_drift", "replay", "--into", "new", "--from", "7"],
    ]
