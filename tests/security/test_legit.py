"""What tools and frameworks send works, with the same answers as the database would give without the hidden rows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from tests.security.runner import PERSONAS
from tests.support.gateway import Gateway
from tests.support.postgres import Database

FOLDER = Path(__file__).parent / "legit"


@dataclass(frozen=True)
class Statement:
    """One statement. `refused`: why it does not work through the gateway; `managed`: why it differs in managed mode."""

    id: str
    persona: str
    sql: str
    refused: str
    managed: str


def _load() -> list[Statement]:
    out = []
    for path in sorted(FOLDER.glob("*.yaml")):
        document = yaml.safe_load(path.read_text("utf-8"))
        for case in document["cases"]:
            out.append(
                Statement(case["id"], document["as"], case["sql"], case.get("refused", ""), case.get("managed", ""))
            )
    return out


STATEMENTS = _load()


def answer(dsn: str, sql: str, prepare: bool) -> tuple[Any, ...]:
    """Names, types and rows of one statement, in a transaction that is rolled back."""
    with psycopg.connect(dsn) as connection:
        cursor = connection.cursor()
        cursor.execute(sql.encode(), prepare=prepare)
        info = cursor.description or ()
        rows = sorted(repr(r).replace("'reference", "'calm") for r in cursor.fetchall()) if info else []
        answer = cursor.statusmessage, [c.name for c in info], [c.type_code for c in info], rows
        connection.rollback()
        return answer


def with_oids(sql: str, database: Database) -> str:
    """`{oid:shop.people}` is what tools know from a statement before."""

    def oid(match: re.Match[str]) -> str:
        return str(database.execute(f"SELECT '{match[1]}'::regclass::oid::int8")[0][0])

    return re.sub(r"\{oid:([^}]+)\}", oid, sql)


@pytest.mark.parametrize("prepare", [False, True], ids=["simple", "prepared"])
@pytest.mark.parametrize("one", STATEMENTS, ids=lambda one: one.id)
def test_a_statement_gives_what_the_database_gives(
    one: Statement, prepare: bool, gateway: Gateway, reference: Database
) -> None:
    dsn, sql = gateway.dsn(PERSONAS[one.persona], database="calm"), with_oids(one.sql, reference)
    if one.refused:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            answer(dsn, sql, prepare)
        return
    mine, theirs = answer(dsn, sql, prepare), answer(reference.dsn, sql, prepare)
    assert mine == theirs


def test_as_many_work_as_promised() -> None:
    assert sum(not one.refused for one in STATEMENTS) >= 120
