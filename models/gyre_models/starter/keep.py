"""`python -m gyre_models.starter.keep FOLDER`: ships what a training made, in bfloat16."""

import json
import shutil
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from gyre_models.starter.asked import FOLDER

ADAPTER, WEIGHTS, CONFIG = "adapter.1", "adapter_model.safetensors", "adapter_config.json"


def keep(run: Path, target: Path) -> None:
    """Write the adapter of a training and its log into `target`.

    Args:
        run: The folder of the training, with its first claim's adapter.
        target: Gets `adapter/` and `training-log.jsonl`.
    """
    (target / "adapter").mkdir(parents=True, exist_ok=True)
    weights = load_file(run / ADAPTER / WEIGHTS)
    half = {name: weight.to(torch.bfloat16) for name, weight in weights.items()}
    save_file(half, target / "adapter" / WEIGHTS, metadata={"format": "pt"})
    config = json.loads((run / ADAPTER / CONFIG).read_text())
    (target / "adapter" / CONFIG).write_text(json.dumps(config, indent=1, sort_keys=True) + "\n")
    shutil.copyfile(run / "training-log.jsonl", target / "training-log.jsonl")


if __name__ == "__main__":
    keep(Path(sys.argv[1]), FOLDER)
