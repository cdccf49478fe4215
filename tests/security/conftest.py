"""The attacked database, the gateway in front of it, and a runner for each."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.security.canaries import FOLDER, Canaries
from tests.security.runner import Runner, Target
from tests.support.gateway import Gateway
from tests.support.postgres import Database, Postgres

EXTENSIONS = (
    *("dblink", "postgres_fdw", "file_fdw", "pageinspect", "tablefunc", "hstore", "pg_trgm", "fuzzystrmatch"),
    *("tsm_system_rows", "pgrowlocks", "pgstattuple", "amcheck", "pg_stat_statements", "lo", "citext"),
)


@pytest.fixture(scope="session")
def canaries() -> Canaries:
    return Canaries("door gods")


def plant(postgres: Postgres, canaries: Canaries, name: str) -> Database:
    """A database with every canary planted."""
    database = postgres.create(name=name)
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        for name in EXTENSIONS:
            if connection.execute("SELECT 1 FROM pg_available_extensions WHERE name = %s", [name]).fetchone():
                connection.execute(f'CREATE EXTENSION "{name}"'.encode())
        connection.execute(canaries.script().encode())
    return database


@pytest.fixture(scope="session")
def attacked(postgres: Postgres, canaries: Canaries) -> Database:
    database = plant(postgres, canaries, "attacked")
    postgres.create(template=database.name, name="calm")
    without_expired(postgres, database, "reference")
    return database


def without_expired(postgres: Postgres, database: Database, name: str) -> Database:
    """A copy without the rows that are past their retention, with the same OIDs."""
    copy = postgres.create(template=database.name, name=name)
    copy.execute(
        "SET session_replication_role = replica;"
        "DELETE FROM shop.people WHERE created_at < now() - interval '3 years';"
        "DELETE FROM shop.contacts WHERE created_at < now() - interval '3 years'"
    )
    return copy


@pytest.fixture(scope="session")
def reference(attacked: Database) -> Database:
    """The same database without the rows that are past their retention: what a persona that may see all else sees."""
    return Database(attacked.server, "reference")


@pytest.fixture(scope="session")
def gateway(attacked: Database) -> Iterator[Gateway]:
    """In front of the attacked database, and of a copy (`calm`) that no attack changes."""
    with (
        tempfile.TemporaryDirectory(prefix="menshen-attacked-") as folder,
        Gateway(
            Path(folder),
            {"shop": attacked.dsn, "calm": Database(attacked.server, "calm").dsn},
            policies=FOLDER / "bundle",
        ) as one,
    ):
        yield one


@pytest.fixture(scope="session")
def attacker(gateway: Gateway, attacked: Database, canaries: Canaries) -> Iterator[Runner]:
    """Attacks the gateway."""
    runner = Runner(Target(gateway.port, "shop", gateway.passwords), canaries, attacked.dsn)
    yield runner
    runner.close()


@pytest.fixture(scope="session")
def bare(attacked: Database, postgres: Postgres, canaries: Canaries) -> Iterator[Runner]:
    """Attacks the bare database as its owner."""
    runner = Runner(Target(postgres.port, attacked.name, direct=True), canaries, attacked.dsn)
    yield runner
    runner.close()
