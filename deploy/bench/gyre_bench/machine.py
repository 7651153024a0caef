"""On which machine, and of which commit."""

import os
import subprocess
from hashlib import sha256
from pathlib import Path
from typing import Any

from gyre_service.processor import processor_flags

CPUINFO = Path("/proc/cpuinfo")
# What decides how fast a model computes here; the others fill a screen.
TELLING = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_bf16")

UNKNOWN = "unknown"


def machine(cpuinfo: Path = CPUINFO) -> dict[str, Any]:
    """Return the processor's name, the cores that we may use, and the flags that matter."""
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    flags = processor_flags(cpuinfo)
    return {
        "cpu": next(names, "unknown"),
        "cores": len(os.sched_getaffinity(0)),
        "flags": [flag for flag in TELLING if flag in flags],
    }


def commit(repo: Path) -> str:
    """Return the commit, with a digest of what was changed since; `unknown` without git."""

    def git(*arguments: str) -> bytes:
        command = ["git", "-C", str(repo), *arguments]
        return subprocess.run(command, check=True, capture_output=True).stdout

    try:
        name = git("rev-parse", "--short=12", "HEAD").decode().strip()
        new = git("ls-files", "--others", "--exclude-standard", "-z").decode().split("\0")
        changed = git("diff", "HEAD") + b"".join((repo / one).read_bytes() for one in new if one)
    except (OSError, subprocess.CalledProcessError):
        return UNKNOWN
    return f"{name}+{sha256(changed).hexdigest()[:8]}" if changed else name
