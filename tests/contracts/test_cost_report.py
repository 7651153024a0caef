"""Whoever reads `answer-generated` knows what was spent, with nothing else of ours."""

import json
import tomllib
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from .topics import CONTRACTS

PRICES = CONTRACTS.parent / "services/inference/gyre_inference/prices.toml"


def examples() -> list[dict[str, Any]]:
    """Return the log as a foreign consumer reads it: the values of its records."""
    files = sorted((CONTRACTS / "examples" / "answer-generated").glob("*.json"))
    return [json.loads(file.read_text()) for file in files]


def report(log: Iterable[dict[str, Any]]) -> dict[tuple[str, str, str, str], Decimal]:
    """Return what people spent, by person, model, currency and price version."""
    spent: dict[tuple[str, str, str, str], Decimal] = defaultdict(Decimal)
    for event in log:
        if event["purpose"] == "live" and event.get("cost") is not None:
            of = (event["person"], event["model"], event["currency"], event["price_version"])
            spent[of] += Decimal(event["cost"])
    return dict(spent)


def test_a_cost_report_is_made_of_the_log_alone() -> None:
    spent = report(examples())

    # An answer 0.00000134, one cancelled 0.0000013, one failed 0.00000122, two without the engine.
    who = ("p-5f0f3c527a29", "gemma-3-270m", "USD", "shipped-1")
    assert spent == {who: Decimal("0.00000386")}


def test_what_broke_off_is_in_the_report_and_what_never_reached_the_engine_costs_nothing() -> None:
    log = [event for event in examples() if event.get("cost") is not None]
    broken = [event for event in log if event["broken_off"]]

    assert {event["finish_reason"] for event in broken} == {"cancelled", "failed"}
    assert all(Decimal(event["cost"]) > 0 for event in broken)
    unasked = [event for event in log if not event["prompt_tokens"]]
    assert {(event["cached"], event["refused"]) for event in unasked} == {
        (True, False),
        (False, True),
    }
    assert {event["cost"] for event in unasked} == {"0"}


def test_every_cost_follows_from_the_events_counts_and_its_version_of_the_table() -> None:
    tables = tomllib.loads(PRICES.read_text(), parse_float=Decimal)["tables"]
    prices = {table["version"]: table["models"] for table in tables}

    for event in examples():
        if event.get("cost") is None:
            continue
        price = prices[event["price_version"]][event["model"]]
        worked = event["prompt_tokens"] - event["cached_tokens"]
        by_million = (
            worked * price["input"]
            + event["cached_tokens"] * price["cached_input"]
            + event["completion_tokens"] * price["output"]
        )
        assert Decimal(event["cost"]) == by_million / 1_000_000
