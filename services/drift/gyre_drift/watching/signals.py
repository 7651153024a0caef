"""One signal: a statistic, the bet on it, and when it has said enough. Pickled as it is."""

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import inf
from typing import Protocol

from gyre_drift.watching.evidence import Rise, Since

HISTORY = 200
QUIET = 100  # values under half of the threshold, at least, that end an episode
Z = 1.959964


@dataclass(frozen=True)
class Alarm:
    """A signal's evidence has passed its threshold.

    Attributes:
        onset: Estimate of when the change began.
        size: How far the values since then are from what is usual, in its standard deviations; of
            `mix`, half of the sum of the shares' differences.
        low: Lower end of its 95 % interval; None where there is none.
        high: Its upper end.
    """

    detector: str
    family: str
    statistic: float
    threshold: float
    events: int
    onset: datetime
    size: float
    low: float | None = None
    high: float | None = None


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

    def size(self, since: Since) -> tuple[float, float | None]:
        """Return how far values are from what is usual, and the standard error of that."""


@dataclass
class Signal:
    """A named statistic of one family.

    An episode begins with an alarm and ends when the evidence was under half of its threshold for
    100 values, and for twice as many as came since the change: there is one alarm an episode.

    Attributes:
        name: As `novelty`.
        family: Of what it says something.
        threshold: Of its evidence.
        margin: How much more of it than other signals this one has to have.
        learn: Makes the bet of a calibration; not asked for where there is one.
        wanted: How many values calibrate it, if there is no bet yet.
        bet: Learned, or given.
        rise: Its evidence, once there is a bet.
        calibration: Values until there is a bet.
        history: Of its evidence.
    """

    name: str
    family: str
    threshold: float = inf
    margin: float = 0.0
    bet: Bet | None = None
    learn: Callable[[Sequence[float]], Bet] | None = None
    wanted: int = 0
    rise: Rise | None = None
    calibration: list[float] = field(default_factory=list)
    events: int = 0
    alarmed: bool = False  # an episode lasts
    again: bool = False  # evidence has passed the threshold once more in it
    quiet: int = 0
    patience: int = QUIET
    history: "array[float]" = field(default_factory=lambda: array("f"))

    def __post_init__(self) -> None:
        if self.bet is not None:
            self._begin(self.bet)

    def update(self, value: float, time: datetime, weight: float = 1.0) -> Alarm | None:
        """Take a value, of which only a part may count; return the alarm that it raises."""
        if self.rise is None or self.bet is None:
            self._calibrate(value)
            return None
        self.events += 1
        raised = self.rise.update(value, time, self.bet.of_value(value), weight)
        now = self.rise.now()
        self.history = self.history[1 - HISTORY :]
        self.history.append(now)
        if self.alarmed:
            self.again = self.again or raised
            self.quiet = self.quiet + 1 if now < self.threshold / 2 else 0
            self.alarmed = self.quiet < self.patience
            return None
        if not raised or self.rise.since is None:
            return None
        since = self.rise.since
        self.alarmed, self.again, self.quiet = True, False, 0
        self.patience = max(QUIET, 2 * since.count)
        size, error = self.bet.size(since)
        half = None if error is None else Z * error
        return Alarm(
            self.name,
            self.family,
            now,
            self.threshold,
            self.events,
            since.onset,
            size,
            None if half is None else size - half,
            None if half is None else size + half,
        )

    def take_back(self, value: float, weight: float) -> None:
        """Let a value that was taken count no longer."""
        if self.rise is not None and self.bet is not None:
            self.rise.take_back(self.bet.of_value(value), weight)
        elif value in self.calibration:
            self.calibration.remove(value)

    def tune(self, threshold: float) -> None:
        """Ask for more, or less, evidence from now on."""
        self.threshold = threshold
        if self.rise is not None:
            self.rise.tune(threshold)

    def now(self) -> float:
        """Return its evidence."""
        return 0.0 if self.rise is None else self.rise.now()

    def restart(self) -> None:
        """Forget the evidence, not the episode: is there more, the world is moved still."""
        if self.bet is not None:
            self._begin(self.bet)
        self.again = False

    def end(self) -> None:
        """End the episode, and forget its evidence: what goes on is an alarm again."""
        self.restart()
        self.alarmed = False

    @property
    def state(self) -> str:
        if self.rise is None:
            return "calibrating"
        return "alarmed" if self.alarmed else "watching"

    def _calibrate(self, value: float) -> None:
        self.calibration.append(value)
        if len(self.calibration) >= self.wanted:
            assert self.learn is not None
            self._begin(self.learn(self.calibration))

    def _begin(self, bet: Bet) -> None:
        self.bet, self.calibration = bet, []
        self.rise = Rise(self.threshold, bet.expected, bet.calibrated)
