"""A real PostgreSQL for tests: one server per run, a fresh database per test, made by copying a template.

MENSHEN_TEST_POSTGRES names the folder of another PostgreSQL's programs, e.g. /usr/lib/postgresql/15/bin.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString

import psycopg

from adapters.postgres.demo.embedded import EmbeddedPostgres


@dataclass(frozen=True)
class Database:
    """A database of the test's own, with the superuser's connection string."""

    server: Postgres
    name: str

    @property
    def dsn(self) -> str:
        return self.server.dsn(self.name)

    @contextmanager
    def connect(self) -> Iterator[psycopg.Connection[Any]]:
        """An autocommit connection straight to the database, as superuser."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            yield connection

    def execute(self, sql: str, parameters: Any = None) -> list[Any]:
        """Run `sql` (several statements only without parameters); the rows of the last one that returns any."""
        with self.connect() as connection:
            cursor = connection.execute(_literal(sql), parameters)
            rows: list[Any] = []
            while True:
                if cursor.description is not None:
                    rows = cursor.fetchall()
                if not cursor.nextset():
                    return rows


def debian_programs() -> Path | None:
    """The folder of the programs of Debian's newest PostgreSQL here, which knows TLS, as the embedded one does not."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[4]))
    return found[-1].parent if found else None


class Postgres:
    """The server of the run. `settings` are postgresql.conf settings, `programs` the folder of another PostgreSQL's."""

    def __init__(self, folder: Path, *, settings: dict[str, str] | None = None, programs: Path | None = None) -> None:
        other = os.environ.get("MENSHEN_TEST_POSTGRES")
        programs = programs or (Path(other) if other else None)
        self.embedded = EmbeddedPostgres(folder / "pgdata", settings=settings, programs=programs)
        self._numbers = itertools.count(1)

    @property
    def port(self) -> int:
        return self.embedded.port

    @property
    def bin(self) -> Path:
        """Folder of psql, pgbench, pg_dump and the like."""
        return self.embedded.bin

    @property
    def log(self) -> str:
        """All that the server logged so far."""
        return self.embedded.log.read_text(encoding="utf-8", errors="replace")

    def start(self) -> None:
        self.embedded.start()

    def stop(self) -> None:
        self.embedded.stop()

    def dsn(self, database: str = "postgres", *, user: str = "postgres") -> str:
        return self.embedded.dsn(database, user=user)

    def create(self, *, template: str = "template0", name: str = "") -> Database:
        """A new database, copied from `template` (to which nobody may be connected)."""
        name = name or f"t{next(self._numbers)}"
        self._admin(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')
        return Database(self, name)

    def drop(self, database: Database | str) -> None:
        """Drop a database with whatever is connected to it."""
        name = database if isinstance(database, str) else database.name
        self._admin(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _admin(self, sql: str) -> None:
        with psycopg.connect(self.dsn(), autocommit=True) as connection:
            connection.execute(_literal(sql))


def _literal(sql: str) -> LiteralString:
    """psycopg asks for literals to keep injections out; tests write their SQL themselves."""
    return sql
