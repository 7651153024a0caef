"""What every event has in common."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]
Text = Annotated[str, Field(min_length=1)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256, hexadecimal")]


class Purpose(StrEnum):
    """Why a question was asked. Only `live` reaches detectors, datasets and a person's cost."""

    LIVE = "live"
    SUITE = "suite"
    SHADOW = "shadow"
    PROBE = "probe"
    REPLAY = "replay"
    BASELINE = "baseline"


class Event(BaseModel):
    """A fact that already happened, published once and never edited.

    The fields are the data. Who said it, when, to whom it belongs and what caused it
    travel beside it, in CloudEvents headers. Consumers ignore fields they do not know,
    so a producer may add one first. Events of one tenant with the same key stay in order;
    nothing else does.

    An event takes the time of its cause. One that is a decision (a verdict, a promotion, an
    alarm) says in a field of its own, `decided_at: AwareDatetime`, when it was made.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    topic: ClassVar[str]
    key_field: ClassVar[str]

    @property
    def key(self) -> bytes:
        return str(getattr(self, self.key_field)).encode()


class Encoder(BaseModel):
    """Which model made a vector: vectors of two encoders are never compared."""

    model_config = ConfigDict(frozen=True)

    name: Text
    digest: Digest
    dimension: Annotated[int, Field(ge=1)]
