"""How any attribute of any thing is said and asked.

`{e}` stands for the thing ("the Halden pump"), `{a}` for the attribute, `{v}` for the value; the
capitals start a sentence.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Attribute:
    """One attribute of the things of a domain."""

    name: str
    value: str
    statements: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Domain:
    """A kind of document: its things (a naming pattern) and their attributes."""

    name: str
    things: tuple[str, ...]
    attributes: tuple[Attribute, ...]


STATEMENTS = (
    "The {a} of {e} is {v}.",
    "{E} has a {a} of {v}.",
    "For {e}, the {a} is {v}.",
    "{v} is the {a} of {e}.",
    "**{E}**: {a} {v}.",
    "{E} - {a}: {v}.",
    "## {E}\n- {A}: {v}",
    "| {e} | {a} | {v} |",
)
QUESTIONS = (
    "What is the {a} of {e}?",
    "Which {a} does {e} have?",
    "For {e}, what is the {a}?",
    "Tell me the {a} of {e}.",
    "Do you know the {a} of {e}?",
    "Please give the {a} for {e}.",
    "{E}: what {a}?",
    "I need the {a} of {e}.",
)


def say(wording: str, thing: str, attribute: str, value: str = "") -> str:
    """Fill a wording; `{E}` and `{A}` start a sentence and take a capital."""
    text = (
        wording.replace("{e}", thing)
        .replace("{E}", thing[0].upper() + thing[1:])
        .replace("{a}", attribute)
        .replace("{A}", attribute[0].upper() + attribute[1:])
        .replace("{v}", value)
    )
    return text[0].upper() + text[1:] if wording.startswith("{v}") else text
