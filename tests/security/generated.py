"""Random SELECTs against the canaries: the property, and a program that tries it on very many of them.

`python -m tests.security.generated --count 200000 --processes 2 --seed 1` starts a PostgreSQL of its own, plants the
canaries, and for each statement has it judged and spliced for one restricted persona and for one that sees everything in clear:

* what is spliced for the first, run as the owner of the database, shows no canary that the persona may not see, and gives
  what the statement gives where the persona's veils are real tables;
* what is spliced for the second gives what the statement gives on tables without the rows that are past their retention.

`--gateway` sends the statements through a gateway instead, and looks at every byte that comes back.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import struct
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

import asyncpg
import psycopg

from adapters.postgres.introspect import introspect
from adapters.postgres.plan import Plan, SessionState
from adapters.postgres.planner import PostgresPlanner
from adapters.postgres.sql.pseudonym import PseudonymKeys
from adapters.postgres.sql.splice import SUBJECT
from gateway.model import Denial
from gateway.policy.policy import load
from tests.security.canaries import FOLDER, Canaries
from tests.security.client import Client, error, messages
from tests.security.conftest import plant, without_expired
from tests.security.oracle import Oracle
from tests.security.runner import PERSONAS
from tests.support.gateway import Gateway
from tests.support.postgres import Database, Postgres
from tests.support.randomfrom import Schema
from tests.support.randomsql import Statement, columns, statement
from tests.support.rawrows import Answer, ask
from tests.system.sql.company import shadow

SCHEMA = Schema(
    {
        "shop.people": columns(
            "id:n! full_name:t phone:t email:t id_card:t birth:d address:t balance:m region:t status:t note:t profile:j "
            "created_at:z phone_tail:t"
        ),
        "shop.contacts": columns("id:n! person_id:n label:t value:t region:t created_at:z"),
        "shop.consents": columns("person_id:n purpose:t granted_at:z withdrawn_at:z"),
        "shop.visits": columns("id:n person_id:n happened_at:z kind:t ip:t detail:j"),
        "shop.客户": columns("编号:n! 姓名:t 手机号:t 城市:t"),
        "shop.tickets": columns("id:n! person_id:n body:t"),
        "ref.orders": columns("id:n! person_id:n country:t amount:m ordered_at:d tags:z body:x"),
        "ref.countries": columns("code:t! name:t zh:t"),
    },
    path=("shop", "ref"),
    special=frozenset({"shop.people", "shop.visits"}),
    often=("shop.people", "shop.people", "shop.contacts", "shop.visits", "shop.客户"),
)
PATH = ("shop", "ref", "public")
RESTRICTED = ("agent", "marketer", "analyst", "officer")
SCHEMAS = {
    one: SCHEMA
    if one == "agent"
    else replace(SCHEMA, tables={k: v for k, v in SCHEMA.tables.items() if k != "shop.tickets"})
    for one in RESTRICTED
}
"""Without the tables of which a persona sees no column: most statements must not be refused for them."""
CLEAR = "auditor"
PURPOSES = {"officer": "ticket_resolution"}
"""Where it is not the default one, which shows this persona nearly all."""


@dataclass
class Tally:
    """What became of the statements."""

    statements: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    """`persona reason`"""
    asked: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    """How the statement as it is written ended, on the tables without expired rows."""
    unstable: int = 0
    rows: int = 0
    found: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        self.statements += other.statements
        self.unstable += other.unstable
        self.rows += other.rows
        self.refused += other.refused
        self.asked += other.asked
        self.codes += other.codes
        self.found += other.found


@dataclass(frozen=True)
class World:
    """The attacked database and its copies. `shadows[persona]`: what that persona may see, as real tables."""

    database: Database
    other: Database
    """The same with other canaries: what shows one of each is no coincidence of digits."""
    reference: Database
    shadows: Mapping[str, Database]
    planner: PostgresPlanner
    canaries: Canaries
    others: Canaries
    version: int


def build(postgres: Postgres, name: str) -> World:
    canaries, others = Canaries("door gods"), Canaries("Shentu and Yulü")
    database = plant(postgres, canaries, name)
    other = plant(postgres, others, f"{name}_other")
    reference = without_expired(postgres, database, f"{name}_reference")
    policy = load(FOLDER / "bundle")
    snapshot = asyncio.run(_look(database.dsn))
    planner = PostgresPlanner(policy, snapshot, PseudonymKeys(b"k" * 32), b"h" * 32)
    shadows = {}
    for one in RESTRICTED:
        principal = policy.principals[PERSONAS[one]]
        persona = policy.persona(principal, PURPOSES.get(one, principal.default_purpose))
        shadows[one] = shadow(postgres, database, policy, snapshot, planner, persona)
    return World(database, other, reference, shadows, planner, canaries, others, snapshot.server_version // 10_000)


async def _look(dsn: str) -> Any:
    connection = await asyncpg.connect(dsn)
    try:
        return await introspect(connection)
    finally:
        await connection.close()


class Oracles:
    """What looks for canaries, for each restricted persona: those of the attacked database, and those of the other."""

    def __init__(self, world: World) -> None:
        self.first = {one: Oracle(world.canaries.withheld(one)) for one in RESTRICTED}
        self.other = {one: Oracle(world.others.withheld(one)) for one in RESTRICTED}


class Trial:
    """Statements tried on a world, over connections of its own."""

    def __init__(self, world: World, oracles: Oracles, stack: ExitStack) -> None:
        self.world = world
        self.oracles = oracles
        self.tally = Tally()

        def connect(database: Database) -> psycopg.Connection[Any]:
            connection = stack.enter_context(database.connect())
            connection.execute("SET search_path = shop, ref, public; SET statement_timeout = '3s'")
            return connection

        self._raw, self._other = connect(world.database), connect(world.other)
        self._reference = connect(world.reference)
        self._shadows = {persona: connect(one) for persona, one in world.shadows.items()}

    def plan(self, persona: str, sql: str) -> Plan:
        principal = self.world.planner.policy.principals[PERSONAS[persona]]
        purpose = PURPOSES.get(persona, principal.default_purpose)
        state = SessionState(principal, "shop", purpose, initial_purpose=purpose, search_path=PATH)
        return self.world.planner.plan(sql, state, single=False)

    def run(self, number: int, one: Statement) -> None:
        """Try one statement: for the clear persona, and for one of the restricted ones."""
        self.tally.statements += 1
        self.tally.unstable += not one.stable
        self.world.planner._comes_again(one.sql)  # so that the text is taken apart once for both personas
        self._clear(number, one)
        self._restricted(number, one, RESTRICTED[number % len(RESTRICTED)])

    def _refused(self, persona: str, denial: Denial | None) -> bool:
        self.tally.asked[persona] += 1
        if denial is not None:
            self.tally.refused[f"{persona} {denial.reason} {denial.sqlstate}"] += 1
        return denial is not None

    def _clear(self, number: int, one: Statement) -> None:
        want = ask(self._reference, one.sql)
        self.tally.codes[want.sqlstate or "rows"] += 1
        plan = self.plan(CLEAR, one.sql)
        if self._refused(CLEAR, plan.denial):
            return
        got = ask(self._raw, plan.text.decode())
        self._compare("clear", number, CLEAR, one, plan, got, want)

    def _restricted(self, number: int, one: Statement, persona: str) -> None:
        plan = self.plan(persona, one.sql)
        if self._refused(persona, plan.denial):
            return
        got = ask(self._raw, plan.text.decode())
        self.tally.rows += len(got.rows)
        hit = self.oracles.first[persona].search(_stream(got), one.sql.encode())
        if hit is not None and self.oracles.other[persona].search(_stream(ask(self._other, plan.text.decode()))):
            self._found("LEAK", number, persona, one, plan, f"{hit[0]} as {hit[1]!r} in {hit[2]}")
        if SUBJECT.encode() not in plan.text:  # else groups of too few subjects are not shown
            self._compare("veiled", number, persona, one, plan, got, ask(self._shadows[persona], one.sql))

    def _compare(
        self, what: str, number: int, persona: str, one: Statement, plan: Plan, got: Answer, want: Answer
    ) -> None:
        if "57014" in (got.sqlstate, want.sqlstate) or got.same(want, rows=one.stable):
            return
        if "21000" in (got.sqlstate, want.sqlstate) and "WITH TIES" in one.sql:
            return  # PostgreSQL's plan of min() and max() by an index keeps the WITH TIES, and finds too many rows
        self._found(
            f"DIFFERS {what}",
            number,
            persona,
            one,
            plan,
            f"{got.sqlstate or got.rows[:3]} {want.sqlstate or want.rows[:3]} {got.message} {want.message}",
        )

    def _found(self, kind: str, number: int, persona: str, one: Statement, plan: Plan, detail: str) -> None:
        self.tally.found.append(f"{kind} {number} {persona}\n  {detail}\n  {one.sql}\n  {plan.text.decode()}")


def _stream(answer: Answer) -> bytes:
    """The rows as DataRow messages, for the oracle."""
    out = []
    for row in answer.rows:
        cells = b"".join(struct.pack("!i", -1) if v is None else struct.pack("!i", len(v)) + v for v in row)
        body = struct.pack("!h", len(row)) + cells
        out.append(b"D" + struct.pack("!i", len(body) + 4) + body)
    return b"".join(out)


@contextmanager
def trial(world: World, oracles: Oracles) -> Iterator[Trial]:
    with ExitStack() as stack:
        yield Trial(world, oracles, stack)


class Wire:
    """Statements sent through a gateway, over every protocol in turn; every byte that comes back is looked at."""

    LASTS = 200
    """Statements of one connection."""

    def __init__(self, gateway: Gateway, database: str, canaries: Canaries) -> None:
        self._gateway, self._database = gateway, database
        self._oracles = {one: Oracle(canaries.withheld(one)) for one in RESTRICTED}
        self._clients: dict[str, tuple[Client, int]] = {}
        self.codes: Counter[str] = Counter()
        """SQLSTATEs that came back; `rows` where there was none."""

    def run(self, number: int, one: Statement) -> str:
        """What was found, or nothing."""
        persona = RESTRICTED[number % len(RESTRICTED)]
        client = self._client(persona)
        at, client.deadline = len(client.down), time.monotonic() + 20
        if (number // len(RESTRICTED)) % 3 == 0:
            client.simple(one.sql)
        else:
            client.extended(one.sql, (), binary=(number // len(RESTRICTED)) % 3 == 1)
        answer = bytes(client.down[at:])
        errors = [error(body).get("C", "?") for kind, body in messages(answer) if kind == "E"]
        self.codes.update(errors or ["rows"])
        hit = self._oracles[persona].search(answer, one.sql.encode())
        return "" if hit is None else f"LEAK {number} {persona}: {hit[0]} as {hit[1]!r} in {hit[2]}\n  {one.sql}"

    def _client(self, persona: str) -> Client:
        client, used = self._clients.get(persona, (None, 0))
        if client is None or used >= self.LASTS:
            if client is not None:
                client.quit()
            startup = {"search_path": ", ".join(PATH)}
            if persona in PURPOSES:
                startup["menshen.purpose"] = PURPOSES[persona]
            user = PERSONAS[persona]
            password = self._gateway.passwords[user]
            client, used = Client(self._gateway.port, user, password, self._database, limit=20, startup=startup), 0
            client.simple("SET statement_timeout = '3s'")
        self._clients[persona] = client, used + 1
        return client

    def close(self) -> None:
        for client, _ in self._clients.values():
            client.quit()


def statements(version: int, seed: int, numbers: range) -> Iterator[tuple[int, Statement]]:
    """Each is made from the seed and its number alone."""
    for number in numbers:
        schema = SCHEMAS[RESTRICTED[number % len(RESTRICTED)]]
        yield number, statement(Random(f"{seed}/{number}"), schema, version=version)


# -- the program
_worlds: list[tuple[World, Oracles]] = []
"""The one that forked processes find; a planner cannot be sent to them."""


def _work(arguments: tuple[int, range]) -> Tally:
    world, oracles = _worlds[0]
    with trial(world, oracles) as one:
        for number, sql in statements(world.version, *arguments):
            one.run(number, sql)
        return one.tally


def main() -> int:
    parser = argparse.ArgumentParser(description="Random SELECTs against the canaries.")
    parser.add_argument("--count", type=int, default=200_000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first statement")
    parser.add_argument("--block", type=int, default=500, help="statements between two reports")
    parser.add_argument("--gateway", action="store_true", help="send them through a gateway")
    options = parser.parse_args()
    began, total = time.monotonic(), Tally()
    with tempfile.TemporaryDirectory(prefix="menshen-generated-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        postgres = Postgres(Path(folder))
        postgres.start()
        try:
            if options.gateway:
                return _through_gateway(postgres, Path(folder) / "gateway", options)
            world = build(postgres, "generated")
            _worlds.append((world, Oracles(world)))
            last = options.first + options.count
            blocks = [
                (options.seed, range(n, min(n + options.block, last)))
                for n in range(options.first, last, options.block)
            ]
            with multiprocessing.get_context("fork").Pool(options.processes) as pool:
                for tally in pool.imap_unordered(_work, blocks):
                    total.add(tally)
                    for found in tally.found:
                        print(found, flush=True)
                    print(f"{total.statements} in {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        finally:
            postgres.stop()
    report(total, time.monotonic() - began)
    return 1 if total.found else 0


def _through_gateway(postgres: Postgres, folder: Path, options: argparse.Namespace) -> int:
    canaries = Canaries("door gods")
    database = plant(postgres, canaries, "attacked")
    version = int(database.execute("SHOW server_version_num")[0][0]) // 10_000
    began, found = time.monotonic(), 0
    folder.mkdir()
    with Gateway(folder, {"shop": database.dsn}, policies=FOLDER / "bundle") as gateway:
        wire = Wire(gateway, "shop", canaries)
        for number, one in statements(version, options.seed, range(options.first, options.first + options.count)):
            if leak := wire.run(number, one):
                found += 1
                print(leak, flush=True)
        wire.close()
    print(
        f"{options.count} statements in {time.monotonic() - began:.0f} s: {dict(wire.codes.most_common())}; {found} leaks"
    )
    return 1 if found else 0


def report(total: Tally, seconds: float) -> None:
    print(f"{total.statements} statements in {seconds:.0f} s, {total.rows} rows of restricted personas looked at")
    print(f"as written: {dict(total.codes.most_common())}; {total.unstable} compared by count alone")
    for persona, asked in total.asked.items():
        reasons = {k.split(" ", 1)[1]: n for k, n in total.refused.most_common() if k.startswith(persona + " ")}
        print(
            f"{persona}: {asked} asked, {sum(reasons.values())} refused ({sum(reasons.values()) / asked:.1%}) {reasons}"
        )
    print(f"{len(total.found)} findings")


if __name__ == "__main__":
    sys.exit(main())
