"""kill -9 of any one service under traffic: it comes back, nothing accepted is lost."""

import os
import signal
import time
from collections.abc import Callable
from threading import Event, Thread
from typing import Any
from uuid import uuid4

import httpx
import psutil
import pytest

from ..conftest import Stack, ask, client, document, indexed, put, route, until

PUMP = b"# Pump P7\n\nThe pump P7 has a warranty of 3 years.\n"
SERVICES = {
    "ingestion": 1,
    "retrieval": 2,
    "evaluation": 4,
    "feedback": 5,
    "registry": 8,
    "gateway": 0,
    "inference": 3,
}


def listening(port: int) -> int | None:
    """Return the process that listens on `port`."""
    for connection in psutil.net_connections("tcp"):
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port:
            return int(connection.pid) if connection.pid else None
    return None


def ready(stack: Stack, index: int) -> bool:
    try:
        return httpx.get(stack.health(index) + "/health/ready", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


class Traffic:
    """Sends documents and comments on one answer until told to stop; keeps what was accepted."""

    def __init__(self, stack: Stack, collection: str, answer_id: str) -> None:
        self.stack, self.collection, self.answer_id = stack, collection, answer_id
        self.documents: list[str] = []
        self.comments: list[str] = []
        self._stop = Event()
        self._thread = Thread(target=self._run)

    def __enter__(self) -> "Traffic":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        with client(self.stack, "local") as api:
            number = 0
            while not self._stop.wait(0.2):
                number += 1
                body = f"Shelf {number} holds {number * 7919 % 1000} bolts.".encode()
                file = {"file": (f"shelf-{number}.txt", body, "text/plain")}
                sent = self._accepted(
                    lambda key, file=file: api.post(  # type: ignore[misc]
                        "/v1/documents",
                        files=file,
                        data={"collection": self.collection},
                        headers={"Idempotency-Key": key},
                    )
                )
                self.documents.append(sent["data"][0]["id"] if "data" in sent else sent["id"])
                comment = f"comment {number}"
                self._accepted(
                    lambda key, comment=comment: api.post(  # type: ignore[misc]
                        "/v1/feedback",
                        json={"answer_id": self.answer_id, "comment": comment},
                        headers={"Idempotency-Key": key},
                    )
                )
                self.comments.append(comment)

    def _accepted(self, send: Callable[[str], httpx.Response]) -> dict[str, Any]:
        """Send the same thing until it is accepted, as a client does."""
        key = str(uuid4())
        while True:
            try:
                answer = send(key)
            except httpx.HTTPError:
                answer = None
            if answer is not None and answer.status_code == 202:
                body: dict[str, Any] = answer.json()
                return body
            if answer is not None and answer.status_code < 500 and answer.status_code != 429:
                raise AssertionError(answer.text)
            time.sleep(0.2)  # a client's back-off between two attempts


@pytest.mark.parametrize("service", SERVICES)
def test_a_killed_service_comes_back_and_loses_nothing(
    stack: Stack, api: httpx.Client, collection: str, service: str
) -> None:
    indexed(api, put(api, collection, "pump.md", PUMP)["id"])
    model = route(api, collection)
    question = "How long is the warranty of the pump P7?"
    answer_id = ask(api, model, question)["gyre"]["answer_id"]
    port = stack.base + 11 + 2 * SERVICES[service]
    victim = listening(port)
    assert victim is not None

    with Traffic(stack, collection, answer_id) as traffic:
        until(lambda: len(traffic.documents) >= 3, "traffic")
        os.kill(victim, signal.SIGKILL)
        killed = time.monotonic()
        until(lambda: listening(port) not in (None, victim), f"another {service}", 120)
        until(lambda: ready(stack, SERVICES[service]), f"{service} is ready again", 240)
        back = time.monotonic() - killed
        before = len(traffic.documents)
        until(lambda: len(traffic.documents) > before + 2, "traffic goes on")

    def lost() -> list[str]:
        return [id for id in traffic.documents if document(api, id).get("status") != "indexed"]

    until(lambda: not lost(), "every accepted document is indexed")

    def comments() -> list[str]:
        rows = api.get(f"/v1/answers/{answer_id}").json().get("verdicts", [])
        return sorted(row["comment"] for row in rows)

    until(lambda: set(comments()) >= set(traffic.comments), "every accepted comment is a verdict")
    assert comments() == sorted(traffic.comments), "none counts twice"
    assert ask(api, model, question)["gyre"]["passages"]
    print(f"{service}: back after {back:.1f} s, {len(traffic.documents)} documents")  # noqa: T201
