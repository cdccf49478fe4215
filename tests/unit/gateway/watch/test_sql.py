"""A transaction is all or nothing, and alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.watch.sql import Connection, Postgres, Sql, Sqlite, StoreUnavailable

SCHEMA = ("CREATE TABLE IF NOT EXISTS t (n BIGINT PRIMARY KEY, v TEXT NOT NULL)",)


@pytest.fixture(params=["sqlite", "postgres"])
async def sql(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Sql]:
    made: Sqlite | Postgres
    made = Postgres(request.getfixturevalue("dsn")) if request.param == "postgres" else Sqlite(tmp_path / "db")
    await made.open(SCHEMA)
    yield made
    await made.close()


async def test_all_or_nothing(sql: Sql) -> None:
    async def fail(connection: Connection) -> None:
        await connection.run_many("INSERT INTO t VALUES ($1, $2)", [(1, "一"), (2, "b")])
        raise RuntimeError

    with pytest.raises(RuntimeError):
        async with sql.transaction() as connection:
            await fail(connection)
    async with sql.transaction() as connection:
        assert await connection.rows("SELECT * FROM t") == []
        await connection.run("INSERT INTO t VALUES ($1, $2)", 3, "三")
    async with sql.transaction() as connection:
        assert await connection.rows("SELECT v, n FROM t WHERE n = $1 OR v = $2", 3, "x") == [("三", 3)]


async def test_one_writer_at_a_time(sql: Sql) -> None:
    async def add() -> None:
        async with sql.transaction() as connection:
            [(last,)] = await connection.rows("SELECT coalesce(max(n), 0) FROM t")
            await asyncio.sleep(0.001)
            await connection.run("INSERT INTO t VALUES ($1, 'x')", last + 1)

    await asyncio.gather(*(add() for _ in range(10)))
    async with sql.transaction() as connection:
        assert await connection.rows("SELECT count(*), max(n) FROM t") == [(10, 10)]


async def test_a_cancelled_transaction_leaves_the_store_usable(sql: Sql) -> None:
    async def hang() -> None:
        async with sql.transaction() as connection:
            await connection.run("INSERT INTO t VALUES (1, 'x')")
            await asyncio.sleep(10)

    task = asyncio.ensure_future(hang())
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    async with sql.transaction() as connection:
        assert await connection.rows("SELECT * FROM t") == []


async def test_cancelled_at_any_moment(sql: Sql) -> None:
    async def add(n: int) -> None:
        async with sql.transaction() as connection:
            await connection.run("INSERT INTO t VALUES ($1, 'x')", n)

    for n in range(30):
        task = asyncio.ensure_future(add(n))
        await asyncio.sleep(n * 0.0001)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await add(100)
    async with sql.transaction() as connection:
        assert (await connection.rows("SELECT max(n) FROM t")) == [(100,)]


async def test_what_the_database_refuses_is_unavailable(sql: Sql) -> None:
    with pytest.raises(StoreUnavailable):
        async with sql.transaction() as connection:
            await connection.rows("SELECT * FROM nothing")
