"""What judging a statement costs: a text seen for the first time, beside reading it with the grammar alone.

Run by hand: `python -m bench.planner [texts]`. Both sides are measured in one run, text by text in turn; medians in
microseconds. "known" is a text that the planner has kept. The database is the demo's schema without its rows.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import asyncpg

from adapters.postgres.catalog import Snapshot
from adapters.postgres.demo.embedded import EmbeddedPostgres
from adapters.postgres.demo.state import shipped_policies
from adapters.postgres.introspect import introspect
from adapters.postgres.plan import SessionState
from adapters.postgres.planner import PostgresPlanner
from adapters.postgres.sql.parse import Text
from adapters.postgres.sql.pseudonym import PseudonymKeys
from gateway.policy.policy import load
from gateway.process import calm_garbage_collector

TEXTS = {
    "by key": "SELECT id, full_name, phone FROM crm.customers WHERE id = {n}",
    "lookup": "SELECT id, full_name FROM crm.customers WHERE phone = '138{n:08d}' ORDER BY id LIMIT 20",
    "join": """SELECT c.id, c.full_name, t.id, t.opened_at FROM crm.customers c
        JOIN service.tickets t ON t.customer_id = c.id WHERE c.region = 'R{n}'
        AND t.opened_at > now() - interval '30 days' ORDER BY t.opened_at DESC LIMIT 50""",
    "TPC-H Q3-like": """SELECT c.id, c.full_name, o.ordered_at, sum(o.amount) AS revenue
        FROM crm.customers c, sales.orders o WHERE c.member_level = 'gold' AND c.id = o.customer_id
        AND o.ordered_at < date '2026-03-15' AND c.created_at > date '2020-03-15' AND o.id <> {n}
        GROUP BY c.id, c.full_name, o.ordered_at ORDER BY revenue DESC, o.ordered_at LIMIT 10""",
    "subqueries": """WITH recent AS (SELECT customer_id, max(ordered_at) AS last FROM sales.orders GROUP BY customer_id)
        SELECT c.id, c.phone, r.last FROM crm.customers c JOIN recent r ON r.customer_id = c.id
        WHERE c.id NOT IN (SELECT customer_id FROM crm.consents WHERE withdrawn_at IS NOT NULL) AND c.id > {n}""",
}
WHO = "crm_app"


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    planner = _planner()
    calm_garbage_collector()  # as `menshen serve` does
    principal = planner.policy.principals[WHO]
    state = SessionState(principal, "crm", principal.default_purpose, initial_purpose=principal.default_purpose)
    print(f"{count} texts each, medians in µs; as {WHO} for {principal.default_purpose}")
    print(f"{'text':16}{'grammar':>9}{'first seen':>12}{'known':>8}{'ratio':>8}")
    for name, template in TEXTS.items():
        grammar, first, known = [], [], []
        for n in range(count):
            sql = template.format(n=n)
            plan = partial(planner.plan, sql, state, single=True)
            grammar.append(_timed(partial(getattr, Text(sql), "statements")))
            first.append(_timed(plan))
            denial = plan().denial
            assert denial is None, denial
            known.append(_timed(plan))
        read, judged, kept = map(statistics.median, (grammar, first, known))
        print(f"{name:16}{read:9.0f}{judged:12.0f}{kept:8.1f}{judged / read:8.1f}")


def _timed(call: Callable[[], object]) -> float:
    began = time.perf_counter_ns()
    call()
    return (time.perf_counter_ns() - began) / 1000


def _planner() -> PostgresPlanner:
    folder = Path(tempfile.mkdtemp(prefix="menshen-bench-"))
    folder.chmod(0o755)
    server = EmbeddedPostgres(folder / "pgdata")
    server.start()
    try:
        return PostgresPlanner(
            load(shipped_policies()), asyncio.run(_look(server)), PseudonymKeys(b"k" * 32), b"h" * 32
        )
    finally:
        server.stop()


async def _look(server: EmbeddedPostgres) -> Snapshot:
    connection = await asyncpg.connect(server.dsn("postgres"))
    try:
        schema = Path(__file__).parents[1] / "adapters/postgres/demo/schema.sql"
        await connection.execute(schema.read_text(encoding="utf-8"))
        return await introspect(connection)
    finally:
        await connection.close()


if __name__ == "__main__":
    main()
