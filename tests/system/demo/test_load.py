"""The demo company in a real database."""

from __future__ import annotations

from datetime import date

import pytest

from adapters.postgres.demo.load import OWNER, at, ensure, fill
from adapters.postgres.demo.people import Company
from tests.support.postgres import Database, Postgres

TODAY = date(2026, 3, 1)


async def test_all_rows_arrive_and_the_next_number_is_free(database: Database) -> None:
    seen: dict[str, int] = {}
    company = Company(1, 2500, TODAY)
    await fill(database.dsn, company, lambda table, rows: seen.update({table: rows}))
    assert seen["crm.customers"] == 2500
    for table, rows in seen.items():
        assert database.execute(f"SELECT count(*) FROM {table}") == [(rows,)]
    assert set(seen) == set(company.tables)
    assert database.execute(
        "INSERT INTO crm.customers (full_name, gender, phone, region) VALUES ('新客户', 'U', '', '990000') RETURNING id"
    ) == [(2501,)]


async def test_every_column_that_may_hold_a_person_is_explained_in_chinese(database: Database) -> None:
    await fill(database.dsn, Company(1, 10, TODAY))
    without = database.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = 'crm.customers'::regclass AND attnum > 0"
        " AND col_description(attrelid, attnum) IS NULL"
    )
    assert without == []


async def test_a_filled_database_is_kept_and_another_size_makes_it_anew(postgres: Postgres) -> None:
    small, large = Company(1, 20, TODAY), Company(1, 30, TODAY)
    try:
        assert await ensure(postgres.dsn(), "demo_load", "pä'ss", small, lambda *_: None)
        dsn = at(postgres.dsn(), "demo_load", OWNER, "pä'ss")
        assert dsn.startswith(f"postgresql://{OWNER}:p%C3%A4%27ss@127.0.0.1:")
        assert not await ensure(postgres.dsn(), "demo_load", "other", small, lambda *_: None)
        assert await ensure(postgres.dsn(), "demo_load", "other", large, lambda *_: None)
    finally:
        postgres.drop("demo_load")


async def test_a_half_filled_database_is_made_anew(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    company = Company(1, 20, TODAY)

    def broken(table: str, rows: int) -> None:
        if table == "sales.orders":
            raise RuntimeError("the machine stops here")

    try:
        with pytest.raises(RuntimeError, match="stops here"):
            await ensure(postgres.dsn(), "demo_half", "p", company, broken)
        assert await ensure(postgres.dsn(), "demo_half", "p", company, lambda *_: None)
    finally:
        postgres.drop("demo_half")
