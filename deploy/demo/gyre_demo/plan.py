"""How large a story is."""

from dataclasses import dataclass
from typing import Any, Self

SUITE = "known"  # the operator's own: what must not be forgotten


@dataclass(frozen=True)
class Plan:
    """Numbers of things, questions and answers; the defaults are those of `make demo`.

    Attributes:
        things: Known before the shift, one document each.
        past: Things that past questions were about.
        moved: Things of the moved world, one document each.
        baseline: Past questions that make the reference.
        control: Live questions before the shift, beside the measured ones.
        measured: Held-out questions of each measurement.
        suite: Items of the operator's suite.
        floor: Curated examples that a training waits for.
        steps: Of the training.
        batch: Examples a step.
        learning_rate: Of the training.
        evidence: Judged answers that each step of the canary needs.
        patience_s: How long any one step of the loop may take.
    """

    things: int = 80
    past: int = 300
    moved: int = 120
    baseline: int = 2_000
    control: int = 220
    measured: int = 100
    suite: int = 60
    floor: int = 240
    steps: int = 240
    batch: int = 16
    learning_rate: float = 2e-3
    evidence: int = 15
    patience_s: float = 600

    @classmethod
    def of(cls, model: str) -> Self:
        """Return the plan for a model: one that is large for two cores trains on less."""
        if model == "reference":
            return cls()
        return cls(
            moved=60,
            floor=100,
            steps=60,
            batch=8,
            learning_rate=3e-4,
            suite=40,
            evidence=10,
            patience_s=2_400,
        )

    def policy(self) -> dict[str, Any]:
        """Return the route's policy file, as an operator would write it."""
        half = self.baseline // 2
        return {
            "max_tokens": 32,
            "drift": {"reference_events": half, "calibration_events": half},
            "training": {
                "floor_examples": self.floor,
                "floor_conversations": 40,
                "data_deadline_s": 3_600,
                "batch_examples": self.batch,
                "learning_rate": self.learning_rate,
                "max_steps": self.steps,
            },
            "release": {
                "suites": [SUITE],
                "suite_items": 40,
                "step_evidence": self.evidence,
                "step_timeout_s": 1_800,
                "shadow": 1.0,
            },
        }
