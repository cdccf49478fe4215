"""A gateway over a small bundle of its own, in front of a database of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from adapters.postgres.demo.state import shipped_policies
from tests.support.gateway import Gateway
from tests.support.postgres import Database

FILES = {
    "catalog.yaml": """\
classes:
  personal: {level: 2}
  name: {parent: personal}
  phone: {parent: personal, mask: phone}
  public: {level: 1}
tables:
  app.people: {subject: id, columns: {id: public, name: name, phone: phone}}
  "ref.*": allow
""",
    "purposes.yaml": "purposes:\n  care: {basis: contract, departments: [it]}\n",
    "rules.csv": """\
p, desk, care, public, clear, allow
p, desk, care, name, clear, allow
p, desk, care, phone, partial, allow
p, root, care, *, *, allow
g, desk_app, desk
g, root_app, root
""",
    "principals.yaml": """\
principals:
  desk_app: {department: it, kind: application, default_purpose: care}
  root_app: {department: it, kind: person, default_purpose: care}
""",
}
SCHEMA = """
CREATE SCHEMA app; CREATE SCHEMA ref;
CREATE TABLE app.people (id int PRIMARY KEY, name text, phone text);
INSERT INTO app.people VALUES (1, '欧阳娜', '13800138000');
"""
MASKED, CLEAR = "138****8000", "13800138000"


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """The folder of the bundle's source."""
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / "model.conf").write_bytes((shipped_policies() / "model.conf").read_bytes())
    for name, text in FILES.items():
        (folder / name).write_text(text, "utf-8")
    return folder


@pytest.fixture
def gateway(tmp_path: Path, bundle: Path, database: Database) -> Iterator[Gateway]:
    """Running, with a reload interval of half a second."""
    database.execute(SCHEMA)
    made = Gateway(
        tmp_path / "gw",
        {"crm": database.dsn},
        policies=bundle,
        settings={"policy": {"reload_interval_seconds": 0.3}, "http": {"control_token": "a token of the tests"}},
    )
    with made:
        yield made


def connect(gateway: Gateway, principal: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(gateway.dsn(principal), autocommit=True)
