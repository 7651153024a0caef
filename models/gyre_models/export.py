"""Write a trained model as the files that transformers and vLLM load."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

from gyre_models.llama import Llama
from gyre_models.tokenizer import BEGIN, END, PAD, save_tokenizer

MODEL_FOLDER = Path(__file__).parents[1] / "reference"


def export(model: Llama, tokenizer: Tokenizer, log: Path, folder: Path) -> None:
    """Write weights, configuration, tokenizer, template and the training log.

    Raises:
        RuntimeError: transformers computes something else from the same weights.
    """
    begin, end, padding = (tokenizer.token_to_id(token) for token in (BEGIN, END, PAD))
    special: dict[str, Any] = {"bos_token_id": begin, "eos_token_id": end, "pad_token_id": padding}
    config = LlamaConfig(**model.shape.as_config(), **special, dtype="float32")
    llama: Any = LlamaForCausalLM  # their classes are only half typed
    generation: Any = GenerationConfig
    copy = llama(config).float().eval()
    copy.load_state_dict({"lm_head.weight": model.model.embed_tokens.weight, **model.state_dict()})
    tokens = torch.randint(4, model.shape.vocabulary, (2, 64))
    with torch.no_grad():
        difference = (copy(tokens).logits - model.logits(model(tokens))).abs().max()
    if difference > 1e-2:
        message = f"the exported model differs from the trained one by {difference:.3g}"
        raise RuntimeError(message)
    copy.generation_config = generation(**special, do_sample=False, max_new_tokens=48)
    folder.mkdir(parents=True, exist_ok=True)
    copy.save_pretrained(folder)
    save_tokenizer(tokenizer, folder)
    if log.exists():
        shutil.copyfile(log, folder / "training-log.jsonl")
