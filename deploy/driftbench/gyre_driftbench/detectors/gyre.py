"""Gyre's own signals, as the drift service has them, without its database and topics."""

import inspect
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import cast
from uuid import UUID

import numpy as np

from gyre_drift import watching
from gyre_drift.watching.causes import cause_of
from gyre_drift.watching.deciding import Raised, recent
from gyre_drift.watching.panel import Asked
from gyre_drift.watching.reference import Reference
from gyre_drift.watching.signals import Alarm
from gyre_drift.watching.watch import Watch
from gyre_driftbench.observation import Cause, Observation
from gyre_events import DriftPolicy

LIBRARIES = ("river", "numpy", "scipy")
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


class Gyre:
    """A second a question; what is said of an answer is said at once."""

    def __init__(self, false_alarm_events: float = 50_000) -> None:
        self._policy = DriftPolicy(false_alarm_events=false_alarm_events)
        self._events = 0
        self._answers = count()

    @staticmethod
    def code() -> str:
        """Return a digest of the signals, and of what a policy says without being told."""
        found = sha256()
        policy = Path(inspect.getfile(DriftPolicy))
        for path in (*sorted(Path(watching.__path__[0]).glob("*.py")), policy):
            found.update(sha256(path.read_bytes()).digest())
        return found.hexdigest()

    def fit(self, past: Sequence[Observation]) -> None:
        self._encoder = past[0].encoder
        vectors = np.stack([seen.vector for seen in past])
        self._reference = Reference.build(
            UUID(int=7), vectors, [seen.text for seen in past], ordered=True
        )
        self._watch = Watch.of(self._reference, self._policy, BEGAN, (None, None))
        for seen in past[-self._policy.score_events :]:
            self._answered(seen)

    def update(self, seen: Observation) -> Cause:
        if seen.encoder != self._encoder:
            return ""  # the service begins a new reference here; this is written here once more
        self._events += 1
        watch, policy = self._watch, self._policy
        asked = Asked(seen.vector, seen.person, seen.top_score, seen.injection, self._now)
        raised = [*watch.question(self._reference, asked), *self._answered(seen)]
        watch.alarms = recent(watch.alarms, watch.panel.in_alarm(), self._events, policy)
        for alarm in raised:
            watch.count(Raised("", alarm.detector, alarm.family, self._events, alarm.onset))
        if watch.attack(self._reference, policy) is not None:
            return "attack"
        return cast(Cause, cause_of(watch.counting)) if raised and not watch.attacked else ""

    def _answered(self, seen: Observation) -> list[Alarm]:
        panel = self._watch.panel
        found = [*panel.quality(seen.quality, self._now), *panel.took(seen.latency_s, self._now)]
        if seen.thumb:
            answer_id = UUID(int=next(self._answers))
            found += panel.said(float(seen.thumb < 0), self._now, seen.person, answer_id)
        return found

    @property
    def _now(self) -> datetime:
        return BEGAN + timedelta(seconds=self._events)
