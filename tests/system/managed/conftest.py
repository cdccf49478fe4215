"""A small bundle with every kind of veil, a database for it, and `menshen install` as its users run it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from adapters.postgres.demo.state import shipped_policies
from tests.support.gateway import Gateway
from tests.support.postgres import Database, Postgres

FILES = {
    "catalog.yaml": """\
classes:
  personal: {level: 2}
  name: {parent: personal, mask: name}
  phone: {parent: personal, mask: phone}
  secret: {parent: personal, level: 4}
  public: {level: 1}
tables:
  app.people:
    subject: id
    rows: {desk: "region = :principal.region"}
    columns: {id: public, name: name, phone: phone, pin: secret, region: public}
  app.notes: {columns: {id: public, body: public}}
  "ref.*": allow
""",
    "purposes.yaml": """\
purposes:
  care: {basis: contract, departments: [it]}
  research: {basis: contract, departments: [it]}
""",
    "rules.csv": """\
p, *, *, public, clear, allow
p, desk, care, name, clear, allow
p, desk, care, name, update, allow
p, desk, care, public, insert, allow
p, desk, care, public, update, allow
p, desk, care, phone, partial, allow
p, desk, care, phone, lookup, allow
p, desk, care, public, delete, allow
p, desk, research, phone, pseudonym, allow
p, root, care, *, *, allow
g, desk_app, desk
g, root_app, root
""",
    "principals.yaml": """\
principals:
  desk_app: {department: it, kind: application, default_purpose: care, attributes: {region: north}}
  root_app: {department: it, kind: person, default_purpose: care}
""",
}
SCHEMA = """
CREATE SCHEMA app; CREATE SCHEMA ref;
CREATE TABLE app.people (id int PRIMARY KEY, name text, phone varchar(20), pin text, region text);
CREATE TABLE app.notes (id serial PRIMARY KEY, body text);
CREATE TABLE ref.countries (code text PRIMARY KEY, name text);
CREATE FUNCTION app.everybody() RETURNS SETOF text LANGUAGE sql SECURITY DEFINER AS 'SELECT phone FROM app.people';
INSERT INTO app.people VALUES (1, '欧阳娜', '13800138000', '4711', 'north'), (2, '司马光', '13900139000', '0815', 'north'),
  (3, '诸葛亮', '13700137000', '2342', 'south');
INSERT INTO ref.countries VALUES ('CN', '中国');
"""


@dataclass
class Installed:
    """A database, and a gateway's configuration for it."""

    database: Database
    gateway: Gateway

    def install(self, *arguments: str, good: bool = True) -> str:
        """`menshen install`; what it says."""
        done = self.gateway.run("install", "db", *arguments)
        assert (done.returncode == 0) == good, done.stdout + done.stderr
        return done.stdout + done.stderr

    def role(self, purpose: str = "care") -> str:
        return f"menshen:{self.database.name}:desk_app:{purpose}"

    def as_role(self, sql: str, purpose: str = "care") -> list[tuple[object, ...]]:
        """What the database alone answers to a persona's role."""
        with psycopg.connect(self.database.server.dsn(self.database.name, user=self.role(purpose))) as connection:
            cursor = connection.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []


@contextmanager
def prepared(postgres: Postgres, folder: Path, **database_settings: object) -> Iterator[Installed]:
    """Nothing is installed yet, and the gateway does not run yet; `folder` is empty."""
    bundle = folder / "bundle"
    bundle.mkdir()
    (bundle / "model.conf").write_bytes((shipped_policies() / "model.conf").read_bytes())
    for name, text in FILES.items():
        (bundle / name).write_text(text, "utf-8")
    database = postgres.create(name=f"managed_{uuid.uuid4().hex[:8]}")
    database.execute(SCHEMA)
    database.execute(f'ALTER DATABASE "{database.name}" SET search_path = app, public')
    settings = {"databases": {"db": {"mode": "managed", "catalogue_refresh_seconds": 0.2, **database_settings}}}
    gateway = Gateway(folder / "gateway", {"db": database.dsn}, policies=bundle, settings=settings)
    one = Installed(database, gateway)
    try:
        yield one
    finally:
        gateway.stop()
        one.install("--remove", "--yes")
        postgres.drop(database)


@pytest.fixture
def managed(postgres: Postgres, tmp_path: Path) -> Iterator[Installed]:
    with prepared(postgres, tmp_path) as one:
        yield one


@pytest.fixture(scope="module")
def door(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """Installed, and the gateway runs; one for all tests of a module."""
    with prepared(postgres, tmp_path_factory.mktemp("door")) as one:
        one.install("--yes")
        one.gateway.start()
        yield one
