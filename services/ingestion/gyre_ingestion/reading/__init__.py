"""Reads bytes of a known format into blocks. Runs in a child process: standard library first."""

from gyre_ingestion.reading.blocks import Block, Kind
from gyre_ingestion.reading.formats import Format, format_of
from gyre_ingestion.reading.read import read

__all__ = ["Block", "Format", "Kind", "format_of", "read"]
