"""The commands of the loop, and the methods behind them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from gyre_client import AsyncGyre, Gyre, GyreError

Run = Callable[..., Result]
DIGEST = "b" * 64
STREAM = {
    "route": "default",
    "state": "watching",
    "events": 300,
    "pending": "novelty, until a second family agrees",
    "cooldown_s": 12.0,
    "detectors": [
        {
            "name": "novelty",
            "family": "input",
            "state": "watching",
            "statistic": 2.5,
            "threshold": 50.0,
        }
    ],
}
ALARM = {
    "drift_id": "d-1",
    "route": "default",
    "family": "input",
    "detector": "novelty",
    "statistic": 60.0,
    "threshold": 50.0,
    "examples": ["What is a \x1b[31mwenta?"],
    "decided_at": "2026-01-01T00:00:00Z",
}
JOB = {
    "id": "j-1",
    "route": "default",
    "state": "training",
    "reason": "novelty",
    "step": 10,
    "steps": 20,
    "loss": 0.75,
    "losses": [[5, 1.0], [10, 0.75]],
}
ROLLOUT = {
    "id": "01900000-r",
    "route": "default",
    "stage": "canary",
    "share": 1000,
    "adapter_digest": DIGEST,
    "reason": "no harm is shown",
    "evidence": [
        {"arm": "candidate", "source": "live", "answers": 12, "bad": 1, "low": 0.01, "high": 0.3}
    ],
    "history": [
        {"at": "2026-01-01", "stage": "candidate", "share": 0, "reason": "trained", "by": "policy"}
    ],
}
LINEAGE = {
    "answer": {"answer_id": "a-1", "route": "default", "arm": "production"},
    "chunks": [{"chunk_id": "c-1", "document": "leave.md", "version": 2}],
    "base": "1" * 64,
    "adapter": {"digest": DIGEST},
    "drift": [{"drift_id": "d-1", "family": "input", "detector": "novelty"}],
    "gate": None,
}


def page(*rows: object) -> dict[str, object]:
    return {"object": "list", "data": rows, "has_more": False}


REMEDY = {
    "remedy_id": "r-1",
    "route": "default",
    "cause": "knowledge",
    "remedy": "re-index",
    "state": "held",
    "reason": "found has moved; paused",
    "decided_at": "2026-01-01T00:00:00Z",
}


@pytest.fixture
def loop(fake: Any) -> Any:
    fake.lists |= {
        "/v1/drift": {"object": "drift", "streams": [STREAM]},
        "/v1/drifts": page(ALARM),
        "/v1/remedies": page(REMEDY),
        "/v1/jobs": page(JOB),
        "/v1/jobs/j-1": JOB,
        "/v1/rollouts": page(ROLLOUT),
        "/v1/adapters": page({"digest": DIGEST, "route": "default", "stage": "canary"}),
        "/v1/answers/a-1/lineage": LINEAGE,
    }
    fake.posts |= {
        "/v1/baselines": {"object": "baseline", "route": "default", "accepted": 2},
        "/v1/rollouts/01900000-r/promote": ROLLOUT,
        "/v1/rollouts/01900000-r/rollback": ROLLOUT | {"stage": "rolled-back"},
        "/v1/adapters": ROLLOUT,
        "/v1/remedies/r-1/approve": {"object": "review", "remedy_id": "r-1", "approved": True},
        "/v1/remedies/r-1/refuse": {"object": "review", "remedy_id": "r-1", "approved": False},
    }
    return fake


def body(fake: Any, number: int = -1) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(fake.requests[number]["body"])
    return found


@pytest.mark.parametrize(
    "text", ["How long?\n\nHow wide?\n", '{"question": "How long?"}\n{"question": "How wide?"}']
)
def test_a_baseline_is_a_file_of_questions(loop: Any, gyre: Run, tmp_path: Path, text: str) -> None:
    file = tmp_path / "past"
    file.write_text(text)

    result = gyre("baseline", "import", str(file), "--route", "hr")

    assert (result.exit_code, "2 past questions of hr" in result.stdout) == (0, True)
    assert body(loop) == {"route": "hr", "questions": ["How long?", "How wide?"]}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("\n", "has no question"),
        ('{"text": "x"}', "line 1: expected an object with `question`"),
        ('ok\n{"question": 1}', "line 2: `question` is 1"),
        ("{oops", "line 1: expected an object"),
        (None, "cannot read"),
    ],
)
def test_what_is_no_baseline_is_refused(
    loop: Any, gyre: Run, tmp_path: Path, text: str | None, words: str
) -> None:
    file = tmp_path / "past"
    if text is not None:
        file.write_text(text)

    result = gyre("baseline", "import", str(file))

    assert (result.exit_code, words in result.stderr) == (2, True)
    assert loop.requests == []


def test_many_past_questions_are_several_requests(loop: Any) -> None:
    with Gyre(loop.url) as gyre:
        gyre.import_baseline(f"Question {number}?" for number in range(600))
    sizes = [len(body(loop, number)["questions"]) for number in range(3)]
    keys = {request["headers"]["idempotency-key"] for request in loop.requests}
    assert (sizes, len(keys)) == ([256, 256, 88], 3)


def test_the_same_past_questions_count_once_unless_it_is_said(loop: Any) -> None:
    questions = ["How long?"] * 300
    with Gyre(loop.url) as gyre:
        gyre.import_baseline(questions)
        gyre.import_baseline(questions)
        gyre.import_baseline(questions, route="hr")
        gyre.import_baseline(questions, again=True)
    keys = [request["headers"]["idempotency-key"] for request in loop.requests]
    assert keys[:2] == keys[2:4]
    assert len(set(keys)) == 6


def test_drift_shows_statistics_and_alarms(loop: Any, gyre: Run) -> None:
    result = gyre("drift", "--route", "default")

    assert result.exit_code == 0
    for words in ("watching", "novelty", "2.50", "50.00", "second family", "in the next 12 s"):
        assert words in result.stdout
    assert "What is a [31mwenta?" in result.stdout
    assert loop.requests[0]["query"] == {"route": "default"}
    for words in ("knowledge", "re-index", "held"):
        assert words in result.stdout
    told = json.loads(gyre("drift", "--json").stdout)
    assert told["alarms"][0]["drift_id"] == "d-1"
    assert told["remedies"][0]["reason"] == "found has moved; paused"


def test_what_waits_for_a_person_is_told_however_old_it_is(loop: Any, gyre: Run) -> None:
    newest = page(*({**REMEDY, "remedy_id": f"n-{number}"} for number in range(10)))
    waiting = page(REMEDY | {"remedy_id": "w-1", "state": "proposed"})
    loop.lists["/v1/remedies"] = lambda query: waiting if "state" in query else newest

    assert "gyre approve w-1" in gyre("drift").stdout
    told = json.loads(gyre("drift", "--json").stdout)["remedies"]
    assert [one["remedy_id"] for one in told][:2] == ["w-1", "n-0"]
    assert len(told) == 11


def test_a_proposed_remedy_is_approved_or_refused(loop: Any, gyre: Run) -> None:
    loop.lists["/v1/remedies"] = page(REMEDY | {"state": "proposed"})

    assert "gyre approve r-1" in gyre("drift").stdout
    assert gyre("approve", "r-1", "--reason", "go on").exit_code == 0
    assert json.loads(loop.requests[-1]["body"]) == {"reason": "go on"}
    assert gyre("refuse", "r-1").exit_code == 0
    assert loop.requests[-1]["path"] == "/v1/remedies/r-1/refuse"
    assert gyre("refuse", "r-2").exit_code != 0


def test_jobs_are_listed_and_shown(loop: Any, gyre: Run) -> None:
    listed = gyre("jobs").stdout
    assert "10/20" in listed
    assert "0.750" in listed
    assert "losses" in gyre("jobs", "j-1").stdout
    assert json.loads(gyre("jobs", "j-1", "--json").stdout)["losses"] == [[5, 1.0], [10, 0.75]]


def test_rollouts_are_listed_and_shown(loop: Any, gyre: Run) -> None:
    assert "10 %" in gyre("rollouts").stdout
    shown = gyre("rollouts", "01900").stdout
    assert "0.010 .. 0.300" in shown
    assert "trained" in shown
    missing = gyre("rollouts", "x")
    assert (missing.exit_code, "0 rollouts begin with 'x'" in missing.stderr) == (2, True)


def test_a_person_promotes_or_takes_back(loop: Any, gyre: Run) -> None:
    assert "canary" in gyre("promote", "01900000-r", "--reason", "seen enough").stdout
    assert body(loop) == {"reason": "seen enough"}
    assert "rolled-back" in gyre("rollback", "--route", "default").stdout
    for wrong in (("promote",), ("rollback", "x", "--route", "default")):
        result = gyre(*wrong)
        assert (result.exit_code, "a rollout's id, or a route" in result.stderr) == (2, True)


def test_a_route_means_the_rollout_that_is_under_way_now(loop: Any) -> None:
    waiting = ROLLOUT | {"id": "later", "stage": "waiting"}
    loop.lists["/v1/rollouts"] = page(waiting, ROLLOUT, ROLLOUT | {"id": "x", "stage": "rejected"})
    with Gyre(loop.url) as gyre:
        gyre.promote(route="default")
        assert [request["path"] for request in loop.requests] == [
            "/v1/rollouts",
            "/v1/rollouts/01900000-r/promote",
        ]

        loop.lists["/v1/rollouts"] = page()
        with pytest.raises(GyreError, match="no rollout on route hr"):
            gyre.rollback(route="hr")


@pytest.mark.parametrize(
    ("stages", "meant"),
    [
        (("waiting", "canary", "production"), "1"),
        (("rejected", "production", "production"), "1"),
        (("rolled-back", "rolled-back", "production", "rejected"), "2"),
        (("rejected", "rolled-back"), "0"),
    ],
)
async def test_a_route_means_what_is_under_way_or_in_production_or_came_last(
    loop: Any, stages: tuple[str, ...], meant: str
) -> None:
    found = [ROLLOUT | {"id": str(number), "stage": stage} for number, stage in enumerate(stages)]
    loop.lists["/v1/rollouts"] = page(*found)
    loop.posts[f"/v1/rollouts/{meant}/rollback"] = ROLLOUT | {"id": meant}
    with Gyre(loop.url) as gyre:
        assert gyre.rollback(route="default").id == meant
    async with AsyncGyre(loop.url) as other:
        assert (await other.rollback(route="default")).id == meant


def test_lineage_names_what_made_an_answer(loop: Any, gyre: Run) -> None:
    shown = gyre("lineage", "a-1").stdout
    for words in ("leave.md, version 2", DIGEST, "novelty"):
        assert words in shown
    assert json.loads(gyre("lineage", "a-1", "--json").stdout)["gate"] is None


def test_an_adapter_is_brought_as_peft_saves_it(loop: Any, gyre: Run, tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text("{}")
    refused = gyre("adapter", "import", str(tmp_path))
    assert (refused.exit_code, "is no adapter of peft" in refused.stderr) == (2, True)
    (tmp_path / "adapter_model.safetensors").write_bytes(b"weights")

    result = gyre("adapter", "import", str(tmp_path), "--route", "hr")

    assert (result.exit_code, DIGEST in result.stdout) == (0, True)
    sent = loop.requests[-1]["body"]
    assert b"weights" in sent
    assert b'name="route"\r\n\r\nhr' in sent
    assert DIGEST in gyre("adapter", "list").stdout


def test_compare_asks_each_adapter_the_same(loop: Any, gyre: Run) -> None:
    result = gyre("compare", "How many days?", "--adapter", "base", "--adapter", "0123abcd")

    assert result.exit_code == 0
    assert result.stdout.count("You have 30 days [1].") == 2
    models = [json.loads(request["body"])["model"] for request in loop.requests]
    assert models == ["gyre/default@base", "gyre/default@0123abcd"]
    assert gyre("compare", "How many days?").exit_code == 2
    rows = json.loads(gyre("compare", "x", "--adapter", "base", "--json").stdout)
    assert [(row["asked"], row["text"]) for row in rows] == [("base", "You have 30 days [1].")]


async def test_the_async_client_has_the_same_methods(loop: Any, tmp_path: Path) -> None:
    async with AsyncGyre(loop.url) as gyre:
        assert await gyre.import_baseline(["a", "b"]) == 2
        assert (await gyre.drift()).streams[0].detectors[0].statistic == 2.5
        assert (await gyre.alarms())[0].detector == "novelty"
        assert (await gyre.remedies())[0].remedy == "re-index"
        assert (await gyre.approve("r-1")).approved
        assert not (await gyre.refuse("r-1")).approved
        assert (await gyre.jobs())[0] == await gyre.job("j-1")
        assert (await gyre.rollouts())[0].evidence[0].bad == 1
        assert (await gyre.promote("01900000-r")).stage == "canary"
        assert (await gyre.rollback(route="default")).stage == "rolled-back"
        assert (await gyre.lineage("a-1")).base == "1" * 64
        assert (await gyre.adapters())[0].digest == DIGEST
        with pytest.raises(GyreError, match="is no adapter of peft"):
            await gyre.import_adapter(tmp_path)
