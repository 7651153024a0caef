"""Which number format this processor computes in without ruin."""

from pathlib import Path

FAST_BFLOAT16 = {"avx512_bf16", "amx_bf16"}


def best_dtype(flags: set[str]) -> str:
    """Return the dtype for a processor: without bfloat16 of its own, emulation halves the speed.

    >>> best_dtype({"avx2", "fma"})
    'float32'
    >>> best_dtype({"avx2", "avx512_bf16"})
    'bfloat16'
    """
    return "bfloat16" if flags & FAST_BFLOAT16 else "float32"


def processor_flags(cpuinfo: Path = Path("/proc/cpuinfo")) -> set[str]:
    """Return what the kernel says that the processor can; nothing where it does not say."""
    if not cpuinfo.exists():
        return set()
    for line in cpuinfo.read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("flags", "Features"):
            return set(value.split())
    return set()
