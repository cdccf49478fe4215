"""What would happen to a statement, for people: verdict, veils, rules, and the SQL that would run. Nothing is run.

The keys of pseudonyms are not read: a stand-in takes their place in the SQL that is shown.
"""

from __future__ import annotations

from dataclasses import dataclass

from adapters.postgres.catalog import Snapshot
from adapters.postgres.plan import Plan, SessionState
from adapters.postgres.planner import PostgresPlanner, Token
from adapters.postgres.sql.parse import Text
from adapters.postgres.sql.pseudonym import PseudonymKeys
from adapters.postgres.sql.utility import analyse
from adapters.postgres.world import PolicyWorld
from gateway.errors import Denied, MenshenError
from gateway.model import Consent, Denial, Persona, Retention, RowPredicate, RowRule, Veil
from gateway.policy.policy import Policy

STAND_IN = b"explain shows no key of pseudonyms"


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer to `menshen explain`."""

    principal: str
    roles: tuple[str, ...]
    purpose: str | None
    unrestricted: bool
    plan: Plan
    veils: tuple[Veil, ...]
    sql: str
    """What would be sent to the database; empty where the statement is denied."""
    denial: Denial | None

    def document(self) -> dict[str, object]:
        """As JSON."""
        denial = self.denial
        return {
            "principal": self.principal,
            "roles": sorted(self.roles),
            "purpose": self.purpose,
            "unrestricted": self.unrestricted,
            "verdict": "deny" if denial else str(self.plan.statements[0].outcome if self.plan.statements else "allow"),
            "denial": None
            if denial is None
            else {
                "sqlstate": denial.sqlstate,
                "message": denial.message,
                "hint": denial.hint,
                "position": denial.position,
                "reason": denial.reason,
            },
            "statements": [
                {
                    "kind": s.kind,
                    "verdict": str(s.outcome),
                    "classes": {d.data_class: str(d.disclosure) for d in s.classes},
                    "lookups": [look.column for look in s.lookups],
                }
                for s in self.plan.statements
            ],
            "veils": [_veil_document(v) for v in self.veils],
            "sql": self.sql,
        }


def explain(
    policy: Policy, snapshot: Snapshot, database: str, principal: str, purpose: str | None, sql: str
) -> Explanation:
    """Judge a statement as the gateway would. Raises Denied for an unknown principal or a purpose it may not pursue."""
    known = policy.principals.get(principal)
    if known is None:
        names = ", ".join(sorted(policy.principals)) or "none"
        raise Denied(f'there is no principal "{principal}" in the bundle', hint=f"There are: {names}.")
    planner = PostgresPlanner(policy, snapshot, PseudonymKeys(STAND_IN), STAND_IN)
    wanted = planner.startup_purpose(known, purpose)
    state = SessionState(known, database, wanted, initial_purpose=wanted)
    plan = planner.plan(sql, state, single=False)
    token = planner.token(state)
    assert isinstance(token, Token)
    persona = token.persona
    if plan.statements and plan.statements[0].purpose != persona.purpose:
        persona = policy.persona(known, plan.statements[0].purpose)
    return Explanation(
        principal,
        tuple(persona.roles),
        persona.purpose,
        persona.unrestricted,
        plan,
        _veils(planner, policy, snapshot, persona, sql) if not persona.unrestricted else (),
        "" if plan.denial else plan.text.decode(),
        plan.denial,
    )


def _veils(
    planner: PostgresPlanner, policy: Policy, snapshot: Snapshot, persona: Persona, sql: str
) -> tuple[Veil, ...]:
    """The veils of the relations that the statement names."""
    world = PolicyWorld(policy, snapshot)
    found: dict[str, Veil] = {}
    try:
        text = Text(sql)
        for one in text.statements:
            for use in analyse(text, one, world, snapshot.default_search_path).everything_used():
                rendered = planner.rendered(persona, use.relation)
                if rendered is not None:
                    found[str(use.relation.name)] = rendered.veil
    except MenshenError:
        return ()
    return tuple(found.values())


def _veil_document(veil: Veil) -> dict[str, object]:
    return {
        "table": str(veil.table),
        "columns": [
            {
                "column": c.column,
                "class": c.data_class,
                "disclosure": str(c.disclosure),
                "mask": c.mask.name if c.mask else None,
                "lookup": c.lookup,
                "insert": c.insert,
                "update": c.update,
                "rules": list(c.rules),
            }
            for c in veil.columns
        ],
        "rows": [predicate_words(p) for p in veil.rows],
        "delete": veil.delete,
    }


def predicate_words(predicate: RowPredicate) -> str:
    """A row predicate in a sentence."""
    match predicate:
        case Retention(column, keep):
            return f"retention: {column} is within {keep}"
        case Consent(table, _, _, _, _, _, purposes):
            return f"consent: the subject consented to {' or '.join(purposes)} in {table}"
        case RowRule(role, expression, _):
            return f"row rule of role {role}: {expression}"
