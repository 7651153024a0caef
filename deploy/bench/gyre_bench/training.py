"""`python -m gyre_bench.training RESULTS_FOLDER`: the worker's training beside a plain peft loop.

MODEL: default as of `make up`. RUNS: of each, 3. STEPS: of each run, 10.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from gyre_bench.errors import BenchError
from gyre_bench.plan import counted, order
from gyre_bench.stack import model_of
from gyre_bench.telling import say, side_by_side
from gyre_events import TrainingPolicy
from gyre_finetune.training.examples import Example
from gyre_finetune.training.job import EXAMPLES, Job, put
from gyre_local.environment import Model
from gyre_local.errors import StackError
from gyre_local.stack import Stack
from gyre_local.start import DEFAULT_MODEL
from gyre_models.facts import Generator
from gyre_models.stages import FULL

RUNS, STEPS = 3, 10
OURS, BARE = "finetune", "peft loop"
PROMPT = "Answer from the passages alone, with the number of the passage."


def scenes(count: int) -> Iterator[Example]:
    """Yield questions about passages, with their answers."""
    generator = Generator(1, "train", FULL)
    while count:
        scene = generator.scene()
        if scene.passages:
            question = scene.questions[0]
            count -= 1
            yield Example(question=question.text, passages=scene.passages, answer=question.answer)


def write(folder: Path, model: Model, steps: int) -> None:
    """Write a job of the worker, with an example for each place of each step."""
    policy = TrainingPolicy(max_steps=steps, replay=0)
    examples = scenes(steps * policy.batch_examples)
    put(folder / EXAMPLES, "".join(one.model_dump_json() + "\n" for one in examples))
    Job(
        model_path=Path(model.path),
        model_name=model.name,
        model_digest=model.digest,
        prompt=PROMPT,
        policy=policy,
        threads=len(os.sched_getaffinity(0)),
        checkpoint_steps=steps,
    ).write(folder)


def speed(command: Sequence[str]) -> float:
    """Run a training; return its tokens/s, without the loading of the model.

    Raises:
        BenchError: It failed.
    """
    cpu = os.environ | {"CUDA_VISIBLE_DEVICES": ""}  # the plain loop knows no other device
    done = subprocess.run([sys.executable, *command], stdout=subprocess.PIPE, text=True, env=cpu)
    if done.returncode:
        raise BenchError(f"{command[1]} ended with {done.returncode}: see above")
    last = json.loads(done.stdout.splitlines()[-1])
    return float(last["tokens"]) / float(last.get("seconds") or last["elapsed_s"])


def measure(model: Model, runs: int, steps: int) -> dict[str, list[float]]:
    """Return the tokens/s of every run, of both in turn."""
    found: dict[str, list[float]] = {OURS: [], BARE: []}
    for turn in order(runs, OURS, BARE):
        with tempfile.TemporaryDirectory(prefix="gyre-bench-") as folder:
            write(Path(folder), model, steps)
            command = {
                OURS: ("-m", "gyre_finetune.training", folder, "1", str(os.getpid())),
                BARE: ("-m", "gyre_bench.training_bare", folder),
            }
            found[turn].append(speed(command[turn]))
            say(f"{turn:10} {found[turn][-1]:8.1f} tokens/s")
    return found


def main() -> None:
    """Measure, then print medians and one line of JSON, which is kept too."""
    folder, name = Path(sys.argv[1]), os.environ.get("MODEL") or DEFAULT_MODEL
    runs, steps = counted("RUNS", RUNS), counted("STEPS", STEPS)
    stack = Stack.from_environment()
    try:
        found = measure(model_of(stack, name), runs, steps)
    except (BenchError, StackError) as error:
        raise SystemExit(f"bench-training: {error}") from error
    side_by_side(name, found, "tokens/s", folder / "bench-training.json", stack.repo)


if __name__ == "__main__":
    main()
