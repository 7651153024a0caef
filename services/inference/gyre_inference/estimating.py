"""How many tokens a text may have, where the tokenizer that decides it is elsewhere."""

import re
from collections.abc import Sequence

from gyre_inference.generation import Turn

LETTERS_A_TOKEN = 3  # English has 4 to 5, source code and other European languages about 3
MARKS = 8  # tokens of a template around each message
BEGIN = 16  # tokens of a template before the first message and after the last one
_WORD = re.compile(r"[A-Za-z0-9]+")
_SIGN = re.compile(r"[^A-Za-z0-9 ]")


def tokens_of(text: str) -> int:
    """Return more tokens than the usual tokenizers make of `text`, unless it is nonsense.

    Gemma's makes two thirds as many of English and German prose, and half as many or fewer of
    what is not ASCII; of letters at random it makes 1.4 times as many.

    >>> tokens_of("Who may park here?"), tokens_of("2,048"), tokens_of("誰")
    (7, 7, 2)
    """
    words = sum(_word(word) for word in _WORD.findall(text))
    # What is not ASCII rarely has more tokens than bytes less one.
    return words + sum(max(1, len(sign.encode()) - 1) for sign in _SIGN.findall(text))


def _word(word: str) -> int:
    if word.isalpha():
        return -(-len(word) // LETTERS_A_TOKEN)
    return len(word) + 1  # digits may be a token each, and the space before them one more


def prompt_tokens_of(turns: Sequence[Turn]) -> int:
    """Return the same of a conversation, with what a template writes around it."""
    return BEGIN + sum(MARKS + tokens_of(turn.content) for turn in turns)
