"""`python -m gyre_models.replay FILE`: what the reference model must not forget, as JSON Lines.

The file is shipped with the model; a training mixes it with examples from before the shift. Its
scenes are drawn as those of the model's own training, with a seed that no stage uses.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from gyre_models.facts import Generator
from gyre_models.stages import FULL

SEED = 91
EXAMPLES = 1_000


def examples(count: int = EXAMPLES, seed: int = SEED) -> Iterator[dict[str, object]]:
    """Yield examples: a question, numbered passages in order, and the answer wanted."""
    generator = Generator(seed, "train", FULL)
    for _ in range(count):
        scene = generator.scene()
        question = scene.questions[0]
        yield {
            "question": question.text,
            "passages": list(scene.passages),
            "answer": question.answer,
        }


def main(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        for example in examples():
            file.write(json.dumps(example, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
