"""Conditions on what is not seen, and values that would leave their class."""

from __future__ import annotations

import pytest

from adapters.postgres.plan import Plan, SessionState
from adapters.postgres.planner import PostgresPlanner
from adapters.postgres.sql.pseudonym import PseudonymKeys
from tests.support import datamap

TABLES = """
tables:
  "ref.*": allow
  crm.customers: {subject: id, columns: {id: public, full_name: identity.name, phone: contact.phone,
    email: contact.email, region: public}}
  crm.notes: {columns: {id: public, body: public, any_contact: contact, phone: contact.phone, secret: top}}
"""
CLEAR = """
p, *, *, public, clear, allow
p, support, service, personal, clear, allow
p, support, service, top, clear, allow
p, support, service, *, insert, allow
p, support, service, *, update, allow
g, app, support
"""
MASKED = """
p, *, *, public, clear, allow
p, support, service, contact, partial, allow
p, support, service, contact.phone, lookup, allow
p, support, service, identity, clear, allow
p, support, service, *, insert, allow
p, support, service, *, update, allow
g, app, support
"""


def planner(monkeypatch: pytest.MonkeyPatch, rules: str, classes: str = "") -> PostgresPlanner:
    text = datamap.CLASSES + "  top: {level: 5}\n"
    monkeypatch.setattr(
        datamap, "CLASSES", text.replace("{parent: contact, mask: phone}", classes or "{parent: contact}")
    )
    policy = datamap.bundle(TABLES, rules)
    found = datamap.snapshot(
        datamap.relation("crm.customers", id="int4", full_name="text", phone="text", email="text", region="text"),
        datamap.relation("crm.notes", id="int4", body="text", any_contact="text", phone="text", secret="text"),
        datamap.relation("ref.lands", code="text"),
        default_search_path=("crm",),
    )
    return PostgresPlanner(policy, found, PseudonymKeys(b"k" * 32), b"h" * 32)


def plan(one: PostgresPlanner, sql: str) -> Plan:
    return one.plan(sql, SessionState(one.policy.principals["app"], "crm", "service"), single=False)


def reason(one: PostgresPlanner, sql: str) -> str:
    denial = plan(one, sql).denial
    return "" if denial is None else denial.reason


LAUNDERED = [
    "INSERT INTO notes (body) SELECT phone FROM customers",
    "INSERT INTO notes (id, body) SELECT id, left(phone, 3) || 'x' FROM customers",
    "INSERT INTO notes (body) SELECT c::text FROM customers c",
    "INSERT INTO notes (body) SELECT row_to_json(c) FROM customers c",
    "INSERT INTO notes (id, body) SELECT * FROM (SELECT id, phone FROM customers) q",
    "INSERT INTO notes (id, body) SELECT q.* FROM (SELECT id, upper(phone) FROM customers) q(a, b)",
    "INSERT INTO notes (body) WITH w AS (SELECT phone AS p FROM customers) SELECT p FROM w",
    "WITH w AS (SELECT phone AS p FROM customers) INSERT INTO notes (body) SELECT p FROM w",
    "INSERT INTO notes (body) WITH RECURSIVE w (n, p) AS (SELECT 1, phone FROM customers UNION ALL "
    "SELECT n + 1, p FROM w WHERE n < 3) SELECT p FROM w",
    "INSERT INTO notes (body) WITH RECURSIVE w (n, p, q) AS (SELECT 1, 'a', phone FROM customers UNION ALL "
    "SELECT n + 1, q, p FROM w WHERE n < 3) SELECT p FROM w",
    "INSERT INTO notes (body) SELECT code FROM ref.lands UNION SELECT phone FROM customers",
    "INSERT INTO notes (body) VALUES ('x'), ((SELECT phone FROM customers LIMIT 1))",
    "INSERT INTO notes (body) SELECT string_agg(phone, ',') FROM customers",
    "INSERT INTO notes (body) SELECT (SELECT phone FROM customers LIMIT 1)",
    "INSERT INTO notes (body) SELECT ARRAY(SELECT phone FROM customers)::text",
    "INSERT INTO notes (body) SELECT CASE WHEN phone = 'x' THEN 'a' END FROM customers",
    "INSERT INTO notes (body) SELECT EXISTS (SELECT 1 FROM customers WHERE phone = 'x')::text",
    "INSERT INTO notes (body) SELECT ('x' IN (SELECT phone FROM customers))::text",
    "INSERT INTO notes (body) SELECT x FROM customers, LATERAL (SELECT phone AS x) q",
    "INSERT INTO notes (body) SELECT x FROM customers, unnest(ARRAY[phone]) x",
    "INSERT INTO notes (body) SELECT j.phone FROM (customers c JOIN ref.lands l ON true) AS j",
    "INSERT INTO notes (body) SELECT lag(phone) OVER (ORDER BY id) FROM customers",
    "INSERT INTO notes (id, any_contact) SELECT id, full_name FROM customers",
    "INSERT INTO notes (id, body, phone) SELECT id, 'x', phone FROM customers "
    "ON CONFLICT (id) DO UPDATE SET body = excluded.phone",
    "INSERT INTO notes (id, phone) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET body = notes.phone",
    "UPDATE notes SET body = phone",
    "UPDATE notes SET body = notes.phone || ''",
    "UPDATE notes SET (id, body) = (1, phone)",
    "UPDATE notes SET (id, body) = (SELECT id, phone FROM customers LIMIT 1)",
    "UPDATE notes SET body = c.phone FROM customers c WHERE c.id = notes.id",
    "UPDATE notes SET phone = any_contact",
    "WITH w AS (UPDATE notes SET phone = 'x' RETURNING phone) INSERT INTO notes (body) SELECT phone FROM w",
    "PREPARE q AS INSERT INTO notes (body) SELECT phone FROM customers",
]


