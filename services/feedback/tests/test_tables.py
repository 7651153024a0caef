"""What is asked for every event is found by an index that begins with its tenant."""

import pytest

from gyre_service.database import Sessions, snapshot


@pytest.mark.parametrize(
    ("table", "condition"),
    [
        ("feedback_example", "route = 'default' AND answered_at >= '2026-01-01'"),
        ("feedback_request", "route = 'default' AND state = 'waiting'"),
    ],
)
async def test_a_route_is_that_of_a_tenant(sessions: Sessions, table: str, condition: str) -> None:
    async with snapshot(sessions) as session:
        connection = await session.connection()
        plan = await connection.exec_driver_sql(
            f"EXPLAIN QUERY PLAN SELECT * FROM {table} WHERE tenant = 'acme' AND {condition}"
        )
        [detail] = plan.scalars(3).all()
    assert f"USING INDEX ix_{table}_of_route (tenant=? AND route=?" in detail
