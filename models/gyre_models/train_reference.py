"""Train the reference model: `python -m gyre_models.train_reference`.

A run lives in a folder (--run) and resumes from its checkpoint. `--export` writes the newest
checkpoint as a servable model.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer

from gyre_models.batches import Batch, Drawn, Encoder, count_tokens, stream
from gyre_models.export import MODEL_FOLDER, export
from gyre_models.facts import Generator
from gyre_models.llama import Llama, Shape
from gyre_models.mimetic import initialise
from gyre_models.stages import STAGES, VARIED
from gyre_models.tokenizer import load_tokenizer
from gyre_models.training import clip, losses, optimisers, score

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


@dataclass
class Run:
    """A model in training, and how far it has come."""

    model: Llama
    optimisers: list[torch.optim.Optimizer]
    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    stage: str = ""
    stage_begin: int = 0

    def save(self, path: Path) -> None:
        """Write everything that resuming needs, in one step."""
        state = {
            "model": self.model.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
            "progress": [self.step, self.tokens, self.seconds],
            "stage": [self.stage, self.stage_begin],
        }
        partial = path.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(path)

    def load(self, path: Path, *, fresh_optimisers: bool) -> None:
        """Continue from a checkpoint."""
        state: dict[str, Any] = torch.load(path, weights_only=True, map_location=DEVICE)
        self.model.load_state_dict(state["model"])
        self.step, self.tokens, self.seconds = state["progress"]
        self.stage, self.stage_begin = state["stage"]
        if not fresh_optimisers:
            for optimiser, saved in zip(self.optimisers, state["optimisers"], strict=True):
                optimiser.load_state_dict(saved)


def main() -> None:
    """Read the arguments; train or export."""
    options = _arguments()
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    torch.set_float32_matmul_precision("high")
    torch.manual_seed(options.seed)
    tokenizer = load_tokenizer()
    shape = Shape(layers=options.layers, vocabulary=tokenizer.get_vocab_size())
    model = Llama(shape).to(DEVICE)
    run = Run(model, optimisers(model, options.lr, options.vector_lr))
    options.run.mkdir(parents=True, exist_ok=True)
    checkpoint = options.run / "checkpoint.pt"
    if checkpoint.exists():
        run.load(checkpoint, fresh_optimisers=options.export)
    elif options.start == "mimetic":
        spelled = [tokenizer.id_to_token(index) or "" for index in range(shape.vocabulary)]
        counts = count_tokens(
            Encoder(tokenizer), Generator(options.seed, "train", VARIED), len(spelled)
        )
        initialise(model, spelled, counts, options.seed)
    if options.export:
        export(model.cpu(), tokenizer, options.run / "log.jsonl", MODEL_FOLDER)
        return
    _train(run, tokenizer, options, checkpoint)


def _train(run: Run, tokenizer: Tokenizer, options: argparse.Namespace, checkpoint: Path) -> None:
    encoder = Encoder(tokenizer)
    style = STAGES[options.stage]
    exams = {
        name: [batch.to(DEVICE) for batch in exam(encoder, name, 99)]
        for name in ("plain", "varied", "full")
    }
    drawn = Drawn(tokenizer, style, options.batch, run.step * 1000 + options.seed)
    batches = drawn.batches(options.workers, DEVICE)
    base = [[options.lr], [options.vector_lr, options.vector_lr / 3]]
    if run.stage != options.stage:
        run.stage, run.stage_begin = options.stage, run.tokens
    seen, heard, mark = 0.0, 0, time.monotonic()
    begun = mark
    while (
        share := max(
            (run.tokens - run.stage_begin) / (options.tokens * 1e6),
            (time.monotonic() - begun) / (options.minutes * 60),
        )
    ) < 1:
        factor = _schedule(share, run.step, options.decay)
        for optimiser, rates in zip(run.optimisers, base, strict=True):
            for group, rate in zip(optimiser.param_groups, rates, strict=True):
                group["lr"] = rate * factor
        batch = next(batches)
        on_answers, on_text = losses(run.model, batch, options.text_share)
        (on_answers + options.text_weight * on_text).backward()
        clip(run.model)
        for optimiser in run.optimisers:
            optimiser.step()
            optimiser.zero_grad()
        run.step += 1
        run.tokens += batch.tokens.numel()
        seen, heard = seen + float(on_answers.detach()), heard + 1
        if run.step % options.every == 0:
            now = time.monotonic()
            run.seconds += now - mark
            speed = (heard * options.batch) / (now - mark)
            line: dict[str, Any] = {
                "step": run.step,
                "tokens": run.tokens,
                "seconds": round(run.seconds),
                "speed": round(speed),
                "stage": options.stage,
                "loss": round(seen / heard, 3),
            }
            line |= {name: score(run.model, exam).shares() for name, exam in exams.items()}
            with (options.run / "log.jsonl").open("a") as log:
                log.write(json.dumps(line) + "\n")
            run.save(checkpoint)
            seen, heard, mark = 0.0, 0, time.monotonic()
    run.save(checkpoint)


def exam(encoder: Encoder, stage: str, seed: int) -> list[Batch]:
    """A fixed set of held-out scenes, one question each, in the style of a stage."""
    style = replace(STAGES[stage], questions=(1, 1), missing=0.2)
    batches = stream(encoder, Generator(seed, "held-out", style), 2048, seed)
    return [next(batches) for _ in range(4)]


def _schedule(share: float, step: int, decay: float) -> float:
    """Warm up over 50 steps, stay, and go linearly to a twentieth over the last `decay`."""
    warm = min(1.0, (step + 1) / 50)
    return warm * max(0.05, min(1.0, (1 - share) / decay if decay else 1.0))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--run", type=Path, default=Path("runs/reference"), help="folder of checkpoint and log")
    add("--stage", choices=sorted(STAGES), default="full")
    add("--tokens", type=float, default=10.0, help="millions of tokens of this stage")
    add("--minutes", type=float, default=math.inf, help="end the stage after so long as well")
    add("--batch", type=int, default=4096, help="tokens a step")
    add("--lr", type=float, default=0.01, help="spectral size of a matrix update")
    add("--vector-lr", type=float, default=0.003, help="Adam's rate, for the embedding")
    add("--decay", type=float, default=0.4, help="last share of the stage with a falling rate")
    add("--text-weight", type=float, default=0.0)
    add("--text-share", type=float, default=0.0, help="share of text positions that are scored")
    add("--layers", type=int, default=4)
    add("--start", choices=("mimetic", "random"), default="mimetic")
    add("--every", type=int, default=100, help="steps between checkpoints")
    add("--threads", type=int, default=1)
    add("--workers", type=int, default=0, help="processes that draw scenes; 0: this one")
    add("--seed", type=int, default=1)
    add("--export", action="store_true", help="write the newest checkpoint as a servable model")
    return parser.parse_args()


if __name__ == "__main__":
    main()
