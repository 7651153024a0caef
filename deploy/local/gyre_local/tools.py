"""What the system has to have: each thing that is missing is one line with what installs it."""

import shutil
import subprocess
import sys
from ctypes.util import find_library

from gyre_local.errors import StackError
from gyre_local.kafka import jars
from gyre_local.stack import Stack

JAVA = "apt-get install -y openjdk-17-jre-headless"


def check(stack: Stack, services: list[str]) -> None:
    """Return if Kafka and these services find what no Python package brings.

    Raises:
        StackError: Something is missing; a line for each, with the command that installs it.
    """
    missing = [_java()]
    if not jars(stack).is_dir() and shutil.which("mvn") is None:
        missing.append("Maven is missing: apt-get install -y maven")
    # vLLM's CPU build is linked against it.
    if "inference" in services and sys.platform == "linux" and find_library("numa") is None:
        missing.append("libnuma is missing: apt-get install -y libnuma1")
    if any(missing):
        raise StackError("\n".join(filter(None, missing)))


def _java() -> str:
    if shutil.which("java") is None:
        return f"Java 17 is missing: {JAVA}"
    # 'openjdk version "17.0.15" 2025-04-15', on standard error
    found = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False)
    version = found.stderr.partition('"')[2].partition('"')[0]
    major = version.split(".")[0].split("-")[0]
    if not major.isdecimal() or int(major) < 17:
        return f"Java 17 or newer is needed, this is {version or 'none'}: {JAVA}"
    return ""
