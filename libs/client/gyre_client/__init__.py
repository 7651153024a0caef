"""The Python SDK of Gyre: a client of its public HTTP API.

with Gyre() as gyre:
gyre.ingest("leave.md", Path("leave.md").read_bytes())
with gyre.ask("How many days of leave do I have?") as asking:
for text in asking:
...
sources = asking.answer().passages
"""

from gyre_client.answering import Asking, AsyncAsking, AsyncEvaluating, Evaluating
from gyre_client.documents import AsyncDocuments, Documents
from gyre_client.errors import BrokenOff, GyreError, NotSettled, Unreachable
from gyre_client.looping import AsyncLoop, Loop
from gyre_client.operating import AsyncOperating, Operating
from gyre_client.questions import AsyncQuestions, Questions

__all__ = [
    "Asking",
    "AsyncAsking",
    "AsyncEvaluating",
    "AsyncGyre",
    "BrokenOff",
    "Evaluating",
    "Gyre",
    "GyreError",
    "NotSettled",
    "Unreachable",
]


class Gyre(Documents, Questions, Operating, Loop):
    """The sync client; its methods are those of its bases, its arguments `Connection`'s."""


class AsyncGyre(AsyncDocuments, AsyncQuestions, AsyncOperating, AsyncLoop):
    """The same methods for asyncio."""
