"""Every signal of one route: made of its reference and policy, fed with what happens."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import log
from uuid import UUID

from gyre_drift.watching.attack import Window
from gyre_drift.watching.crowd import Crowd, Voices
from gyre_drift.watching.evidence import threshold_for
from gyre_drift.watching.means import STAKE, Larger
from gyre_drift.watching.mix import Mix
from gyre_drift.watching.ranks import Further, Unusual
from gyre_drift.watching.reference import Reference, Vectors
from gyre_drift.watching.signals import Alarm, Signal
from gyre_events import DriftPolicy

MANY, SOME = 0.5, 0.1  # shares of the questions that are thought to be new
LOW = 0.3  # share of the questions that are thought to find less
SLOW = 0.3  # share of the answers that are thought to take longer
RARE = 0.02  # how much questions look like an attack on average, at most, where none is
MIX_MARGIN = 0.5  # more evidence: texts of one topic are spread over clusters by chance

NOVELTY, SOME_NEW, FURTHER = "novelty", "novelty-some", "novelty-little"
NEW = (NOVELTY, SOME_NEW, FURTHER)
MIX, INJECTION = "mix", "injection"
FOUND, GROUNDED = "found", "grounded"
THUMBS, RETRIES = "thumbs", "retries"
LATENCY = "latency"
OF_ADAPTER = {"quality", "people"}  # families that say what an adapter is worth


@dataclass(frozen=True)
class Asked:
    """A live question.

    Attributes:
        vector: Of unit length, (d,).
        person: Who asked; None: nobody knows.
        top_score: Of the best passage; None: search was not asked.
        injection: How much it looks like an attack, 0..1.
        time: When.
    """

    vector: Vectors
    person: str | None
    top_score: float | None
    injection: float
    time: datetime


@dataclass
class Panel:
    """What a route's signals have seen. Pickled as it is."""

    signals: dict[str, Signal]
    crowd: Crowd = field(default_factory=Crowd)
    voices: Voices = field(default_factory=Voices)
    window: Window = field(default_factory=Window)

    @classmethod
    def of(cls, reference: Reference, policy: DriftPolicy) -> "Panel":
        """Return signals that have seen nothing."""
        few = policy.score_events
        novelty = Unusual.of(reference.novelty.tolist(), MANY)
        # The same ranks: they are most of what is stored with each event.
        further = Further(novelty.ranks, MANY, novelty.mean, novelty.sd)
        mix = Mix(reference.past.tolist(), len(reference.centres), ordered=reference.ordered)
        # Most are 0, but nothing says so: no value loses more than is expected of it here, so
        # nothing is added to what a bet on a mean of `RARE` pays.
        rare = Larger(most=RARE, mean=RARE, sd=0.1, calibrated=few, expected=log(1 - STAKE))
        signals = (
            Signal(NOVELTY, "input", bet=novelty),
            Signal(SOME_NEW, "input", bet=novelty.with_share(SOME)),
            Signal(FURTHER, "input", bet=further),
            Signal(MIX, "input", margin=MIX_MARGIN, bet=mix),
            Signal(INJECTION, "input", bet=rare),
            Signal(FOUND, "retrieval", learn=_unusual_low, wanted=few),
            *_of_answers(few),
        )
        panel = cls({signal.name: signal for signal in signals})
        panel.tune(policy)
        return panel

    def of_adapter(self, policy: DriftPolicy) -> "Panel":
        """Return what is made of answers alone, for an adapter that is to be compared with this.

        Who was calm goes on. Who was in alarm learns anew: what was usual before the world moved
        may never come back, and would be put down to the adapter.
        """
        signals = {signal.name: signal for signal in _of_answers(policy.score_events)}
        calm = {one.name: one for one in self if one.family in OF_ADAPTER and not one.alarmed}
        panel = Panel(signals | calm, voices=self.voices)
        panel.tune(policy)
        return panel

    def beside(self, reference: Reference, policy: DriftPolicy) -> "Panel":
        """Return these signals, and those of a reference beside them."""
        panel = Panel.of(reference, policy)
        panel.signals |= self.signals
        panel.voices = self.voices
        panel.tune(policy)
        return panel

    def tune(self, policy: DriftPolicy) -> None:
        """Take over how many events a route's policy wants between false alarms."""
        threshold = threshold_for(policy.false_alarm_events, len(self.signals))
        for signal in self:
            if signal.threshold != threshold + signal.margin:
                signal.tune(threshold + signal.margin)

    @property
    def mix(self) -> Mix:
        found = self.signals[MIX].bet
        assert isinstance(found, Mix)
        return found

    def question(self, reference: Reference, asked: Asked) -> list[Alarm]:
        """Take a live question."""
        again = self.window.add(asked.vector, asked.person, asked.injection, asked.time)
        cluster = reference.cluster(asked.vector)
        weight, first = self.crowd.weigh(asked.person, cluster)
        distance = reference.distance(asked.vector)
        found = [
            *(self._update(name, distance, asked.time, weight) for name in NEW),
            self._update(INJECTION, asked.injection, asked.time),
        ]
        if first:
            found.append(self._update(MIX, cluster, asked.time))
        if asked.top_score is not None:
            found.append(self._update(FOUND, -asked.top_score, asked.time, weight))
        if again is not None:
            found.append(self._update(RETRIES, float(again[0]), asked.time, again[1]))
        return [alarm for alarm in found if alarm is not None]

    def quality(self, value: float, time: datetime) -> list[Alarm]:
        """Take how well a live answer stands on its passages, 0..1."""
        return self._one(GROUNDED, 1 - value, time)

    def said(self, badness: float, time: datetime, by: str | None, answer_id: UUID) -> list[Alarm]:
        """Take what a person thinks of a live answer, 0..1: their last word on it counts."""
        weight = 1.0
        if by is not None:
            weight, before = self.voices.weigh(by, answer_id, badness)
            if before is not None:
                self.signals[THUMBS].take_back(*before)
        return self._one(THUMBS, badness, time, weight)

    def took(self, latency_s: float, time: datetime) -> list[Alarm]:
        """Take how long a live answer took."""
        return self._one(LATENCY, latency_s, time)

    def in_alarm(self) -> set[str]:
        """Return the names of the signals whose episode lasts."""
        return {signal.name for signal in self if signal.alarmed}

    def __iter__(self) -> Iterator[Signal]:
        return iter(self.signals.values())

    def _one(self, name: str, value: float, time: datetime, weight: float = 1.0) -> list[Alarm]:
        alarm = self._update(name, value, time, weight)
        return [] if alarm is None else [alarm]

    def _update(self, name: str, value: float, time: datetime, weight: float = 1.0) -> Alarm | None:
        return self.signals[name].update(value, time, weight)


def _of_answers(few: int) -> list[Signal]:
    return [
        Signal(GROUNDED, "quality", learn=Larger.of, wanted=few),
        Signal(THUMBS, "people", learn=Larger.of, wanted=few),
        Signal(RETRIES, "people", learn=Larger.of, wanted=few),
        Signal(LATENCY, "operations", learn=_unusual_slow, wanted=few),
    ]


def _unusual_low(values: Sequence[float]) -> Unusual:
    return Unusual.of(values, LOW)


def _unusual_slow(values: Sequence[float]) -> Unusual:
    return Unusual.of(values, SLOW)
