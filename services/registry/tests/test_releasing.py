"""What a person asks of rollouts, over RPC."""

import json
from typing import Any
from uuid import uuid4

import grpc
import pytest

from gyre_registry import watching
from gyre_registry.deciding import ensure_routes
from gyre_rpc.registry.v1 import registry_pb2 as pb
from gyre_service.database import Sessions
from gyre_service.rpc import calling_for

from .conftest import ACME, OTHER, Published, Send, refusal
from .test_lineage import answered
from .test_rollouts import canary, changes, evaluated, loaded, refused, scored, trained, verdict


async def test_rollouts_are_told_with_their_evidence_and_history(
    send: Send, published: Published, stub: Any
) -> None:
    shown = await canary(send, published)
    await send(scored(shown, "candidate", 1, "shadow"))
    await send(scored(shown, "production", 0, "live"))
    await send(verdict(shown, "candidate", "down"))
    await send(trained("d"))

    told = await stub.ListRollouts(pb.ListRolloutsRequest(), metadata=ACME)

    waiting, rollout = told.rollouts
    assert (waiting.stage, waiting.adapter_digest) == ("waiting", "d" * 64)
    assert (rollout.rollout_id, rollout.stage, rollout.share) == (
        str(shown.rollout_id),
        "canary",
        100,
    )
    assert [(one.source, one.arm, one.answers, one.bad) for one in rollout.evidence] == [
        ("live", "production", 1, 1),
        ("live", "candidate", 1, 1),
        ("judge", "production", 1, 1),
        ("judge", "candidate", 1, 0),
    ]
    assert all(0 <= one.low < one.high <= 1 for one in rollout.evidence)
    assert [(step.stage, step.by) for step in rollout.history] == [
        ("waiting", "policy"),
        ("candidate", "policy"),
        ("canary", "policy"),
    ]
    assert json.loads(rollout.gate_json)["suites"]
    for request, metadata in (
        (pb.ListRolloutsRequest(route="other"), ACME),
        (pb.ListRolloutsRequest(), calling_for("umbrella")),
    ):
        assert not (await stub.ListRollouts(request, metadata=metadata)).rollouts


async def test_a_person_promotes_and_takes_back(
    send: Send, published: Published, stub: Any
) -> None:
    shown = await canary(send, published)
    request = pb.PromoteRequest(route="default", by="ada", reason="it is good")

    promoted = (await stub.Promote(request, metadata=ACME)).rollout

    assert (promoted.rollout_id, promoted.stage) == (str(shown.rollout_id), "production")
    assert (promoted.history[-1].by, promoted.history[-1].reason) == ("ada", "it is good")
    assert (await changes(published))[-1].arms[0].adapter_digest == "c" * 64
    again = pb.PromoteRequest(rollout_id=promoted.rollout_id)
    assert await refusal(stub.Promote(again, metadata=ACME)) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        f"rollout {promoted.rollout_id} is production: only one under way is promoted",
    )

    back = (await stub.Rollback(pb.RollbackRequest(route="default"), metadata=ACME)).rollout

    assert (back.stage, back.reason) == ("rolled-back", "rolled back by hand")
    assert (await changes(published))[-1].arms[0].adapter_digest is None
    code, message = await refusal(
        stub.Rollback(pb.RollbackRequest(rollout_id=back.rollout_id), metadata=ACME)
    )
    assert (code, "nothing to take back" in message) == (grpc.StatusCode.INVALID_ARGUMENT, True)


async def test_what_nobody_has_loaded_is_not_promoted(
    send: Send, published: Published, stub: Any
) -> None:
    await send(trained())
    [candidate] = await changes(published)
    await send(loaded(candidate.model_copy(update={"rollout_id": uuid4()})))

    code, message = await refusal(stub.Promote(pb.PromoteRequest(), metadata=ACME))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert message == "adapter cccccccccccc cannot answer: no replica has loaded it yet"

    full = {"waits": True, "reason": "there is no room"}
    await send(refused(candidate).model_copy(update=full))
    [told] = (await stub.ListRollouts(pb.ListRolloutsRequest(), metadata=ACME)).rollouts
    why = "replica inference-0 waits: there is no room"
    assert (told.stage, told.reason) == (
        "candidate",
        f"is measured before anybody sees it; {why}",
    )
    _, message = await refusal(stub.Promote(pb.PromoteRequest(), metadata=ACME))
    assert message == f"adapter cccccccccccc cannot answer: {why}"

    await send(loaded(candidate))
    await send(refused(candidate).model_copy(update=full | {"replica": "inference-1"}))
    [told] = (await stub.ListRollouts(pb.ListRolloutsRequest(), metadata=ACME)).rollouts
    assert told.reason == "is measured before anybody sees it"
    promoted = (await stub.Promote(pb.PromoteRequest(), metadata=ACME)).rollout
    assert promoted.stage == "production"


