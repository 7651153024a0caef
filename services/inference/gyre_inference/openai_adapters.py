"""Adapters of an endpoint: known by name, loaded where it can, proved before they answer."""

import asyncio
import logging
import time

from gyre_inference.generation import Adapter, Sampling, Turn
from gyre_inference.openai_request import body_of
from gyre_inference.openai_wire import Broke, Card, Endpoint
from gyre_inference.proving import prove
from gyre_inference.settings import Settings
from gyre_service.errors import Rejected, Unavailable

log = logging.getLogger(__name__)

PROBE = (Turn("user", "[1] The lamp is blue.\n\nQuestion: Which colour is the lamp?"),)
PROBED = 5  # tokens that are compared


class EndpointAdapters:
    """The adapters of one endpoint.

    Args:
        settings: What it can do with adapters, and how it names them.
        endpoint: Has them.
    """

    def __init__(self, settings: Settings, endpoint: Endpoint) -> None:
        self._settings = settings
        self._endpoint = endpoint
        self._here: dict[str, Adapter] = {}  # by digest
        self._missed: dict[str, float] = {}  # by digest: since when it is waited for

    def model(self, adapter: Adapter | None) -> str:
        """Return what a request names as its model."""
        if adapter is None:
            return self._settings.openai_model
        return _filled(self._settings.openai_adapter_name, adapter)

    async def load(self, adapter: Adapter) -> None:
        """Have an adapter at the endpoint, and prove that it changes what the model says.

        Raises:
            Rejected: The endpoint has no adapters, does not take this one, or answers as if it
                were not there.
            Unavailable: It is away, takes too long, or does not have it yet.
        """
        if self._settings.openai_adapters == "none":
            raise Rejected(
                "the endpoint serves no adapters: where it does, GYRE_OPENAI_ADAPTERS is "
                "named or loaded"
            )
        seconds = self._settings.adapter_timeout_s
        try:
            async with asyncio.timeout(seconds):
                listed = await self._endpoint.models()
                if self.model(adapter) not in listed and self._loads:
                    listed = await self._loaded(adapter)
                self._find(adapter, listed)
                await prove(self._probe_or_reject, adapter)
        except TimeoutError as error:
            raise Unavailable(f"the endpoint did not load the adapter in {seconds:g} s") from error
        except Rejected:
            await self.unload(adapter)
            raise
        self._here[adapter.digest] = adapter

    async def unload(self, adapter: Adapter) -> None:
        """Let go of an adapter. One that somebody else put there stays.

        Raises:
            Unavailable: The endpoint is away.
        """
        self._here.pop(adapter.digest, None)
        if self._loads:
            await self._endpoint.unload_adapter(self.model(adapter))

    async def keep(self, listed: dict[str, Card]) -> None:
        """See to it that what was loaded is still there: an endpoint that restarts forgets.

        Raises:
            Unavailable: It is not, and cannot be loaded again now.
            Rejected: It cannot be loaded again.
        """
        if not self._lost(listed):
            return
        for adapter in self._lost(await self._endpoint.models()):
            name = self.model(adapter)
            if not self._loads:
                raise Unavailable(f"the endpoint does not list the adapter {name} any more")
            await self._loaded(adapter)
            log.warning("the endpoint had lost the adapter %s: loaded again", name)

    @property
    def _loads(self) -> bool:
        return self._settings.openai_adapters == "loaded"

    def _lost(self, listed: dict[str, Card]) -> list[Adapter]:
        return [adapter for adapter in self._here.values() if self.model(adapter) not in listed]

    async def _loaded(self, adapter: Adapter) -> dict[str, Card]:
        """Have the endpoint load an adapter; return what it lists then."""
        name = self.model(adapter)
        path = _filled(self._settings.openai_adapter_path, adapter)
        try:
            await self._endpoint.load_adapter(name, path, self._settings.adapter_timeout_s)
        except Rejected:
            listed = await self._endpoint.models()
            if name in listed:  # another replica was faster
                return listed
            raise
        return await self._endpoint.models()

    def _find(self, adapter: Adapter, listed: dict[str, Card]) -> None:
        """Let an adapter pass that the endpoint lists, beside our model.

        Raises:
            Rejected: It is one of another model, or did not appear in time.
            Unavailable: It may still appear.
        """
        name, model = self.model(adapter), self._settings.openai_model
        card = listed.get(name)
        if card is None:
            since = self._missed.setdefault(adapter.digest, time.monotonic())
            if time.monotonic() - since < self._settings.adapter_timeout_s:
                raise Unavailable(f"the endpoint does not list the adapter {name} (yet)")
            del self._missed[adapter.digest]
            there = ", ".join(sorted(listed)[:10])
            raise Rejected(f"the endpoint lists no adapter {name}, it lists {there}")
        self._missed.pop(adapter.digest, None)
        base = listed.get(card.parent) if card.parent else None
        if base is not None and model in listed and base.root != listed[model].root:
            raise Rejected(f"the endpoint has {name} as an adapter of {card.parent}, not {model}")

    async def _probe_or_reject(self, adapter: Adapter | None) -> dict[str, float]:
        try:
            return await self._probe(adapter)
        except Broke as error:
            if adapter is None:
                raise
            await self._probe(None)
            raise Rejected(f"the endpoint answers without the adapter, with it not: {error}") from (
                error
            )

    async def _probe(self, adapter: Adapter | None) -> dict[str, float]:
        """Return the likeliest next tokens of a fixed prompt, with their log-probabilities.

        Raises:
            Rejected: The endpoint does not tell them.
            Unavailable: It is away.
        """
        body = body_of(self.model(adapter), PROBE, Sampling(max_tokens=1))
        body |= {"logprobs": True, "top_logprobs": PROBED}
        found = [
            likely
            async for chunk in self._endpoint.chat(body)
            for choice in chunk.choices
            if choice.logprobs
            for position in choice.logprobs.content or ()
            for likely in position.top_logprobs
        ]
        if not found:
            raise Rejected(
                "the endpoint gives no log-probabilities, so nothing proves that it uses the "
                "adapter"
            )
        return {likely.token: likely.logprob for likely in found}


def _filled(pattern: str, adapter: Adapter) -> str:
    for name in ("name", "digest", "path"):
        pattern = pattern.replace(f"{{{name}}}", str(getattr(adapter, name)))
    return pattern
