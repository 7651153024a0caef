"""What a suite is. Its digest is that of its whole content: another comma, another suite."""

import hashlib
import json
from collections import Counter
from typing import Annotated, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from gyre_evaluation.matching import MAX_WORDS, Match, comparable, occurs
from gyre_evaluation.report import FLOORS
from gyre_events.base import Digest, Share

MOVED = "moved/"  # begins the names of suites that are made of a frozen dataset
# What begins with that as well, for replicas of an earlier release, which list no other name:
# ask for it first.
PRAISED = f"{MOVED}praised-"
NAME = r"^(moved/)?[a-z0-9][a-z0-9-]{0,62}$"
MAX_ITEMS = 2_000
Line = Annotated[str, Field(min_length=1, max_length=500)]
Wanted = Annotated[str, Field(min_length=1, max_length=8_000)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class GivenPassage(_Frozen):
    """Evidence as the model sees it; its number is its position from 1."""

    document: Line
    text: Annotated[str, Field(min_length=1, max_length=20_000)]
    page: Annotated[int, Field(ge=1)] | None = None


class Item(_Frozen):
    """One question: either with accepted answers, or one that its passages do not answer."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    question: Annotated[str, Field(min_length=1, max_length=4_000)]
    passages: Annotated[tuple[GivenPassage, ...], Field(min_length=1, max_length=20)]
    match: Match = Field(default="contained", description="how an answer is compared")
    expected: Annotated[tuple[Wanted, ...], Field(max_length=50)] = ()
    refusal: bool = False
    absent: Annotated[tuple[Line, ...], Field(max_length=50)] = Field(
        default=(), description="of a refusal: what would be right, and is in no passage"
    )
    category: Line | None = None

    @field_validator("expected", "absent", mode="before")
    @classmethod
    def _one_is_a_list(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @field_validator("expected", "absent")
    @classmethod
    def _can_be_found(cls, values: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if info.field_name == "expected" and info.data.get("match", "contained") != "contained":
            return values
        for value in values:
            if not 1 <= len(comparable(value)) <= MAX_WORDS:
                raise ValueError(
                    f"{value!r} needs 1 to {MAX_WORDS} words besides articles and punctuation"
                )
        return values

    @model_validator(mode="after")
    def _has_one_outcome(self) -> Self:
        if self.refusal == bool(self.expected):
            raise ValueError("give exactly one of `expected` and `refusal: true`")
        if self.absent and not self.refusal:
            raise ValueError("`absent` belongs to an item with `refusal: true`")
        for number, passage in enumerate(self.passages, 1):
            for answer in self.absent:
                if occurs(answer, passage.text):
                    raise ValueError(f"must be refused, but passage {number} says {answer!r}")
        return self


class Suite(_Frozen):
    """Items in their order, and what has to be reached on all of them."""

    name: Annotated[str, Field(pattern=NAME)]
    description: Line
    items: Annotated[tuple[Item, ...], Field(min_length=1, max_length=MAX_ITEMS)]
    floors: dict[str, Share] = Field(default={}, description="smallest value of a metric")

    @field_validator("items")
    @classmethod
    def _ids_differ(cls, items: tuple[Item, ...]) -> tuple[Item, ...]:
        id, times = Counter(item.id for item in items).most_common(1)[0]
        if times > 1:
            raise ValueError(f"the id {id!r} is there {times} times")
        return items

    @field_validator("floors")
    @classmethod
    def _metrics_exist(cls, floors: dict[str, float]) -> dict[str, float]:
        if unknown := sorted(floors.keys() - set(FLOORS)):
            raise ValueError(f"{unknown[0]!r} has no floor: choose from {', '.join(FLOORS)}")
        return floors

    def first(self, count: int) -> Self:
        """Return the suite of the first `count` items: another suite, if there are more."""
        return (
            self
            if len(self.items) <= count
            else self.model_copy(update={"items": self.items[:count]})
        )

    @property
    def digest(self) -> Digest:
        """SHA-256 of the canonical JSON: keys sorted, no spaces, what is not said left out."""
        content = self.model_dump(mode="json", exclude_defaults=True)
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()
