"""Values of a sequence go to those who may insert where it is drawn from, however the sequence is named."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapters.postgres.plan import SessionState
from adapters.postgres.planner import PostgresPlanner
from adapters.postgres.sql.pseudonym import PseudonymKeys
from gateway.model import TableName
from tests.support.datamap import bundle, relation, snapshot

TABLES = """
tables:
  crm.customers: {subject: id, columns: {id: public, full_name: identity.name}}
  crm.notes: {columns: {id: public, body: public}}
"""
LONG = "s" * 63
RULES = "p, *, *, public, clear, allow\np, support, service, crm.notes, insert, allow\ng, app, support\n"


@pytest.fixture(scope="module")
def planner() -> PostgresPlanner:
    """crm.customers draws from crm.customers_id_seq, crm."Old Seq" and one with a long name; crm.notes from crm.notes_seq."""

    def drawing(name: str, sequence: str, **columns: str) -> object:
        made = relation(name, **columns)
        first = replace(made.columns[0], sequence=TableName("crm", sequence))
        return replace(made, columns=(first, *made.columns[1:]))

    found = snapshot(
        drawing("crm.customers", "customers_id_seq", id="int4", full_name="text"),
        drawing("crm.old", "Old Seq", id="int4"),
        drawing("crm.long", LONG, id="int4"),
        drawing("crm.notes", "notes_seq", id="int4", body="text"),
        default_search_path=("crm",),
    )
    return PostgresPlanner(bundle(TABLES, RULES), found, PseudonymKeys(b"k" * 32), b"h" * 32)


def denied(planner: PostgresPlanner, sql: str) -> str:
    state = SessionState(planner.policy.principals["app"], "crm", "service")
    denial = planner.plan(sql, state, single=False).denial
    return "" if denial is None else denial.reason


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT nextval('customers_id_seq')",
        "SELECT nextval('crm.customers_id_seq')",
        "SELECT nextval('crm.customers_id_seq'::regclass)",
        "SELECT nextval('CRM.Customers_ID_seq'::text::regclass)",
        "SELECT nextval(' \"crm\" . customers_id_seq ')",
        "SELECT nextval(E'crm.customers\\x5fid_seq')",
        "SELECT pg_catalog.nextval(U&'crm.customers\\005fid_seq')",
        "SELECT nextval('crm.\"Old Seq\"') FROM generate_series(1, 1000000)",
        f"SELECT nextval('crm.{LONG}more')",
        "INSERT INTO notes (id, body) VALUES (nextval('customers_id_seq'), 'x')",
        "SELECT id FROM notes WHERE id = nextval('customers_id_seq')",
    ],
)
def test_who_may_not_insert_draws_nothing(planner: PostgresPlanner, sql: str) -> None:
    assert denied(planner, sql) == "no_rule"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT nextval('24576')",
        "SELECT nextval(24576)",
        "SELECT nextval($1)",
        "SELECT nextval($1::regclass)",
        "SELECT nextval(body) FROM notes",
        "SELECT nextval('crm.' || 'customers_id_seq')",
        "SELECT nextval('app.crm.customers_id_seq')",
        "SELECT nextval('crm.customers_id_seq', 1)",
    ],
)
def test_a_sequence_that_is_not_named_is_refused(planner: PostgresPlanner, sql: str) -> None:
    assert denied(planner, sql) == "function"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT nextval('notes_seq')",
        "INSERT INTO notes (id, body) VALUES (nextval('crm.notes_seq'::regclass), 'x')",
        "INSERT INTO notes (body) VALUES ('x')",
        "SELECT nextval('crm.invoice_no')",
        "SELECT currval('customers_id_seq'), lastval()",
    ],
)
def test_who_may_insert_draws_and_what_belongs_to_no_table_is_free(planner: PostgresPlanner, sql: str) -> None:
    assert denied(planner, sql) == ""
