"""Reads streamed bytes: lines, server-sent events, chunks of an answer, lines of a report.

Nothing here waits for a network: the sync and the async client feed the same readers.
"""

import json
from collections.abc import Iterator
from typing import Any

from gyre_client.attempts import refused
from gyre_client.errors import BrokenOff
from gyre_client.results import Answer, ItemResult, Report
from gyre_client.sending import parsed


class Lines:
    """Cuts bytes into lines at LF or CRLF only: JSON may hold U+2028 and its like unescaped."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[str]:
        *whole, self._rest = (self._rest + data).split(b"\n")
        for line in whole:
            yield line.removesuffix(b"\r").decode(errors="replace")


def _object(text: str, where: str) -> dict[str, Any]:
    try:
        part = json.loads(text)
    except ValueError:
        part = None
    if not isinstance(part, dict):
        raise BrokenOff(f"{where} has a part that is no JSON object: {text[:80]!r}")
    return part


class AnswerReader:
    """Puts an answer together from the chunks of OpenAI's stream."""

    def __init__(self, answer_id: str | None = None, conversation_id: str | None = None) -> None:
        self._lines = Lines()
        self._data: list[str] = []
        self._texts: list[str] = []
        self._known: dict[str, Any] = {
            "answer_id": answer_id,
            "conversation_id": conversation_id,
        }
        self.done = False

    def feed(self, data: bytes) -> Iterator[str]:
        """Take bytes as they came, yield the text they bring.

        Raises:
            GyreError: The stream says that the answer failed.
        """
        for line in self._lines.feed(data):
            if line.startswith("data:"):
                self._data.append(line.removeprefix("data:").removeprefix(" "))
            elif not line and self._data:
                event, self._data = "\n".join(self._data), []
                yield from self._event(event)

    def _event(self, event: str) -> Iterator[str]:
        if event == "[DONE]":
            self.done = True
            return
        chunk = _object(event, "the answer")
        if chunk.get("error"):
            raise refused(chunk["error"], otherwise="the answer failed")
        self._known |= {"model": chunk.get("model") or self._known.get("model")}
        self._known |= chunk.get("gyre") or {}
        for choice in chunk.get("choices") or ():
            self._known |= {
                "finish_reason": choice.get("finish_reason") or self._known.get("finish_reason")
            }
            if text := (choice.get("delta") or {}).get("content"):
                self._texts.append(text)
                yield text

    def answer(self) -> Answer:
        """Return the whole answer.

        Raises:
            BrokenOff: The stream ended before its last part.
        """
        if not self.done:
            raise BrokenOff("the answer broke off before its end")
        return parsed(Answer, {**self._known, "text": "".join(self._texts)}, "the answer")


class EvaluationReader:
    """Reads the lines of an evaluation: its items, and last its report."""

    def __init__(self) -> None:
        self._lines = Lines()
        self.report: Report | None = None

    def feed(self, data: bytes) -> Iterator[ItemResult]:
        """Take bytes as they came, yield the items they complete.

        Raises:
            GyreError: The evaluation failed.
        """
        for line in self._lines.feed(data):
            if not line.strip():
                continue
            part = _object(line, "the evaluation")
            # A part is named by its only member, or by its `type`; an item has an error of its own.
            if "item" in part or part.get("type") == "item":
                yield parsed(ItemResult, part.get("item", part), "an item of the evaluation")
            elif "report" in part or part.get("type") == "report":
                self.report = parsed(Report, part.get("report", part), "the report")
            elif part.get("error"):
                raise refused(part["error"], otherwise="the evaluation failed")

    def ended(self) -> Report:
        """Return the report.

        Raises:
            BrokenOff: The stream ended before it.
        """
        for _ in self.feed(b"\n"):  # a last line without an end
            pass
        if self.report is None:
            raise BrokenOff("the evaluation broke off before its report")
        return self.report
