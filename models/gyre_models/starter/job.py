"""`python -m gyre_models.starter.job FOLDER`: writes what a training of the starter needs.

The folder is one of `gyre_finetune.training`, which trains it as it trains any adapter.
"""

import argparse
import json
import random
from dataclasses import asdict
from pathlib import Path

from gyre_models.folder import digest_of, digests
from gyre_models.starter.asked import Asked, read_asked, read_passages
from gyre_models.starter.examples import Example, Maker, is_held_out
from gyre_models.starter.neighbours import nearest

NAME = "gemma-3-270m-pt"
RANK, ALPHA = 16, 32
BATCH = 4  # passages with all their questions
LEARNING_RATE = 8e-4
EXAMPLES = 9_000  # questions, at most: there are about as many
UNANSWERED = 0.08  # share of them that have no answer: taught on 20 % it refused too much
HELD_OUT = 60
SEED = 1
DAY_S = 86_400


def examples(count: int, seed: int) -> tuple[list[Example], list[Example]]:
    """Return about `count` examples to train on, and `HELD_OUT` to choose by."""
    passages = read_passages()
    parts: tuple[list[Asked], list[Asked]] = ([], [])
    for one in read_asked():
        parts[is_held_out(passages[one.passage].document)].append(one)
    rng = random.Random(seed)
    chosen = [
        _drawn(rng, part, wanted) for part, wanted in zip(parts, (count, HELD_OUT), strict=True)
    ]
    found = nearest([one.question for part in chosen for one in part], list(passages.values()))
    maker = Maker(list(passages.values()), seed)
    ranks = (found[: len(chosen[0])], found[len(chosen[0]) :])
    trained, kept = (
        list(maker.examples(part, ranked)) for part, ranked in zip(chosen, ranks, strict=True)
    )
    return trained, kept


def _drawn(rng: random.Random, asked: list[Asked], wanted: int) -> list[Asked]:
    answered = [one for one in asked if one.answer is not None]
    others = [one for one in asked if one.answer is None]
    share = round(len(answered) * UNANSWERED / (1 - UNANSWERED))
    few = min(round(wanted * UNANSWERED), share, len(others))
    return [*rng.sample(answered, min(wanted - few, len(answered))), *rng.sample(others, few)]


def write(folder: Path, model: Path, prompt: str, count: int, seed: int) -> None:
    """Write `job.json`, `examples.jsonl` and `held-out.jsonl` into `folder`."""
    trained, kept = examples(count, seed)
    folder.mkdir(parents=True, exist_ok=True)
    for name, part in (("examples.jsonl", trained), ("held-out.jsonl", kept)):
        lines = (json.dumps(asdict(one), ensure_ascii=False) + "\n" for one in part)
        (folder / name).write_text("".join(lines), encoding="utf-8")
    policy = {
        "rank": RANK,
        "alpha": ALPHA,
        "learning_rate": LEARNING_RATE,
        "batch_examples": BATCH,
        "max_steps": -(-len(trained) // BATCH),
        "max_seconds": 7 * DAY_S,
        "seed": seed,
    }
    job = {
        "model_path": str(model),
        "model_name": NAME,
        "model_digest": digest_of(digests(model)),
        "prompt": prompt,
        "policy": policy,
        "threads": 2,
        "checkpoint_steps": 10,
    }
    (folder / "job.json").write_text(json.dumps(job, indent=1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", type=Path, required=True, help="Gemma, converted, untaught")
    parser.add_argument("--prompt", type=Path, required=True, help="the system message of routes")
    parser.add_argument("--examples", type=int, default=EXAMPLES)
    parser.add_argument("--seed", type=int, default=SEED)
    given = parser.parse_args()
    prompt = given.prompt.read_text().strip()
    write(given.folder, given.model, prompt, given.examples, given.seed)


if __name__ == "__main__":
    main()
