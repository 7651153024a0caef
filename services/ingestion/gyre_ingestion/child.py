"""The child process that reads one document: stdin bytes, stdout one JSON object, then gone.

Whatever a hostile file does to a parser, it does it here, with little memory and time, no way to
write a file, and none of the service's secrets in its environment. It opens no connections.
"""

import argparse
import json
import resource
import sys
from dataclasses import asdict

from gyre_ingestion.chunking import chunks_of
from gyre_ingestion.reading import format_of, read
from gyre_service.errors import Rejected


def limit(memory_bytes: int, cpu_s: int) -> None:
    """Let this process have at most so much; the kernel ends it at the CPU limit."""
    for what, most in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_FSIZE, 0),  # no file grows; pipes are none
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 32),
    ):
        resource.setrlimit(what, (most, most))


def main(arguments: list[str]) -> None:
    """Read a document from stdin, write `{"chunks": [...]}` or `{"reason": "..."}` to stdout."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--name", required=True)
    parser.add_argument("--media-type", required=True)
    parser.add_argument("--max-chunks", type=int, required=True)
    parser.add_argument("--max-words", type=int, required=True)
    parser.add_argument("--memory-bytes", type=int, required=True)
    parser.add_argument("--cpu-s", type=int, required=True)
    options = parser.parse_args(arguments)
    limit(options.memory_bytes, options.cpu_s)
    try:
        data = sys.stdin.buffer.read()
        found = format_of(options.name, options.media_type, data[:8192])
        chunks = chunks_of(read(data, found, options.media_type), options.max_words)
        if len(chunks) > options.max_chunks:
            raise Rejected(
                f"the document has {len(chunks)} chunks, at most {options.max_chunks}: split it"
            )
        said: dict[str, object] = {"chunks": [asdict(chunk) for chunk in chunks]}
    except Rejected as error:
        said = {"reason": str(error)}
    except MemoryError:
        said = {"reason": "the document needs too much memory to read: split it"}
    except RecursionError:
        said = {"reason": "the document is nested too deeply to read"}
    json.dump(said, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
