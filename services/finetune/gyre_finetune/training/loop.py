"""LoRA: the base stays, small matrices beside its projections learn the answers.

Source:
    Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", ICLR 2022.
"""

import logging
import math
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from peft.helpers import disable_input_dtype_casting
from transformers import AutoModelForCausalLM, AutoTokenizer

from gyre_events import TrainingPolicy
from gyre_finetune.training.batching import IGNORED, Row, padded, parts, shared
from gyre_finetune.training.examples import (
    Example,
    as_read,
    mean_of_last_tenth,
    passages_of,
    schedule,
    steps_of,
)
from gyre_finetune.training.job import CHECKPOINT, EPOCHS, Job, Step
from gyre_finetune.training.tokens import Tokens
from gyre_service.processor import best_dtype, processor_flags

log = logging.getLogger(__name__)

PROJECTIONS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
WARM_UP = 0.1  # of the steps
MAX_TOKENS = 2_048  # a longer example is left out: inference would cut it
SHARED = 0.5  # of a row: what a part's rows begin with alike is read once if it is that much
TOKENS_AT_ONCE = 2_048  # of a step: what a part of it needs is let go before the next


class TooFew(Exception):
    """There is nothing to train on."""


class Trainer:
    """One training, from wherever its last checkpoint stands.

    Args:
        job: What to do.
        folder: Of the job: checkpoints go there.
        examples: New ones and replayed ones.
    """

    def __init__(self, job: Job, folder: Path, examples: list[Example]) -> None:
        self._job = job
        self._policy: TrainingPolicy = job.policy
        self._folder = folder
        torch.manual_seed(self._policy.seed)
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        fast = self._device == "cuda" or best_dtype(processor_flags()) == "bfloat16"
        self._dtype = torch.bfloat16 if fast else torch.float32
        # transformers and peft are only half typed
        base: Any = AutoModelForCausalLM.from_pretrained(job.model_path, dtype=self._dtype)
        tokenizer = AutoTokenizer.from_pretrained(job.model_path)
        ends = base.generation_config.eos_token_id  # vLLM stops at each of several
        self._tokens_of = Tokens(tokenizer, job.prompt, ends if isinstance(ends, list) else ())
        fitting = [
            one
            for one in examples
            if all(len(ids) <= MAX_TOKENS for ids, _ in self._tokens_of.rows(one))
        ]
        self._examples = {
            kind: [one for one in fitting if one.replayed is kind] for kind in (False, True)
        }
        self._pool = {kind: passages_of(found) for kind, found in self._examples.items()}
        if not self._examples[False]:
            raise TooFew("no new example fits into the model's length")
        self.steps = steps_of(
            len(self._examples[False]),
            self._policy.batch_examples,
            self._policy.max_steps,
            EPOCHS,
            self._policy.replay,
        )
        self.model: Any = get_peft_model(base.to(self._device), _config(job)).train()
        self._weights = [one for one in self.model.parameters() if one.requires_grad]
        self._optimizer = torch.optim.AdamW(
            self._weights, lr=self._policy.learning_rate, weight_decay=0
        )
        self._step, self._tokens, self._elapsed_s = 0, 0, 0.0
        self._losses: list[float] = []
        self._resume()

    def run(self) -> Iterator[Step]:
        """Yield a line a step, the last one `final`."""
        plan = schedule(
            len(self._examples[False]),
            len(self._examples[True]),
            self._policy.batch_examples,
            self.steps,
            self._policy.seed,
            self._policy.replay,
        )
        began = time.monotonic() - self._elapsed_s
        while self._step < self.steps:
            rate = self._rate()
            loss = self._learn(self._batch(plan[self._step]), rate)
            self._step += 1
            self._losses.append(loss)
            self._elapsed_s = time.monotonic() - began
            if not math.isfinite(loss):
                raise FloatingPointError(f"the loss is {loss} at step {self._step}")
            if self._step % self._job.checkpoint_steps == 0 and self._step < self.steps:
                self._keep()
            yield self._line(loss, rate)
            if self._elapsed_s > self._policy.max_seconds:
                break
        yield self._line(mean_of_last_tenth(self._losses), 0.0, final=True)

    def _line(self, loss: float, rate: float, *, final: bool = False) -> Step:
        return Step(
            step=self._step,
            steps=self.steps,
            loss=loss,
            learning_rate=rate,
            tokens=self._tokens,
            elapsed_s=self._elapsed_s,
            final=final,
        )

    def _rate(self) -> float:
        """Return the learning rate of this step: warm-up, then a straight line to zero.

        It is there at the last step, or when the time is over, whichever is nearer: what ended in
        the middle of its line would never have come to rest.
        """
        warm = max(1, round(self.steps * WARM_UP))
        most = self._policy.learning_rate * min(1.0, (self._step + 1) / warm)
        left = max(0.0, 1 - self._elapsed_s / self._policy.max_seconds)
        return min(most * (self.steps - self._step) / self.steps, most * left)

    def _learn(self, examples: list[list[Row]], rate: float) -> float:
        rows = [row for rows in examples for row in rows]
        answered = sum(len(ids) - begin for ids, begin in rows)
        loss = sum(self._accumulate(part, answered) for part in parts(examples, TOKENS_AT_ONCE))
        torch.nn.utils.clip_grad_norm_(self._weights, 1.0)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._optimizer.step()
        self._optimizer.zero_grad()
        self._tokens += sum(len(ids) for ids, _ in rows)
        return loss

    def _accumulate(self, rows: list[Row], answered: int) -> float:
        """Add a part's gradients; return its share of the loss, a mean over `answered` tokens."""
        alike = shared(rows) if len(rows) > 1 else 0
        if alike < SHARED * len(rows[0][0]):
            alike = 0
        rest = [(ids[alike:], begin - alike) for ids, begin in rows]
        tokens, wanted = padded(rest, self._device)
        # Logits of the answers only: with a large vocabulary they cost more than the body.
        causal = self.model.get_base_model()
        answers = wanted[:, 1:] != IGNORED
        # The adapter's own weights are float32: an update is smaller than bfloat16 can tell.
        # peft would bring every input up to that, for autocast to bring it down again.
        with (
            disable_input_dtype_casting(self.model),
            torch.autocast(self._device, torch.bfloat16, enabled=self._dtype == torch.bfloat16),
        ):
            past = self._beginning(rows[0][0][:alike], len(rows)) if alike else None
            read = causal.model(input_ids=tokens, past_key_values=past, use_cache=past is not None)
            hidden = read.last_hidden_state[:, :-1]
            logits = causal.lm_head(hidden[answers]).float()
        loss = torch.nn.functional.cross_entropy(
            logits, wanted[:, 1:][answers], reduction="sum"
        ).div(answered)
        loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach())

    def _beginning(self, tokens: list[int], times: int) -> Any:
        """Read once what so many rows begin with; gradients go back through it."""
        causal = self.model.get_base_model()
        ids = torch.tensor([tokens], device=self._device)
        past = causal.model(input_ids=ids, use_cache=True).past_key_values
        past.batch_repeat_interleave(times)
        return past

    def _batch(self, places: list[tuple[bool, int]]) -> list[list[Row]]:
        """Return the rows of each example of this step, the same ones after a restart."""
        rng = random.Random(f"{self._policy.seed}/{self._step}")
        read = [
            as_read(self._examples[kind][index], rng, self._pool[kind]) for kind, index in places
        ]
        return [self._tokens_of.rows(example) for example in read]

    def _keep(self) -> None:
        unfinished = self._folder / f".{CHECKPOINT}.{os.getpid()}"
        torch.save(
            {
                "weights": get_peft_model_state_dict(self.model),
                "optimizer": self._optimizer.state_dict(),
                "step": self._step,
                "tokens": self._tokens,
                "elapsed_s": self._elapsed_s,
                "losses": self._losses,
            },
            unfinished,
        )
        unfinished.replace(self._folder / CHECKPOINT)

    def _resume(self) -> None:
        kept = _read(self._folder / CHECKPOINT, self._device)
        if kept is None:
            return
        set_peft_model_state_dict(self.model, kept["weights"])
        self._optimizer.load_state_dict(kept["optimizer"])
        self._step, self._tokens = kept["step"], kept["tokens"]
        self._elapsed_s, self._losses = kept["elapsed_s"], kept["losses"]


def _read(path: Path, device: str) -> dict[str, Any] | None:
    """Return a checkpoint; None if there is none that can be read."""
    if not path.exists():
        return None
    try:
        kept: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    except (RuntimeError, UnpicklingError, EOFError, ValueError, LookupError) as error:
        # Every attempt would meet it again.
        log.warning("%s is damaged, the training begins anew: %s", path.name, error)
        path.unlink()
        return None
    return kept


def _config(job: Job) -> LoraConfig:
    alpha: Any = job.policy.alpha  # a fraction is as good as a whole number, whatever peft says
    return LoraConfig(
        r=job.policy.rank,
        lora_alpha=int(alpha) if alpha == int(alpha) else alpha,
        target_modules=PROJECTIONS,
        lora_dropout=0.0,
        bias="none",
        task_type="CAUSAL_LM",
        revision=job.model_digest,
    )
