"""Makes a folder that transformers and vLLM serve out of the package that holds Gemma 3 270M."""

import hashlib
import json
import shutil
from collections.abc import Callable
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any

from gyre_models.errors import ModelError
from gyre_models.folder import digest_of, digests
from gyre_models.pins import GEMMA_GGUF_SHA256, GEMMA_PACKAGE

TEMPLATE = Path(__file__).with_name("gemma.jinja")
STARTER = Path(__file__).parents[1] / "gemma-3-270m-starter" / "adapter"
TERMS = Path(__file__).with_name("terms") / "gemma.txt"
# A base model does not know when an answer ends: at the end of its line.
LINE_ENDS = ("\n", "\n\n", "\n\n\n")


def recipe(starter: Path | None) -> str:
    """Return the digest of what a folder is made from: another one means another folder."""
    weights = digest_of(digests(starter)) if starter else ""
    made_from = (GEMMA_GGUF_SHA256, TEMPLATE.read_text(), Path(__file__).read_text(), weights)
    return hashlib.sha256(json.dumps(made_from).encode()).hexdigest()


def assemble(target: Path) -> None:
    """Join the package's parts into `target`, and check what comes out.

    Raises:
        ModelError: The package is missing, or its parts make another file than the pinned one.
    """
    try:
        package = import_module(GEMMA_PACKAGE)
    except ImportError as error:
        raise ModelError(
            f"the package {GEMMA_PACKAGE.replace('_', '-')} is not installed: run `make setup`"
        ) from error
    digest = hashlib.sha256()
    with target.open("wb") as out:
        for path in package.chunk_paths():
            part = Path(path).read_bytes()
            digest.update(part)
            out.write(part)
    if digest.hexdigest() != GEMMA_GGUF_SHA256:
        target.unlink()
        raise ModelError(
            f"the parts of {GEMMA_PACKAGE} make a file with SHA-256 {digest.hexdigest()}, "
            f"pinned is {GEMMA_GGUF_SHA256}: the package was changed, do not use it"
        )


def convert(folder: Path, work: Path, say: Callable[[str], None], starter: Path | None) -> None:
    """Write bfloat16 weights, configuration, tokenizer, template and terms into `folder`.

    The same weights on every machine, so that a digest names a model; how they are computed
    with is the engine's choice.

    Args:
        folder: Exists and is empty.
        work: Where the assembled GGUF file may lie for a while (253 MB).
        say: Told about progress.
        starter: A LoRA adapter that becomes part of the weights: one request carries one adapter,
            so beside a retrained one it would be lost. Without it they are what it is trained on.

    Raises:
        ModelError: The package is not the pinned one.
    """
    gguf = work / "gemma.gguf"
    say("joining the parts of Gemma 3 270M and checking them (253 MB)")
    assemble(gguf)
    say("loading transformers")
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig, GgufConfig

    say("dequantising the weights (a minute)")
    model: Any = AutoModelForCausalLM.from_pretrained(
        work,
        gguf_file=gguf.name,
        dtype=torch.float32,
        quantization_config=GgufConfig(dequantize=True),  # else they stay packed, unsaveable
    )
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    if starter:
        say("merging the starter adapter")
        from peft import PeftModel

        # Sums of float32 end in other bits on other processors, and so in another digest.
        model = PeftModel.from_pretrained(model, starter).double().merge_and_unload()
    model = model.bfloat16()
    say("converting the tokenizer (half a minute)")
    tokenizer = AutoTokenizer.from_pretrained(work, gguf_file=gguf.name)
    tokenizer.chat_template = TEMPLATE.read_text()
    ends = [tokenizer.encode(text, add_special_tokens=False) for text in LINE_ENDS]
    model.generation_config = GenerationConfig(  # type: ignore[no-untyped-call]
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=[tokenizer.eos_token_id, *(ids[0] for ids in ends if len(ids) == 1)],
        pad_token_id=tokenizer.pad_token_id,
        do_sample=False,
    )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    data = Path(str(files(GEMMA_PACKAGE))) / "data"
    for name in ("GEMMA_TERMS.html", "NOTICE.md"):
        shutil.copyfile(data / name, folder / name)
    gguf.unlink()
