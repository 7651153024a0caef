"""Where Gyre is, and the key for it. The only reader of the environment."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from gyre_client.errors import GyreError

LOOPBACK = ("127.0.0.1", "localhost", "::1")
DEFAULT_PORT = 8000
KAFKA = 2  # its port, from the first of a stack
SERVER = r"([^\s:\[\]]+|\[[0-9a-fA-F:.]+\]):[0-9]{1,5}"


@dataclass(frozen=True)
class Address:
    """A gateway: its base URL without a slash at the end, and an API key."""

    url: str
    key: str

    @classmethod
    def find(cls, url: str | None = None, key: str | None = None) -> Self:
        """Return what is given, else `GYRE_URL` and `GYRE_API_KEY`, else the local stack.

        Raises:
            GyreError: The URL, the port or the key cannot be one.
        """
        url = url or os.environ.get("GYRE_URL") or f"http://127.0.0.1:{_port()}"
        key = key or os.environ.get("GYRE_API_KEY") or "local"
        if not (key.isascii() and key.isprintable()) or " " in key:
            raise GyreError("the API key (GYRE_API_KEY) has a character no key has")
        return cls(_checked(url), key)

    @property
    def is_loopback(self) -> bool:
        return urlsplit(self.url).hostname in LOOPBACK


def _port() -> int:
    said = os.environ.get("GYRE_PORT_BASE") or str(DEFAULT_PORT)
    if not (said.isascii() and said.isdigit() and 0 < int(said) < 65536):
        raise GyreError(f"GYRE_PORT_BASE is {said!r}, expected a port such as {DEFAULT_PORT}")
    return int(said)


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, a broken IPv6 address
        known = False
    if not known:
        raise GyreError(f"the address {url!r} (GYRE_URL) is none such as http://127.0.0.1:8000")
    return url.rstrip("/").removesuffix("/v1")


def kafka_servers() -> str:
    """Return `GYRE_KAFKA_SERVERS`, else the Kafka of the local stack.

    Raises:
        GyreError: It is none, or Gyre is on another machine and nothing says where its Kafka is.
    """
    if said := os.environ.get("GYRE_KAFKA_SERVERS"):
        if not all(re.fullmatch(SERVER, one.strip()) for one in said.split(",")):
            raise GyreError(f"GYRE_KAFKA_SERVERS is {said!r}, expected HOST:PORT,HOST:PORT")
        return said
    address = Address.find()
    if not address.is_loopback:
        raise GyreError(f"Gyre is at {address.url}: GYRE_KAFKA_SERVERS has to say where Kafka is")
    return f"127.0.0.1:{(urlsplit(address.url).port or DEFAULT_PORT) + KAFKA}"


def home() -> Path | None:
    """Return the stack's own folder, if the environment names one."""
    said = os.environ.get("GYRE_HOME")
    return Path(said).expanduser() if said else None
