"""Examples as tokens, by the tokenizer and the template of the base, as inference has them."""

from collections.abc import Iterable
from typing import Any

from gyre_finetune.training.batching import Row
from gyre_finetune.training.examples import Example, messages, takes_system
from gyre_service.special_tokens import breaker


class Tokens:
    """Renders examples.

    Args:
        tokenizer: Of the base (transformers' interface).
        prompt: Of the route.
        stops: Tokens that an answer ends with where it is served: of Gemma's each line does.
    """

    def __init__(self, tokenizer: Any, prompt: str, stops: Iterable[int] = ()) -> None:
        self._tokenizer = tokenizer
        self._plain = breaker(tokenizer)  # as inference does
        self._prompt = prompt
        self._stops = frozenset(stops)
        self._takes_system = takes_system(tokenizer)

    def rows(self, example: Example) -> list[Row]:
        """Return a row for every question of an example."""
        return [self._row(one) for one in example.each()]

    def _row(self, example: Example) -> Row:
        turns = messages(example, self._prompt, system=self._takes_system)
        prompt: list[int] = self._tokenizer.apply_chat_template(
            [turn | {"content": self._plain(turn["content"])} for turn in turns],
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
        )["input_ids"]
        answer = self._answer(self._plain(example.answer))
        return [*prompt, *answer, self._tokenizer.eos_token_id], len(prompt)

    def _answer(self, text: str) -> list[int]:
        """Return the tokens of an answer, of one line where it would be served no further."""
        ids = self._ids(text)
        return ids if self._stops.isdisjoint(ids) else self._ids(" ".join(text.split()))

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids
