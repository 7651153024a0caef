"""What a suite asks of whoever is released, beside what may be lost of it."""

import pytest

from gyre_evaluation import store
from gyre_evaluation.evaluating import Evaluator
from gyre_evaluation.measuring import below_floors
from gyre_evaluation.report import Result
from gyre_evaluation.suites import Suite
from gyre_events import Policy, ReleasePolicy
from gyre_rpc.inference.v1 import inference_pb2 as pb
from gyre_service.database import Sessions, transaction
from gyre_service.errors import Unavailable

from .conftest import CANDIDATE, rollout
from .inference import FakeInference
from .jobs import claimed, job_of, published

LAMPS = Suite.model_validate(
    {
        "name": "lamps",
        "description": "Answers are cited.",
        "floors": {"citation_valid": 0.9},
        "items": [
            {
                "id": str(number),
                "question": f"Which colour has lamp {number}?",
                "passages": [{"document": "lamps.md", "text": "They are blue."}],
                "expected": "blue",
            }
            for number in range(4)
        ],
    }
)
POLICY = Policy(release=ReleasePolicy(suites=("lamps",)))


@pytest.fixture
def inference() -> FakeInference:
    return FakeInference()


@pytest.mark.parametrize("production_cites", [True, False])
async def test_a_candidate_that_does_not_cite_any_more_falls_below_a_floor(
    evaluator: Evaluator, sessions: Sessions, inference: FakeInference, production_cites: bool
) -> None:
    """Each of its answers is right, and was counted as passed; also after a takeover."""
    away = True

    def reply(request: pb.GenerateRequest) -> str:
        if request.evidence[0].document == "lamp.md":
            return "blue / [1]" if request.adapter == CANDIDATE else "blue [1]"
        if request.adapter == "base" and away:
            raise Unavailable("gone")
        return "Blue [1]." if request.adapter != CANDIDATE and production_cites else "Blue."

    inference.reply = reply
    async with transaction(sessions) as session:
        await store.put_suite(session, "acme", LAMPS)
    job = await job_of(sessions, rollout("candidate", POLICY))
    with pytest.raises(Unavailable):
        await evaluator.do(job)
    away = False

    await evaluator.do(await claimed(sessions))

    [(_, event)] = await published(sessions)
    if production_cites:
        assert event.error.startswith("lamps: citation_valid: 0.000 is below the floor 0.9 (95 %")
        assert event.error.endswith("production reaches it")
        assert event.suites == ()
    else:
        assert (event.error, len(event.suites)) == ("", 2)


def test_a_floor_that_production_misses_too_refuses_nobody() -> None:
    good, bad = Result(True, True, scores={"citation_valid": 1}), Result(True, False)
    suite = LAMPS.model_copy(update={"floors": {"passed": 0.5, "citation_valid": 0.5}})
    assert below_floors(suite, [bad], [bad]) == []
    assert below_floors(suite, [good], [bad]) == []
    assert [one.split(":")[0] for one in below_floors(suite, [bad], [good])] == [
        "citation_valid",
        "passed",
    ]
