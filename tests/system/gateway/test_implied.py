"""Functions of users that no name in a statement calls: behind operators that SQL implies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.support.gateway import Gateway
from tests.support.postgres import Database
from tests.system.gateway.conftest import CLEAR, SCHEMA, connect

TELLS = "SECURITY DEFINER LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE 'phone %', (SELECT phone FROM app.people); RETURN"
OPERATORS = f"""
CREATE FUNCTION public.tells(a varchar, b varchar) RETURNS bool {TELLS} true; END$$;
CREATE OPERATOR public.= (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = public.tells);
CREATE OPERATOR public.>= (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = public.tells);
CREATE OPERATOR public.< (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = public.tells);
CREATE OPERATOR public.> (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = public.tells);
"""
IMPLIED = [
    "SELECT CASE 'a'::varchar WHEN 'b'::varchar THEN 1 END",
    "SELECT 'a'::varchar IN (SELECT 'b'::varchar)",
    "SELECT 'a'::varchar NOT IN (SELECT 'b'::varchar)",
    "SELECT 1 FROM (SELECT 'a'::varchar AS x) a JOIN (SELECT 'b'::varchar AS x) b USING (x)",
    "SELECT 1 FROM (SELECT 'a'::varchar AS x) a NATURAL JOIN (SELECT 'b'::varchar AS x) b",
    "SELECT 'a'::varchar BETWEEN 'b'::varchar AND 'c'::varchar",
    "SELECT 'a'::varchar NOT BETWEEN SYMMETRIC 'b'::varchar AND 'c'::varchar",
    "SELECT 'a'::varchar = 'b'::varchar",
    "SELECT NULLIF('a'::varchar, 'b'::varchar)",
    "SELECT 'a'::varchar IS DISTINCT FROM 'b'::varchar",
    "SELECT 'a'::varchar IN ('b'::varchar, 'c'::varchar)",
]


@pytest.fixture
def shadowed(request: pytest.FixtureRequest, tmp_path: Path, bundle: Path, database: Database) -> Iterator[Gateway]:
    database.execute(SCHEMA)
    database.execute(request.param)
    rules = (bundle / "rules.csv").read_text("utf-8") + "p, *, *, public, clear, allow\n"
    (bundle / "rules.csv").write_text(rules, "utf-8")
    with Gateway(tmp_path / "gw", {"crm": database.dsn}, policies=bundle) as made:
        yield made


def told(session: psycopg.Connection[tuple[object, ...]], sql: str) -> tuple[str, str]:
    """What came with notices or rows, and the SQLSTATE."""
    notices: list[str] = []
    session.add_notice_handler(lambda notice: notices.append(notice.message_primary or ""))
    try:
        rows = session.execute(sql).fetchall()
    except psycopg.Error as error:
        return f"{notices} {error}", error.sqlstate or ""
    return f"{notices} {rows}", "00000"


@pytest.mark.parametrize("shadowed", [OPERATORS], indirect=True, ids=["operators"])
def test_an_operator_that_sql_implies_is_not_a_users(shadowed: Gateway, database: Database) -> None:
    check(shadowed, database, IMPLIED)


def check(gateway: Gateway, database: Database, statements: list[str]) -> None:
    with psycopg.connect(database.dsn, autocommit=True) as direct:
        blind = [sql for sql in statements if CLEAR not in told(direct, sql)[0]]
    assert not blind, "these call no function of a user, so that they prove nothing"
    with connect(gateway, "desk_app") as session:
        found = {sql: told(session, sql) for sql in statements}
    assert not {sql: text for sql, (text, _) in found.items() if CLEAR in text}
    assert {state for _, state in found.values()} == {"42501"}
