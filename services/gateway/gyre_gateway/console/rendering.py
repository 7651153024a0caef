"""Templates, and the headers with which every page goes out."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, select_autoescape
from markupsafe import Markup

from gyre_gateway.access import Caller
from gyre_gateway.console.visitors import csrf_of
from gyre_gateway.gateway import gateway_of
from gyre_service.ids import new_id

HERE = Path(__file__).parent
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
        "object-src 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
PAGES = (
    ("/", "Overview"),
    ("/documents", "Documents"),
    ("/answers", "Answers"),
    ("/datasets", "Datasets"),
    ("/drift", "Drift"),
    ("/jobs", "Jobs"),
    ("/rollouts", "Rollouts"),
    ("/routes", "Routes"),
)


def _ago(time: datetime | str, now: datetime | None = None) -> str:
    """Return how long ago `time` was, coarsely.

    >>> _ago("2026-01-01T00:00:00+00:00", datetime(2026, 1, 1, 0, 3, tzinfo=UTC))
    '3 min ago'
    """
    then = datetime.fromisoformat(time) if isinstance(time, str) else time
    seconds = ((now or datetime.now(UTC)) - then).total_seconds()
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit} ago"
    return "just now"


def _when(time: datetime | str) -> Markup:
    """Return how long ago `time` was, with the time itself for a pointer and a reader.

    >>> str(_when("2026-01-01T00:00:00.5+00:00")).partition(">")[0]
    '<time datetime="2026-01-01T00:00:00Z" title="2026-01-01 00:00:00 UTC"'
    """
    then = datetime.fromisoformat(time) if isinstance(time, str) else time
    said = f"{then.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    return Markup('<time datetime="{}Z" title="{} UTC">{}</time>').format(
        said.replace(" ", "T"), said, _ago(then)
    )


def _duration(seconds: float) -> str:
    """Return a duration in its largest unit.

    >>> _duration(21_600), _duration(5400), _duration(12.4)
    ('6 h', '1.5 h', '12 s')
    """
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{round(seconds / size, 1):g} {unit}"
    return f"{seconds:.0f} s"


def _size(count: int | None) -> str:
    """Return a number of bytes for people.

    >>> _size(2_500_000)
    '2.5 MB'
    """
    if count is None:
        return ""
    for size, unit in ((1_000_000, "MB"), (1000, "kB")):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} B"


TEMPLATES = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=select_autoescape(default=True),  # answers and titles are text, never markup
    trim_blocks=True,
    lstrip_blocks=True,
)
TEMPLATES.filters |= {"when": _when, "duration": _duration, "size": _size}


def page(
    request: Request,
    name: str,
    caller: Caller | None,
    values: Mapping[str, Any],
    status: int = 200,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> HTMLResponse:
    """Return the page `name` for `caller`; None: nobody is signed in, or it is not known who."""
    text = TEMPLATES.get_template(f"{name}.html").render(
        values,
        path=request.url.path,
        pages=PAGES,
        tenant=caller.tenant if caller else None,
        form_id=new_id(),
        csrf=csrf_of(caller.key, gateway_of(request).pepper) if caller else "",
    )
    return HTMLResponse(text, status, headers={**HEADERS, **headers})
