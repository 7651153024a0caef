"""Delay against the size of a change, drawn as SVG."""

from collections.abc import Mapping, Sequence
from html import escape
from math import log10
from typing import Any

SIZES = {
    "partial_5": 0.05,
    "partial_10": 0.1,
    "partial_20": 0.2,
    "partial_50": 0.5,
    "abrupt_switch": 1.0,
}
LONGEST = 5_000
WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 720, 420, 60, 20, 190, 50
COLOURS = ("#0b7285", "#c92a2a", "#e67700", "#5f3dc4", "#2b8a3e", "#495057", "#a61e4d", "#1864ab")
TICKS = (1, 10, 100, 1_000)


def curves(known: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the curves of several detectors, each delay a median with its 95 % interval."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        *_axes(),
    ]
    for number, (name, figures) in enumerate(known.items()):
        colour = COLOURS[number % len(COLOURS)]
        points = [
            (_x(size) + 2 * number, figures["delay"][scenario])
            for scenario, size in SIZES.items()
            if scenario in figures["delay"]
        ]
        parts += _curve(points, colour)
        y = TOP + 14 + 18 * number
        parts.append(
            f'<text x="{WIDTH - RIGHT + 20}" y="{y}" fill="{colour}">{escape(name)}</text>'
        )
    return "\n".join([*parts, "</svg>\n"])


def _curve(points: Sequence[tuple[float, Sequence[float]]], colour: str) -> list[str]:
    path = " ".join(f"{x:.1f},{_y(middle):.1f}" for x, (middle, _, _) in points)
    return [
        f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>',
        *(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_y(low):.1f}" y2="{_y(high):.1f}" '
            f'stroke="{colour}"/>'
            for x, (_, low, high) in points
        ),
    ]


def _axes() -> list[str]:
    found = [
        f'<text x="{LEFT}" y="{HEIGHT - 10}">share of questions about new topics</text>',
        f'<text x="{LEFT - 45}" y="{TOP + 4}" font-size="11">questions</text>',
    ]
    for tick in TICKS:
        found.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{_y(tick):.1f}" y2="{_y(tick):.1f}" '
            'stroke="#dee2e6"/>'
        )
        found.append(
            f'<text x="{LEFT - 8}" y="{_y(tick) + 4:.1f}" text-anchor="end">{tick:,}</text>'
        )
    for size in SIZES.values():
        found.append(
            f'<text x="{_x(size):.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">'
            f"{size:.0%}</text>"
        )
    return found


def _x(size: float) -> float:
    share = (log10(size) - log10(0.05)) / -log10(0.05)
    return LEFT + 20 + share * (WIDTH - LEFT - RIGHT - 40)


def _y(delay: float) -> float:
    share = log10(min(max(delay, 1.0), LONGEST)) / log10(LONGEST)
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)
