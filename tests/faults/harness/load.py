"""An open-loop load: when something is sent was fixed before, however slow the answers are."""

import asyncio
import random
import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any

import httpx

from tests.conftest import Stack
from tests.faults.harness.ledger import Entry, Kind, Ledger, Refusal

RATES: Mapping[Kind, float] = {"comment": 8.0, "document": 0.5, "question": 0.5}  # a second
BACK_OFF_S = 0.3  # of a client between two attempts, if it is not told to wait longer
PATIENCE_S = 180.0  # for one thing: then it stays without an answer, and is no loss
QUESTION = "How long is the warranty of the pump P7?"


class Load:
    """Sends until left, then waits until everything was accepted or given up.

    Args:
        stack: Where to.
        model: Of the route that is asked.
        collection: Where documents go.
        answers: Ids of the answers that comments are on.
        seed: Of the arrival times.
        url: Of what stands in front of the gateway, if anything does.
        times: As often as usual.
    """

    def __init__(
        self,
        stack: Stack,
        model: str,
        collection: str,
        answers: list[str],
        seed: int,
        url: str = "",
        times: float = 1.0,
    ) -> None:
        self.ledger = Ledger(question=f"{QUESTION} It is on shelf {seed:x}.")
        self._times = times
        self._url, self._balanced = url or stack.url, bool(url)
        self._model = model
        self._collection = collection
        self._answers = answers
        self._rng = random.Random(seed)
        self._prefix = f"{seed:x}-{time.time_ns():x}"
        self._over = threading.Event()
        self._thread = ThreadPoolExecutor(1)

    def __enter__(self) -> "Load":
        self._began, self.ledger.began = time.monotonic(), time.time()
        self._sending = self._thread.submit(asyncio.run, self._run())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._sending.result()
        self._thread.shutdown()

    @property
    def now(self) -> float:
        return time.monotonic() - self._began

    async def _run(self) -> None:
        headers = {"Authorization": "Bearer local"}
        limits = httpx.Limits(max_connections=64)
        if self._balanced:  # who balances chooses for each request, not once for all
            headers["Connection"] = "close"
        async with (
            httpx.AsyncClient(
                base_url=self._url, headers=headers, timeout=60, limits=limits
            ) as api,
            asyncio.TaskGroup() as tasks,
        ):
            for kind in RATES:
                tasks.create_task(self._arrive(api, tasks, kind))

    async def _arrive(self, api: httpx.AsyncClient, tasks: asyncio.TaskGroup, kind: Kind) -> None:
        rng = random.Random(f"{self._rng.random()} {kind}")
        before: dict[str, asyncio.Task[None]] = {}
        numbers: dict[str, int] = defaultdict(int)
        due = 0.0
        while True:
            due += rng.expovariate(RATES[kind] * self._times)
            if await asyncio.to_thread(self._over.wait, max(0.0, due - self.now)):
                return
            about = rng.choice(self._answers) if kind == "comment" else ""
            entry = Entry(
                kind,
                f"{self._prefix}-{kind}-{len(self.ledger.entries)}",
                due,
                about,
                numbers[about],
            )
            numbers[about] += 1
            self.ledger.entries.append(entry)
            # What is said of one answer is said one after another: its order can be judged.
            previous = before.get(about) if about else None
            before[about] = tasks.create_task(self._send(api, entry, previous))

    async def _send(
        self, api: httpx.AsyncClient, entry: Entry, before: asyncio.Task[None] | None
    ) -> None:
        if before is not None:
            await before
        call = {
            "comment": self._comment,
            "document": self._document,
            "question": self._question,
        }[entry.kind]
        while self.now < entry.due + PATIENCE_S:
            entry.attempts += 1
            began, again_s = self.now, BACK_OFF_S
            try:
                answer = await call(api, entry)
            except httpx.HTTPError:
                entry.unknown += 1
            else:
                if answer.is_success:
                    entry.accepted, entry.took_s = self.now, self.now - began
                    body = answer.json()
                    entry.id = _id(body)
                    entry.no_context = body.get("gyre", {}).get("no_context", False)
                    return
                if answer.status_code < 500 and answer.status_code not in (409, 429):
                    entry.wrong = f"a {entry.kind} was answered {answer.status_code}"
                    return
                retry_after = answer.headers.get("retry-after", "")
                refusal = Refusal(answer.status_code, began, self.now - began, retry_after)
                entry.refusals.append(refusal)
                again_s = max(again_s, float(retry_after or 0))
            await asyncio.sleep(again_s)

    async def _comment(self, api: httpx.AsyncClient, entry: Entry) -> httpx.Response:
        return await api.post(
            "/v1/feedback",
            json={"answer_id": entry.about, "comment": entry.key},
            headers={"Idempotency-Key": entry.key},
        )

    async def _document(self, api: httpx.AsyncClient, entry: Entry) -> httpx.Response:
        text = f"# Shelf {entry.key}\n\nThe shelf {entry.key} holds {entry.number + 3} bolts.\n"
        return await api.post(
            "/v1/documents",
            files={"file": (f"{entry.key}.md", text.encode(), "text/markdown")},
            data={"collection": self._collection},
            headers={"Idempotency-Key": entry.key},
        )

    async def _question(self, api: httpx.AsyncClient, entry: Entry) -> httpx.Response:
        return await api.post(
            "/v1/chat/completions",
            json={
                "model": self._model,
                "messages": [{"role": "user", "content": self.ledger.question}],
            },
            headers={"Idempotency-Key": entry.key},
        )


def _id(body: dict[str, Any]) -> str:
    if "gyre" in body:
        return str(body["gyre"]["answer_id"])
    if "feedback_id" in body:
        return str(body["feedback_id"])
    return str(body["data"][0]["id"] if "data" in body else body["id"])
