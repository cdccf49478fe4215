"""The gateway in managed mode: the session is the persona's role, and both locks are shut."""

from __future__ import annotations

import time
from typing import Any

import psycopg
import pytest

from tests.system.managed.conftest import Installed


def connect(door: Installed, principal: str = "desk_app", purpose: str | None = None) -> psycopg.Connection[Any]:
    return psycopg.connect(door.gateway.dsn(principal, purpose=purpose), autocommit=True)


def until(door: Installed, sql: str, error: type[psycopg.Error] | None) -> None:
    """Ask again until the gateway has noticed."""
    deadline = time.monotonic() + 15
    while True:
        try:
            with connect(door) as session:
                session.execute(sql.encode())
            if error is None:
                return
        except psycopg.Error as told:
            if error is not None and isinstance(told, error):
                return
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT id, name, phone, pin FROM app.people ORDER BY id", [
            (1, "欧阳娜", "138****8000", None), (2, "司马光", "139****9000", None)]),
        ("SELECT * FROM people p WHERE p.id = 1", [(1, "欧阳娜", "138****8000", None, "north")]),
        ("SELECT people.id FROM people WHERE phone = '13800138000'", [(1,)]),
        ("SELECT id, phone FROM people WHERE phone IN ('13800138000', '13700137000')", [(1, "138****8000")]),
        ("SELECT id FROM people WHERE '13800138000' = phone", [(1,)]),
        ("SELECT id FROM people WHERE phone = ANY ('{13800138000}')", [(1,)]),
        ("SELECT id FROM people WHERE phone LIKE '1380013%'", []),
        ("SELECT id, count(*) FROM app.people GROUP BY id, name ORDER BY 1", [(1, 1), (2, 1)]),
        ("TABLE ref.countries", [("CN", "中国")]),
        ("SELECT p.name, c.name FROM people p, ref.countries c WHERE p.id = 2", [("司马光", "中国")]),
        ("WITH x AS (SELECT id FROM people) SELECT count(*) FROM x", [(2,)]),
        ("UPDATE people SET name = '上官' WHERE id = 1 RETURNING id, name, phone", [(1, "上官", "138****8000")]),
        ("INSERT INTO notes (body) VALUES ('x') RETURNING body", [("x",)]),
        ("INSERT INTO notes (id, body) VALUES (1, 'y') ON CONFLICT (id) DO UPDATE SET body = excluded.body", None),
        ("DELETE FROM app.notes n WHERE n.id = 1", None),
        ("INSERT INTO app.people (id, region) VALUES (7, 'north') RETURNING people.id, phone", [(7, None)]),
        ("INSERT INTO people AS p (id, region) VALUES (7, 'north') ON CONFLICT DO NOTHING RETURNING p.id", [(7,)]),
        ("UPDATE app.people SET name = 'x' WHERE app.people.id = 1 RETURNING app.people.id, app.people.phone",
         [(1, "138****8000")]),
        ("SELECT id FROM people WHERE name = '欧阳娜' AND 1/(length(random()::text)) = 0", [(1,)]),
    ],
)  # fmt: skip
def test_statements_answer_as_in_inline_mode(door: Installed, sql: str, rows: list[Any] | None) -> None:
    with connect(door) as session, session.transaction(force_rollback=True):
        cursor = session.execute(sql.encode())
        assert (cursor.fetchall() if cursor.description else None) == rows


def test_a_lookup_takes_parameters_and_is_recorded(door: Installed) -> None:
    before = sum(bool(record.get("lookups")) for record in door.gateway.records())
    with connect(door) as session:
        for _ in range(3):
            rows = session.execute("SELECT id FROM people WHERE phone = %s", ["13800138000"], prepare=True).fetchall()
            assert rows == [(1,)]
    assert sum(bool(record.get("lookups")) for record in door.gateway.records()) == before + 3