async def promote(send: Send, published: Published, stub: Any, digests: str) -> None:
    """Bring adapters to production, one after the other."""
    for digest in digests:
        await send(trained(digest))
        await send(loaded((await changes(published))[-1]))
        await stub.Promote(pb.PromoteRequest(route="default"), metadata=ACME)


async def test_by_its_route_is_taken_back_what_is_in_production_whatever_came_after(
    send: Send, published: Published, stub: Any
) -> None:
    request = pb.RollbackRequest(route="default")
    await promote(send, published, stub, "cd")
    await send(trained("e"))
    await send(evaluated((await changes(published))[-1], gain=0))

    taken = []
    for _ in range(2):
        back = (await stub.Rollback(request, metadata=ACME)).rollout
        now = (await changes(published))[-1].arms[0].adapter_digest
        taken.append((back.adapter_digest, back.stage, now))

    assert taken == [("d" * 64, "rolled-back", "c" * 64), ("c" * 64, "rolled-back", None)]
    code, message = await refusal(stub.Rollback(request, metadata=ACME))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert "is rejected: there is nothing to take back" in message


async def test_by_its_id_is_taken_back_only_what_is_in_production(
    send: Send, published: Published, stub: Any
) -> None:
    await promote(send, published, stub, "cdc")  # the same adapter twice
    listed = (await stub.ListRollouts(pb.ListRolloutsRequest(), metadata=ACME)).rollouts
    here, _, first = (one.rollout_id for one in listed)

    retired = pb.RollbackRequest(rollout_id=first)
    code, message = await refusal(stub.Rollback(retired, metadata=ACME))
    assert (code, message) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        f"rollout {first} is not in production any more",
    )
    await stub.Rollback(pb.RollbackRequest(rollout_id=here), metadata=ACME)
    assert (await changes(published))[-1].arms[0].adapter_digest == "d" * 64


@pytest.mark.parametrize("who", ["the gate", "a replica", "promote", "rollback"])
async def test_nobody_undoes_a_change_of_base_by_a_rollout_of_before(
    send: Send, published: Published, sessions: Sessions, stub: Any, who: str
) -> None:
    shown = await canary(send, published)
    if who == "the gate":
        await stub.Rollback(pb.RollbackRequest(), metadata=ACME)
        await send(trained("d"))
        shown = (await changes(published))[-1]
    await ensure_routes(sessions, [("acme", shown)], OTHER)
    rebased = (await changes(published))[-1]

    match who:
        case "the gate":
            await send(evaluated(shown))
        case "a replica":
            await send(refused(shown))
        case "promote":
            code, message = await refusal(stub.Promote(pb.PromoteRequest(), metadata=ACME))
            assert code is grpc.StatusCode.INVALID_ARGUMENT
            assert "is over: another base is served" in message
        case _:
            back = (await stub.Rollback(pb.RollbackRequest(), metadata=ACME)).rollout
            assert (back.stage, back.reason) == ("rejected", "another base is served")
    await watching.look(sessions)

    assert (await changes(published))[-1] == rebased
    told = (await stub.ListRollouts(pb.ListRolloutsRequest(), metadata=ACME)).rollouts[0]
    assert told.stage == "rejected"


