"""Who asks, and who judges: what one person does in a row says less than what many do."""

from collections import deque
from uuid import UUID

SEEN = 10  # questions, or verdicts, that a person's share is counted in
REPEATED = 100  # questions in which a person asks about the same cluster again
SAID = 100  # verdicts of which a person may have another opinion later


class Crowd:
    """Remembers who has asked what, as far back as it matters."""

    def __init__(self) -> None:
        self._persons: deque[str] = deque(maxlen=SEEN)
        self._topics: deque[tuple[str, int]] = deque(maxlen=REPEATED)

    def weigh(self, person: str | None, cluster: int) -> tuple[float, bool]:
        """Take who asks; return how much it counts, and whether the cluster is this person's first.

        Who stays unknown counts in full: nobody can tell one from another.
        """
        if person is None:
            return 1.0, True
        weight = 1 / (1 + self._persons.count(person))
        first = (person, cluster) not in self._topics
        self._persons.append(person)
        self._topics.append((person, cluster))
        return weight, first


class Voices:
    """Remembers what people have said of which answer, as far back as it matters."""

    def __init__(self) -> None:
        self._said: dict[tuple[str, UUID], tuple[float, float]] = {}  # the newest last

    def weigh(
        self, by: str, answer_id: UUID, badness: float
    ) -> tuple[float, tuple[float, float] | None]:
        """Take a verdict, whose badness is 0..1.

        Returns:
            How much it counts; and what the same person said of the same answer before, with how
            much that counted, if they did.
        """
        before = self._said.pop((by, answer_id), None)
        newest = list(self._said)[-SEEN:]
        weight = 1 / (1 + sum(who == by for who, _ in newest))
        self._said[by, answer_id] = badness, weight
        if len(self._said) > SAID:
            del self._said[next(iter(self._said))]
        return weight, before
