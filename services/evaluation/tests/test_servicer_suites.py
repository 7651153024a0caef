import grpc
from sqlalchemy import text

from gyre_service.database import Sessions, transaction

from .client import UMBRELLA, Client, status
from .test_reading import GOOD


async def test_an_own_suite_is_stored_listed_and_run(client: Client) -> None:
    info = await client.put()

    assert (info.name, info.items, info.shipped) == ("golden", 2, False)
    assert await client.names() == ["documents", "retention", "smoke", "golden"]
    report = await client.report("golden")
    assert (report.suite_digest, report.items) == (info.digest, 2)


async def test_the_same_content_is_no_new_version_and_another_one_is(client: Client) -> None:
    first = await client.put()
    assert await client.put("# said again\n" + GOOD) == first
    second = await client.put(GOOD.replace("Who built it?", "Who owns it?"))

    assert second.digest != first.digest
    assert await client.names() == ["documents", "retention", "smoke", "golden"]
    assert (await client.report("golden")).suite_digest == second.digest
    assert (await client.report(f"golden@{first.digest[:8]}")).suite_digest == first.digest


async def test_a_version_may_come_back(client: Client) -> None:
    first = await client.put()
    await client.put(GOOD.replace("Who built it?", "Who owns it?"))

    await client.put()

    assert (await client.report("golden")).suite_digest == first.digest


async def test_of_a_suites_versions_only_the_newest_is_read(
    client: Client, sessions: Sessions
) -> None:
    await client.put(GOOD.replace("Who built it?", "Who owns it?"), metadata=UMBRELLA)
    for question in ("Who owns it?", "Who built it?", "Who sold it?"):
        newest = await client.put(GOOD.replace("Who built it?", question))
    await unreadable(sessions, "tenant = 'acme' AND version < 3")

    assert await client.names() == ["documents", "retention", "smoke", "golden"]
    assert (await client.report("golden")).suite_digest == newest.digest
    await unreadable(sessions, "tenant = 'acme'")
    code, details = await status(client.run("golden@" + "0" * 8))
    assert code is grpc.StatusCode.NOT_FOUND
    assert details.endswith("there are documents, retention, smoke, golden")


async def unreadable(sessions: Sessions, rows: str) -> None:
    async with transaction(sessions) as session:
        change = text(f"UPDATE evaluation_stored_suite SET content = '{{' WHERE {rows}")
        await (await session.connection()).execute(change)


async def test_suites_of_two_tenants_with_one_name(client: Client) -> None:
    acme = await client.put()
    umbrella = await client.put(GOOD.replace("Who built it?", "Who?"), metadata=UMBRELLA)
    await client.put(name="only-ours", yaml=GOOD.replace("name: golden\n", ""))

    assert await client.names(UMBRELLA) == ["documents", "retention", "smoke", "golden"]
    assert (await client.report("golden", UMBRELLA)).suite_digest == umbrella.digest
    assert (await client.report("golden")).suite_digest == acme.digest
    tenants = {metadata["gyre-tenant"] for metadata, _ in client.inference.asked}
    assert tenants == {"acme", "umbrella"}
    for suite in ("only-ours", f"golden@{acme.digest}"):
        code, _ = await status(client.run(suite, UMBRELLA))
        assert code is grpc.StatusCode.NOT_FOUND


async def test_a_shipped_name_is_taken(client: Client) -> None:
    code, details = await status(client.put(GOOD.replace("golden", "smoke")))

    assert code is grpc.StatusCode.ALREADY_EXISTS
    assert details == "the suite 'smoke' is shipped: choose another name"


async def test_a_wrong_suite_says_where(client: Client) -> None:
    code, details = await status(client.put(GOOD.replace("page: 3", "page: three")))

    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert details.startswith("line 11, items[0].passages[0].page: ")
    assert await client.names() == ["documents", "retention", "smoke"]