async def test_what_was_replaced_is_told_of_as_retired_until_it_is_back(
    send: Send, published: Published, sessions: Sessions, stub: Any
) -> None:
    async def told() -> list[tuple[str, int]]:
        found = await stub.ListRollouts(pb.ListRolloutsRequest(), metadata=ACME)
        listed = await stub.ListAdapters(pb.ListAdaptersRequest(), metadata=ACME)
        rollouts = [(one.stage, one.share) for one in found.rollouts]
        assert [one.stage for one in listed.adapters] == [stage for stage, _ in rollouts]
        return rollouts

    await promote(send, published, stub, "c")
    answer = answered((await changes(published))[-1], "production")
    await send(answer)
    await promote(send, published, stub, "d")
    assert await told() == [("production", 10_000), ("retired", 0)]
    request = pb.GetLineageRequest(answer_id=str(answer.answer_id))
    lineage = json.loads((await stub.GetLineage(request, metadata=ACME)).lineage_json)
    assert (lineage["rollout"]["stage"], lineage["rollout"]["share"]) == ("retired", 0)

    await stub.Rollback(pb.RollbackRequest(route="default"), metadata=ACME)
    assert await told() == [("rolled-back", 0), ("production", 10_000)]

    topic = await published.rollouts()
    await ensure_routes(sessions, [topic[-1]], OTHER)
    assert await told() == [("rolled-back", 0), ("retired", 0)]


async def test_a_person_ends_what_is_under_way_and_not_what_is_behind_it(
    send: Send, published: Published, stub: Any
) -> None:
    await canary(send, published)
    first = (await stub.Promote(pb.PromoteRequest(route="default"), metadata=ACME)).rollout
    await send(trained("d"))

    request = pb.RollbackRequest(rollout_id=first.rollout_id)
    code, message = await refusal(stub.Rollback(request, metadata=ACME))
    assert (code, "end it first" in message) == (grpc.StatusCode.ABORTED, True)

    ended = (await stub.Rollback(pb.RollbackRequest(route="default"), metadata=ACME)).rollout
    assert (ended.adapter_digest, ended.stage) == ("d" * 64, "rolled-back")
    assert (await changes(published))[-1].arms[0].adapter_digest == "c" * 64


@pytest.mark.parametrize("call", ["Promote", "Rollback"])
async def test_what_is_not_there_cannot_be_meant(
    send: Send, published: Published, stub: Any, call: str
) -> None:
    shown = await canary(send, published)
    method = getattr(stub, call)
    kind = getattr(pb, f"{call}Request")

    for request, metadata, expected in (
        (kind(rollout_id=str(uuid4())), ACME, grpc.StatusCode.NOT_FOUND),
        (kind(route="other"), ACME, grpc.StatusCode.NOT_FOUND),
        (kind(rollout_id="first"), ACME, grpc.StatusCode.INVALID_ARGUMENT),
        (
            kind(rollout_id=str(shown.rollout_id)),
            calling_for("umbrella"),
            grpc.StatusCode.NOT_FOUND,
        ),
    ):
        code, _ = await refusal(method(request, metadata=metadata))
        assert code is expected


async def test_two_routes_may_have_the_same_adapter(
    send: Send, published: Published, stub: Any
) -> None:
    for route in ("one", "two"):
        await stub.PutRoute(pb.PutRouteRequest(name=route), metadata=ACME)
        await send(trained(route=route))

    begun = [(one.route, one.arms[1].adapter_digest) for one in await changes(published)]
    assert begun == [("one", "c" * 64), ("two", "c" * 64)]
    listed = (await stub.ListAdapters(pb.ListAdaptersRequest(), metadata=ACME)).adapters
    assert {(each.route, each.stage) for each in listed} == {
        ("one", "candidate"),
        ("two", "candidate"),
    }


async def test_a_training_that_makes_the_same_again_is_told_of_as_itself(
    send: Send, published: Published
) -> None:
    first, second = trained(), trained()
    await send(first)
    [begun] = await changes(published)
    await send(refused(begun))
    await send(second)

    arms = [one.arms[1] for one in await changes(published) if len(one.arms) > 1]
    assert [arm.job_id for arm in arms] == [first.job_id, second.job_id]


async def test_lineage_is_told_to_its_tenant(send: Send, published: Published, stub: Any) -> None:
    answer = answered(await canary(send, published))
    await send(answer)
    request = pb.GetLineageRequest(answer_id=str(answer.answer_id))

    found = json.loads((await stub.GetLineage(request, metadata=ACME)).lineage_json)

    assert found["answer"]["answer_id"] == str(answer.answer_id)
    assert found["adapter"]["digest"] == "c" * 64
    code, _ = await refusal(stub.GetLineage(request, metadata=calling_for("umbrella")))
    assert code is grpc.StatusCode.NOT_FOUND
    wrong = pb.GetLineageRequest(answer_id="one")
    code, _ = await refusal(stub.GetLineage(wrong, metadata=ACME))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
