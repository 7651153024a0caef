"""Any order of sending, sending again, poison, deaths, sleep and quiet: each event counts once."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.faults.fake_log import streams
from tests.faults.fake_log.history import differences, dump
from tests.faults.fake_log.life import live
from tests.faults.fake_log.log import Log
from tests.faults.fake_log.mortal import POINTS, Mortal, Point, Sleeper
from tests.faults.fake_log.programs import CASES

FEEDBACK = CASES["feedback"]


class Deliveries(RuleBasedStateMachine):
    """One service that is killed, beside one that only lives when all has been sent."""

    @initialize(seed=st.integers(0, 1_000))
    def begin(self, seed: int) -> None:
        self.home = tempfile.TemporaryDirectory()
        self.runner = asyncio.Runner()
        self.killed, self.alive = Log(), Log()
        self.events = FEEDBACK.stream(1_000, seed)
        self.sent: list[streams.Sent] = []

    def teardown(self) -> None:
        try:
            alive, killed = self.program("alive"), self.program("killed")
            assert self.run(live(alive, self.alive, Mortal()))
            assert self.run(live(killed, self.killed, Mortal()))
            assert list(differences(self.killed, self.alive, FEEDBACK.topics)) == []
            assert self.run(dump(killed)) == self.run(dump(alive))
        finally:
            self.runner.close()
            self.home.cleanup()

    @rule(count=st.integers(1, 5))
    def send(self, count: int) -> None:
        for _ in range(count):
            record = streams.record(next(self.events), len(self.sent), 0)
            self.sent.append(record)
            self.append(record)

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def send_again(self, data: st.DataObject) -> None:
        self.append(data.draw(st.sampled_from(self.sent)))

    @precondition(lambda self: self.sent)
    @rule(value=st.sampled_from((b"", b"{", b"[]", b"\xff")))
    def poison(self, value: bytes) -> None:
        topic, key, _, headers = self.sent[-1]
        self.append((topic, key, value, headers))

    @rule(point=st.sampled_from(POINTS), latest=st.integers(1, 30))
    def die(self, point: Point, latest: int) -> None:
        self.run(live(self.program("killed"), self.killed, Mortal(point, latest)))

    @rule(point=st.sampled_from(POINTS), latest=st.integers(1, 30), others=st.integers(2, 60))
    def sleep(self, point: Point, latest: int, others: int) -> None:
        sleeper, other = Sleeper(point, latest), Mortal(latest=others)
        self.run(live(self.program("killed"), self.killed, sleeper, other))

    @rule()
    def come_to_rest(self) -> None:
        assert self.run(live(self.program("killed"), self.killed, Mortal()))

    def append(self, record: streams.Sent) -> None:
        for log in (self.killed, self.alive):
            log.append(*record)

    def program(self, name: str) -> Any:
        return FEEDBACK.start(Path(self.home.name) / name)

    def run(self, coroutine: Any) -> Any:
        return self.runner.run(coroutine)


TestDeliveries = Deliveries.TestCase
TestDeliveries.settings = settings(
    max_examples=15,
    stateful_step_count=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
