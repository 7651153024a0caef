"""RPC in: convert, validate, delegate."""

from datetime import timedelta

from gyre_drift import store
from gyre_drift.occasion import cut
from gyre_drift.references import References
from gyre_drift.routes import rollout_of
from gyre_drift.tables import Stream
from gyre_drift.watching.causes import cause_of
from gyre_drift.watching.reference import Reference
from gyre_drift.watching.watch import Watch
from gyre_events import DriftPolicy, Policy, RolloutChanged
from gyre_rpc.drift.v1 import drift_pb2 as pb
from gyre_rpc.drift.v1.drift_pb2_grpc import DriftServiceServicer
from gyre_service.database import Sessions, snapshot
from gyre_service.ids import now
from gyre_service.kafka import Table
from gyre_service.rpc import Context, tenant_of


class Servicer(DriftServiceServicer):
    """Says where the detectors of a tenant's routes stand."""

    def __init__(
        self, sessions: Sessions, rollouts: Table[RolloutChanged], references: References
    ) -> None:
        self._sessions = sessions
        self._rollouts = rollouts
        self._references = references

    async def Status(self, request: pb.StatusRequest, context: Context) -> pb.StatusResponse:
        tenant = tenant_of(context)
        async with snapshot(self._sessions) as session:
            found = []
            for row in await store.streams_of(session, tenant, request.route):
                asked = await store.requests(session, tenant, row.route, now())
                policy = self._policy(tenant, row.route)
                left = 0.0
                if asked:
                    until = asked[-1].at + timedelta(seconds=policy.cooldown_s)
                    left = max(0.0, (until - now()).total_seconds())
                watch = await store.get_watch(session, row)
                reference = None
                if row.reference_id is not None:
                    about = (tenant, row.route, row.reference_id)
                    reference = await self._references.get(session, *about)
                found.append(_stream(row, watch, reference, policy, left))
        return pb.StatusResponse(streams=found)

    def _policy(self, tenant: str, route: str) -> DriftPolicy:
        rollout = rollout_of(self._rollouts, tenant, route)
        return (rollout.policy if rollout else Policy()).drift


def _stream(
    row: Stream,
    watch: Watch | None,
    reference: Reference | None,
    policy: DriftPolicy,
    cooldown_s: float,
) -> pb.Stream:
    wanted = policy.reference_events + policy.calibration_events
    warming = watch is None or row.reference_id is None
    return pb.Stream(
        route=row.route,
        state="warming" if warming else "watching",
        reference_id=str(row.reference_id or ""),
        encoder=row.encoder,
        events=row.events,
        reference_events=row.collected if warming else wanted,
        reference_wanted=wanted,
        pending=row.waiting,
        cooldown_s=cooldown_s,
        cause=cause_of(watch.counting) if watch else "",
        attacked=watch is not None and watch.attacked,
        clusters=_clusters(watch, reference) if watch and reference else [],
        detectors=[
            pb.Detector(
                name=signal.name,
                family=signal.family,
                state=signal.state,
                statistic=signal.now(),
                threshold=signal.threshold,
                events=signal.events,
                history=signal.history,
            )
            for signal in (watch.panel if watch else ())
        ],
    )


def _clusters(watch: Watch, reference: Reference) -> list[pb.Cluster]:
    """Return each cluster's share before and now, and where it is."""
    found = []
    for change in watch.panel.mix.changes():
        centre = reference.centres[change.cluster]
        x, y = reference.place(centre)
        found.append(
            pb.Cluster(
                cluster=change.cluster,
                before=change.before,
                now=change.now,
                x=x,
                y=y,
                example=cut([reference.nearest(centre)])[0],
            )
        )
    return found
