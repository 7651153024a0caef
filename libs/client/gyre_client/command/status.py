"""`gyre status`: does it answer, and with what."""

from gyre_client import Gyre
from gyre_client.command.screen import say, table


def status() -> None:
    """Say whether Gyre answers, and what can be asked."""
    with Gyre(retries=0) as gyre:
        models = gyre.models()
        say(f"Gyre answers at {gyre.address.url}")
        table(("model", "owned by"), [(m.id, m.owned_by) for m in models], "no models yet")
