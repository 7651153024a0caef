"""When a submitted document counts as settled. No network, no clock."""

import time
from dataclasses import dataclass, field

from gyre_client.errors import NotSettled
from gyre_client.results import Document, Submission

FIRST_LOOK_S = 0.1
SLOWEST_LOOK_S = 2.0
WAIT_S = 600.0


@dataclass
class Settling:
    """Waits for what becomes of one submission."""

    submission: Submission
    timeout_s: float = WAIT_S
    pause_s: float = FIRST_LOOK_S
    began: float = field(default_factory=time.monotonic)

    def is_settled(self, document: Document | None) -> bool:
        """Say whether `document` (None: not known yet) is the end of this submission.

        Another version's state is not: the row may still show the one before.
        """
        if document is None or document.status == "submitted":
            return False
        other = document.sha256 and self.submission.sha256 != document.sha256
        return document.status == "removed" or not other

    def pause(self) -> float:
        """Return the seconds until the next look.

        Raises:
            NotSettled: The time is over.
        """
        if time.monotonic() - self.began > self.timeout_s:
            raise NotSettled(
                f"{self.submission.name} was accepted, but is not indexed after "
                f"{self.timeout_s:.0f} s: look later with "
                f"`gyre documents show {self.submission.id}`"
            )
        pause_s, self.pause_s = self.pause_s, min(self.pause_s * 1.5, SLOWEST_LOOK_S)
        return pause_s
