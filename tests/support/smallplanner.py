"""A planner over a small database of values, for tests that need no server."""

from __future__ import annotations

from dataclasses import replace

from adapters.postgres.plan import Plan, SessionState
from adapters.postgres.planner import PostgresPlanner
from adapters.postgres.sql.pseudonym import PseudonymKeys
from gateway.policy.policy import Policy
from tests.support.datamap import RULES, bundle, relation, snapshot

TABLES = """
tables:
  "ref.*": allow
  crm.customers: {subject: id, columns: {id: public, full_name: identity.name, phone: contact.phone, 城市: public},
    rows: {support: "城市 = :principal.region"}}
  crm.notes: {columns: {id: public, body: public}}
"""


ROWS = ',\n    rows: {support: "城市 = :principal.region"}}'


def planner(rules: str = "p, *, *, public, clear, allow\n" + RULES, *, rows: bool = True) -> PostgresPlanner:
    """`app` (role support, purpose service) sees phones masked, and of crm.customers the rows of its region."""
    policy: Policy = bundle(TABLES if rows else TABLES.replace(ROWS, "}"), rules)
    people = relation("crm.customers", id="int4", full_name="text", phone="varchar", 城市="text", secret="text")
    relations = (
        replace(people, primary_key=("id",)),
        relation("crm.notes", id="int4", body="text"),
        relation("ref.lands", code="text"),
        relation("crm.unknown", id="int4"),
    )
    found = snapshot(
        *relations, default_search_path=("crm", "public"), user_functions=frozenset({"lower", "shout"}),
        user_operators=frozenset({"==="}), system_relations=frozenset({"pg_class", "pg_type"}),
    )  # fmt: skip
    return PostgresPlanner(policy, found, PseudonymKeys(b"k" * 32), b"h" * 32)


def state(one: PostgresPlanner, purpose: str | None = "service", principal: str = "app") -> SessionState:
    return SessionState(one.policy.principals[principal], "crm", purpose, initial_purpose=purpose)


def plan(sql: str, *, one: PostgresPlanner | None = None, single: bool = False) -> Plan:
    made = one or planner()
    return made.plan(sql, state(made), single=single)
