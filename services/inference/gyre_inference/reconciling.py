"""Makes the engine have what the routes want: loads, proves, publishes, and lets go."""

import asyncio
import logging
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Protocol, TypeAlias

from gyre_events import AdapterLoaded, Arm, RolloutChanged
from gyre_inference.generation import Adapter
from gyre_inference.modules import modules_of
from gyre_inference.routes import Rollouts, adapter_of
from gyre_inference.settings import Settings
from gyre_service import adapters
from gyre_service.adapter_weights import Modules
from gyre_service.database import Sessions
from gyre_service.errors import Conflict, Rejected, Unavailable
from gyre_service.ids import derived_id, now
from gyre_service.kafka import enqueue_alone

log = logging.getLogger(__name__)
AGAIN_S = 2.0  # before another attempt at what is away
PREVIOUS = "previous"  # the arm that is kept loaded for a way back, while there is room

_Wanted: TypeAlias = tuple[str, RolloutChanged, Arm]  # by a tenant


class Loader(Protocol):
    """What of an engine this needs."""

    loaded: asyncio.Event

    async def load(self, adapter: Adapter) -> None: ...
    async def unload(self, adapter: Adapter) -> None: ...


class NoRoom(Exception):
    """So many adapters are wanted that this one has no place; that may change."""


