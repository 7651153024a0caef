"""The weights of a LoRA adapter, looked at without a library for tensors.

A safetensors file is eight bytes with the length of a header, the header (a JSON object of
names, types, shapes and places) and the numbers, with no gap. Its reader runs no code:
https://huggingface.co/docs/safetensors/index#format
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from gyre_service.errors import Rejected

Modules: TypeAlias = Mapping[str, tuple[int, ...]]  # shape of the weight; () if it is not known

MAX_HEADER = 100_000_000  # what the format's own reader takes
PREFIX = "base_model.model."
_PLACE = re.compile(r"(?P<module>.+)\.lora_(?P<side>[AB])\.weight")
_PICKLES = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")


@dataclass(frozen=True)
class Tensor:
    """Where the numbers of one tensor lie: bytes `begin` to `end` behind the header."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


@dataclass(frozen=True)
class _Float:
    """How a number is stored, little-endian; not finite are those whose exponent is all ones."""

    bytes: int
    high: int  # bits of the exponent in the last byte
    low: int  # and in the one before


_FLOATS = {
    "F32": _Float(4, 0x7F, 0x80),
    "BF16": _Float(2, 0x7F, 0x80),
    "F16": _Float(2, 0x7C, 0x00),
}


def read_header(path: Path) -> dict[str, Tensor]:
    """Return what a safetensors file says that it holds, by name.

    Raises:
        Rejected: It is none, or ends before what it says.
        OSError: It cannot be read.
    """
    return _read_header(path)[0]


def check_weights(path: Path, rank: int, targets: object, base: Modules | None = None) -> None:
    """Let weights pass that the engine applies, all of them, to the base.

    Args:
        path: Of the safetensors file.
        rank: That the configuration names.
        targets: `target_modules` of the configuration. A list is compared with what is there; a
            pattern is not, for a stranger's pattern can take forever to match.
        base: The modules that the base has; what is not one of them would be ignored in silence.

    Raises:
        Rejected: It names the tensor that is wrong, and what would be right.
        OSError: It cannot be read.
    """
    tensors, begin = _read_header(path)
    if not tensors:
        raise Rejected(f"{path.name} is empty: it holds no tensors")
    sides: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        module, side = _place(path.name, name)
        sides.setdefault(module, {})[side] = tensor
    for module, pair in sides.items():
        _check_module(path.name, module, pair, rank)
        _check_target(path.name, module, targets)
        if base is not None:
            _check_base(path.name, module, pair, base)
    with path.open("rb") as file:
        for name, tensor in tensors.items():
            file.seek(begin + tensor.begin)
            if not _is_finite(file.read(tensor.end - tensor.begin), _FLOATS[tensor.dtype]):
                raise Rejected(f"{path.name}: {name} has numbers that are not finite (NaN, inf)")


def _read_header(path: Path) -> tuple[dict[str, Tensor], int]:
    """Return the tensors, and the byte of the file at which the first one begins."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        if start.startswith(_PICKLES):
            raise Rejected(
                f"{path.name} is a pickle, which runs code when it is loaded: "
                "save it as safetensors"
            )
        length = int.from_bytes(start, "little")
        if len(start) < 8 or length > MAX_HEADER:
            raise Rejected(f"{path.name} is no safetensors file: it does not begin like one")
        if 8 + length > size:
            raise Rejected(f"{path.name} is cut off: its header has {length} bytes, it has {size}")
        text = file.read(length)
    try:
        header: Any = json.loads(text)
        header.pop("__metadata__", None)
        tensors = {name: _tensor(fields) for name, fields in header.items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise Rejected(f"{path.name} is no safetensors file: its header is broken") from error
    end = 0
    for name, tensor in sorted(tensors.items(), key=lambda one: one[1].begin):
        if tensor.begin != end or tensor.end < tensor.begin:
            raise Rejected(f"{path.name}: {name} does not begin where the tensor before it ends")
        end = tensor.end
    if 8 + length + end != size:
        what = "is cut off" if size < 8 + length + end else "has more than its tensors"
        raise Rejected(f"{path.name} {what}: {size} bytes, its header says {8 + length + end}")
    return tensors, 8 + length


def _tensor(fields: Any) -> Tensor:
    begin, end = fields["data_offsets"]
    numbers = (begin, end, *fields["shape"])
    if not all(isinstance(number, int) and number >= 0 for number in numbers):
        raise ValueError(f"not a size: {numbers}")
    return Tensor(str(fields["dtype"]), tuple(fields["shape"]), begin, end)


def _place(file: str, name: str) -> tuple[str, str]:
    """Return the module that a tensor belongs to, and its side, A or B."""
    found = _PLACE.fullmatch(name.removeprefix(PREFIX))
    if not name.startswith(PREFIX) or found is None:
        raise Rejected(
            f"{file}: {name} is no part of a LoRA, expected "
            f"{PREFIX}<module>.lora_A.weight and .lora_B.weight only"
        )
    return found["module"], found["side"]


def _check_module(file: str, module: str, pair: dict[str, Tensor], rank: int) -> None:
    if set(pair) != {"A", "B"}:
        raise Rejected(f"{file}: {module} has lora_{min(pair)} only, expected lora_A and lora_B")
    for side, tensor in pair.items():
        where = f"{file}: {module}.lora_{side}"
        if tensor.dtype not in _FLOATS:
            raise Rejected(f"{where} is {tensor.dtype}, expected one of {', '.join(_FLOATS)}")
        if len(tensor.shape) != 2 or not all(tensor.shape):
            raise Rejected(f"{where} has the shape {tensor.shape}, expected a matrix")
        found = tensor.shape[0 if side == "A" else 1]
        if found != rank:
            raise Rejected(f"{where} has the rank {found}, its configuration says {rank}")
        if tensor.end - tensor.begin != math.prod(tensor.shape) * _FLOATS[tensor.dtype].bytes:
            raise Rejected(f"{where} has not as many bytes as its shape {tensor.shape} needs")


def _check_target(file: str, module: str, targets: object) -> None:
    if isinstance(targets, list) and not any(
        module == target or module.endswith(f".{target}") for target in targets
    ):
        raise Rejected(f"{file}: {module} is none of target_modules {targets}")


def _check_base(file: str, module: str, pair: dict[str, Tensor], base: Modules) -> None:
    if module not in base:
        raise Rejected(f"{file}: the base has no module {module}: it would be ignored")
    shape = (pair["B"].shape[0], pair["A"].shape[1])
    if base[module] and base[module] != shape:
        raise Rejected(f"{file}: {module} changes {shape}, the base's is {base[module]}")


def _is_finite(numbers: bytes, kind: _Float) -> bool:
    """Whether none is NaN or infinite; only what is very large is looked at in Python."""
    last, before = numbers[kind.bytes - 1 :: kind.bytes], numbers[kind.bytes - 2 :: kind.bytes]
    large = bytes(sorted(byte for byte in range(256) if byte & kind.high == kind.high))
    return not any(
        before[found.start()] & kind.low == kind.low
        for found in re.finditer(b"[" + re.escape(large) + b"]", last)
    )
