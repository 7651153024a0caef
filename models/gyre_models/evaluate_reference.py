"""Measure a servable model on held-out scenes: `python -m gyre_models.evaluate_reference`.

Answers are generated greedily from the chat template, as a server would; intervals are Wilson's.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from gyre_models.export import MODEL_FOLDER
from gyre_models.facts import REFUSAL, Generator, Question, Scene, Style
from gyre_models.stages import FULL, PLAIN, VARIED

_ONE = (1, 1)
SUITES: dict[str, Style] = {
    "plain": replace(PLAIN, questions=_ONE),
    "varied": replace(VARIED, questions=_ONE),
    "full": replace(FULL, questions=_ONE),
    "wording": replace(VARIED, questions=_ONE, held_out_wording=True),
}


@dataclass
class Count:
    """Right among all."""

    right: int = 0
    all: int = 0

    def add(self, right: bool) -> None:
        """Count one more."""
        self.right += right
        self.all += 1

    def __str__(self) -> str:
        if not self.all:
            return "-"
        low, high = wilson(self.right, self.all)
        return f"{self.right / self.all:6.1%} [{low:.1%}, {high:.1%}]  ({self.right} of {self.all})"


def wilson(right: int, total: int, z: float = 1.96) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927)."""
    share = right / total
    centre = share + z * z / (2 * total)
    spread = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    scale = 1 + z * z / total
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


def cases(suite: str, passages: int, number: int, seed: int) -> Iterator[tuple[Scene, Question]]:
    """Held-out scenes with a fixed number of passages and one question each."""
    style = replace(SUITES[suite], passages=(passages, passages))
    generator = Generator(seed, "held-out", style)
    for _ in range(number):
        scene = generator.scene()
        yield scene, scene.questions[0]


class Reader:
    """A model and its tokenizer, loaded as a server loads them.

    Args:
        folder: Of the model.
        adapter: Folder of a LoRA adapter, merged into it.
    """

    def __init__(self, folder: Path, adapter: Path | None = None) -> None:
        # transformers' classes are only half typed
        self._tokenizer: Any = AutoTokenizer.from_pretrained(folder, padding_side="left")
        model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
        if adapter is not None:
            model = PeftModel.from_pretrained(model, adapter).merge_and_unload()
        self._model = model.eval()

    def answers(self, prompts: list[str]) -> list[str]:
        """Greedy answers to user messages."""
        chats = [[{"role": "user", "content": prompt}] for prompt in prompts]
        inputs = self._tokenizer.apply_chat_template(
            chats,
            add_generation_prompt=True,
            padding=True,
            return_tensors="pt",
            return_dict=True,
        )
        with torch.no_grad():
            output = self._model.generate(**inputs, max_new_tokens=24, do_sample=False)
        length = inputs["input_ids"].shape[1]
        texts: list[str] = self._tokenizer.batch_decode(
            output[:, length:], skip_special_tokens=True
        )
        return texts


def measure(reader: Reader, suite: str, number: int, seed: int) -> dict[str, str]:
    """Exact match by number of passages; the value alone; the passage alone; refusals."""
    counts: dict[str, Count] = {}
    refused = Count()
    wanted = Count()
    low, high = SUITES[suite].passages
    for passages in range(low, high + 1):
        drawn = list(cases(suite, passages, number, seed + passages))
        for start in range(0, number, 32):
            part = drawn[start : start + 32]
            texts = reader.answers([scene.prompt(question) for scene, question in part])
            for (_, question), text in zip(part, texts, strict=True):
                if text == REFUSAL:
                    refused.add(question.passage == 0)
                if question.passage == 0:
                    wanted.add(text == REFUSAL)
                    continue
                value, _, source = question.answer.rpartition(" [")
                for key, right in (
                    (f"exact, {passages} passages", text == question.answer),
                    ("exact, all", text == question.answer),
                    ("value, all", text.rpartition(" [")[0] == value),
                    ("passage, all", text.rpartition(" [")[2] == source),
                ):
                    counts.setdefault(key, Count()).add(right)
    counts["refusal precision"] = refused
    counts["refusal recall"] = wanted
    return {key: str(count) for key, count in counts.items()}


def main() -> None:
    """Print one table a suite, or one JSON line each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=MODEL_FOLDER)
    parser.add_argument("--number", type=int, default=600, help="questions per passage count")
    parser.add_argument("--seed", type=int, default=7000, help="of the held-out scenes")
    parser.add_argument("--suites", nargs="*", default=list(SUITES))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    reader = Reader(options.model)
    for suite in options.suites:
        figures = measure(reader, suite, options.number, options.seed)
        if options.json:
            sys.stdout.write(json.dumps({"suite": suite, **figures}) + "\n")
            continue
        sys.stdout.write(f"{suite}\n")
        for key, figure in figures.items():
            sys.stdout.write(f"  {key:<22} {figure}\n")


if __name__ == "__main__":
    main()
