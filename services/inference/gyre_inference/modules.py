"""What a model's folder says that the model consists of."""

import json
from pathlib import Path

from gyre_service.adapter_weights import Modules, read_header

PLAIN = ("F32", "F16", "BF16")  # packed types have other shapes than what they stand for
MATRIX = 2


def modules_of(folder: Path) -> Modules:
    """Return the modules that an adapter can change, with the shapes of their weights.

    Empty where the names in the files are not those of the loaded model, that is for anything
    but a language model alone: then only the engine can tell.

    Args:
        folder: A model as transformers saves it.

    Raises:
        Rejected: Its weights are broken.
        OSError: It cannot be read.
    """
    config = json.loads((folder / "config.json").read_text())
    if not all(name.endswith("ForCausalLM") for name in config.get("architectures") or [""]):
        return {}
    found: dict[str, tuple[int, ...]] = {}
    for path in folder.glob("*.safetensors"):
        for name, tensor in read_header(path).items():
            module, _, kind = name.rpartition(".")
            is_plain = kind == "weight" and tensor.dtype in PLAIN and len(tensor.shape) == MATRIX
            found[module] = tensor.shape if is_plain else found.get(module, ())
    return found
