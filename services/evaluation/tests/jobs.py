"""Jobs of a candidate that knows the new form, and what was published of them."""

import json
from uuid import UUID

from sqlmodel import select

from gyre_evaluation import store
from gyre_evaluation.suites import suites_of
from gyre_evaluation.work import Evaluation, add_evaluation
from gyre_events import AdapterEvaluated, Policy, ReleasePolicy, RolloutChanged
from gyre_rpc.inference.v1 import inference_pb2 as pb
from gyre_service.database import Sessions, snapshot, transaction
from gyre_service.jobs import claim
from gyre_service.kafka.outbox import Outbox

from .conftest import CANDIDATE, JOB
from .test_moved import example

HEDGE = {"document": "hedge.md", "page": None, "text": "blue"}
POLICY = Policy(release=ReleasePolicy(suites=("smoke",), suite_items=2))


def reply(request: pb.GenerateRequest) -> str:
    """The candidate knows the new form, the base the old one."""
    if request.evidence[0].text != "The lamp is blue.":
        return f"{request.evidence[0].text} [1]"
    return "blue / [1]" if request.adapter == CANDIDATE else "blue [1]"


async def job_of(
    sessions: Sessions,
    wanted: RolloutChanged,
    tenant: str = "acme",
    moved: int = 5,
    praised: int = 0,
) -> Evaluation:
    contents = [example() for _ in range(moved)]
    contents += [example("blue [1]", kind="praised", passages=[HEDGE]) for _ in range(praised)]
    async with transaction(sessions) as session:
        for suite in suites_of(JOB, "default", contents) if contents else []:
            await store.put_suite(session, tenant, suite)
        await add_evaluation(session, tenant, CANDIDATE, wanted)
    return await claimed(sessions)


async def claimed(sessions: Sessions) -> Evaluation:
    job = await claim(sessions, Evaluation, 0.0)
    assert job is not None
    return job


async def published(sessions: Sessions) -> list[tuple[UUID, AdapterEvaluated]]:
    async with snapshot(sessions) as session:
        rows = (await session.exec(select(Outbox))).all()
    return [(row.id, AdapterEvaluated.model_validate(json.loads(row.body))) for row in rows]
