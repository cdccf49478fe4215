"""Fixtures that every test may ask for. Nothing starts unless a test asks."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.postgres import Database, Postgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL 18 server for the whole run; trusts every connection from this machine."""
    from tests.support.postgres import Postgres

    # Not tmp_path_factory: its folders are closed to the account that runs the server when we are root.
    with tempfile.TemporaryDirectory(prefix="menshen-test-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        server = Postgres(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture
def database(postgres: Postgres) -> Iterator[Database]:
    """An empty database of the test's own, dropped afterwards."""
    made = postgres.create()
    try:
        yield made
    finally:
        postgres.drop(made)


@pytest.fixture
def dsn(database: Database) -> str:
    """The superuser's connection string to `database`; psycopg, asyncpg and libpq take it."""
    return database.dsn
