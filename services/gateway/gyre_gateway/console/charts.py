"""Lines, as the points of an SVG: drawn by the server, so that a page needs no library."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

WIDTH, HEIGHT = 320.0, 60.0
MAP_HEIGHT, EDGE, LARGEST = 160.0, 24.0, 40.0
MOVED = 0.05


@dataclass(frozen=True)
class Line:
    """A curve in a box of WIDTH by HEIGHT; `limit` is the height of its threshold."""

    points: str
    limit: float | None


@dataclass(frozen=True)
class Spot:
    """A cluster on a map in a box of WIDTH by MAP_HEIGHT.

    Attributes:
        x: Of its middle.
        y: Of its middle, downwards.
        before: Radius; the area is the usual share.
        now: Radius; the area is the share of now.
        moved: Whether those differ by more than MOVED.
        said: What a pointer is told.
    """

    x: float
    y: float
    before: float
    now: float
    moved: bool
    said: str


def spots(clusters: Sequence[tuple[float, float, float, float, str]]) -> list[Spot]:
    """Place clusters (x, y, share before, share now, example) in the box.

    >>> spots([(-1, 0, 0.25, 0.25, "a"), (1, 0, 0.0, 0.25, "b")])[1].moved
    True
    """
    if not clusters:
        return []
    xs, ys = [one[0] for one in clusters], [one[1] for one in clusters]
    width, height = WIDTH - 2 * EDGE, MAP_HEIGHT - 2 * EDGE
    return [
        Spot(
            round(EDGE + width * (x - min(xs)) / ((max(xs) - min(xs)) or 1), 1),
            round(EDGE + height * (max(ys) - y) / ((max(ys) - min(ys)) or 1), 1),
            round(LARGEST * sqrt(before), 1),
            round(LARGEST * sqrt(now), 1),
            abs(now - before) > MOVED,
            f"{before:.0%} before, {now:.0%} now: {example}",
        )
        for x, y, before, now, example in clusters
    ]


def line(
    points: Sequence[tuple[float, float]], limit: float | None = None, lowest: float | None = 0
) -> Line:
    """Scale points (x, y) into the box, y upwards.

    Args:
        points: In the order of x.
        limit: A threshold that is in the box, too.
        lowest: A value that is in the box; None lets the smallest be the bottom.

    >>> line([(0, 1), (1, 3)], limit=4)
    Line(points='0.0,45.0 320.0,15.0', limit=0.0)
    >>> line([])
    Line(points='', limit=None)
    """
    if not points:
        return Line("", None)
    heights = [y for _, y in points]
    heights += [value for value in (limit, lowest) if value is not None]
    bottom, top = min(heights), max(heights)
    left, right = points[0][0], points[-1][0]

    def height(y: float) -> float:
        return round(HEIGHT * (1 - (y - bottom) / ((top - bottom) or 1)), 1)

    placed = [(WIDTH * (x - left) / ((right - left) or 1), height(y)) for x, y in points]
    return Line(
        " ".join(f"{x:.1f},{y:.1f}" for x, y in placed), None if limit is None else height(limit)
    )
