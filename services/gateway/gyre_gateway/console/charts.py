"""Lines, as the points of an SVG: drawn by the server, so that a page needs no library."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 320.0, 60.0


@dataclass(frozen=True)
class Line:
    """A curve in a box of WIDTH by HEIGHT; `limit` is the height of its threshold."""

    points: str
    limit: float | None


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
