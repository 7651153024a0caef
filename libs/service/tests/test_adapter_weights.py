"""What passes as the weights of a LoRA: real files, made here."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save, save_file

from gyre_service.adapter_weights import Modules, check_weights, read_header
from gyre_service.errors import Rejected

Q = "model.layers.0.self_attn.q_proj"
NAME = f"base_model.model.{Q}"
BASE = {Q: (6, 4), "model.layers.0.mlp.up_proj": ()}


def weights(dtype: torch.dtype = torch.float32, rank: int = 8) -> dict[str, torch.Tensor]:
    return {
        f"{NAME}.lora_A.weight": torch.randn(rank, 4).to(dtype),
        f"{NAME}.lora_B.weight": torch.randn(6, rank).to(dtype),
    }


def check(
    path: Path, made: dict[str, torch.Tensor], targets: object = None, base: Modules | None = BASE
) -> None:
    save_file(made, path / "weights")
    check_weights(path / "weights", 8, ["q_proj"] if targets is None else targets, base)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_good_ones_pass(tmp_path: Path, dtype: torch.dtype) -> None:
    made = weights(dtype)
    made[f"{NAME}.lora_A.weight"][0, 0] = torch.finfo(dtype).max
    made[f"{NAME}.lora_A.weight"][0, 1] = torch.finfo(dtype).min

    check(tmp_path, made)
    check(tmp_path, made, targets=[Q])
    check(tmp_path, made, targets="a pattern", base=None)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_are_not_finite_are_refused(
    tmp_path: Path, dtype: torch.dtype, number: float
) -> None:
    made = weights(dtype)
    made[f"{NAME}.lora_B.weight"][5, 7] = number  # the last one

    with pytest.raises(Rejected, match=r"lora_B\.weight has numbers that are not finite"):
        check(tmp_path, made)


def renamed(old: str, new: str) -> dict[str, torch.Tensor]:
    return {name.replace(old, new): tensor for name, tensor in weights().items()}


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        ({}, "is empty: it holds no tensors"),
        (weights(rank=16), "has the rank 16, its configuration says 8"),
        (weights(torch.float64), "is F64, expected one of F32, BF16, F16"),
        (renamed("base_model.model.", ""), "is no part of a LoRA"),
        (renamed("lora_A", "lora_embedding_A"), "is no part of a LoRA"),
        (renamed("lora_A.weight", "lora_magnitude_vector"), "is no part of a LoRA"),
        (renamed("model.layers", "transformer.h"), "the base has no module transformer.h.0"),
        (renamed("layers.0", "layers.9"), "the base has no module model.layers.9"),
        (renamed("q_proj", "k_proj"), "is none of target_modules"),
        (renamed("lora_B", "lora_A"), "has lora_A only, expected lora_A and lora_B"),
        (weights() | {"lm_head.weight": torch.ones(2, 2)}, "lm_head.weight is no part of a LoRA"),
        (weights() | {f"{NAME}.lora_B.weight": torch.ones(5, 8)}, r"changes \(5, 4\), the base's"),
        (weights() | {f"{NAME}.lora_B.weight": torch.ones(0, 8)}, "expected a matrix"),
        (weights() | {f"{NAME}.lora_B.weight": torch.ones(8)}, "expected a matrix"),
    ],
)
def test_what_the_engine_would_not_apply_is_refused(
    tmp_path: Path, made: dict[str, torch.Tensor], reason: str
) -> None:
    with pytest.raises(Rejected, match=reason):
        check(tmp_path, made)


def header(**tensors: Any) -> bytes:
    text = json.dumps(tensors).encode()
    return len(text).to_bytes(8, "little") + text


def tensor(*offsets: int, shape: Any = (1,), dtype: str = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "does not begin like one"),
        (b"\x08", "does not begin like one"),
        (b"\xff" * 100, "does not begin like one"),
        (save(weights())[:-1], "is cut off"),
        (save(weights())[:40], "is cut off: its header has"),
        (save(weights()) + b"x", "has more than its tensors"),
        (pickle.dumps({"lora": 1}), "is a pickle, which runs code"),
        (b"PK\x03\x04" + b"\x00" * 60, "is a pickle, which runs code"),
        (b"\x02\x00\x00\x00\x00\x00\x00\x00{]", "its header is broken"),
        (b"\x02\x00\x00\x00\x00\x00\x00\x00[]", "its header is broken"),
        (b"\x00\x00\x10" + b"\x00" * 5 + b"[" * 0x100000, "its header is broken"),
        (header(a=1), "its header is broken"),
        (header(a={"dtype": "F32"}), "its header is broken"),
        (header(a=tensor(-4, 0)), "its header is broken"),
        (header(a=tensor(0, 4, shape=["1"])) + bytes(4), "its header is broken"),
        (header(a=tensor(0, 4), b=tensor(0, 4)) + bytes(4), "does not begin where"),
        (header(a=tensor(4, 8)) + bytes(8), "does not begin where"),
        (header(a=tensor(0, 8), b=tensor(8, 4)) + bytes(8), "does not begin where"),
        (header(a=tensor(0, 1 << 60)), "is cut off"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "weights").write_bytes(content)

    with pytest.raises(Rejected, match=reason):
        read_header(tmp_path / "weights")


def test_a_shape_that_its_bytes_do_not_fill_is_refused(tmp_path: Path) -> None:
    names = [f"{NAME}.lora_{side}.weight" for side in "AB"]
    tensors = {names[0]: tensor(0, 4, shape=(8, 4)), names[1]: tensor(4, 8, shape=(6, 8))}
    (tmp_path / "weights").write_bytes(header(**tensors) + bytes(8))

    with pytest.raises(Rejected, match="has not as many bytes as its shape"):
        check_weights(tmp_path / "weights", 8, ["q_proj"], BASE)
