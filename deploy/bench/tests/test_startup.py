import json
from itertools import pairwise
from pathlib import Path

import pytest

from gyre_bench.figures import beside
from gyre_bench.startup import flags
from gyre_inference.launching import engine_arguments
from gyre_inference.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "config.json").write_text('{"max_position_embeddings": 512}')
    return Settings(
        model_name="reference", model_path=tmp_path, model_digest="a" * 64, dtype="float32"
    )


def test_vllm_serve_is_told_what_our_engine_is(settings: Settings) -> None:
    given = flags(engine_arguments(settings))

    values = dict(pairwise(given))
    assert values["--model"] == str(settings.model_path)
    assert values["--served-model-name"] == "reference"
    assert (values["--dtype"], values["--max-model-len"]) == ("float32", "512")
    assert values["--max-num-seqs"] == str(settings.batch_requests)
    assert json.loads(values["--structured-outputs-config"])["backend"] == "xgrammar"
    assert {"--enforce-eager", "--enable-lora"} <= set(given)
    assert "--trust-remote-code" not in given


def test_the_last_line_has_the_ratio_of_medians() -> None:
    found = {"inference": [30.0, 20.0, 90.0], "vllm serve": [40.0, 41, 39]}
    line = beside("reference", found, "s")

    assert (line["model"], line["ratio"]) == ("reference", 0.75)
    assert (line["inference_s"], line["vllm_serve_s"]) == (30.0, 40.0)