def test_copy_and_the_role_of_the_session(door: Installed) -> None:
    with connect(door) as session:
        with session.cursor().copy("COPY (SELECT phone FROM people ORDER BY id) TO STDOUT") as copy:
            assert b"".join(copy) == b"138****8000\n139****9000\n"
        with session.cursor().copy("COPY app.people (id, phone) TO STDOUT") as copy:
            assert b"".join(copy) == b"1\t138****8000\n2\t139****9000\n"
        assert door.role() in {row[0] for row in door.database.execute("SELECT usename FROM pg_stat_activity")}


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT ctid FROM people",
        "SELECT id FROM ONLY people",
        "SELECT id FROM people TABLESAMPLE SYSTEM (100)",
        "UPDATE people SET name = 'x' WHERE phone = '13800138000'",
        "COPY notes (body) FROM STDIN",
        "INSERT INTO people (id, region) VALUES (3, 'north') ON CONFLICT (id) DO UPDATE SET region = 'north'",
        "UPDATE people SET region = 'north' WHERE name = '诸葛亮' AND random()::int/0 = 7",
    ],
)
def test_what_views_do_not_have_is_refused_with_a_reason(door: Installed, sql: str) -> None:
    with connect(door) as session:
        with pytest.raises(psycopg.errors.FeatureNotSupported, match="managed mode"):
            session.execute(sql.encode())
        assert session.execute("SELECT count(*) FROM people").fetchone() == (2,)


def test_the_purpose_stays_and_the_way_to_another_is_told(door: Installed) -> None:
    with connect(door) as session:
        session.execute("SET menshen.purpose = 'care'")
        for sql in ("SET menshen.purpose = 'research'", "SELECT phone FROM people /*purpose='research'*/"):
            with pytest.raises(psycopg.Error, match="in managed mode it stays") as told:
                session.execute(sql.encode())
            assert "menshen.purpose=research" in str(told.value.diag.message_hint)
        assert session.execute("SELECT phone FROM people WHERE id = 1").fetchone() == ("138****8000",)
    with connect(door, purpose="research") as session:
        assert str(session.execute("SELECT phone FROM people WHERE id = 1").fetchone()).startswith("('p_")


def test_an_unrestricted_persona_is_the_gateway_itself(door: Installed) -> None:
    with connect(door, "root_app") as session:
        assert session.execute("SELECT phone FROM app.people WHERE id = 3").fetchone() == ("13700137000",)


def test_a_policy_that_is_not_installed_is_refused_until_it_is(managed: Installed) -> None:
    door = managed
    door.install("--yes")
    door.gateway.start()
    with connect(door) as before:
        rules = door.gateway.policies / "rules.csv"
        rules.write_text(rules.read_text("utf-8").replace("p, desk, care, name, clear, allow\n", ""), "utf-8")
        door.gateway.reload()
        until(door, "SELECT name FROM people", psycopg.OperationalError)
        with pytest.raises(psycopg.Error, match="not in the database as the policy wants") as told:
            before.execute("SELECT name FROM people")
        assert "menshen install" in str(told.value.diag.message_hint)
        assert before.execute("SELECT 1").fetchone() == (1,)
        with connect(door, purpose="research") as other:
            other.execute("SELECT phone FROM people")
        door.install("--yes")
        until(door, "SELECT name FROM people", None)
        deadline = time.monotonic() + 15  # another process has it, which looks by itself
        while True:
            try:
                row = before.execute("SELECT name FROM people WHERE id = 1").fetchone()
                break
            except psycopg.errors.ObjectNotInPrerequisiteState:
                assert time.monotonic() < deadline
                time.sleep(0.1)
        assert row == (None,)


def test_nothing_is_installed_and_nobody_gets_in(managed: Installed) -> None:
    managed.gateway.start()
    with pytest.raises(psycopg.OperationalError, match="menshen install"):
        connect(managed)
    with connect(managed, "root_app") as session:
        assert session.execute("SELECT count(*) FROM app.people").fetchone() == (3,)
