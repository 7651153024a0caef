"""An engine that always says the same; every letter is a token of its prompts."""

from collections.abc import AsyncGenerator, Sequence
from unittest.mock import Mock

from gyre_bench.engine import Bare, Made
from gyre_inference.generation import Turn
from gyre_inference.launching import Launched


def letters(turns: Sequence[Turn]) -> list[int]:
    return [ord(letter) for turn in turns for letter in turn.content]


class Said(Bare):
    """Says "Blue sky", in two pieces of three tokens."""

    def __init__(self) -> None:
        super().__init__(Mock(spec=Launched, tokens=Mock(render=letters)))

    async def pieces(self, prompt: list[int], max_tokens: int) -> AsyncGenerator[Made]:
        yield Made("Blue", 1, None)
        yield Made(" sky", 2, "stop")
