"""`python -m gyre_local COMMAND`: what the Makefile calls."""

import sys

from gyre_local import clean, look, start, stop
from gyre_local.errors import StackError
from gyre_local.stack import Stack

COMMANDS = {
    "up": start.up,
    "kafka": start.kafka_only,
    "down": stop.down,
    "status": look.status,
    "logs": look.logs,
    "empty": clean.empty,
    "clean": clean.clean,
}

STARTING = ("up", "kafka")


def main() -> None:
    """Run one command; a mistake is one clear line and exit status 1."""
    name = sys.argv[1] if len(sys.argv) == 2 else ""
    if name not in COMMANDS:
        raise SystemExit(f"usage: python -m gyre_local {'|'.join(COMMANDS)}")
    try:
        stack = Stack.from_environment()
        run(name, stack)
    except StackError as error:
        raise SystemExit(f"{name}: {error}") from error


def run(name: str, stack: Stack) -> None:
    """Run one command; whoever interrupts a start is told what may go on without them.

    Raises:
        StackError: As the command does.
    """
    try:
        COMMANDS[name](stack)
    except KeyboardInterrupt:
        if name in STARTING:
            sys.stderr.write(
                f"{name}: interrupted; what has started may still run: "
                f"{stack.make_prefix()}make down ends it\n"
            )
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
