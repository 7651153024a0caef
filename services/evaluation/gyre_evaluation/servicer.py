"""RPC in: convert, validate, delegate."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from grpc import aio

from gyre_evaluation import report, store
from gyre_evaluation.clients.inference import Answerer
from gyre_evaluation.run import Outcome, run
from gyre_evaluation.settings import Settings
from gyre_evaluation.suites import MOVED, Suite, read_suite, shipped
from gyre_rpc.evaluation.v1 import evaluation_pb2 as pb
from gyre_rpc.evaluation.v1.evaluation_pb2_grpc import EvaluationServiceServicer
from gyre_service.database import Sessions, snapshot, transaction
from gyre_service.errors import AlreadyExists, NotFound, Rejected
from gyre_service.ids import new_id
from gyre_service.rpc import Context, tenant_of

_DIGEST = re.compile(r"[0-9a-f]{64}")


class Servicer(EvaluationServiceServicer):
    """Suites of a tenant, and their runs against its routes."""

    def __init__(self, settings: Settings, sessions: Sessions, inference: aio.Channel) -> None:
        self._settings = settings
        self._sessions = sessions
        self._inference = inference

    async def Evaluate(
        self, request: pb.EvaluateRequest, context: Context
    ) -> AsyncIterator[pb.EvaluateResponse]:
        tenant = tenant_of(context)
        suite = await self._find(tenant, request.suite)
        items = suite.items[: request.limit or None]
        remaining = context.time_remaining()
        settings = self._settings
        answerer = Answerer(
            self._inference,
            settings.service_token.get_secret_value(),
            tenant=tenant,
            route=request.route,
            adapter=request.adapter,
            run_id=new_id(),
            timeout_s=min(settings.item_timeout_s, remaining or settings.item_timeout_s),
            pauses_s=settings.retry_pauses_s,
            retrieve=request.retrieve,
        )
        outcomes: list[Outcome] = []
        # Closed at once when the client goes: what is being asked is cancelled with it.
        async with aclosing(run(items, answerer.ask, settings.items_in_flight)) as ended:
            async for outcome in ended:
                outcomes.append(outcome)
                yield pb.EvaluateResponse(item=_item(outcome))
        yield pb.EvaluateResponse(report=_report(suite, request.route, outcomes))

    async def PutSuite(self, request: pb.PutSuiteRequest, context: Context) -> pb.PutSuiteResponse:
        tenant = tenant_of(context)
        suite = await asyncio.to_thread(read_suite, request.yaml, request.name)
        if suite.name.startswith(MOVED):
            raise Rejected(
                f"the suites {MOVED}... are made of frozen datasets: choose another name",
                param="name",
            )
        if suite.name in shipped():
            raise AlreadyExists(f"the suite {suite.name!r} is shipped: choose another name")
        async with transaction(self._sessions) as session:
            await store.put_suite(session, tenant, suite)
        return pb.PutSuiteResponse(suite=_info(suite, shipped=False))

    async def ListSuites(
        self, request: pb.ListSuitesRequest, context: Context
    ) -> pb.ListSuitesResponse:
        tenant = tenant_of(context)
        async with snapshot(self._sessions) as session:
            stored = await store.newest_suites(session, tenant)
        infos = [_info(suite, shipped=True) for suite in shipped().values()]
        infos += [_info(suite, shipped=False) for suite in stored]
        return pb.ListSuitesResponse(suites=infos)

    async def _find(self, tenant: str, wanted: str) -> Suite:
        """Return the suite `name`, or its version `name@digest` (at least 8 digits of it)."""
        name, _, digest = wanted.partition("@")
        if digest and not re.fullmatch(r"[0-9a-f]{8,64}", digest):
            raise Rejected(f"{wanted!r}: after the @ come 8 to 64 digits of the digest")
        ours = shipped().get(name)
        if ours is not None and ours.digest.startswith(digest):
            return ours
        async with snapshot(self._sessions) as session:
            suite = await store.get_suite(session, tenant, name, digest)
            if suite is None:
                names = ", ".join([*shipped(), *await store.suite_names(session, tenant)])
                raise NotFound(f"there is no suite {wanted!r}: there are {names}", param="suite")
        return suite


def _item(outcome: Outcome) -> pb.ItemResult:
    item, result, answer = outcome.item, outcome.result, outcome.answer
    return pb.ItemResult(
        item_id=item.id,
        question=item.question,
        expected="(refusal)" if item.refusal else " | ".join(item.expected),
        answer=answer.text if answer else "",
        passed=result.passed,
        metrics=[pb.Metric(name=name, value=value) for name, value in result.scores.items()],
        latency_s=result.latency_s,
        answer_id=answer.answer_id if answer else "",
        error=outcome.error,
    )


def _report(suite: Suite, route: str, outcomes: list[Outcome]) -> pb.Report:
    results = [outcome.result for outcome in outcomes]
    answers = [outcome.answer for outcome in outcomes if outcome.answer]
    metrics = report.measure(results)
    failures = report.missed(suite.floors, metrics)
    return pb.Report(
        suite=suite.name,
        suite_digest=suite.digest,
        route=answers[0].route if answers else route or "default",
        model=", ".join(sorted({answer.model for answer in answers})),
        items=len(results),
        passed=sum(result.passed for result in results),
        ok=not failures,
        metrics=[_metric(metric) for metric in metrics],
        failures=failures,
    )


def _metric(metric: report.Metric) -> pb.Metric:
    fields: dict[str, Any] = vars(metric)
    return pb.Metric(**fields)


def _info(suite: Suite, *, shipped: bool) -> pb.SuiteInfo:
    return pb.SuiteInfo(
        name=suite.name,
        digest=suite.digest,
        items=len(suite.items),
        description=suite.description,
        shipped=shipped,
    )
