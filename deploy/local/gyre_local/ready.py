"""Waiting until every service says that it is ready."""

import http.client
import os
import time
from collections import defaultdict

from gyre_local.errors import StackError
from gyre_local.progress import Progress, tail
from gyre_local.stack import Stack
from gyre_local.supervisor import Supervisor

LIMIT_S = 900  # the engine alone takes four minutes on a slow machine, more on a busy one
CRASHES = 5
NEWS_S = 20
POLL_S = 0.5


def answer(port: int, path: str) -> tuple[int, str]:
    """Status and body of a GET on this machine; status 0 when nothing answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read(2000).decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return 0, str(error)
    finally:
        connection.close()


def is_ready(stack: Stack, service: str) -> tuple[bool, str]:
    """Whether a service takes work, and else what it says is missing."""
    status, body = answer(stack.health_port(service), "/health/ready")
    if status == 200 and service == "gateway" and answer(stack.gateway_port, "/")[0] == 0:
        return False, f"port {stack.gateway_port} does not answer"
    return status == 200, body


def wait(stack: Stack, supervisor: Supervisor, services: list[str], progress: Progress) -> None:
    """Return when all are ready, telling of each.

    Raises:
        StackError: One ends again and again, or is not ready in time; has the end of its log.
    """
    limit = float(os.environ.get("GYRE_UP_LIMIT_S") or LIMIT_S)
    waiting = dict.fromkeys(services, "has not answered")
    pids: dict[str, set[int]] = defaultdict(set)
    news = progress.seconds + NEWS_S
    while waiting:
        processes = supervisor.processes()
        for service in list(waiting):
            process = processes.get(service)
            if process is None:
                raise StackError(f"{service} is not run by the supervisor any more")
            pids[service].update({process.pid} - {0})
            if process.state == "FATAL" or len(pids[service]) > CRASHES:
                raise StackError(_failure(stack, service, "does not stay up"))
            fine, waiting[service] = is_ready(stack, service)
            if fine:
                del waiting[service]
                progress.step(f"{service} is ready")
        if waiting and progress.seconds > limit:
            service, reason = next(iter(waiting.items()))
            raise StackError(_failure(stack, service, f"is not ready after {limit:g} s: {reason}"))
        if waiting and progress.seconds > news:
            news = progress.seconds + NEWS_S
            progress.step(f"waiting for {', '.join(waiting)}")
        time.sleep(POLL_S)


def _failure(stack: Stack, service: str, what: str) -> str:
    log = stack.logs / f"{service}.log"
    return f"{service} {what}. The end of {log}:\n{tail(log)}"
