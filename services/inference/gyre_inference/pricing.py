"""What an answer costs, by a versioned table of prices. Exact: decimals, and nothing is rounded."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Context, Decimal
from pathlib import Path
from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

SHIPPED = Path(__file__).with_name("prices.toml")
POLICY = "policy"  # instead of a table's version: the price is the route's own
MILLION = Decimal(1_000_000)
# A price has at most 24 digits, a count and microseconds far fewer than 20: no product is rounded.
EXACT = Context(prec=64)

Amount = Annotated[Decimal, Field(ge=0, max_digits=24, decimal_places=12)]


@dataclass(frozen=True)
class Used:
    """What an answer took of the engine; all zero where it was not asked."""

    prompt_tokens: int = 0
    cached_tokens: int = 0  # of the prompt's, those that needed no work
    completion_tokens: int = 0
    engine_s: float = 0  # in whole microseconds


@dataclass(frozen=True)
class Cost:
    """An amount of money, and which prices it is made of."""

    amount: Decimal
    currency: str  # ISO 4217
    prices: str  # version of the table, or `policy`

    @property
    def usd(self) -> float:
        """Return the amount where it is in dollars, else 0."""
        return float(self.amount) if self.currency == "USD" else 0


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Price(_Part):
    """What one model costs: per million tokens, per second of the engine, or both."""

    input: Amount = Decimal(0)
    cached_input: Amount | None = None  # None: as other input
    output: Amount = Decimal(0)
    engine_second: Amount = Decimal(0)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError(f"names no price, expected some of {', '.join(Price.model_fields)}")
        return self

    def amount(self, used: Used) -> Decimal:
        """Return what `used` costs, exactly.

        >>> price = Price(input="0.10", cached_input="0.01", output="0.40")
        >>> price.amount(Used(prompt_tokens=3, cached_tokens=1, completion_tokens=2))
        Decimal('0.00000101')
        """
        cached = self.input if self.cached_input is None else self.cached_input
        tokens = (
            (used.prompt_tokens - used.cached_tokens, self.input),
            (used.cached_tokens, cached),
            (used.completion_tokens, self.output),
        )
        amount = Decimal(0)
        for count, price in tokens:
            part = EXACT.divide(EXACT.multiply(Decimal(count), price), MILLION)
            amount = EXACT.add(amount, part)
        seconds = EXACT.multiply(Decimal(str(used.engine_s)), self.engine_second)
        return EXACT.add(amount, seconds).normalize(EXACT)


class PriceTable(_Part):
    """The prices of all models from a moment on."""

    version: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    valid_from: AwareDatetime
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    default: Price | None = None
    models: Mapping[str, Price] = {}

    def price_of(self, model: str) -> Price:
        """Return the price of a base model.

        Raises:
            ValueError: The table has none for it.
        """
        price = self.models.get(model, self.default)
        if price is None:
            raise ValueError(f"version {self.version} prices neither {model!r} nor a default")
        return price


class Prices(_Part):
    """The tables of a file, whatever their order."""

    tables: Annotated[tuple[PriceTable, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _tell_apart(self) -> Self:
        for name in ("version", "valid_from"):
            values = [getattr(table, name) for table in self.tables]
            if len(set(values)) < len(values):
                raise ValueError(f"two tables have the same {name}")
        if any(table.version == POLICY for table in self.tables):
            raise ValueError(f"the version {POLICY!r} means prices of a route, take another name")
        return self

    def at(self, time: datetime) -> PriceTable:
        """Return the newest table that was valid at `time`.

        Raises:
            ValueError: None was.
        """
        valid = [table for table in self.tables if table.valid_from <= time]
        if not valid:
            first = min(table.valid_from for table in self.tables)
            raise ValueError(f"no price is valid before {first.isoformat()}")
        return max(valid, key=lambda table: table.valid_from)

    def cost(self, used: Used, model: str, time: datetime, usd_per_1k_tokens: float = 0) -> Cost:
        """Return what an answer costs.

        Args:
            used: What it took.
            model: The base model's name: adapters have its price.
            time: When it was answered.
            usd_per_1k_tokens: The route's own price; 0: it has none, the table's counts.

        Raises:
            ValueError: Nothing has a price for the model at that time.
        """
        if usd_per_1k_tokens:
            tokens = Decimal(used.prompt_tokens + used.completion_tokens)
            amount = EXACT.multiply(tokens, Decimal(str(usd_per_1k_tokens)))
            amount = EXACT.divide(amount, Decimal(1000)).normalize(EXACT)
            return Cost(amount, "USD", POLICY)
        table = self.at(time)
        return Cost(table.price_of(model).amount(used), table.currency, table.version)


def read_prices(path: Path, model: str, time: datetime) -> Prices:
    """Return the tables of a TOML file.

    Args:
        path: Of the file.
        model: The base model that is served: every table has to price it.
        time: Now: some table has to be valid.

    Raises:
        ValueError: The file is not there, is no TOML, or has no such prices; one line.
    """
    try:
        prices = Prices.model_validate(tomllib.loads(path.read_text(), parse_float=Decimal))
        prices.at(time)
        for table in prices.tables:
            table.price_of(model)
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ValueError("is no TOML: not UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"is no TOML: {error}") from error
    except ValidationError as error:
        wrong = error.errors()[0]  # the others may follow from it
        where = ".".join(str(part) for part in wrong["loc"])
        what = wrong["msg"].removeprefix("Value error, ")
        raise ValueError(f"{where}: {what}" if where else what) from error
    return prices
