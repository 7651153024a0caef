"""`python -m gyre_finetune.training FOLDER TOKEN PARENT`: trains, and writes the adapter."""

import ctypes
import json
import os
import shutil
import signal
import sys
from pathlib import Path

NICE = 19  # people's questions come first
PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main(folder: Path, token: int, parent: int) -> None:
    """Train.

    Args:
        folder: Of the job.
        token: Of the claim, which has an adapter folder of its own.
        parent: The process that started this one; with it this one ends.
    """
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("the process that wanted this training has ended")
    os.nice(NICE)

    from gyre_finetune.training.examples import read_examples
    from gyre_finetune.training.job import EXAMPLES, Job, adapter_of

    job = Job.read(folder)
    if not (job.model_path / "config.json").is_file():
        sys.exit(f"the training cannot begin: {job.model_path} holds no model")
    import torch

    torch.set_num_threads(job.threads)
    from gyre_finetune.training.loop import TooFew, Trainer

    try:
        trainer = Trainer(job, folder, list(read_examples(folder / EXAMPLES)))
    except (TooFew, ValueError, OSError) as error:
        sys.exit(f"the training cannot begin: {error}")
    for line in trainer.run():
        if line.final:
            _save(trainer.model, adapter_of(folder, token), job.model_name)
        sys.stdout.write(line.model_dump_json() + "\n")
        sys.stdout.flush()


def _save(model: object, place: Path, base: str) -> None:
    shutil.rmtree(place, ignore_errors=True)
    model.save_pretrained(place, safe_serialization=True)  # type: ignore[attr-defined]
    (place / "README.md").unlink(missing_ok=True)
    # peft names what it does not use as well; the engine refuses some of that even when empty.
    path = place / "adapter_config.json"
    config = {name: value for name, value in json.loads(path.read_text()).items() if value}
    # And it names the folder that the base lay in here, which is nobody else's.
    config |= {"bias": "none", "modules_to_save": None, "base_model_name_or_path": base}
    path.write_text(json.dumps(config, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
