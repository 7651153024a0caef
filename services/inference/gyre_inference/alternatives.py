"""The alternatives of one answer, as the engine makes them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from gyre_inference.citations import REFUSAL, refused
from gyre_inference.delivery import Trim
from gyre_inference.generation import Piece, Sampling, TokenLogprob


@dataclass(frozen=True)
class Delta:
    """What may be shown now of one alternative."""

    text: str
    choice: int = 0
    logprobs: tuple[TokenLogprob, ...] = ()
    refused: bool = False  # we decline, in the model's place


@dataclass(frozen=True)
class Choice:
    """A whole alternative."""

    answer: str
    finish_reason: str  # stop or length; cancelled or failed: it broke off
    refused: bool
    logprobs: tuple[TokenLogprob, ...] = ()


@dataclass
class _Run:
    trim: Trim = field(default_factory=Trim)
    reason: str = "stop"
    logprobs: list[TokenLogprob] = field(default_factory=list)


class Alternatives:
    """Collects what the engine makes. What says nothing in the end declines.

    Args:
        sampling: How many there are, and whether the engine makes each of them.
    """

    def __init__(self, sampling: Sampling) -> None:
        self._sampling = sampling
        self._runs = tuple(_Run() for _ in range(sampling.runs))

    @property
    def texts(self) -> tuple[str, ...]:
        """What may have been shown of each run so far."""
        return tuple(run.trim.text for run in self._runs)

    @property
    def reasons(self) -> tuple[str, ...]:
        return tuple(run.reason for run in self._runs)

    def push(self, piece: Piece) -> list[Delta]:
        """Return what may be shown now."""
        run = self._runs[piece.run]
        run.reason = piece.finish_reason or run.reason
        run.logprobs += piece.logprobs
        shown = run.trim.push(piece.text)
        if not shown and not piece.logprobs:
            return []
        return [Delta(shown, choice, piece.logprobs) for choice in self._choices_of(piece.run)]

    def decline(self) -> list[Delta]:
        """Return the refusals of those that say nothing; call it when all is pushed."""
        return [
            Delta(REFUSAL, choice, refused=True)
            for number, run in enumerate(self._runs)
            if not run.trim.text
            for choice in self._choices_of(number)
        ]

    def choices(self) -> tuple[Choice, ...]:
        return tuple(self._choice(self._run_of(number)) for number in range(self._sampling.n))

    def _choice(self, run: _Run) -> Choice:
        said = run.trim.text
        return Choice(
            answer=said or REFUSAL,
            finish_reason=run.reason if run.reason in ("stop", "length") else "stop",
            # In a form of the caller's nothing that the model says is a refusal of ours.
            refused=not said or (not self._sampling.json_schema and refused(said)),
            logprobs=tuple(run.logprobs),
        )

    def _run_of(self, choice: int) -> _Run:
        return self._runs[min(choice, len(self._runs) - 1)]

    def _choices_of(self, run: int) -> range:
        """Return the alternatives that one run makes: one each, or all of them the same."""
        return range(run, run + 1) if len(self._runs) > 1 else range(self._sampling.n)


def broken_off(texts: Sequence[str], sampling: Sampling, reason: str) -> tuple[Choice, ...]:
    """Return the alternatives of an answer that broke off.

    Args:
        texts: What was shown of each run; none if the engine had said nothing yet.
        sampling: How many alternatives were to be.
        reason: Why no more comes.
    """
    shown = texts or ("",)
    last = len(shown) - 1
    return tuple(
        Choice(shown[min(number, last)], reason, refused=False) for number in range(sampling.n)
    )
