"""What the module of a service does on the command line."""

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import anyio
from faststream.asgi import AsgiFastStream

from gyre_service import dumping, replaying, telemetry
from gyre_service.errors import ServiceError
from gyre_service.settings import ServiceSettings, read
from gyre_service.stopping import exit_when_told, force_the_end

S = TypeVar("S", bound=ServiceSettings)


def main(settings_type: type[S], make_app: Callable[[S], AsgiFastStream]) -> None:
    """Run a service until SIGTERM; or print what it holds, or make that again from the log.

    Ends with one line if its settings are wrong.
    """
    arguments = _parsed(settings_type.model_fields["service"].default)
    if arguments.command == "dump":
        return dumping.run(arguments.service, hash=arguments.hash)
    if arguments.command == "replay":
        return replaying.run(settings_type, make_app, arguments.into, arguments.start)
    exit_when_told()
    force_the_end()
    settings = read(settings_type)
    if (part := replaying.unfinished(settings)).exists():
        sys.exit(
            f"{settings.service}: a replay into this home has not come to its end ({part}): delete "
            "the store and replay again"
        )
    telemetry.configure(settings)
    app = make_app(settings)
    options: dict[str, Any] = {
        "host": settings.host,
        "port": settings.health_port,
        "log_config": None,  # ours is in place
        "access_log": "false",
    }
    try:
        # vLLM's own server runs on uvloop too; asyncio's loop adds to every answer.
        run = partial(app.run, run_extra_options=options)
        anyio.run(run, backend_options={"use_uvloop": True})
    except ServiceError as error:
        sys.exit(f"{settings.service}: {error}")


def _parsed(service: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=f"python -m gyre_{service}", description=main.__doc__)
    parser.set_defaults(service=service)
    commands = parser.add_subparsers(dest="command")
    dump = commands.add_parser("dump", help="print every row, in an order that two stores share")
    dump.add_argument("--hash", action="store_true", help="print what they come to")
    replay = commands.add_parser("replay", help="make the stores again from the log")
    replay.add_argument("--into", type=Path, required=True, help="a home, empty or still to be")
    replay.add_argument(
        "--from",
        dest="start",
        type=replaying.start_of,
        default=0,
        help="an offset of every partition, or a time as 2026-01-31T12:00:00Z; else the beginning",
    )
    return parser.parse_args()
