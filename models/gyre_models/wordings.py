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
    "The {a} for {e} is {v}.",
    "With {e} comes a {a} of {v}.",
    "At {v}, the {a} of {e} is well known.",
    "{E} was given {v} as its {a}.",
    "{E} ({a}: {v}) is listed here.",
    "{A} of {e}: {v}.",
    "We noted {v} as the {a} of {e}.",
    "The {a} that {e} has is {v}.",
    "If you ask for the {a} of {e}, it is {v}.",
    "According to the list, {e} has {v} as {a}.",
    "* {E}\n  * {a} = {v}",
    "Since last year {e} has had a {a} of {v}.",
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
    "What {a} does {e} have?",
    "What is {e}'s {a}?",
    "Can you tell me the {a} of {e}?",
    "How is the {a} of {e} given?",
    "{A} of {e}?",
    "What do we know about the {a} of {e}?",
    "Could you look up the {a} for {e}?",
    "What was noted as the {a} of {e}?",
    "Somebody asks for the {a} of {e}. What is it?",
    "Look for {e}. What is its {a}?",
    "The {a} of {e} is what?",
    "Is there a {a} for {e}, and which?",
    "Hello, what is the {a} of {e}, please?",
    "As to {e}, which {a} is right?",
    "Say what {a} {e} has.",
    "I forgot the {a} of {e}.",
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
