"""What a policy may not be set to: its event holds it, and what is done by it fails later. No I/O.

The event itself does not refuse it: its schema stays that of the release, and what was set once
has to be read.
"""

from typing import Any

from gyre_events.policy import LONGEST_S, WHOLE
from gyre_service.adapters import MAX_ALPHA

MAX_RANK = 16  # of inference's own default
# Of each member the largest value; also below 0, where there is one.
MOST = {
    "drift.cooldown_s": LONGEST_S,
    "training.data_deadline_s": LONGEST_S,
    "training.max_seconds": LONGEST_S,
    "training.alpha": MAX_ALPHA,
    "training.seed": 2**63 - 1,
    "release.step_timeout_s": LONGEST_S,
}


def beyond(policy: dict[str, Any], max_rank: int) -> list[str]:
    """Return one sentence for each member that can only fail after the work.

    Args:
        policy: Every member of a policy, as it was set: reading it shortens what lasts too long.
        max_rank: Of an adapter that the engine takes.

    >>> from gyre_events import Policy
    >>> beyond(Policy().model_dump(), 8)
    ['training.rank is 16, expected at most 8']
    """
    found = []
    for where, most in {**MOST, "training.rank": max_rank}.items():
        part, name = where.split(".")
        value = policy[part][name]
        if abs(value) > most:
            found.append(f"{where} is {value}, expected at most {most:.0f}")
    if WHOLE in policy["release"]["steps"]:
        found.append(
            f"release.steps has {WHOLE}, expected less: a candidate that answers everybody is "
            "compared with nothing"
        )
    return found
