"""Conversations as tokens, by the tokenizer and the template that a model ships with."""

from collections.abc import Sequence
from typing import Any

from gyre_inference.generation import Turn


class Tokens:
    """Renders prompts.

    Args:
        tokenizer: Of the model (transformers' interface).
        model: Its name, for messages.

    Raises:
        ValueError: The model has no chat template, or its prompts would lack the first token
            it was trained with (Gemma without its BOS babbles).
    """

    def __init__(self, tokenizer: Any, model: str) -> None:
        self._tokenizer = tokenizer
        if not tokenizer.chat_template:
            raise ValueError(f"{model} has no chat template: it cannot be asked questions")
        first, wanted = self.render([Turn("user", "?")])[0], tokenizer.bos_token_id
        if wanted not in (None, tokenizer.eos_token_id, first):
            raise ValueError(
                f"{model} wants {tokenizer.bos_token} first, "
                f"its chat template gives {tokenizer.decode([first])!r}"
            )

    def render(self, turns: Sequence[Turn]) -> list[int]:
        """Return the prompt of a conversation whose next turn is the model's."""
        messages = [{"role": turn.role, "content": self._plain(turn.content)} for turn in turns]
        text = self._tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=True
        )
        tokens: list[int] = self._tokenizer.encode(text, add_special_tokens=False)
        return tokens

    def count(self, text: str) -> int:
        """Return how many tokens `text` has."""
        return len(self._tokenizer.encode(text, add_special_tokens=False))

    def _plain(self, text: str) -> str:
        """Return `text` without the tokens that only a template may write."""
        for token in self._tokenizer.all_special_tokens:
            text = text.replace(token, f"{token[0]} {token[1:]}")
        return text
