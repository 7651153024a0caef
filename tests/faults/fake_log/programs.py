"""The services that accumulate, each with its history."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import cast

from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase

from gyre_drift import handlers as drift
from gyre_drift.desk import Desks
from gyre_drift.references import References
from gyre_drift.settings import Settings as DriftSettings
from gyre_events import (
    DatasetFrozen,
    DriftDetected,
    Event,
    ExampleCurated,
    RemedyRequested,
    RetrainingRequested,
    RolloutChanged,
    VerdictRecorded,
)
from gyre_feedback import handlers as feedback
from gyre_feedback.settings import Settings as FeedbackSettings
from gyre_service.blobs import Blobs
from gyre_service.kafka import Table
from tests.faults.fake_log import streams
from tests.faults.fake_log.life import Program


@dataclass(frozen=True)
class Case:
    """What is run, on what.

    Args:
        start: Returns the program, on a home.
        stream: Yields the events of a history of some length and seed.
        least: How long a history has to be for everything to happen in it.
        publishes: The events that come of it.
    """

    start: Callable[[Path], Program]
    stream: Callable[[int, int], Iterator[Event]]
    least: int
    publishes: tuple[type[Event], ...]

    @property
    def topics(self) -> set[str]:
        return {event.topic for event in self.publishes}


@cache
def again(module: ModuleType) -> ModuleType:
    """Return another copy of a module: a subscriber is of one process, and of its module."""
    for each in vars(module).values():
        if isinstance(each, MetricWrapperBase):
            REGISTRY.unregister(each)
    assert module.__file__ is not None
    spec = spec_from_file_location(f"{module.__name__}_again", module.__file__)
    assert spec is not None
    assert spec.loader is not None
    made = module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def _drift(home: Path) -> Program:
    settings = DriftSettings(home=home, retry_pauses_s=(0, 0))
    routers = drift.router, again(drift).router
    desks = Desks(cast(Table[RolloutChanged], streams.Rollouts()), References())
    return Program(*routers, settings, {"desks": desks})


def _feedback(home: Path) -> Program:
    settings = FeedbackSettings(home=home, retry_pauses_s=(0, 0))
    routers = feedback.router, again(feedback).router
    return Program(*routers, settings, {"blobs": Blobs(settings.blob_url)})


CASES = {
    "drift": Case(
        _drift, streams.of_drift, 700, (DriftDetected, RemedyRequested, RetrainingRequested)
    ),
    "feedback": Case(
        _feedback, streams.of_feedback, 150, (VerdictRecorded, ExampleCurated, DatasetFrozen)
    ),
}
