"""Remedies that wait until a person agrees."""

from typing import Any

from gyre_events import Policy, RemedyPolicy, RemedyRequested, RemedyReviewed

from .conftest import ENCODER, POLICY, Rollouts, Said, Send, World, baseline, live, observed

ASKS = POLICY.model_copy(update={"approval": ("re-activate", "retrain")})


def states(said: Said) -> list[tuple[str, str]]:
    return [(one.remedy, one.state) for one in said.remedies]


def review(proposed: RemedyRequested, **fields: Any) -> RemedyReviewed:
    return RemedyReviewed(
        remedy_id=proposed.remedy_id, route=proposed.route, by="operator", **fields
    )


async def proposal(
    send: Send, said: Said, rollouts: Rollouts, questions: int = 60, **policy: Any
) -> RemedyRequested:
    """Return the training that is proposed when the world has moved."""
    rollouts.put("acme", policy=Policy(drift=ASKS.model_copy(update=policy)))
    await baseline(send, World(1))
    await live(send, World(2), questions)
    assert said.requests == []
    [proposed] = said.remedies
    assert (proposed.remedy, proposed.state) == ("retrain", "proposed")
    return proposed


async def test_nothing_is_trained_until_a_person_has_agreed(
    send: Send, said: Said, rollouts: Rollouts
) -> None:
    proposed = await proposal(send, said, rollouts, questions=100)
    assert states(said) == [("retrain", "proposed")]
    assert said.requests == []
    assert "a person has to agree" in proposed.reason
    agreed = review(proposed, approved=True)
    await send(agreed)
    await live(send, World(2), 20)

    assert states(said)[:2] == [("retrain", "proposed"), ("retrain", "approved")]
    approved = said.remedies[1]
    assert (approved.remedy_id, approved.by) == (proposed.remedy_id, "operator")
    [request] = said.requests
    assert request.job_id == approved.job_id


async def test_what_is_refused_is_not_asked_for_again(
    send: Send, said: Said, rollouts: Rollouts
) -> None:
    proposed = await proposal(send, said, rollouts, questions=100)
    await send(review(proposed, approved=False, reason="a campaign, over in a week"))
    await send(review(proposed, approved=True))  # too late
    await live(send, World(2), 60)

    assert states(said) == [("retrain", "proposed"), ("retrain", "refused")]
    assert said.remedies[-1].reason == "a campaign, over in a week"
    assert said.requests == []


async def test_a_proposal_lapses_with_what_had_moved(
    send: Send, said: Said, rollouts: Rollouts
) -> None:
    proposed = await proposal(send, said, rollouts, window_events=60)
    await live(send, World(1), 220)
    await send(review(proposed, approved=True))
    await live(send, World(1), 20)

    assert states(said) == [("retrain", "proposed"), ("retrain", "lapsed")]
    assert said.requests == []


async def test_consent_counts_though_something_else_holds_the_remedy(
    send: Send, said: Said, rollouts: Rollouts
) -> None:
    proposed = await proposal(send, said, rollouts)
    rollouts.put("acme", policy=Policy(drift=ASKS.model_copy(update={"paused": True})))
    await live(send, World(2), 20)
    await send(review(proposed, approved=True))
    await live(send, World(2), 20)
    assert said.requests == []

    rollouts.put("acme", policy=Policy(drift=ASKS))
    await live(send, World(2), 20)
    assert states(said)[:3] == [
        ("retrain", "proposed"),
        ("retrain", "held"),
        ("retrain", "approved"),
    ]
    assert len(said.requests) == 1


async def test_consent_to_one_remedy_is_none_to_another(
    send: Send, said: Said, rollouts: Rollouts
) -> None:
    proposed = await proposal(send, said, rollouts)
    other = RemedyPolicy(input=("re-activate", "prompt"))
    rollouts.put("acme", policy=Policy(drift=ASKS.model_copy(update={"remedies": other})))
    await live(send, World(2), 20)
    await send(review(proposed, approved=True))
    await live(send, World(2), 20)

    assert states(said) == [("retrain", "proposed"), ("retrain", "lapsed"), ("prompt", "decided")]
    assert said.remedies[-1].remedy_id != proposed.remedy_id
    assert said.requests == []


async def test_a_proposal_lapses_with_the_reference_that_it_was_made_by(
    send: Send, said: Said, rollouts: Rollouts
) -> None:
    proposed = await proposal(send, said, rollouts)
    other = ENCODER.model_copy(update={"digest": "f" * 64})
    for vector in World(3).questions(POLICY.reference_events + POLICY.calibration_events):
        await send(observed(vector, "baseline", encoder=other))
    await send(review(proposed, approved=True))
    await send(observed(World(3).questions(1)[0], encoder=other))

    assert states(said) == [("retrain", "proposed"), ("retrain", "lapsed")]
    assert said.requests == []