@pytest.mark.parametrize("sql", LAUNDERED)
def test_a_value_does_not_leave_its_class(sql: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert reason(planner(monkeypatch, CLEAR), sql) == "laundering"


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO notes (id, phone) SELECT id, phone FROM customers",
        "INSERT INTO notes (id, any_contact) SELECT id, phone || email FROM customers",
        "INSERT INTO notes (secret) SELECT c::text FROM customers c",
        "INSERT INTO notes (id, body) SELECT id, region FROM customers WHERE phone LIKE '138%'",
        "INSERT INTO notes (body) SELECT x FROM (SELECT phone, region AS x FROM customers) q",
        "INSERT INTO notes (body) WITH w (p, r) AS (SELECT phone, region FROM customers) SELECT r FROM w",
        "INSERT INTO notes (body) SELECT (SELECT region FROM customers c WHERE c.phone = n.phone LIMIT 1) FROM notes n",
        "INSERT INTO notes (body) SELECT count(*)::text FROM customers",
        "INSERT INTO notes (id, phone) VALUES (1, '1') ON CONFLICT (id) DO UPDATE SET phone = excluded.phone",
        "INSERT INTO notes (phone, body) VALUES ('1', $1) RETURNING phone",
        "UPDATE notes SET (phone, body) = (phone, 'x') WHERE phone IS NOT NULL",
        "UPDATE notes SET phone = c.phone FROM customers c WHERE c.id = notes.id RETURNING notes.*",
        "COPY notes (body) FROM STDIN",
    ],
)
def test_what_stays_in_its_class_or_goes_to_a_stricter_one_is_written(
    sql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert reason(planner(monkeypatch, CLEAR), sql) == ""


def test_a_mask_is_not_kept_as_data(monkeypatch: pytest.MonkeyPatch) -> None:
    one = planner(monkeypatch, MASKED)
    for sql in (
        "INSERT INTO notes (body) SELECT phone FROM customers",
        "INSERT INTO notes (secret) SELECT email FROM customers",
        "UPDATE notes SET body = phone",
    ):
        assert reason(one, sql) == "masked_write", sql
    assert reason(one, "INSERT INTO notes (body) SELECT region FROM customers") == ""


def test_the_refusal_names_both_columns_and_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    denial = plan(planner(monkeypatch, CLEAR), LAUNDERED[0]).denial
    assert denial is not None
    assert denial.sqlstate == "42501"
    for word in ("contact.phone", "crm.customers.phone", "crm.notes.body", "public"):
        assert word in denial.message
    assert "classify crm.notes.body" in denial.hint


CONDITIONS = [
    "SELECT id FROM customers WHERE phone > '1'",
    "SELECT id FROM customers WHERE phone IS NULL",
    "SELECT id FROM customers WHERE id = 1 OR phone = '1'",
    "SELECT id FROM customers WHERE NOT phone = '1'",
    "SELECT id FROM customers WHERE upper(phone) = '1'",
    "SELECT id FROM customers WHERE customers::text LIKE '%1%'",
    "SELECT id FROM (SELECT id, phone AS p FROM customers) q WHERE p = '1'",
    "SELECT id FROM (SELECT id, upper(phone) AS p FROM customers) q WHERE q.p = '1'",
    "WITH w AS (SELECT id, phone AS p FROM customers) SELECT id FROM w WHERE p = '1'",
    "SELECT c.id FROM customers c JOIN notes n ON n.phone = c.phone",
    "SELECT c.id FROM customers c JOIN notes n USING (phone)",
    "SELECT c.id FROM customers c NATURAL JOIN notes n",
    "SELECT max(id) FROM customers GROUP BY region HAVING max(phone) = '1'",
    "SELECT count(*) FILTER (WHERE phone = '1') FROM customers",
    "SELECT id FROM customers ORDER BY phone",
    "SELECT phone = '1' FROM customers",
    "SELECT nullif(phone, '1') FROM customers",
    "SELECT greatest(phone, '1') FROM customers",
    "SELECT strpos(phone, '1') FROM customers",
    "SELECT CASE phone WHEN '1' THEN 2 END FROM customers",
    "SELECT CASE WHEN phone = '1' THEN 2 END FROM customers",
    "SELECT '1' IN (SELECT phone FROM customers)",
    "SELECT phone FROM customers INTERSECT SELECT '1'",
    "SELECT id FROM notes WHERE id = (SELECT count(phone) FROM customers)",
    "SELECT id FROM notes WHERE EXISTS (SELECT 1 FROM customers WHERE phone LIKE '1')",
    "UPDATE notes SET body = 'x' WHERE phone LIKE '1'",
    "SELECT string_agg(region, ',' ORDER BY phone) FROM customers",
    "SELECT jsonb_path_exists(to_jsonb(c), '$.phone') FROM customers c",
]
SHOWN = [
    "SELECT phone FROM customers",
    "SELECT * FROM customers WHERE id = 1",
    "SELECT upper(phone) || 'x', count(*) FROM customers GROUP BY phone",
    "SELECT DISTINCT phone FROM customers",
    "SELECT p FROM (SELECT id, phone AS p FROM customers) q WHERE q.id = 1 ORDER BY id",
    "SELECT id FROM notes WHERE EXISTS (SELECT * FROM customers c WHERE c.id = notes.id)",
    "SELECT phone FROM customers UNION ALL SELECT phone FROM notes",
    "SELECT id FROM customers WHERE full_name = '1'",
]
LOOKUPS = [
    "SELECT phone FROM customers WHERE phone = $1 AND id > 0",
    "SELECT id FROM customers c WHERE c.phone IN ('1', '2')",
    "SELECT id FROM customers WHERE '1' = phone",
    "UPDATE notes SET body = 'x' WHERE phone = '1'",
    "SELECT id FROM notes WHERE EXISTS (SELECT 1 FROM customers WHERE phone = '1')",
]
LOOKUP = "{parent: contact, mask: phone, predicate: lookup}"
DENY = "{parent: contact, mask: phone, predicate: deny}"


@pytest.mark.parametrize("sql", CONDITIONS)
@pytest.mark.parametrize("classes", [LOOKUP, DENY])
def test_a_condition_on_what_is_not_seen_is_refused(sql: str, classes: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert reason(planner(monkeypatch, MASKED, classes), sql) == "predicate"


@pytest.mark.parametrize("sql", SHOWN)
@pytest.mark.parametrize("classes", [LOOKUP, DENY])
def test_what_is_only_shown_passes(sql: str, classes: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert reason(planner(monkeypatch, MASKED, classes), sql) == ""


@pytest.mark.parametrize("sql", LOOKUPS)
def test_a_lookup_passes_with_lookup_and_not_with_deny(sql: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = plan(planner(monkeypatch, MASKED, LOOKUP), sql)
    assert found.denial is None
    assert sum(len(s.lookups) for s in found.statements) >= 1
    monkeypatch.undo()
    assert reason(planner(monkeypatch, MASKED, DENY), sql) == "predicate"


@pytest.mark.parametrize("sql", [*CONDITIONS, *SHOWN, *LOOKUPS])
def test_who_sees_the_column_in_clear_may_do_all_that(sql: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert reason(planner(monkeypatch, CLEAR, DENY), sql) == ""


def test_a_lookup_on_the_nullable_side_of_a_join_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    sql = "SELECT n.id FROM notes n LEFT JOIN customers c ON true WHERE c.phone = '1'"
    assert reason(planner(monkeypatch, MASKED, LOOKUP), sql) == "predicate"


# -- aggregates -------------------------------------------------------------------------------------------------------
ANALYST = """
p, *, *, public, clear, allow
p, support, service, personal, pseudonym, allow
g, app, support
"""
GROUPS = "{parent: contact, mask: phone, aggregate: {min_group: 5}}"
COUNTED = 'pg_catalog.count(DISTINCT "{}"."menshen:subject") OPERATOR(pg_catalog.>=) 5'


@pytest.mark.parametrize(
    ("sql", "ends"),
    [
        ("SELECT count(phone) FROM customers", " HAVING {}"),
        ("SELECT count(phone) FROM customers;", " HAVING {};"),
        ("SELECT region, count(*) FROM customers WHERE phone IS NULL GROUP BY region", "BY region HAVING {}"),
        ("SELECT region FROM customers GROUP BY region, phone ORDER BY 1", "region, phone HAVING {} ORDER BY 1"),
        (
            "SELECT 1 FROM customers GROUP BY phone HAVING true OR false LIMIT 1",
            "HAVING ( true OR false) AND ({}) LIMIT 1",
        ),
        ("SELECT count(phone) AS order FROM customers OFFSET 0", " HAVING {} OFFSET 0"),
        ("SELECT id FROM notes WHERE id = (SELECT count(phone) FROM customers)", " HAVING {})"),
        ("SELECT n FROM (SELECT region, count(phone) AS n FROM customers GROUP BY 1) q", "BY 1 HAVING {}) q"),
        ("SELECT avg(n) FROM (SELECT region, count(phone) AS n FROM customers GROUP BY 1) q", "BY 1 HAVING {}) q"),
        ("SELECT count(phone) FROM customers UNION ALL SELECT 1", " HAVING {} UNION ALL SELECT 1"),
        ("SELECT sum(count(*)) OVER () FROM customers GROUP BY phone", "BY phone HAVING {}"),
        ("COPY (SELECT count(phone) FROM customers) TO STDOUT", " HAVING {}) TO STDOUT"),
    ],
)
def test_small_groups_fall_away(sql: str, ends: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = plan(planner(monkeypatch, ANALYST, GROUPS), sql)
    assert found.denial is None
    text = found.text.decode()
    assert ends.format(COUNTED.format("customers")) in text
    assert '"id" AS "menshen:subject"' in text


def test_each_relation_of_a_join_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    sql = "SELECT count(a.phone) FROM customers a JOIN customers b ON a.region = b.region AND b.phone IS NULL"
    text = plan(planner(monkeypatch, ANALYST, GROUPS), sql).text.decode()
    assert f"HAVING {COUNTED.format('a')} AND {COUNTED.format('b')}" in text


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count(phone) FILTER (WHERE id = 1) FROM customers",
        "SELECT sum(id) FROM (SELECT id, phone FROM customers) q",
        "WITH w AS (SELECT * FROM customers) SELECT count(*) FROM w",
        "SELECT sum(CASE WHEN id = 1 THEN 1 ELSE 0 END), min(phone) FROM customers",
        "SELECT sum(id * (id = 1)::int), min(phone) FROM customers",
        "SELECT array_agg(phone) FROM customers",
        "SELECT json_arrayagg(phone) FROM customers",
        "SELECT mode() WITHIN GROUP (ORDER BY phone) FROM customers",
        "SELECT region, count(phone) FROM customers GROUP BY ROLLUP (region)",
        "SELECT count(phone) FROM customers GROUP BY GROUPING SETS ((region), ())",
        "SELECT phone, count(*) OVER (PARTITION BY phone) FROM customers",
        "SELECT phone, sum(id) OVER w FROM customers WINDOW w AS (ORDER BY id)",
        "SELECT (SELECT sum(c.id) FROM ref.lands) FROM customers c WHERE phone IS NOT NULL",
        "SELECT x FROM customers c, LATERAL (SELECT max(c.phone) AS x FROM ref.lands) q",
        "SELECT count(c) FROM customers c",
        "SELECT count(*) FROM (customers c JOIN ref.lands l ON true) AS j",
        "SELECT count(p) FROM customers AS c (i, n, p)",
        "SELECT count(phone) FROM notes",
        "SELECT FROM customers GROUP BY phone",
    ],
)
def test_what_cannot_be_guarded_is_refused(sql: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert reason(planner(monkeypatch, ANALYST, GROUPS), sql) == "min_group"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT phone, row_number() OVER (ORDER BY id) FROM customers",
        "SELECT region, count(*) FILTER (WHERE id > 5) FROM customers GROUP BY 1",
        "SELECT DISTINCT phone FROM customers",
        "SELECT phone FROM customers WHERE id = (SELECT max(id) FROM notes)",
    ],
)
def test_what_aggregates_nothing_that_is_bound_passes_as_it_is(sql: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = plan(planner(monkeypatch, ANALYST, GROUPS), sql)
    assert found.denial is None
    assert b"menshen:subject" not in found.text


@pytest.mark.parametrize("rules", [CLEAR, MASKED])
def test_only_who_holds_no_more_than_pseudonym_is_bound(rules: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = plan(planner(monkeypatch, rules, GROUPS), "SELECT array_agg(phone) FROM customers")
    assert found.denial is None
    assert b"menshen:subject" not in found.text
