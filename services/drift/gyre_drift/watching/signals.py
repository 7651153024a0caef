"""One signal: a statistic, the bet on it, and when it has said enough. Pickled as it is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from gyre_drift.watching.detectors import HISTORY, QUIET, Alarm
from gyre_drift.watching.evidence import NEWEST, Rise


class Bet(Protocol):
    """What a statistic is turned into: `Unusual`, `Larger` or `Mix`."""

    @property
    def expected(self) -> float:
        """Mean of `of_value` while nothing has changed."""

    @property
    def calibrated(self) -> int:
        """How many values that is learned from."""

    def of_value(self, value: float) -> float:
        """Return the logarithm of the payoff."""

    def size(self, values: Sequence[float]) -> float:
        """Return how far values are from what is usual."""


@dataclass
class Signal:
    """A named statistic of one family.

    An episode begins with an alarm and ends when the evidence was under half of its threshold for
    100 values, and for twice as many as came since the change: there is one alarm an episode.

    Attributes:
        name: As `novelty`.
        family: Of what it says something.
        threshold: Of its evidence.
        learn: Makes the bet of a calibration; not asked for where there is one.
        wanted: How many values calibrate it, if there is no bet yet.
        bet: Learned, or given.
        rise: Its evidence, once there is a bet.
        values: The newest ones since then, or those that calibrate it.
        times: Of the same ones.
    """

    name: str
    family: str
    threshold: float
    bet: Bet | None = None
    learn: Callable[[Sequence[float]], Bet] | None = None
    wanted: int = 0
    rise: Rise | None = None
    values: list[float] = field(default_factory=list)
    times: list[datetime] = field(default_factory=list)
    events: int = 0
    alarmed: bool = False  # an episode lasts
    quiet: int = 0
    patience: int = QUIET
    history: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.bet is not None:
            self._begin(self.bet)

    def update(self, value: float, time: datetime, weight: float = 1.0) -> Alarm | None:
        """Take a value, of which only a part may count; return the alarm that it raises."""
        if self.rise is None or self.bet is None:
            self._calibrate(value)
            return None
        self.events += 1
        self.values = [*self.values[1 - NEWEST :], value]
        self.times = [*self.times[1 - NEWEST :], time]
        raised = self.rise.update(self.bet.of_value(value), weight)
        now = self.rise.now()
        self.history = [*self.history[1 - HISTORY :], now]
        if self.alarmed:
            self.quiet = self.quiet + 1 if now < self.threshold / 2 else 0
            self.alarmed = self.quiet < self.patience
            return None
        if not raised:
            return None
        since = max(1, self.rise.since())
        self.alarmed, self.quiet, self.patience = True, 0, max(QUIET, 2 * since)
        return Alarm(
            self.name,
            self.family,
            now,
            self.threshold,
            self.events,
            self.times[-since],
            self.bet.size(self.values[-since:]),
        )

    @property
    def state(self) -> str:
        if self.rise is None:
            return "calibrating"
        return "alarmed" if self.alarmed else "watching"

    def _calibrate(self, value: float) -> None:
        self.values.append(value)
        if len(self.values) >= self.wanted:
            assert self.learn is not None
            self._begin(self.learn(self.values))

    def _begin(self, bet: Bet) -> None:
        self.bet, self.values = bet, []
        self.rise = Rise(self.threshold, bet.expected, bet.calibrated)
