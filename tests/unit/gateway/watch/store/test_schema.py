"""The tables: statements that may run at every start, and a store of an earlier version that opens as it is."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest

from gateway.watch.sql import Postgres, Sqlite
from gateway.watch.store import Store
from gateway.watch.store.schema import SCHEMA
from tests.support.incidents import NOW, admit

TABLES = {name for one in SCHEMA for name in re.findall(r"CREATE TABLE IF NOT EXISTS (\w+)", one)}


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
async def test_every_statement_may_run_again(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    made = Postgres(request.getfixturevalue("dsn")) if engine == "postgres" else Sqlite(tmp_path / "s")
    await made.open((*SCHEMA, *SCHEMA))
    async with made.transaction() as sql:
        for table in TABLES:
            assert await sql.rows(f"SELECT * FROM {table}") == []
    await made.close()


async def test_a_store_from_before_sendings_had_keys_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "s"
    store = await Store.open(path)
    await admit(store, 1)
    await store.close()
    with sqlite3.connect(path) as old:
        old.execute("DROP TABLE sendings")
    again = await Store.open(path)
    [sending] = await again.claim("me", NOW, NOW + 60, "a")
    assert sending.key == "INC-1/opened/a"
    await again.close()


def test_every_index_is_of_a_table_that_is_made_before_it() -> None:
    made: set[str] = set()
    for one in SCHEMA:
        made |= set(re.findall(r"CREATE TABLE IF NOT EXISTS (\w+)", one))
        assert set(re.findall(r"CREATE INDEX IF NOT EXISTS \w+ ON (\w+)", one)) <= made
