"""The small company of `tests/cases/sql` in a real database, its planner, and copies in which veils are real tables."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import psycopg
import yaml

from adapters.postgres.catalog import Snapshot
from adapters.postgres.introspect import introspect
from adapters.postgres.plan import Plan, SessionState
from adapters.postgres.planner import PostgresPlanner
from adapters.postgres.sql.pseudonym import PseudonymKeys
from gateway.model import Persona
from gateway.policy.policy import Policy, load
from tests.support.postgres import Database, Postgres

CASES = Path(__file__).parents[2] / "cases" / "sql"
PERSONAS = {"support": "support_app", "marketing": "campaign_job", "analyst": "analyst", "auditor": "auditor"}


def cases(name: str) -> list[dict[str, Any]]:
    """The statements of a file; a bare text is a case with nothing but `sql`."""
    raw = yaml.safe_load((CASES / name).read_text(encoding="utf-8"))
    return [{"sql": one} if isinstance(one, str) else one for one in raw]


@dataclass(frozen=True)
class Company:
    """`database` holds the raw rows; `shadows[persona]` a copy where each governed table is what that persona may see."""

    database: Database
    shadows: dict[str, Database]
    policy: Policy
    snapshot: Snapshot
    planner: PostgresPlanner

    @property
    def version(self) -> int:
        """PostgreSQL's major version."""
        return self.snapshot.server_version // 10_000

    def state(self, persona: str, purpose: str | None = None) -> SessionState:
        principal = self.policy.principals[PERSONAS[persona]]
        purpose = purpose or principal.default_purpose
        return SessionState(principal, "crm", purpose, initial_purpose=purpose)

    def plan(self, persona: str, sql: str, purpose: str | None = None) -> Plan:
        return self.planner.plan(sql, self.state(persona, purpose), single=False)


def build(postgres: Postgres) -> Company:
    """Create the database, read its catalogue, and make the copies."""
    database = postgres.create()
    database.execute((CASES / "schema.sql").read_text(encoding="utf-8"))
    snapshot = asyncio.run(_look(database.dsn))
    policy = load(CASES / "bundle")
    planner = PostgresPlanner(policy, snapshot, PseudonymKeys(b"k" * 32), b"h" * 32)
    shadows = {}
    for name, principal in ((name, policy.principals[one]) for name, one in PERSONAS.items()):
        persona = policy.persona(principal, principal.default_purpose)
        shadows[name] = shadow(postgres, database, policy, snapshot, planner, persona)
    return Company(database, shadows, policy, snapshot, planner)


async def _look(dsn: str) -> Snapshot:
    connection = await asyncpg.connect(dsn)
    try:
        return await introspect(connection)
    finally:
        await connection.close()


def shadow(
    postgres: Postgres,
    database: Database,
    policy: Policy,
    snapshot: Snapshot,
    planner: PostgresPlanner,
    persona: Persona,
) -> Database:
    """A copy of the database in which each governed table is what the persona may see of it."""
    copy = postgres.create(template=database.name)
    with psycopg.connect(copy.dsn, autocommit=True) as connection:
        made = []
        for relation in snapshot.relations.values():
            veil = planner.rendered(persona, relation) if relation.name in policy.tables else None
            if veil is not None:
                target = f'"{relation.name.schema}"."{relation.name.name}"'
                connection.execute(f"CREATE TABLE public.shadow{len(made)} AS SELECT * FROM {veil.derived()} v")
                made.append((target, relation))
        for number, (target, relation) in enumerate(made):
            kind = "VIEW" if relation.kind == "v" else "TABLE"
            connection.execute(f"DROP {kind} IF EXISTS {target} CASCADE")
            connection.execute(f"ALTER TABLE public.shadow{number} SET SCHEMA {target.split('.')[0]}")
            connection.execute(f"ALTER TABLE {target.split('.')[0]}.shadow{number} RENAME TO {target.split('.')[1]}")
            if relation.primary_key and relation.primary_key != ("customer_id", "purpose"):
                keys = ", ".join(f'"{c}"' for c in relation.primary_key)
                connection.execute(f"ALTER TABLE {target} ADD PRIMARY KEY ({keys})")
    return copy
