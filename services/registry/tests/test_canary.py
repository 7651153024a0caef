import pytest

from gyre_events import ReleasePolicy
from gyre_registry.canary import Count, Standing, decide

POLICY = ReleasePolicy(step_evidence=10, step_timeout_s=60, max_bad=20, margin=0.05)
GOOD, BAD = Count(40, 1, 1), Count(40, 35, 35)


def standing(**changes: object) -> Standing:
    fields = {
        "candidate": GOOD,
        "production": BAD,
        "step": 2,
        "step_answers": 12,
        "step_s": 5.0,
    }
    return Standing(**fields | changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "to"),
    [
        ({"step": 0}, "step"),
        ({}, "promote"),
        ({"step_answers": 9}, "stay"),
        ({"candidate": BAD, "production": GOOD, "step": 0}, "roll back"),
        ({"candidate": Count(60, 20, 20), "production": Count(60, 18, 18)}, "roll back"),
        ({"candidate": Count(), "production": Count(), "step_answers": 0}, "stay"),
        ({"candidate": Count(), "step_answers": 0, "step_s": 61.0}, "roll back"),
        # Two good arms: neither is shown to be worse until there is ten times the evidence.
        ({"production": Count(40, 1, 1)}, "stay"),
        ({"candidate": Count(100, 3, 3), "production": Count(100, 3, 3)}, "promote"),
    ],
)
def test_what_a_canary_does_next(changes: dict[str, object], to: str) -> None:
    move = decide(standing(**changes), POLICY)
    assert move.to == to, move.reason
    assert "answers bad" in move.reason


def test_a_person_promotes_where_the_policy_says_so_and_nothing_times_out_meanwhile() -> None:
    policy = POLICY.model_copy(update={"approval": True})
    assert decide(standing(step_s=1e9), policy).to == "stay"
    assert decide(standing(step_s=1e9, step_answers=0), policy).to == "roll back"
    assert decide(standing(step=0), policy).to == "step"
