"""The same statements of tools and frameworks in managed mode, where views of the persona stand in the tables' place.

What is not as in inline mode has a reason, `managed` in the case; docs/managed.md tells them under "What differs".
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.security.canaries import FOLDER, Canaries
from tests.security.conftest import plant, without_expired
from tests.security.runner import PERSONAS
from tests.security.test_legit import STATEMENTS, Statement, answer, with_oids
from tests.support.gateway import Gateway
from tests.support.postgres import Database, Postgres

REASONS = {
    "listing": None,  # what is on search_path, or listed by privilege, are the persona's views; rights are its roles' too
    "schema": "42501",  # PostgreSQL looks up a name, and that needs a right on the schema: regclass, nextval, privileges
    "system column": "0A000",  # views have none
    "trigger": "0A000",  # a table with triggers is not written through a view
    "lock": "42501",  # FOR UPDATE needs the right to write, which nobody has on the view of such a table
}
"""How such a statement is refused; None: it is answered, otherwise than the database would."""


@pytest.fixture(scope="module")
def calm(postgres: Postgres, canaries: Canaries) -> Iterator[Database]:
    database = plant(postgres, canaries, "calm_managed")
    yield database
    postgres.drop(database)


@pytest.fixture(scope="module")
def same(postgres: Postgres, calm: Database) -> Iterator[Database]:
    """What a persona that may see all but expired rows sees."""
    copy = without_expired(postgres, calm, "reference_managed")
    yield copy
    postgres.drop(copy)


@pytest.fixture(scope="module")
def managed(calm: Database, same: Database) -> Iterator[Gateway]:
    settings = {"databases": {calm.name: {"mode": "managed"}}}
    with tempfile.TemporaryDirectory(prefix="menshen-legit-") as folder:
        gateway = Gateway(Path(folder), {calm.name: calm.dsn}, policies=FOLDER / "bundle", settings=settings)
        installed = gateway.run("install", calm.name, "--yes")
        assert installed.returncode == 0, installed.stderr
        with gateway:
            yield gateway
        assert gateway.run("install", calm.name, "--remove", "--yes").returncode == 0


@pytest.mark.parametrize("one", [one for one in STATEMENTS if not one.refused], ids=lambda one: one.id)
def test_a_statement_gives_what_the_database_gives(one: Statement, managed: Gateway, same: Database) -> None:
    dsn, sql = managed.dsn(PERSONAS[one.persona]), with_oids(one.sql, same)
    theirs = answer(same.dsn, sql, False)
    state = REASONS[one.managed] if one.managed else None
    if state is not None:
        with pytest.raises(psycopg.Error) as refused:
            answer(dsn, sql, False)
        assert refused.value.sqlstate == state, refused.value
        return
    mine = answer(dsn, sql, False)
    assert (mine == theirs) is (not one.managed), (mine, theirs)


def test_every_difference_has_a_reason_and_as_many_work_as_promised() -> None:
    assert {one.managed for one in STATEMENTS if one.managed} == set(REASONS)
    assert sum(not one.refused and not one.managed for one in STATEMENTS) >= 120
