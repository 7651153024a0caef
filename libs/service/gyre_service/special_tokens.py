"""What a text spells of the tokens that only a chat template may write."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any


def breaker(tokenizer: Any) -> Callable[[str], str]:
    """Return what breaks special tokens in a text, by a space after their first character.

    Args:
        tokenizer: Of the model (transformers' interface). Gemma's names five special tokens, and
            has added 6,244 others that are: `<start_of_turn>` is one.
    """
    added = tokenizer.added_tokens_decoder.values()
    tokens = {token.content for token in added if token.special} | {*tokenizer.all_special_tokens}
    long = sorted(token for token in tokens if len(token) > 1)
    pattern = re.compile(rf"(?={_any_of(long)}).", re.DOTALL) if long else None
    return lambda text: pattern.sub(r"\g<0> ", text) if pattern else text


def _any_of(words: Iterable[str]) -> str:
    """Return a pattern of `words` that branches at each letter: one by one each `<` would cost all.

    >>> _any_of(["<a>", "<ab>", "<c>"])
    '<(?:a(?:>|b>)|c>)'
    """
    rests: defaultdict[str, list[str]] = defaultdict(list)
    for word in words:
        if not word:
            return ""  # what begins with it is broken where it begins
        rests[word[0]].append(word[1:])
    branches = [re.escape(letter) + _any_of(rest) for letter, rest in rests.items()]
    return branches[0] if len(branches) == 1 else f"(?:{'|'.join(branches)})"
