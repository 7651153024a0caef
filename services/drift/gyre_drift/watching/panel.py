"""Every signal of one route: made of its reference and policy, fed with what happens."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

import numpy as np

from gyre_drift.watching.attack import Attack, Limits, look
from gyre_drift.watching.crowd import Crowd
from gyre_drift.watching.detectors import Alarm
from gyre_drift.watching.evidence import threshold_for
from gyre_drift.watching.means import Larger
from gyre_drift.watching.mix import Mix
from gyre_drift.watching.ranks import Unusual
from gyre_drift.watching.reference import WINDOW, Reference, Vectors
from gyre_drift.watching.signals import Signal
from gyre_events import DriftPolicy

MANY, SOME = 0.5, 0.1  # shares of the questions that are thought to be new
LOW = 0.3  # share of the questions that are thought to find less
SLOW = 0.3  # share of the answers that are thought to take longer
RARE = 0.02  # share of questions that look like an attack, at most, where none is
MIX_MARGIN = 3.0  # more evidence: texts of one topic are spread over clusters by chance
SIGNALS = 8


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
    newest: deque[Asked] = field(default_factory=partial(deque, maxlen=WINDOW))
    attacked: bool = False

    @classmethod
    def of(cls, reference: Reference, policy: DriftPolicy) -> "Panel":
        """Return signals that have seen nothing."""
        threshold = threshold_for(policy.false_alarm_events, SIGNALS)
        few = policy.score_events
        novelty = reference.novelty.tolist()
        signals = (
            Signal("novelty", "input", threshold, Unusual.of(novelty, MANY)),
            Signal("novelty-some", "input", threshold, Unusual.of(novelty, SOME)),
            Signal(
                "mix",
                "input",
                threshold + MIX_MARGIN,
                Mix(reference.past.tolist(), len(reference.centres), ordered=reference.ordered),
            ),
            Signal("found", "retrieval", threshold, learn=_unusual_low, wanted=few),
            Signal("grounded", "quality", threshold, learn=Larger.of, wanted=few),
            Signal("thumbs", "people", threshold, learn=Larger.of, wanted=few),
            Signal("latency", "operations", threshold, learn=_unusual_slow, wanted=few),
            Signal(
                "injection",
                "input",
                threshold,
                Larger(most=RARE, mean=RARE, sd=0.1, calibrated=few, expected=-RARE),
            ),
        )
        return cls({signal.name: signal for signal in signals})

    def question(self, reference: Reference, asked: Asked) -> list[Alarm]:
        """Take a live question."""
        self.newest.append(asked)
        cluster = reference.cluster(asked.vector)
        weight, first = self.crowd.weigh(asked.person, cluster)
        distance = reference.distance(asked.vector)
        found = [
            self._update("novelty", distance, asked.time, weight),
            self._update("novelty-some", distance, asked.time, weight),
            self._update("injection", float(asked.injection > 0.5), asked.time),
        ]
        if first:
            found.append(self._update("mix", cluster, asked.time))
        if asked.top_score is not None:
            found.append(self._update("found", -asked.top_score, asked.time, weight))
        return [alarm for alarm in found if alarm is not None]

    def quality(self, value: float, time: datetime) -> list[Alarm]:
        """Take how well a live answer stands on its passages, 0..1."""
        return self._one("grounded", 1 - value, time)

    def said(self, bad: bool, time: datetime) -> list[Alarm]:
        """Take what a person thinks of a live answer."""
        return self._one("thumbs", float(bad), time)

    def took(self, latency_s: float, time: datetime) -> list[Alarm]:
        """Take how long a live answer took."""
        return self._one("latency", latency_s, time)

    def attack(self, limits: Limits, since: datetime | None = None) -> tuple[Attack | None, str]:
        """Return what the newest questions look like, and why that is an attack, or ""."""
        asked = [one for one in self.newest if since is None or one.time >= since]
        if not asked:
            return None, ""
        seen = look(
            np.stack([one.vector for one in asked]),
            [one.person for one in asked],
            [one.injection for one in asked],
        )
        return seen, "" if seen is None else seen.reason(limits)

    def _one(self, name: str, value: float, time: datetime) -> list[Alarm]:
        alarm = self._update(name, value, time)
        return [] if alarm is None else [alarm]

    def _update(self, name: str, value: float, time: datetime, weight: float = 1.0) -> Alarm | None:
        return self.signals[name].update(value, time, weight)


def _unusual_low(values: Sequence[float]) -> Unusual:
    return Unusual.of(values, LOW)


def _unusual_slow(values: Sequence[float]) -> Unusual:
    return Unusual.of(values, SLOW)