class Reconciler:
    """Knows which adapters answer here.

    Args:
        settings: Of the service.
        engine: That loads.
        rollouts: What is wanted.
        publish: Keeps an event of a tenant for Kafka.
    """

    def __init__(
        self,
        settings: Settings,
        engine: Loader,
        rollouts: Rollouts,
        publish: Callable[[str, AdapterLoaded], Awaitable[None]],
    ) -> None:
        self._settings = settings
        self._engine = engine
        self._rollouts = rollouts
        self._publish = publish
        self._here: dict[str, tuple[Adapter, float]] = {}  # by digest, with seconds to load
        self._refused: dict[str, Rejected] = {}
        self._crowded_out: dict[str, NoRoom] = {}
        self._missing: dict[str, float] = {}  # when a folder was first found not to be there
        self._modules: Modules | None = None
        self._held: Counter[str] = Counter()  # answers under way, by the adapter's digest
        self._told: set[tuple[str, str, str, bool]] = set()
        self._changed = asyncio.Event()

    def has(self, digest: str | None) -> bool:
        """Whether an arm with this adapter can answer; the base always can."""
        return digest is None or digest in self._here

    def refuses(self, digest: str | None) -> bool:
        """Whether an adapter will not answer here, as long as the routes want what they want."""
        return digest in self._refused or digest in self._crowded_out

    def local(self, adapter: Adapter) -> Adapter:
        """Return an adapter that is loaded, with the folder that it was loaded from."""
        return replace(adapter, path=self._here[adapter.digest][0].path)

    @contextmanager
    def hold(self, adapter: Adapter | None) -> Iterator[None]:
        """Keep an adapter loaded inside the block, whatever the routes want by then."""
        if adapter is None:
            yield
            return
        self._held[adapter.digest] += 1
        try:
            yield
        finally:
            self._held[adapter.digest] -= 1

    def changed(self) -> None:
        """Look again: the routes have changed."""
        self._changed.set()

    async def reason(self) -> str:
        """Return why this replica is not ready: what has a share is not here yet."""
        for tenant, rollout in self._rollouts.rows():
            for arm in rollout.arms:
                digest = arm.adapter_digest
                if arm.share and not self.has(digest) and not self.refuses(digest):
                    return f"{tenant}/{rollout.route}: adapter {str(digest)[:12]} is not loaded"
        return ""

    async def run(self) -> None:
        """Reconcile at every change, until cancelled."""
        await self._engine.loaded.wait()
        while True:
            self._changed.clear()
            try:
                await self._reconcile()
            except (Unavailable, Conflict) as error:
                log.warning("adapters: %s", error)
                await asyncio.sleep(AGAIN_S)
                continue
            await self._changed.wait()

    async def _reconcile(self) -> None:
        arms = [(t, rollout, arm) for t, rollout in self._rollouts.rows() for arm in rollout.arms]
        arms = _in_turn(arms)  # so that of too many the right ones have no room
        wanted = {arm.adapter_digest for _, _, arm in arms}
        needed = {arm.adapter_digest for _, _, arm in arms if not _may_go(arm)}
        spare = [str(arm.adapter_digest) for _, _, arm in reversed(arms) if _may_go(arm)]
        spare = [digest for digest in spare if digest not in needed]
        later = await self._let_go(wanted)  # first: what comes needs the room
        for tenant, rollout, arm in arms:
            adapter = adapter_of(rollout, arm)
            if adapter is None:
                continue
            try:
                await self._load(adapter, wanted, () if _may_go(arm) else spare)
            except Unavailable as error:  # the others do not wait for it
                later = error
                continue
            except NoRoom as error:
                if _may_go(arm):
                    continue
                self._crowded_out[adapter.digest] = error
                log.warning("adapter %s waits: %s", adapter.name, error)
            await self._tell(tenant, rollout, arm)
        if later is not None:
            raise later

    async def _let_go(self, wanted: set[str | None]) -> Unavailable | None:
        """Unload what no arm wants; return why some of it has to stay for now."""
        later = None
        for digest in set(self._here) - wanted:
            if self._held[digest]:
                later = Unavailable(f"adapter {digest[:12]} still answers")
            else:
                await self._unload(digest)
        self._refused = {d: error for d, error in self._refused.items() if d in wanted}
        self._crowded_out = {d: error for d, error in self._crowded_out.items() if d in wanted}
        self._missing = {digest: at for digest, at in self._missing.items() if digest in wanted}
        return later

    async def _unload(self, digest: str) -> None:
        adapter, _ = self._here.pop(digest)
        await self._engine.unload(adapter)
        log.info("adapter %s is unloaded", adapter.name)

    def _in_place_of(self, wanted: set[str | None], spare: Sequence[str]) -> str | None:
        """Return which one of `spare` another adapter takes the place of; None if there is room.

        Raises:
            NoRoom: Others are wanted more, as many as there may be.
            Unavailable: One of them is let go of as soon as it has answered.
        """
        limit = self._settings.max_loras
        if len(self._here) < limit:
            return None
        full = f"there is no room: {len(self._here)} adapters are loaded, at most {limit}"
        if set(self._here) - wanted:
            raise Unavailable(full)
        here = [digest for digest in spare if digest in self._here]
        if not here:
            raise NoRoom(full)
        idle = [digest for digest in here if not self._held[digest]]
        if not idle:
            raise Unavailable(full)
        return idle[0]

    async def _load(self, adapter: Adapter, wanted: set[str | None], spare: Sequence[str]) -> None:
        if adapter.digest in self._here or adapter.digest in self._refused:
            return
        begin = time.monotonic()
        try:
            self._in_place_of(wanted, spare)  # nothing is fetched that has no place
            folder = await self._fetch(adapter)
            await asyncio.to_thread(self._verify, folder, adapter)
            local = replace(adapter, path=str(folder))
            # Only for what is here: a way back would be let go of and loaded again at each attempt.
            if (other := self._in_place_of(wanted, spare)) is not None:
                await self._unload(other)
            await self._engine.load(local)
        except Rejected as error:
            self._refused[adapter.digest] = error
            self._crowded_out.pop(adapter.digest, None)
            log.error("adapter %s is refused: %s", adapter.name, error)
            return
        seconds = time.monotonic() - begin
        self._here[adapter.digest] = (local, seconds)
        self._crowded_out.pop(adapter.digest, None)
        log.info("adapter %s is loaded after %.1f s", adapter.name, seconds)

    async def _fetch(self, adapter: Adapter) -> Path:
        """Return the adapter's folder on local disk.

        Raises:
            Rejected: Its place is not its own, or has had no folder for too long.
            Unavailable: It is not there yet, or its location is away.
        """
        adapters.check_place(adapter.path, adapter.digest)
        cache = self._settings.home / "cache" / "adapters"
        try:
            folder = await adapters.fetch(adapter.path, cache)
        except adapters.NoFolder as error:
            waited = time.monotonic() - self._missing.setdefault(adapter.digest, time.monotonic())
            if waited < self._settings.adapter_wait_s:
                raise
            raise Rejected(f"{error}: waited {waited:.0f} s, its path is stale") from error
        self._missing.pop(adapter.digest, None)
        return folder

    def _verify(self, folder: Path, adapter: Adapter) -> None:
        if self._modules is None:
            # An endpoint's model need not be here: then only the endpoint knows its modules.
            base = self._settings.model_path
            self._modules = {} if base == Path() else modules_of(base)
        adapters.verify(
            folder,
            adapter.digest,
            self._settings.model_digest,
            max_rank=self._settings.max_lora_rank,
            modules=self._modules or None,
        )

    async def _tell(self, tenant: str, rollout: RolloutChanged, arm: Arm) -> None:
        """Publish once what came of an arm's adapter in this rollout, and that it waits."""
        digest = str(arm.adapter_digest)
        waits = digest in self._crowded_out
        key = (tenant, str(rollout.rollout_id), digest, waits)
        if key in self._told:
            return
        refusal = str(self._crowded_out[digest] if waits else self._refused.get(digest, ""))
        event = AdapterLoaded(
            route=rollout.route,
            revision=rollout.revision,
            rollout_id=rollout.rollout_id,
            adapter_digest=digest,
            replica=self._settings.replica,
            outcome="refused" if refusal else "loaded",
            reason=refusal,
            waits=waits,
            seconds=0 if refusal else self._here[digest][1],
            decided_at=now(),
        )
        await self._publish(tenant, event)
        self._told.add(key)


