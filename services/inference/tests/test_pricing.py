from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gyre_inference.pricing import SHIPPED, Price, Used, read_prices
from gyre_inference.settings import Settings
from gyre_service.settings import read

NOW = datetime(2026, 6, 1, tzinfo=UTC)
GOOD = """
[[tables]]
version = "v1"
valid_from = 2026-01-01T00:00:00Z
currency = "EUR"
[tables.default]
input = 0.10
[tables.models.tiny]
input = 0.2
output = 0.3
[[tables]]
version = "v2"
valid_from = 2026-07-01T00:00:00+02:00
currency = "USD"
[tables.default]
engine_second = 0.000027
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "prices.toml"
    path.write_text(GOOD)
    return path


def test_what_is_shipped_prices_any_model_from_the_start() -> None:
    used = Used(prompt_tokens=1_000, completion_tokens=100)

    for model, amount in (("gemma-3-270m", "0.000024"), ("reference", "0.0000012"), ("mine", "0")):
        cost = read_prices(SHIPPED, model, NOW).cost(used, model, NOW)
        assert (cost.amount, cost.currency) == (Decimal(amount), "USD")
        assert cost.prices == "shipped-1"


def test_the_version_of_the_moment_and_the_price_of_the_model_count(table: Path) -> None:
    prices = read_prices(table, "tiny", NOW)
    used = Used(prompt_tokens=10, completion_tokens=10, engine_s=2.000001)
    turn = datetime(2026, 6, 30, 22, tzinfo=UTC)

    before = prices.cost(used, "tiny", NOW)
    other = prices.cost(used, "large", NOW)
    after = prices.cost(used, "tiny", turn)

    assert (before.amount, before.currency, before.prices) == (Decimal("0.000005"), "EUR", "v1")
    assert other.amount == Decimal("0.000001")
    assert (after.amount, after.prices) == (Decimal("0.000054000027"), "v2")
    assert (before.usd, after.usd) == (0, 0.000054000027)


def test_a_routes_own_price_stands_before_the_table(table: Path) -> None:
    used = Used(prompt_tokens=2, cached_tokens=1, completion_tokens=1)

    cost = read_prices(table, "tiny", NOW).cost(used, "tiny", NOW, usd_per_1k_tokens=0.1)

    assert (cost.amount, cost.currency, cost.prices) == (Decimal("0.0003"), "USD", "policy")


def test_nothing_is_rounded_however_many_answers_there_are() -> None:
    price = Price.model_validate({"input": "0.1", "output": "0.000000000001"})

    costs = [price.amount(Used(prompt_tokens=1, completion_tokens=1)) for _ in range(1_000)]

    assert sum(costs) == Decimal("0.000100000000001")
    most = Price.model_validate({"input": "999999999999.999999999999"})
    tokens = 10**12
    assert most.amount(Used(prompt_tokens=tokens)) * 1_000_000 / tokens == most.input


def test_cached_input_costs_as_other_input_unless_it_has_a_price() -> None:
    used = Used(prompt_tokens=10, cached_tokens=4)

    assert Price.model_validate({"input": 1}).amount(used) == Decimal("0.00001")
    price = Price.model_validate({"input": 1, "cached_input": 0})
    assert price.amount(used) == Decimal("0.000006")


ONE = '[[tables]]\nversion="v1"\nvalid_from=2025-01-01T00:00:00Z\ncurrency="USD"\n'


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "tables: Field required"),
        ("tables = []", "tables: Tuple should have at least 1 item"),
        ("[[tables", "is no TOML"),
        (b"\xff", "is no TOML: not UTF-8"),
        (ONE, "version v1 prices neither 'tiny' nor a default"),
        (ONE + "[tables.models.large]\ninput=1", "prices neither 'tiny' nor a default"),
        (ONE + "[tables.default]", "tables.0.default: names no price, expected some"),
        (ONE + "[tables.default]\ninputs=1", "tables.0.default.inputs: Extra inputs are not"),
        (ONE + "[tables.default]\ninput=-1", "tables.0.default.input: .* greater than or equal"),
        (ONE + "[tables.default]\ninput=nan", "tables.0.default.input: Input should be a finite"),
        (ONE + "[tables.default]\ninput=inf", "tables.0.default.input: Input should be a finite"),
        (ONE + "[tables.default]\ninput=true", "tables.0.default.input: Decimal input should be"),
        (ONE + "[tables.default]\ninput='free'", "tables.0.default.input: .*decimal"),
        (ONE + "[tables.default]\ninput=1e-13", "no more than 12 decimal places"),
        (ONE + "[tables.default]\ninput=1e30", "no more than"),
        (
            ONE.replace("2025", "2999") + "[tables.default]\ninput=1",
            "no price is valid before 2999",
        ),
        (ONE.replace("T00:00:00Z", "") + "[tables.default]\ninput=1", "valid_from: .*timezone"),
        (ONE.replace("USD", "dollar") + "[tables.default]\ninput=1", "currency: .*pattern"),
        (ONE.replace('"v1"', '""') + "[tables.default]\ninput=1", "version: .*pattern"),
        (ONE.replace("v1", "policy") + "[tables.default]\ninput=1", "take another name"),
        ((ONE + "[tables.default]\ninput=1\n") * 2, "two tables have the same version"),
    ],
)
def test_a_wrong_table_stops_the_process_with_one_clear_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    text: Any,
    what: str,
) -> None:
    path = tmp_path / "prices.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    given = {"MODEL_NAME": "tiny", "MODEL_PATH": "/m", "MODEL_DIGEST": "a" * 64}
    for name, value in {**given, "PRICE_TABLE": str(path)}.items():
        monkeypatch.setenv(f"GYRE_{name}", value)

    with pytest.raises(ValueError, match=what):
        read_prices(path, "tiny", NOW)
    with pytest.raises(SystemExit):
        read(Settings)

    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("GYRE_PRICE_TABLE=")
    assert str(path) in line
