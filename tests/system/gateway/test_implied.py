"""Functions of users that no name in a statement calls: behind operators that SQL implies, and behind
types that are made of others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.support.gateway import Gateway
from tests.support.postgres import Database
from tests.system.gateway.conftest import CLEAR, SCHEMA, connect
from tests.system.gateway.test_life import until

TELLS = "SECURITY DEFINER LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE 'phone %', (SELECT phone FROM app.people); RETURN"
OPERATORS = f"""
CREATE FUNCTION public.tells(a varchar, b varchar) RETURNS bool {TELLS} true; END$$;
CREATE OPERATOR public.= (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = public.tells);
CREATE OPERATOR public.>= (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = public.tells);
CREATE OPERATOR public.< (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = public.tells);
CREATE OPERATOR public.> (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = public.tells);
"""
CASTS = f"""
CREATE TYPE ref.mood AS ENUM ('calm', 'cross');
CREATE TYPE ref.pair AS (a ref.mood, b int); CREATE DOMAIN ref.feeling AS ref.mood;
CREATE TABLE ref.moods (id int, m ref.mood, many ref.mood[], p ref.pair, d ref.feeling);
INSERT INTO ref.moods VALUES (1, 'calm', '{{calm}}', '(calm,1)', 'calm');
CREATE TABLE ref.names (id int, name text);
INSERT INTO ref.names VALUES (1, 'calm');
CREATE FUNCTION ref.mood_text(ref.mood) RETURNS text {TELLS} 'x'; END$$;
CREATE CAST (ref.mood AS text) WITH FUNCTION ref.mood_text(ref.mood) AS IMPLICIT;
CREATE FUNCTION ref.int_mood(int) RETURNS ref.mood {TELLS} 'calm'; END$$;
CREATE CAST (int AS ref.mood) WITH FUNCTION ref.int_mood(int) AS IMPLICIT;
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

TYPES = f"""
CREATE FUNCTION ref.tells(text) RETURNS bool {TELLS} true; END$$;
CREATE FUNCTION ref.same(a text, b text) RETURNS bool {TELLS} true; END$$;
CREATE OPERATOR ref.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = ref.same);
CREATE DOMAIN ref.told AS text CHECK (ref.tells(VALUE));
CREATE DOMAIN ref.over AS ref.told;
CREATE DOMAIN ref.many AS ref.over[];
CREATE DOMAIN ref.compared AS text CHECK (VALUE OPERATOR(ref.===) 'x');
CREATE TYPE ref.pair AS (a ref.over, b int);
CREATE TYPE ref.span AS RANGE (subtype = ref.told);
CREATE TABLE ref.rows (a ref.over);
CREATE TYPE ref.calm AS ENUM ('calm'); CREATE TYPE ref.plain AS (a int, b int);
CREATE DOMAIN ref.short AS text CHECK (length(VALUE) < 5);
"""
VALUES = {
    "ref.told": "x",
    "ref.over": "x",
    "ref.over[]": "{x}",
    "ref.many": "{x}",
    "ref.compared": "x",
    "ref.pair": "(x,1)",
    "ref.pair[]": '{"(x,1)"}',
    "ref.span": "[a,b]",
    "ref.span_multirange": "{[a,b]}",
    "ref.rows": "(x)",
}
SAFE = {"integer": "1", "ref.calm": "calm", "ref.calm[]": "{calm}", "ref.plain": "(1,2)", "ref.short": "x"}
MADE = [
    *(f"SELECT '{value}'::{name}" for name, value in VALUES.items()),
    *(f"PREPARE q ({name}) AS SELECT $1; EXECUTE q ('{value}'); DEALLOCATE q" for name, value in VALUES.items()),
    """SELECT a FROM json_to_record('{"a": "x"}') AS t (a ref.over)""",
    """SELECT JSON_VALUE('{"a": "x"}', '$.a' RETURNING ref.over)""",
    """SELECT a FROM JSON_TABLE('{"a": "x"}', '$' COLUMNS (a ref.over PATH '$.a')) t""",
]

CAST = [
    "SELECT upper(m) FROM ref.moods",
    "SELECT id FROM ref.moods WHERE m LIKE 'x'",
    "SELECT string_agg(m, ',') FROM ref.moods",
    "SELECT string_agg(x, ',') FROM (SELECT m AS x FROM ref.moods) q",
    "SELECT upper(x) FROM (SELECT id, m FROM ref.moods) q (i, x)",
    "SELECT upper((SELECT m FROM ref.moods))",
    "WITH w AS (SELECT * FROM ref.moods) SELECT upper(w.m) FROM w",
    "WITH RECURSIVE w (n, x) AS (SELECT 1, m FROM ref.moods UNION ALL SELECT n + 1, x FROM w WHERE n < 2) "
    "SELECT upper(x) FROM w",
    "SELECT upper(x) FROM ref.moods, unnest(many) x",
    "SELECT upper(many[1]) FROM ref.moods",
    "SELECT upper((p).a) FROM ref.moods",
    "SELECT upper((t).m) FROM ref.moods t",
    "SELECT json_object(many) FROM (SELECT ARRAY[m, m] AS many FROM ref.moods) q",
    "SELECT upper(d) FROM ref.moods",
    "SELECT upper('calm'::ref.mood)",
    "SELECT upper(x) FROM (VALUES ('calm'::ref.mood)) v (x)",
    "SELECT m::text FROM ref.moods",
    "PREPARE q (ref.mood) AS SELECT $1; EXECUTE q (5); DEALLOCATE q",
    "PREPARE q AS SELECT upper(m) FROM ref.moods; EXECUTE q; DEALLOCATE q",
    "SELECT lower(s.x) FROM ref.moods CROSS JOIN LATERAL (SELECT m) s (x)",
    "INSERT INTO ref.moods (id, m) VALUES (2, 5) RETURNING id",
    "INSERT INTO ref.moods (id, m) SELECT 2, 5 RETURNING id",
    "UPDATE ref.moods SET m = 5 RETURNING id",
    "INSERT INTO ref.names SELECT id, m FROM ref.moods RETURNING id",
    "UPDATE ref.names SET name = (SELECT m FROM ref.moods LIMIT 1) RETURNING id",
]
PLAIN = {
    "SELECT m FROM ref.moods WHERE id = 1": ["calm"],
    "SELECT * FROM ref.names WHERE id = 1": [1, "x"],
    "SELECT q.m FROM (SELECT * FROM ref.moods) q": ["calm"],
    "SELECT id::text || upper('x') FROM ref.names": ["1X"],
}


