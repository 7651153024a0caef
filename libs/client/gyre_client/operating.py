"""What an operator does: routes, suites, datasets, and a look at what runs."""

from gyre_client import calls
from gyre_client.answering import AsyncEvaluating, Evaluating
from gyre_client.calls import Call
from gyre_client.connection import AsyncConnection, Connection
from gyre_client.results import Dataset, Model, Route, Suite

MODELS = Call("GET", "/v1/models")
ROUTES = Call("GET", "/v1/routes")
SUITES = Call("GET", "/v1/suites")
DATASETS = Call("GET", "/v1/datasets")


class Operating(Connection):
    """The part of the client that is about operating."""

    def models(self) -> list[Model]:
        """Return what may be asked; `gyre/default` comes first."""
        return list(self._page(Model, MODELS).data)

    def routes(self) -> list[Route]:
        return list(self._page(Route, ROUTES).data)

    def put_route(
        self,
        name: str,
        *,
        collection: str | None = None,
        prompt: str | None = None,
        policy: dict[str, object] | None = None,
    ) -> Route:
        """Make a route, or change of it what is given."""
        return self._do(Route, calls.put_route(name, collection, prompt, policy))

    def suites(self) -> list[Suite]:
        return list(self._page(Suite, SUITES).data)

    def put_suite(self, name: str, yaml: str) -> Suite:
        return self._do(Suite, calls.put_suite(name, yaml))

    def evaluate(
        self,
        suite: str,
        *,
        route: str | None = None,
        adapter: str | None = None,
        limit: int | None = None,
        retrieve: bool = False,
    ) -> Evaluating:
        """Run a suite: the first `limit` items, on a route, with an adapter's digest pinned.

        With `retrieve` the route searches for passages itself, and the suite's own are not read.
        """
        call = calls.evaluate(suite, route, adapter, limit, retrieve=retrieve)
        return Evaluating(self._send(call, stream=True))

    def datasets(self) -> list[Dataset]:
        return list(self._page(Dataset, DATASETS).data)

    def dataset(self, route: str) -> Dataset:
        return self._do(Dataset, calls.one("/v1/datasets", route))


class AsyncOperating(AsyncConnection):
    """`Operating` of the async client."""

    async def models(self) -> list[Model]:
        return list((await self._page(Model, MODELS)).data)

    async def routes(self) -> list[Route]:
        return list((await self._page(Route, ROUTES)).data)

    async def put_route(
        self,
        name: str,
        *,
        collection: str | None = None,
        prompt: str | None = None,
        policy: dict[str, object] | None = None,
    ) -> Route:
        return await self._do(Route, calls.put_route(name, collection, prompt, policy))

    async def suites(self) -> list[Suite]:
        return list((await self._page(Suite, SUITES)).data)

    async def put_suite(self, name: str, yaml: str) -> Suite:
        return await self._do(Suite, calls.put_suite(name, yaml))

    async def evaluate(
        self,
        suite: str,
        *,
        route: str | None = None,
        adapter: str | None = None,
        limit: int | None = None,
        retrieve: bool = False,
    ) -> AsyncEvaluating:
        call = calls.evaluate(suite, route, adapter, limit, retrieve=retrieve)
        return AsyncEvaluating(await self._send(call, stream=True))

    async def datasets(self) -> list[Dataset]:
        return list((await self._page(Dataset, DATASETS)).data)

    async def dataset(self, route: str) -> Dataset:
        return await self._do(Dataset, calls.one("/v1/datasets", route))
