"""Gyre's own signals, as the drift service has them, without its database and topics."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import numpy as np

from gyre_drift.watching.attack import Limits
from gyre_drift.watching.detectors import Alarm
from gyre_drift.watching.panel import Asked, Panel
from gyre_drift.watching.reference import Reference
from gyre_driftbench.observation import Cause, Observation
from gyre_events import DriftPolicy

CAUSES: dict[str, Cause] = {
    "novelty": "input",
    "novelty-some": "input",
    "mix": "mix",
    "found": "knowledge",
    "grounded": "quality",
    "thumbs": "quality",
    "latency": "operations",
    "injection": "attack",
}
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


class Gyre:
    """A second a question; what is said of an answer is said at once."""

    def __init__(self, false_alarm_events: float = 50_000) -> None:
        self._policy = DriftPolicy(false_alarm_events=false_alarm_events)
        self._events = 0
        self._heavy = False

    def fit(self, past: Sequence[Observation]) -> None:
        self._encoder = past[0].encoder
        vectors = np.stack([seen.vector for seen in past])
        self._reference = Reference.build(
            UUID(int=7), vectors, [seen.text for seen in past], len(past) // 2, ordered=True
        )
        self._limits = Limits().beside(self._reference.alike)
        self._panel = Panel.of(self._reference, self._policy)
        for seen in past[-self._policy.score_events :]:
            self._answered(seen)

    def update(self, seen: Observation) -> Cause:
        if seen.encoder != self._encoder:
            return ""  # a new reference is begun
        self._events += 1
        asked = Asked(seen.vector, seen.person, seen.top_score, seen.injection, self._now)
        alarms = [*self._panel.question(self._reference, asked), *self._answered(seen)]
        heavy = len(self._panel.newest) == self._panel.newest.maxlen and bool(
            self._panel.attack(self._limits)[1]
        )
        begins, self._heavy = heavy and not self._heavy, heavy
        if begins:
            return "attack"
        if not alarms:
            return ""
        first = alarms[0]
        if self._panel.attack(self._limits, first.onset)[1]:
            return "attack"
        return CAUSES[first.detector]

    def _answered(self, seen: Observation) -> list[Alarm]:
        panel = self._panel
        found = [*panel.quality(seen.quality, self._now), *panel.took(seen.latency_s, self._now)]
        if seen.thumb:
            found += panel.said(seen.thumb < 0, self._now)
        return found

    @property
    def _now(self) -> datetime:
        return BEGAN + timedelta(seconds=self._events)
