"""A point before every handler where something goes wrong when a test says so; off until then.

What is armed stands in `run/faultpoints.json` of the stack's home, and reaches processes that
run. Every attempt of a handler that it concerns, and each partition that a process gets, is a
line of `run/faultpoints.jsonl`.
"""

import asyncio
import json
import os
import random
import sys
import time
from pathlib import Path
from typing import Any

from faststream import BaseMiddleware
from faststream.message import StreamMessage

from gyre_service.errors import Unavailable
from gyre_service.kafka.broker import Broker
from gyre_service.kafka.rebalance import FinishFirst

FILE = "run/faultpoints.json"
HITS = "run/faultpoints.jsonl"


class Armed:
    """What a home's file says now."""

    def __init__(self, home: Path) -> None:
        self._file, self._hits = home / FILE, home / HITS
        self._read_at = -1
        self._what: dict[str, Any] = {}
        self._rng = random.Random()

    def now(self, service: str) -> dict[str, Any] | None:
        """Return what is armed for a service, or None."""
        try:
            changed = self._file.stat().st_mtime_ns
            if changed != self._read_at:
                self._what, self._read_at = json.loads(self._file.read_text()), changed
                self._rng.seed(self._what["seed"])
        except FileNotFoundError:
            return None
        return self._what if self._what["service"] == service else None

    def of(self, service: str, msg: StreamMessage[Any]) -> dict[str, Any] | None:
        """Return what is to happen to an attempt, or None; an attempt it concerns is noted."""
        what = self.now(service)
        if what is None or what["containing"].encode() not in (msg.body or b""):
            return None
        fires = self._rng.random() < what["share"]
        id, topic = str(msg.headers.get("ce_id")), msg.raw_message.topic
        self.note({"service": service, "topic": topic, "id": id, "fires": fires})
        return what if fires else None

    def note(self, hit: dict[str, Any]) -> None:
        """Write a line."""
        with self._hits.open("a") as file:
            file.write(json.dumps(hit | {"pid": os.getpid(), "at": time.time()}) + "\n")


class Faultpoint(BaseMiddleware[Any, Any]):
    """Stands directly before a handler, so inside of every attempt."""

    armed: Armed

    async def consume_scope(self, call_next: Any, msg: StreamMessage[Any]) -> Any:
        service = self.context.get("settings").service
        what = self.armed.of(service, msg)
        if what is not None:
            await asyncio.sleep(what["seconds"])
            if what["action"] == "unavailable":
                raise Unavailable("a faultpoint")
            if what["action"] == "bug":
                raise ValueError("a faultpoint")
            if what["action"] == "cancel":  # of the consumer; a mere error of the kind is parked
                consumer = asyncio.current_task()
                assert consumer is not None
                consumer.cancel()
                await asyncio.sleep(0)
        return await call_next(msg)


def _without_index(armed: Armed) -> None:
    """Have retrieval's index away while `index` is armed for it, or lose a collection's vectors."""
    from qdrant_client import models

    from gyre_retrieval.index import Index

    there = Index._in_thread

    async def away(self: Index, call: Any, *args: Any, **kwargs: Any) -> Any:
        what = armed.now("retrieval")
        if what is not None and what["action"] == "index":
            raise Unavailable("a faultpoint")
        if what is not None and what["action"] == "lose":
            of = models.MatchValue(value=what["containing"])
            lost = models.Filter(must=[models.FieldCondition(key="collection", match=of)])
            chosen = models.FilterSelector(filter=lost)
            await there(self, self._call, "delete", points_selector=chosen)
        return await there(self, call, *args, **kwargs)

    Index._in_thread = away  # type: ignore[method-assign]


def install() -> None:
    """Give every broker of this process the faultpoint, and have assignments noted."""
    armed = Armed(Path(os.environ["GYRE_HOME"]))
    Faultpoint.armed = armed
    begin, assigned = Broker.__init__, FinishFirst.on_partitions_assigned

    def with_faultpoint(self: Broker, settings: Any, *args: Any, **kwargs: Any) -> None:
        begin(self, settings, *args, **kwargs)
        self.add_middleware(Faultpoint)

    async def noted(self: FinishFirst, partitions: Any) -> None:
        topics = sorted({partition.topic for partition in partitions})
        armed.note({"service": self.subscriber.group_id, "assigned": topics})
        await assigned(self, partitions)

    Broker.__init__ = with_faultpoint  # type: ignore[method-assign]
    FinishFirst.on_partitions_assigned = noted  # type: ignore[method-assign,assignment]
    if "gyre_retrieval" in sys.orig_argv:
        _without_index(armed)
