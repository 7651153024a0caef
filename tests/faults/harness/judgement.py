"""What must not happen, counted."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

SHOWN = 3  # of each kind, of one look


@dataclass
class Judgement:
    """Counts of what must not happen.

    Attributes:
        lost: Effects that an accepted thing does not have, of all that are looked for.
        double: Effects that are there once too often.
        inversions: Pairs of one key in the wrong order.
        which: Some of them, in words.
    """

    lost: int = 0
    double: int = 0
    inversions: int = 0
    which: tuple[str, ...] = field(default=(), compare=False)

    def __add__(self, other: "Judgement") -> "Judgement":
        return Judgement(
            self.lost + other.lost,
            self.double + other.double,
            self.inversions + other.inversions,
            self.which + other.which,
        )

    @classmethod
    def of(cls, where: str, lost: Iterable[str] = (), double: Iterable[str] = ()) -> Self:
        """Count things that one look has found.

        Args:
            where: It looked.
            lost: Ids of what is not there.
            double: Ids of what is there too often, each as often as it is too many.
        """
        without, again = list(lost), list(double)
        return cls(
            len(without),
            len(again),
            which=(
                *(f"{id} is lost: {where}" for id in without[:SHOWN]),
                *(f"{id} is double: {where}" for id in again[:SHOWN]),
            ),
        )