@pytest.fixture
def shadowed(request: pytest.FixtureRequest, tmp_path: Path, bundle: Path, database: Database) -> Iterator[Gateway]:
    database.execute(SCHEMA)
    database.execute(request.param)
    rules = (bundle / "rules.csv").read_text("utf-8") + "".join(
        f"p, *, *, public, {act}, allow\n" for act in ("clear", "insert", "update")
    )
    (bundle / "rules.csv").write_text(rules, "utf-8")
    with Gateway(tmp_path / "gw", {"crm": database.dsn}, policies=bundle) as made:
        yield made


@pytest.mark.parametrize("shadowed", [TYPES], indirect=True, ids=["types"])
def test_a_type_that_calls_a_function_of_a_user_is_not_made(shadowed: Gateway, database: Database) -> None:
    check(shadowed, database, MADE)


@pytest.mark.parametrize("shadowed", [TYPES], indirect=True, ids=["types"])
def test_nor_by_a_parameter_that_says_its_type(shadowed: Gateway, database: Database) -> None:
    with psycopg.connect(database.dsn, autocommit=True) as direct, connect(shadowed, "desk_app") as session:
        for name, value in (VALUES | SAFE).items():
            oid = type_oid(direct, name)
            assert bound(direct, oid, value)[0] is (name in VALUES), name
            assert bound(session, oid, value) == (False, "" if name in SAFE else "42501"), name
        database.execute("CREATE TYPE ref.late AS ENUM ('late')")
        assert bound(session, type_oid(direct, "ref.late"), "late") == (False, "42501"), "nobody has judged it"


@pytest.mark.parametrize("shadowed", [TYPES], indirect=True, ids=["types"])
def test_a_prepared_statement_is_judged_again_with_its_types(shadowed: Gateway, database: Database) -> None:
    with connect(shadowed, "desk_app") as session, connect(shadowed, "root_app") as root:
        oid = type_oid(root, "ref.short")
        session.pgconn.prepare(b"s", b"SELECT $1", [oid])
        assert state(session.pgconn.exec_prepared(b"s", [b"x"])) == ""
        before = refreshed(shadowed)
        root.execute("ALTER DOMAIN ref.short ADD CHECK (ref.tells(VALUE))")
        until(lambda: refreshed(shadowed) > before)
        assert state(session.pgconn.exec_prepared(b"s", [b"x"])) == "42501"


@pytest.mark.parametrize("shadowed", [CASTS], indirect=True, ids=["casts"])
def test_a_cast_that_nobody_asked_for_calls_no_function_of_a_user(shadowed: Gateway, database: Database) -> None:
    check(shadowed, database, CAST)
    with connect(shadowed, "desk_app") as session:
        for sql, row in PLAIN.items():
            assert list(session.execute(sql).fetchone() or ()) == row, sql
        for name in ("ref.mood", "ref.mood[]", "ref.pair", "ref.feeling"):
            assert bound(session, type_oid(session, name), "x")[1] == "42501", name


def refreshed(gateway: Gateway) -> int:
    return [r["event"] for r in gateway.records()].count("catalogue_refreshed")


def type_oid(session: psycopg.Connection[tuple[object, ...]], name: str) -> int:
    found = session.execute("SELECT %s::regtype::oid::int8", (name,)).fetchone()
    assert found is not None
    return int(str(found[0]))


def state(result: psycopg.pq.abc.PGresult) -> str:
    return (result.error_field(psycopg.pq.DiagnosticField.SQLSTATE) or b"").decode()


def bound(session: psycopg.Connection[tuple[object, ...]], oid: int, value: str) -> tuple[bool, str]:
    """Whether a parameter of this type tells the number, and the SQLSTATE of an error."""
    notices: list[str] = []
    session.add_notice_handler(lambda notice: notices.append(notice.message_primary or ""))
    result = session.pgconn.exec_params(b"SELECT $1", [value.encode()], [oid])
    return CLEAR in str(notices), state(result)


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
        answers = {sql: told(direct, sql) for sql in statements}
        understood = [sql for sql, (_, sqlstate) in answers.items() if sqlstate != "42601"]  # an older grammar
        blind = [sql for sql in understood if CLEAR not in answers[sql][0]]
    assert not blind, "these call no function of a user, so that they prove nothing"
    with connect(gateway, "desk_app") as session:
        found = {sql: told(session, sql) for sql in statements}
    assert not {sql: text for sql, (text, _) in found.items() if CLEAR in text}
    assert {state for _, state in found.values()} == {"42501"}
