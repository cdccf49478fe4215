"""Where a suite runs: PostgreSQL itself, and Menshen before the same server, as an identity that nothing restricts."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

import psycopg
from psycopg import sql

from adapters.postgres.demo.embedded import EmbeddedPostgres
from bench.targets import new_password, serving

DATABASE = "compat"
_CATALOG = "classes:\n  public: {level: 1}\n"
_PURPOSES = "purposes:\n  maintenance: {title: {en: Maintenance, zh: 维护}, basis: contract, departments: [it]}\n"
_RULES = "p, dba, maintenance, *, *, allow\ng, {user}, dba\n"


@dataclass(frozen=True)
class Place:
    """A superuser's login to the database of the suite."""

    name: str
    host: str
    port: int
    user: str
    password: str
    database: str = DATABASE

    @property
    def dsn(self) -> str:
        secret = quote(self.password, safe="")
        return f"postgresql://{quote(self.user, safe='')}:{secret}@{self.host}:{self.port}/{self.database}"


@contextlib.contextmanager
def server(folder: Path, dsn: str | None) -> Iterator[Place]:
    """The PostgreSQL that `dsn` names (a superuser's), or an embedded one for the time of the block."""
    if dsn is not None:
        parts = urlsplit(dsn)
        yield Place(
            "direct", parts.hostname or "127.0.0.1", parts.port or 5432, unquote(parts.username or "postgres"),
            unquote(parts.password or ""),
        )  # fmt: skip
        return
    password = new_password()
    settings = {"max_connections": "300", "max_prepared_transactions": "20", "wal_level": "logical"}
    with EmbeddedPostgres(folder / "pg", password=password, settings=settings) as embedded:
        yield Place("direct", "127.0.0.1", embedded.port, "postgres", password)


def fresh_database(place: Place) -> None:
    """An empty database, so that the second run finds what the first one found."""
    with psycopg.connect(f"{place.dsn.rsplit('/', 1)[0]}/postgres", autocommit=True) as connection:
        name = sql.Identifier(place.database)
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(name))


@contextlib.contextmanager
def menshen(folder: Path, direct: Place) -> Iterator[Place]:
    """A gateway before `direct`. Its one principal has the database's own login, so that `current_user` is the same."""
    bundle = {"catalog.yaml": _CATALOG, "purposes.yaml": _PURPOSES, "rules.csv": _RULES.format(user=direct.user)}
    # The suites connect to `postgres` too, to make databases and to look at others' sessions.
    databases = {
        name: (f"{direct.dsn.rsplit('/', 1)[0]}/{name}", 100) for name in dict.fromkeys((direct.database, "postgres"))
    }
    with serving(folder, bundle, direct.user, direct.password, "maintenance", databases) as port:
        yield Place("menshen", "127.0.0.1", port, direct.user, direct.password, direct.database)


def version(place: Place) -> str:
    with psycopg.connect(place.dsn) as connection:
        row = connection.execute("SHOW server_version").fetchone()
        return str(row[0]) if row else "unknown"


def commit(checkout: Path) -> str:
    """The checkout's commit, where it is a Git work tree."""
    done = subprocess.run(
        ["git", "-C", str(checkout), "describe", "--tags", "--always"], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "unknown"
