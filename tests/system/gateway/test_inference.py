"""Inference controls through the front door: small groups, limited lookups, values that keep their class."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.support.gateway import Gateway
from tests.support.postgres import Database
from tests.system.gateway.conftest import FILES, SCHEMA, connect

CLASSES = """\
classes:
  personal: {level: 2, aggregate: {min_group: 3}}
  name: {parent: personal}
  phone: {parent: personal, mask: phone, predicate: lookup, lookup: {per_hour: 6}}
  public: {level: 1}
tables:
  app.people: {subject: id, columns: {id: public, name: name, phone: phone, city: public}}
  app.calls: {subject: person, columns: {id: public, person: public, phone: phone}}
  "ref.*": allow
"""
RULES = (
    FILES["rules.csv"]
    + """\
p, desk, care, phone, lookup, allow
p, analyst, care, personal, pseudonym, allow
p, *, *, public, clear, allow
p, clerk, care, personal, clear, allow
p, clerk, care, *, insert, allow
p, clerk, care, *, update, allow
g, bi_app, analyst
g, clerk_app, clerk
"""
)
PEOPLE = """
ALTER TABLE app.people ADD city text;
UPDATE app.people SET city = 'Xiamen';
INSERT INTO app.people SELECT n, 'p' || n, '1390013800' || n, CASE WHEN n < 6 THEN 'Wuhan' ELSE 'Lhasa' END
FROM generate_series(2, 7) n;
CREATE TABLE app.calls (id int PRIMARY KEY, person int, phone text);
INSERT INTO app.calls SELECT n, n % 2 + 1, '1' FROM generate_series(1, 20) n;
CREATE TABLE ref.seen (id int PRIMARY KEY, what text);
"""


@pytest.fixture
def guarded(tmp_path: Path, bundle: Path, database: Database) -> Iterator[Gateway]:
    database.execute(SCHEMA)
    database.execute(PEOPLE)
    (bundle / "catalog.yaml").write_text(CLASSES, "utf-8")
    (bundle / "rules.csv").write_text(RULES, "utf-8")
    more = "".join(
        f"  {name}: {{department: it, kind: application, default_purpose: care}}\n" for name in ("bi_app", "clerk_app")
    )
    (bundle / "principals.yaml").write_text(FILES["principals.yaml"] + more, "utf-8")
    settings = {"policy": {"reload_interval_seconds": 0.3}}
    with Gateway(tmp_path / "gw", {"crm": database.dsn}, policies=bundle, settings=settings) as made:
        yield made


def test_groups_of_few_subjects_do_not_appear(guarded: Gateway) -> None:
    with connect(guarded, "bi_app") as session:
        for sql, rows in (
            ("SELECT city, count(phone) FROM app.people GROUP BY city ORDER BY 1", [("Wuhan", 4)]),
            ("SELECT city FROM app.people WHERE phone IS NOT NULL OR true GROUP BY city HAVING count(*) > 0", None),
            ("SELECT count(phone) FROM app.people", [(7,)]),
            ("SELECT count(phone) FROM app.people WHERE id < 3", []),
            ("SELECT sum(n) FROM (SELECT city, count(name) AS n FROM app.people GROUP BY 1) q", [(4,)]),
            ("SELECT (SELECT count(name) FROM app.people WHERE id = 1) AS n", [(None,)]),
            ("SELECT count(phone) FROM app.calls", []),
            ("SELECT count(name) FROM app.people UNION ALL SELECT count(name) FROM app.people WHERE id = 1", [(7,)]),
            ("SELECT city, count(*) FROM app.people GROUP BY 1 ORDER BY 1", [("Lhasa", 2), ("Wuhan", 4), ("Xiamen", 1)]),
            ("SELECT p.city, count(c.id) FROM app.people p JOIN app.calls c ON c.person = p.id AND p.name > '' GROUP BY 1", []),
        ):  # fmt: skip
            if rows is None:
                with pytest.raises(psycopg.errors.InsufficientPrivilege, match="not seen in clear"):
                    session.execute(sql)
            else:
                assert session.execute(sql).fetchall() == rows, sql
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="3 subjects or more"):
            session.execute("SELECT count(phone) FILTER (WHERE id = 1) FROM app.people")


def test_lookups_of_an_hour_are_limited_over_sessions_and_reloads(guarded: Gateway) -> None:
    one = "SELECT id FROM app.people WHERE phone = %s"
    many = "SELECT id FROM app.people WHERE phone = ANY (%s::text[])"
    with connect(guarded, "desk_app") as session:
        assert session.execute(one, ("13800138000",)).fetchall() == [(1,)]
        assert session.execute(one, ("13800138000",), binary=True, prepare=True).fetchall() == [(1,)]
        with pytest.raises(psycopg.errors.ProgramLimitExceeded) as caught:
            session.execute(many, ([str(n) for n in range(5)],))
        assert "6 values of phone" in str(caught.value)
        assert caught.value.diag.message_hint is not None
        assert "minutes" in caught.value.diag.message_hint
        assert session.execute(many, (["13900138002", "x"],), binary=True).fetchall() == [(2,)]
        session.execute("PREPARE q (text) AS SELECT id FROM app.people WHERE phone = $1")
        assert session.execute("EXECUTE q ('13900138003')").fetchall() == [(3,)]
    rules = guarded.policies / "rules.csv"
    rules.write_text(RULES + "# another digest\n", "utf-8")
    with connect(guarded, "desk_app") as session:
        deadline = 100
        while [r["event"] for r in guarded.records()].count("policy_loaded") < 2:
            deadline -= 1
            assert deadline
            session.execute("SELECT pg_catalog.now()")
            time.sleep(0.05)
        assert session.execute("SELECT id FROM app.people WHERE phone = '13900138004'").fetchall() == [(4,)]
        for sql in (
            "SELECT id FROM app.people WHERE phone = '13900138004'",
            "SELECT id FROM app.people WHERE phone IN ('1')",
            "PREPARE q AS SELECT id FROM app.people WHERE phone = '1'; EXECUTE q",
            "DECLARE c CURSOR WITH HOLD FOR SELECT id FROM app.people WHERE phone = '1'",
        ):
            with pytest.raises(psycopg.errors.ProgramLimitExceeded):
                session.execute(sql)
        with pytest.raises(psycopg.errors.ProgramLimitExceeded):
            session.execute(one, ("1",), prepare=True)
        assert session.execute("SELECT id FROM app.people WHERE id = 1").fetchall() == [(1,)]
    denied = [r for r in guarded.records() if r.get("reason") == "lookup_limit"]
    assert len(denied) == 6


def test_what_a_clerk_reads_in_clear_stays_in_its_class(guarded: Gateway) -> None:
    with connect(guarded, "clerk_app") as session:
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="not as strict"):
            session.execute("INSERT INTO ref.seen SELECT id, phone FROM app.people")
        session.execute("INSERT INTO ref.seen SELECT id, city FROM app.people WHERE phone LIKE '138%'")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="not as strict"):
            session.execute("UPDATE ref.seen s SET what = p.phone FROM app.people p WHERE p.id = s.id")
        session.execute("INSERT INTO app.calls SELECT 100 + id, id, phone FROM app.people")
        assert session.execute("SELECT what FROM ref.seen").fetchall() == [("Xiamen",)]
    with connect(guarded, "root_app") as session:  # unrestricted
        session.execute("INSERT INTO ref.seen SELECT 50 + id, phone FROM app.people")
