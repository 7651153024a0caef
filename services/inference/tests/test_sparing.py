from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from gyre_inference.sparing import sparing


def runner(unfinished: list[bool], generators: dict[int, str]) -> Any:
    """Return what of vLLM's runner is looked at: two rows of its buffer are of no request."""
    mask = SimpleNamespace(np=np.array([*unfinished, True, True]))
    batch = SimpleNamespace(num_reqs=len(unfinished), generators=generators)
    return SimpleNamespace(discard_request_mask=mask, input_batch=batch)


def test_while_tokens_are_drawn_an_unfinished_prompt_has_no_generator() -> None:
    generators = {0: "a", 1: "b", 3: "d"}
    made = runner([False, True, True, False], generators)

    def sample_tokens(one: Any, grammar: str, *, more: int) -> tuple[Any, ...]:
        return dict(one.input_batch.generators), grammar, more

    assert sparing(sample_tokens)(made, "grammar", more=1) == ({0: "a", 3: "d"}, "grammar", 1)
    assert generators == {0: "a", 1: "b", 3: "d"}


def test_it_has_it_again_when_drawing_fails() -> None:
    generators = {0: "a"}

    def sample_tokens(_: Any) -> None:
        raise RuntimeError("no memory")

    with pytest.raises(RuntimeError, match="no memory"):
        sparing(sample_tokens)(runner([True], generators))
    assert generators == {0: "a"}