def _may_go(arm: Arm) -> bool:
    return arm.name == PREVIOUS and not arm.share


def _in_turn(arms: Sequence[_Wanted]) -> list[_Wanted]:
    """Sort by urgency; where it is equal each tenant has an adapter before anybody has another."""
    digests: defaultdict[str, list[str]] = defaultdict(list)  # of a tenant, the most urgent first
    for tenant, _, arm in sorted(arms, key=_urgency):
        if arm.adapter_digest and arm.adapter_digest not in digests[tenant]:
            digests[tenant].append(arm.adapter_digest)

    def turn(wanted: _Wanted) -> tuple[int, float, int]:
        tenant, _, arm = wanted
        digest = arm.adapter_digest
        return *_urgency(wanted), digests[tenant].index(digest) if digest else 0

    return sorted(arms, key=turn)


def _urgency(wanted: _Wanted) -> tuple[int, float]:
    """Sort production first, then what else has a share; ways back last, the newest of them first.

    Newest is whose route was decided on last.
    """
    _, rollout, arm = wanted
    if _may_go(arm):
        return 3, -rollout.decided_at.timestamp()
    if not arm.share:
        return 2, 0.0
    return (0 if arm == rollout.arms[0] else 1), 0.0


def publisher(
    sessions: Sessions, settings: Settings
) -> Callable[[str, AdapterLoaded], Awaitable[None]]:
    """Return what keeps an event for Kafka; said again after a restart it is the same one."""

    async def publish(tenant: str, event: AdapterLoaded) -> None:
        outcome = "waits" if event.waits else event.outcome
        parts = (event.replica, event.route, event.rollout_id, event.adapter_digest, outcome)
        id = derived_id(tenant, event.topic, *parts)
        await enqueue_alone(sessions, event, tenant, settings.service, id)

    return publish
