import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from typer.testing import Result

Run = Callable[..., Result]
PASSED = {
    "item_id": "capital",
    "question": "Which city?",
    "expected": "Canberra",
    "answer": "Canberra [1]",
    "passed": True,
    "metrics": [{"name": "groundedness", "value": 1.0}],
    "latency_s": 0.5,
}
FAILED = {"item_id": "year", "question": "When?", "expected": "1934", "answer": "\x00 & <1935>"}
ERROR = {"item_id": "price", "question": "How much?", "error": "the engine stopped"}
METRIC = {"name": "passed", "value": 0.3333, "low": 0.0615, "high": 0.7923, "trials": 3}
REPORT = {
    "suite": "smoke",
    "route": "default",
    "model": "gemma",
    "items": 3,
    "passed": 1,
    "ok": False,
    "metrics": [METRIC],
    "failures": ["passed: 0.333 is below the floor 0.5"],
}


def lines(*parts: dict[str, Any]) -> list[bytes]:
    return [json.dumps(part).encode() + b"\n" for part in parts]


@pytest.fixture
def suite(fake: Any) -> Any:
    fake.lists = {"/v1/suites": {"data": [{"name": "smoke", "items": 3}]}}
    items = [{"item": item} for item in (PASSED, FAILED, ERROR)]
    fake.evaluation_parts = lines(*items, {"report": REPORT})
    return fake


def test_floors_that_are_missed_have_exit_code_1(suite: Any, gyre: Run) -> None:
    result = gyre("eval", "smoke", "--route", "hr", "--limit", "3")

    assert result.exit_code == 1
    assert json.loads(suite.requests[-1]["body"]) == {"suite": "smoke", "route": "hr", "limit": 3}
    assert result.stderr.splitlines() == [
        "[1/3] passed capital  Which city?",
        "[2/3] failed year  When?",
        "[3/3] error  price  How much?",
    ]
    assert ["passed", "0.333", "0.061", "..", "0.792", "3"] in [
        line.split() for line in result.stdout.splitlines()
    ]
    assert "1 of 3 items passed" in result.stdout
    assert "floor missed: passed: 0.333 is below the floor 0.5" in result.stdout
    assert "expected '1934'" in result.stdout
    assert "the engine stopped" in result.stdout


def test_the_route_may_search_itself(suite: Any, gyre: Run) -> None:
    gyre("eval", "smoke", "--retrieve")

    assert json.loads(suite.requests[-1]["body"]) == {"suite": "smoke", "retrieve": True}


def test_floors_that_are_reached_have_exit_code_0(suite: Any, gyre: Run) -> None:
    suite.evaluation_parts = lines({"item": PASSED}, {"report": {**REPORT, "ok": True}})

    assert gyre("eval", "smoke@0123abcd").exit_code == 0


def test_parts_may_be_named_by_their_type(suite: Any, gyre: Run) -> None:
    report = {**REPORT, "ok": True}
    suite.evaluation_parts = lines({"type": "item", **PASSED}, {"type": "report", **report})

    assert gyre("eval", "smoke").exit_code == 0


def test_json_is_one_object(suite: Any, gyre: Run) -> None:
    result = gyre("eval", "smoke", "--json")

    found = json.loads(result.stdout)
    assert found["report"]["metrics"][0]["low"] == 0.0615
    assert [item["item_id"] for item in found["items"]] == ["capital", "year", "price"]


def test_junit_has_one_case_per_item_and_one_for_the_floors(
    suite: Any, gyre: Run, tmp_path: Path
) -> None:
    file = tmp_path / "reports" / "smoke.xml"

    gyre("eval", "smoke", "--junit", str(file))

    root = ElementTree.fromstring(file.read_text())
    assert (root.tag, root.get("tests"), root.get("failures")) == ("testsuite", "4", "2")
    assert root.get("errors") == "1"
    capital, year, price, floors = root.iter("testcase")
    assert (capital.get("name"), capital.get("time")) == ("capital", "0.500")
    assert capital.find("failure") is None
    assert (year.findtext("failure") or "").endswith("got:  & <1935>")
    assert price.find("error") is not None
    assert price.find("failure") is None
    assert "below the floor" in floors[0].get("message", "")


def test_a_report_that_cannot_be_written_is_an_error(suite: Any, gyre: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    result = gyre("eval", "smoke", "--junit", str(tmp_path / "file" / "x.xml"))

    assert result.exit_code == 2
    assert "gyre: cannot write" in result.stderr


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        (lines({"item": PASSED}), "broke off before its report"),
        (lines({"item": PASSED}, {"error": {"message": "no engine"}}), "gyre: no engine"),
        ([*lines({"item": PASSED}), RuntimeError("cut")], "the connection broke"),
        ([b"oops\n"], "no JSON object"),
        (lines({"item": {"question": 3}}), "is not what Gyre's API says: item_id"),
    ],
)
def test_an_evaluation_that_breaks_has_exit_code_2(
    suite: Any, gyre: Run, parts: list[Any], said: str
) -> None:
    suite.evaluation_parts = parts

    result = gyre("eval", "smoke")

    assert result.exit_code == 2
    assert said in result.stderr


def test_a_suite_that_does_not_exist_is_an_error(suite: Any, gyre: Run) -> None:
    suite.lists = {}
    suite.refuse(404, {"message": "there is no suite 'x': there are smoke", "param": "suite"})

    result = gyre("eval", "x")

    assert result.exit_code == 2
    assert "there is no suite 'x'" in result.stderr


def test_a_last_line_without_an_end_counts(suite: Any, gyre: Run) -> None:
    suite.evaluation_parts[-1] = suite.evaluation_parts[-1].rstrip()

    assert gyre("eval", "smoke").exit_code == 1
