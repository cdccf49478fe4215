"""A gateway over the small company, for faults."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.gateway import Gateway
from tests.support.postgres import Database, Postgres
from tests.system.sql.company import CASES


@pytest.fixture(scope="module")
def company_database(postgres: Postgres) -> Iterator[Database]:
    made = postgres.create()
    made.execute((CASES / "schema.sql").read_text(encoding="utf-8"))
    yield made
    postgres.drop(made)


@pytest.fixture
def gateway(company_database: Database, tmp_path: Path) -> Iterator[Gateway]:
    with Gateway(tmp_path, {"crm": company_database.dsn}, policies=CASES / "bundle") as started:
        yield started
