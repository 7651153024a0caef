"""The suites that come with the service."""

from functools import cache
from importlib import resources

from gyre_evaluation.suites.content import Suite
from gyre_evaluation.suites.reading import read_suite


@cache
def shipped() -> dict[str, Suite]:
    """Return the shipped suites by name; read once."""
    folder = resources.files("gyre_evaluation.suites")
    files = [file for file in folder.iterdir() if file.name.endswith(".yaml")]
    suites = [read_suite(file.read_text(encoding="utf-8")) for file in files]
    return {suite.name: suite for suite in sorted(suites, key=lambda suite: suite.name)}
