"""`python -m gyre_bench.training_bare FOLDER`: a job of the fine-tune worker as a plain peft loop.

What anybody would write: the same rows in the same steps, labels for the answers, the model's own
loss. The last line of stdout is JSON: tokens, seconds.
"""

import json
import random
import sys
import time
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from gyre_finetune.training.batching import Row, padded
from gyre_finetune.training.examples import (
    as_read,
    messages,
    passages_of,
    read_examples,
    schedule,
)
from gyre_finetune.training.job import EXAMPLES, Job
from gyre_finetune.training.loop import PROJECTIONS
from gyre_service.processor import best_dtype, processor_flags


def rows_of(job: Job, folder: Path, tokenizer: Any) -> list[list[Row]]:
    """Return the rows of each step, as the worker's training reads them."""
    examples = list(read_examples(folder / EXAMPLES))
    pool = passages_of(examples)
    policy = job.policy
    steps = []
    plan = schedule(len(examples), 0, policy.batch_examples, policy.max_steps, policy.seed)
    for number, places in enumerate(plan):
        rng = random.Random(f"{policy.seed}/{number}")
        rows: list[Row] = []
        for _, index in places:
            example = as_read(examples[index], rng, pool)
            prompt = tokenizer.apply_chat_template(
                messages(example, job.prompt),
                add_generation_prompt=True,
                tokenize=True,
                return_dict=True,
            )["input_ids"]
            answer = tokenizer(example.answer, add_special_tokens=False)["input_ids"]
            rows.append(([*prompt, *answer, tokenizer.eos_token_id], len(prompt)))
        steps.append(rows)
    return steps


def main(folder: Path) -> None:
    job = Job.read(folder)
    torch.set_num_threads(job.threads)
    torch.manual_seed(job.policy.seed)
    # transformers and peft are only half typed
    tokenizer: Any = AutoTokenizer.from_pretrained(job.model_path)
    half = best_dtype(processor_flags()) == "bfloat16"
    base: Any = AutoModelForCausalLM.from_pretrained(
        job.model_path, dtype=torch.bfloat16 if half else torch.float32
    )
    config = LoraConfig(
        r=job.policy.rank,
        lora_alpha=int(job.policy.alpha),
        target_modules=PROJECTIONS,
        task_type="CAUSAL_LM",
    )
    model: Any = get_peft_model(base, config).train()
    weights = [one for one in model.parameters() if one.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=job.policy.learning_rate)
    steps = rows_of(job, folder, tokenizer)
    began = time.monotonic()
    for rows in steps:
        tokens, labels = padded(rows, "cpu")
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            loss = model(input_ids=tokens, labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        optimizer.zero_grad()
    seconds = time.monotonic() - began
    read = sum(len(ids) for rows in steps for ids, _ in rows)
    sys.stdout.write(json.dumps({"tokens": read, "seconds": seconds}) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
