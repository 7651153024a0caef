"""`python -m gyre_models.starter.replay FILE`: what Gemma must not forget, as JSON Lines.

The file is shipped with the model; a training mixes it with examples from before the shift. Its
questions are those that the starter adapter was taught, but for what is kept to choose by.
"""

import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path

from gyre_models.starter.asked import Asked, read_asked, read_passages
from gyre_models.starter.examples import SHOWN, Example, Maker, is_held_out

SEED = 92
EXAMPLES = 900
# What people correct has an answer nearly always: mixed with it, about a tenth has none.
UNANSWERED = 0.2


def examples(count: int = EXAMPLES, seed: int = SEED) -> Iterator[Example]:
    """Yield examples: each a question, its passage among others, and the answer or a refusal."""
    passages = list(read_passages().values())
    index = {passage.id: number for number, passage in enumerate(passages)}
    of_document: dict[str, list[int]] = {}
    for number, passage in enumerate(passages):
        of_document.setdefault(passage.document, []).append(number)
    rng = random.Random(seed)
    maker = Maker(passages, seed)
    asked = [one for one in read_asked() if not is_held_out(passages[index[one.passage]].document)]
    for one in _drawn(rng, asked, count):
        own = index[one.passage]
        # Those of its document resemble it as those do that a search finds, and say of what has
        # no answer nothing either.
        near = [number for number in of_document[passages[own].document] if number != own]
        yield maker.example([one], [own, *rng.sample(near, min(len(near), SHOWN))])


def _drawn(rng: random.Random, asked: list[Asked], count: int) -> list[Asked]:
    few = round(count * UNANSWERED)
    answered = rng.sample([one for one in asked if one.answer is not None], count - few)
    chosen = [*answered, *rng.sample([one for one in asked if one.answer is None], few)]
    rng.shuffle(chosen)
    return chosen


def main(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        for one in examples():
            row = {"question": one.question, "passages": one.passages, "answer": one.answer}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
