import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from gyre_inference.modules import modules_of

REFERENCE = Path(__file__).parents[3] / "models" / "reference"


def test_the_reference_models_are_known_with_their_shapes() -> None:
    found = modules_of(REFERENCE)

    assert found["model.layers.3.mlp.down_proj"] == (192, 512)
    assert found["model.norm"] == ()
    assert "lm_head" not in found


def test_packed_weights_have_modules_without_shapes(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"architectures": ["LlamaForCausalLM"]}))
    packed = {"a.q_proj.qweight": torch.zeros(2, 2, dtype=torch.int32)}
    save_file(packed, tmp_path / "model-00001-of-00002.safetensors")
    save_file({"b.weight": torch.zeros(3, 2)}, tmp_path / "model-00002-of-00002.safetensors")

    assert modules_of(tmp_path) == {"a.q_proj": (), "b": (3, 2)}


@pytest.mark.parametrize("config", [{}, {"architectures": ["Gemma3ForConditionalGeneration"]}])
def test_of_other_models_only_the_engine_can_tell(tmp_path: Path, config: object) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    save_file({"b.weight": torch.zeros(3, 2)}, tmp_path / "model.safetensors")

    assert modules_of(tmp_path) == {}
