"""Makes the engine have what the routes want: loads, proves, publishes, and lets go."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Protocol

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


class Loader(Protocol):
    """What of an engine this needs."""

    loaded: asyncio.Event

    async def load(self, adapter: Adapter) -> None: ...
    async def unload(self, adapter: Adapter) -> None: ...


class NoRoom(Rejected):
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
        self._missing: dict[str, float] = {}  # when a folder was first found not to be there
        self._modules: Modules | None = None
        self._held: Counter[str] = Counter()  # answers under way, by the adapter's digest
        self._told: set[tuple[str, str, str]] = set()
        self._changed = asyncio.Event()

    def has(self, digest: str | None) -> bool:
        """Whether an arm with this adapter can answer; the base always can."""
        return digest is None or digest in self._here

    def refuses(self, digest: str | None) -> bool:
        """Whether an adapter will never answer here, as long as a route wants it."""
        return digest in self._refused

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
        wanted = {arm.adapter_digest for _, _, arm in arms}
        later = await self._let_go(wanted)  # first: what comes needs the room
        for tenant, rollout, arm in arms:
            adapter = adapter_of(rollout, arm)
            if adapter is None:
                continue
            try:
                await self._load(adapter, wanted)
            except Unavailable as error:  # the others do not wait for it
                later = error
                continue
            await self._tell(tenant, rollout, arm)
        if later is not None:
            raise later

    async def _let_go(self, wanted: set[str | None]) -> Unavailable | None:
        """Unload what no arm wants; return why some of it has to stay for now."""
        later = None
        for digest in set(self._here) - wanted:
            adapter, _ = self._here[digest]
            if self._held[digest]:
                later = Unavailable(f"adapter {digest[:12]} still answers")
            else:
                del self._here[digest]
                await self._engine.unload(adapter)
                log.info("adapter %s is unloaded", adapter.name)
        has_room = len(self._here) < self._settings.max_loras
        for digest, refusal in list(self._refused.items()):
            if digest not in wanted or (has_room and isinstance(refusal, NoRoom)):
                del self._refused[digest]
        self._missing = {digest: at for digest, at in self._missing.items() if digest in wanted}
        return later

    def _check_room(self, wanted: set[str | None]) -> None:
        """Let another adapter be loaded.

        Raises:
            NoRoom: Others are wanted, as many as there may be.
            Unavailable: One of them is not wanted any more, and will be let go of.
        """
        limit = self._settings.max_loras
        if len(self._here) < limit:
            return
        full = f"{len(self._here)} adapters are loaded, at most {limit}"
        if set(self._here) - wanted:
            raise Unavailable(full)
        raise NoRoom(full)

    async def _load(self, adapter: Adapter, wanted: set[str | None]) -> None:
        if adapter.digest in self._here or adapter.digest in self._refused:
            return
        begin = time.monotonic()
        try:
            self._check_room(wanted)
            folder = await self._fetch(adapter)
            await asyncio.to_thread(self._verify, folder, adapter)
            local = replace(adapter, path=str(folder))
            await self._engine.load(local)
        except Rejected as error:
            self._refused[adapter.digest] = error
            log.error("adapter %s is refused: %s", adapter.name, error)
            return
        seconds = time.monotonic() - begin
        self._here[adapter.digest] = (local, seconds)
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
        """Publish once what came of an arm's adapter in this rollout."""
        digest = str(arm.adapter_digest)
        key = (tenant, str(rollout.rollout_id), digest)
        if key in self._told:
            return
        refusal = str(self._refused.get(digest, ""))
        event = AdapterLoaded(
            route=rollout.route,
            revision=rollout.revision,
            rollout_id=rollout.rollout_id,
            adapter_digest=digest,
            replica=self._settings.replica,
            outcome="refused" if refusal else "loaded",
            reason=refusal,
            seconds=0 if refusal else self._here[digest][1],
            decided_at=now(),
        )
        await self._publish(tenant, event)
        self._told.add(key)


def publisher(
    sessions: Sessions, settings: Settings
) -> Callable[[str, AdapterLoaded], Awaitable[None]]:
    """Return what keeps an event for Kafka; said again after a restart it is the same one."""

    async def publish(tenant: str, event: AdapterLoaded) -> None:
        parts = (event.replica, event.route, event.rollout_id, event.adapter_digest, event.outcome)
        id = derived_id(tenant, event.topic, *parts)
        await enqueue_alone(sessions, event, tenant, settings.service, id)

    return publish
