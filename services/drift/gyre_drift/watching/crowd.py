"""Who asks: a person's questions in a row are much alike, and say less than those of many."""

from collections import deque

SEEN = 10  # questions that a person's share is counted in
REPEATED = 100  # questions in which a person asks about the same cluster again


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
