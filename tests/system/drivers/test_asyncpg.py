"""asyncpg: everything binary and prepared, type introspection through the catalogue, COPY both ways."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.system.drivers.conftest import Place


@pytest.fixture
async def connection(place: Place) -> AsyncIterator[asyncpg.Connection]:
    made = await asyncpg.connect(
        place.dsn, server_settings={"menshen.purpose": "ticket_resolution", "application_name": "驱动测试"}
    )
    yield made
    await made.close()


async def test_a_masked_read_and_a_lookup(place: Place, connection: asyncpg.Connection) -> None:
    statement = await connection.prepare("SELECT id, phone, preferences FROM crm.customers WHERE phone = $1")
    for _ in range(3):
        row = await statement.fetchrow(place.phone)
        assert row is not None
        assert row["id"] == 1
        assert place.shows(row["phone"])
    assert [a.name for a in statement.get_attributes()] == ["id", "phone", "preferences"]


async def test_many_rows_of_many_types(connection: asyncpg.Connection) -> None:
    rows = await connection.fetch(
        "SELECT c.id, c.balance, c.birth, c.registered_ip, c.created_at, array_agg(o.amount) AS amounts"
        " FROM crm.customers c JOIN sales.orders o ON o.customer_id = c.id GROUP BY c.id ORDER BY c.id LIMIT 100"
    )
    assert len(rows) == 100
    assert rows[0]["amounts"]


async def test_transactions_and_savepoints(place: Place, connection: asyncpg.Connection) -> None:
    insert = (
        "INSERT INTO service.tickets (customer_id, channel, status, subject, body) VALUES ($1, 'app', 'open', $2, $3)"
    )
    async with connection.transaction():
        await connection.execute(insert, 1, "asyncpg kept", "正文")
        with pytest.raises(asyncpg.NotNullViolationError):
            async with connection.transaction():
                await connection.execute("INSERT INTO service.tickets (customer_id) VALUES ($1)", 1)
    many = f"asyncpg many as {place.user}"
    await connection.executemany(insert, [(2, f"{many} {n}", "b") for n in range(200)])
    like = many + "%"
    assert await connection.fetchval("SELECT count(*) FROM service.tickets WHERE subject LIKE $1", like) == 200
    closed = await connection.execute("UPDATE service.tickets SET status = 'closed' WHERE subject LIKE $1", like)
    assert closed == "UPDATE 200"


async def test_copy_both_ways(place: Place, connection: asyncpg.Connection) -> None:
    await connection.copy_records_to_table(
        "tickets",
        schema_name="service",
        columns=("customer_id", "channel", "status", "subject", "body"),
        records=[(3, "web", "open", f"asyncpg copied {n}", "正文") for n in range(100)],
    )
    out = io.BytesIO()
    await connection.copy_from_query("SELECT id, phone FROM crm.customers WHERE id = $1", 1, output=out, format="csv")
    number, phone = out.getvalue().decode().strip().split(",")
    assert number == "1"
    assert place.shows(phone)


async def test_a_cursor(connection: asyncpg.Connection) -> None:
    async with connection.transaction():
        ids = [row["id"] async for row in connection.cursor("SELECT id FROM crm.customers ORDER BY id", prefetch=20)]
    assert len(ids) > 250


async def test_a_statement_can_be_cancelled(connection: asyncpg.Connection) -> None:
    with pytest.raises(TimeoutError):
        await connection.execute("SELECT count(*) FROM generate_series(1, 10000000000)", timeout=0.3)
    assert await connection.fetchval("SELECT 1") == 1
