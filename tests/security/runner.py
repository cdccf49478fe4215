"""Runs attack cases: a session for each case and protocol, every byte of the server side judged by the oracle."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg

from tests.security.canaries import Canaries
from tests.security.client import Client, Hang, Lost, error, messages
from tests.security.corpus import Case
from tests.security.oracle import Oracle

LIMIT = 10.0
PERSONAS = {
    "agent": "desk_app",
    "marketer": "campaign_job",
    "analyst": "bi_reader",
    "auditor": "dpo_zhou",
    "officer": "kyc_lin",
}
OWNER = "postgres"
DIGITS = re.compile(rb"\d+")


@dataclass(frozen=True)
class Target:
    """What is attacked. `direct`: the bare database, where every persona is its owner."""

    port: int
    database: str
    passwords: Mapping[str, str] = field(default_factory=dict)
    direct: bool = False


@dataclass
class Finding:
    """What a case found: `leak`, `difference`, `changed`, `crash`, `hang`, `unusable`."""

    case: str
    protocol: str
    kind: str
    detail: str
    by_chance: bool = False
    """A row of digits that came about where values were put together: it may be a coincidence of times and numbers."""

    def __str__(self) -> str:
        return f"{self.kind.upper()} {self.case} [{self.protocol}] {self.detail}"


class Runner:
    """Cases against one target. `owner` is a direct connection that checks and puts back."""

    def __init__(self, target: Target, canaries: Canaries, dsn: str, *, limit: float = LIMIT) -> None:
        self.target, self.canaries, self.dsn, self.limit = target, canaries, dsn, limit
        self._oracles: dict[str, Oracle] = {}
        self._owner: psycopg.Connection[Any] | None = None
        self.codes: dict[tuple[str, str], list[str]] = {}

    @property
    def owner(self) -> psycopg.Connection[Any]:
        if self._owner is None or self._owner.closed:
            self._owner = psycopg.connect(self.dsn, autocommit=True)
            self._owner.execute("SET lock_timeout = '3s'")
        return self._owner

    def close(self) -> None:
        if self._owner is not None:
            self._owner.close()

    def rows(self, sql: str) -> list[Any]:
        return self.owner.execute(self.canaries.fill(sql).encode()).fetchall()

    def oracle(self, persona: str) -> Oracle:
        if persona not in self._oracles:
            self._oracles[persona] = Oracle(self.canaries.withheld(persona))
        return self._oracles[persona]

    def abilities(self) -> set[str]:
        """What the server offers, matched with `needs`."""
        out = {row[0] for row in self.rows("SELECT extname FROM pg_extension")}
        out |= {f"pg{v}" for v in range(15, self.owner.info.server_version // 10000 + 1)}
        try:
            self.rows("SELECT xmlelement(name a)")
            out.add("libxml")
        except psycopg.Error:
            pass
        return out

    def run(self, case: Case) -> list[Finding]:
        """Every protocol of one case."""
        found = []
        for protocol in case.protocols:
            one = self._attack(case, protocol)
            if one is not None and one.by_chance:  # what the case shows, it shows again
                again = self._attack(case, protocol)
                chance = again is not None and again.by_chance and again.detail != one.detail
                one = None if chance else again
            if one is not None:
                found.append(one)
        return found

    def _attack(self, case: Case, protocol: str) -> Finding | None:
        found = Attack(self, case, protocol).judge()
        if case.more.get("writes"):
            self.restore()
        return found

    def restore(self) -> None:
        try:
            self.owner.execute("CALL vault.restore()")
        except psycopg.Error:  # a session of the case still holds a lock: end it
            self.owner.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%'"
            )
            time.sleep(0.3)
            self.owner.execute("CALL vault.restore()")


class Attack:
    """One case over one protocol."""

    def __init__(self, runner: Runner, case: Case, protocol: str) -> None:
        self.runner, self.case, self.protocol = runner, case, protocol
        self.guess: str | None = None
        self.client: Client | None = None
        self.spent: list[Client] = []
        self.others: list[Any] = []
        self.begin = 0

    # -- judging
    def judge(self) -> Finding | None:
        case = self.case
        before = self.runner.rows(case.more["check"]) if "check" in case.more else None
        try:
            found = self._pair() if case.expect == "pair" else self._once()
        except Hang:
            found = self._finding("hang", f"no answer in {self.runner.limit:g} s")
        except (Lost, OSError) as gone:
            found = self._lost(str(gone))
        finally:
            for client in (*self.spent, *([self.client] if self.client else []), *self.others):
                client.quit() if isinstance(client, Client) else client.close()
        if before is not None and found is None and self.runner.rows(case.more["check"]) != before:
            found = self._finding("changed", "the write went through")
        if found is None and case.expect != "pair":
            found = self._seen()
        self.runner.codes[case.id, self.protocol] = self._codes()
        return found

    def _finding(self, kind: str, detail: str) -> Finding:
        return Finding(self.case.id, self.protocol, kind, detail)

    def _codes(self) -> list[str]:
        clients = [*self.spent, *([self.client] if self.client else [])]
        return [error(b).get("C", "?") for c in clients for t, b in messages(bytes(c.down)) if t == "E"]

    def _seen(self) -> Finding | None:
        if self.case.expect == "unchanged":
            return None
        persona = "owner" if self.runner.target.direct else self.case.persona
        clients = [*self.spent, *([self.client] if self.client else [])]
        known = b"".join(bytes(c.up) for c in clients)
        for client in clients:
            data = bytes(client.down)
            hit = self.runner.oracle(persona).search(data[self.begin if client is self.client else 0 :], known)
            if hit is not None:
                found = self._finding("leak", f"{hit[0]}, as {hit[1][:60]!r} in {hit[2]}")
                found.by_chance = hit[1].isdigit() and hit[2] != "bytes"
                return found
        return None

    def _once(self) -> Finding | None:
        self.open()
        for step in self.case.steps:
            self._step(step)
        return self._usable()

    def _usable(self) -> Finding | None:
        client = self.client
        if client is None or self.case.more.get("junk"):
            return None
        client.simple("ROLLBACK")
        at = len(client.down)
        client.simple("SELECT 1 AS usable")
        if not any(kind == "D" for kind, _ in messages(bytes(client.down[at:]))):
            return self._finding("unusable", "SELECT 1 gave no row after the case")
        return None

    def _pair(self) -> Finding | None:
        """Right, wrong, right, wrong in one session: equal among themselves and different from each other is a leak."""
        right, bad = (self.runner.canaries.fill(self.case.more[k]) for k in ("right", "wrong"))
        self.open()
        seen = []
        for guess in (right, bad, right, bad):
            assert self.client is not None
            self.guess = guess
            at = len(self.client.down)
            client = self.client
            for step in self.case.steps:
                self._step(step)
            if client is not self.client:
                at = 0
            seen.append(self._observed(bytes(self.client.down[at:]), guess))
            self.client.simple("ROLLBACK")
            self.client.simple("DEALLOCATE ALL")
            if self.case.more.get("writes"):
                self.runner.restore()
        if seen[0] != seen[2] or seen[1] != seen[3]:  # something else moves: compare without numbers
            seen = [[(kind, DIGITS.sub(b"#", body)) for kind, body in one] for one in seen]
        if seen[0] == seen[2] and seen[1] == seen[3] and seen[0] != seen[1]:
            pairs = zip(seen[0], seen[1], strict=False)
            a, b = next(((x, y) for x, y in pairs if x != y), (len(seen[0]), len(seen[1])))
            return self._finding("difference", f"right guess {str(a)[:110]} / wrong guess {str(b)[:110]}")
        return self._usable()

    @staticmethod
    def _observed(data: bytes, guess: str) -> list[tuple[str, bytes]]:
        out = []
        for kind, body in messages(data):
            body = body.replace(guess.encode(), b"<guess>")
            out.append((kind, re.sub(rb"\d+\.\d+ ms|0x[0-9a-f]+", b"<time>", body)))
        return out

    def _lost(self, why: str) -> Finding | None:
        if self.case.more.get("junk"):  # refused, but is the gateway still there?
            try:
                self._connect("agent", {}).quit()
            except (Lost, Hang, OSError) as gone:
                return self._finding("crash", f"no new connection after the case: {gone!r}")
            return self._seen()
        told = self.client is not None and any(t == "E" for t, _ in messages(bytes(self.client.down)))
        return self._finding("unusable" if told else "crash", f"connection closed: {why}")

    # -- walking
    def fill(self, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        if self.guess is not None:
            value = value.replace("{G}", self.guess)
        for mark, word in (("{LONG}", " " * 300_000), ("{DB}", self.runner.target.database)):
            value = value.replace(mark, word)
        return self.runner.canaries.fill(value)

    def _connect(self, persona: str, startup: Mapping[str, str]) -> Client:
        target = self.runner.target
        user = OWNER if target.direct else PERSONAS[persona]
        return Client(
            target.port, user, target.passwords.get(user, ""), target.database, limit=self.runner.limit, startup=startup
        )

    def open(self) -> None:
        startup = {k: self.fill(v) for k, v in self.case.more.get("startup", {}).items()}
        self.client = self._connect(self.case.persona, startup)
        self.begin = 0 if startup else len(self.client.down)

    def _step(self, step: Any) -> None:
        client = self.client
        assert client is not None
        if isinstance(step, str):
            if step == "sync":
                client.sync()
            elif step == "flush":
                client.send("H")
            elif step == "mark":
                self.begin = len(client.down)
            elif step == "new":
                self.spent.append(client)
                self.open()
            else:
                self._statement(step)
            return
        ((verb, argument),) = ((k, v) for k, v in step.items() if k not in ("params", "copy", "types"))
        arguments = [self.fill(a) for a in argument] if isinstance(argument, list) else [self.fill(argument)]
        getattr(self, f"_do_{verb}")(client, arguments, step)

    def _do_sql(self, client: Client, arguments: list[Any], step: Any) -> None:
        self._statement(arguments[0], step.get("params"), step.get("copy"))

    def _do_q(self, client: Client, arguments: list[Any], step: Any) -> None:
        client.simple(arguments[0], self._copy(step.get("copy")))

    def _do_parse(self, client: Client, arguments: list[Any], step: Any) -> None:
        client.parse(arguments[0], arguments[1], step.get("types", ()))

    def _do_bind(self, client: Client, arguments: list[Any], step: Any) -> None:
        values = [self.fill(v) for v in arguments[2]] if len(arguments) > 2 else []
        client.bind(arguments[0], arguments[1], values, self.protocol == "binary")

    def _do_describe(self, client: Client, arguments: list[Any], step: Any) -> None:
        client.describe(*arguments)

    def _do_execute(self, client: Client, arguments: list[Any], step: Any) -> None:
        client.execute(*arguments)

    def _do_close(self, client: Client, arguments: list[Any], step: Any) -> None:
        client.close(*arguments)

    def _do_fn(self, client: Client, arguments: list[Any], step: Any) -> None:
        oid = self.runner.rows(f"SELECT '{arguments[0]}'::regprocedure::oid")[0][0]
        client.call(oid, arguments[1], self.protocol == "binary")

    def _do_raw(self, client: Client, arguments: list[Any], step: Any) -> None:
        client.raw(bytes.fromhex(arguments[0]))

    def _do_drain(self, client: Client, arguments: list[Any], step: Any) -> None:
        client.drain(float(arguments[0]))

    def _do_ready(self, client: Client, arguments: list[Any], step: Any) -> None:
        client.ready()

    def _do_direct(self, client: Client, arguments: list[Any], step: Any) -> None:
        """The owner, beside the gateway; the connection stays open."""
        connection = psycopg.connect(self.runner.dsn, autocommit=True)
        self.others.append(connection)
        connection.execute(arguments[0].encode())

    def _do_other(self, client: Client, arguments: list[Any], step: Any) -> None:
        """Another persona's session, which stays open."""
        other = self._connect(arguments[0], {})
        self.others.append(other)
        for sql in arguments[1:]:
            other.simple(sql)

    def _copy(self, data: Any) -> bytes | None:
        return None if data is None else str(self.fill(data)).encode()

    def _statement(self, sql: str, params: Any = None, copy: Any = None) -> None:
        client = self.client
        assert client is not None
        sql = self.fill(sql)
        if self.protocol == "copy":
            client.simple(f"COPY ({sql}) TO STDOUT")
        elif self.protocol == "simple" and not params:
            client.simple(sql, self._copy(copy))
        else:
            client.extended(sql, [self.fill(p) for p in params or ()], self.protocol == "binary", self._copy(copy))
