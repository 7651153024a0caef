"""What must not happen, counted."""

from dataclasses import dataclass


@dataclass
class Judgement:
    """Counts of what must not happen.

    Attributes:
        lost: Effects that an accepted thing does not have, of all that are looked for.
        double: Effects that are there once too often.
        inversions: Pairs of one key in the wrong order.
    """

    lost: int = 0
    double: int = 0
    inversions: int = 0

    def __add__(self, other: "Judgement") -> "Judgement":
        return Judgement(
            self.lost + other.lost, self.double + other.double, self.inversions + other.inversions
        )
