"""What each defence costs: the same work with it and without it, in turns, through one gateway.

    python -m bench.defences                     about two minutes
    python -m bench.defences --only masks

One client reads 20,000 people. A ratio of 1.10 says that the defence takes a tenth of the time that the client waits
without it; the second column says the same of the gateway's own CPU time. What the database does for a defence (it
makes the masks, and checks consent) is in the first, and not in the second.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.targets import DATABASE, USER, new_password, postgres, serving
from bench.turns import HEAD, Client, alternate, owners
from gateway.commands.passwd import verifier

PEOPLE = 20_000
SCHEMA = f"""
CREATE SCHEMA app;
CREATE TABLE app.people AS SELECT n AS id, '测试' || n AS name, '138' || lpad(n::text, 8, '0') AS phone,
    '139' || lpad(n::text, 8, '0') AS mobile, n % 30 AS region, n % 997 AS amount, n % 997 AS salary
    FROM generate_series(1, {PEOPLE}) n;
ALTER TABLE app.people ADD PRIMARY KEY (id);
CREATE INDEX ON app.people (phone); CREATE INDEX ON app.people (mobile);
CREATE TABLE app.orders AS SELECT n AS id, n % {PEOPLE} + 1 AS customer, n AS total FROM generate_series(1, {PEOPLE}) n;
ALTER TABLE app.orders ADD PRIMARY KEY (id); CREATE INDEX ON app.orders (customer);
CREATE TABLE app.consents AS SELECT n AS customer, 'news' AS purpose, timestamptz '2024-01-01' AS given,
    NULL::timestamptz AS withdrawn FROM generate_series(1, {PEOPLE}) n;
CREATE INDEX ON app.consents (customer, purpose);
VACUUM ANALYZE app.people, app.orders, app.consents;
"""
_TABLE = "id: public, name: name, phone: phone, mobile: mobile, region: public, amount: amount, salary: salary"
CATALOG = f"""\
classes:
  personal: {{level: 2}}
  public: {{level: 1}}
  name: {{parent: personal, mask: name}}
  phone: {{parent: personal, mask: phone, predicate: lookup, lookup: {{per_hour: 100000}}}}
  mobile: {{parent: personal, mask: phone}}
  amount: {{parent: personal}}
  salary: {{parent: personal, aggregate: {{min_group: 5}}}}
tables:
  app.people:
    subject: id
    consent: {{table: app.consents, subject: customer, purpose: purpose, given: given, withdrawn: withdrawn}}
    rows: {{ranged: "region = :principal.region"}}
    columns: {{{_TABLE}}}
  app.orders: {{subject: customer, columns: {{id: public, customer: public, total: public}}}}
  app.consents: {{subject: customer, columns: {{customer: public, purpose: public, given: public, withdrawn: public}}}}
"""
PURPOSES = "purposes:\n  care: {basis: contract, departments: [it]}\n  news: {basis: consent, departments: [it]}\n"
RULES = """\
p, *, *, public, clear, allow
p, open, *, personal, clear, allow
p, open, care, app.people, update, allow
p, masked, care, name, partial, allow
p, masked, care, phone, partial, allow
p, masked, care, phone, lookup, allow
p, masked, care, mobile, partial, allow
p, masked, care, mobile, lookup, allow
p, masked, care, app.people, update, allow
p, figures, care, personal, pseudonym, allow
g, open_app, open
g, news_app, open
g, ranged_app, open
g, ranged_app, ranged
g, masked_app, masked
g, figures_app, figures
g, root_app, root
p, root, care, *, *, allow
"""
PRINCIPALS = ("open_app", "news_app", "ranged_app", "masked_app", "figures_app", "root_app")
FSYNC = '[trail]\ndurability = "fsync"\n'

ONE = "SELECT id, name, phone FROM app.people WHERE id = {}"
MANY = "SELECT id, name, phone, mobile FROM app.people WHERE id <= 1000"
JOIN = "SELECT o.id, p.name FROM app.orders o JOIN app.people p ON p.id = o.customer WHERE o.id BETWEEN {} AND {} + 99"
BY_PHONE = "SELECT id, name FROM app.people WHERE phone = $1"
BY_MOBILE = "SELECT id, name FROM app.people WHERE mobile = $1"
BY_SALARY = "SELECT region, avg(salary) FROM app.people WHERE id <= 2000 GROUP BY region"
BY_AMOUNT = "SELECT region, avg(amount) FROM app.people WHERE id <= 2000 GROUP BY region"
WRITE = "UPDATE app.people SET mobile = $1 WHERE id = 4711"
PHONE = "13800004711"


@dataclass(frozen=True, slots=True)
class Case:
    """`with_` and `without`: principal and statement. `direct` for a principal is the database without the gateway."""

    name: str
    with_: tuple[str, str]
    without: tuple[str, str]
    times: int = 20
    values: tuple[str, ...] = ()


CASES = (
    Case("judged and recorded: one row", ("root_app", ONE.format(4711)), ("direct", ONE.format(4711))),
    Case("judged and recorded: 1,000 rows", ("root_app", MANY), ("direct", MANY), times=5),
    Case("rules for each column: one row", ("open_app", ONE.format(4711)), ("root_app", ONE.format(4711))),
    Case("rules for each column: 1,000 rows", ("open_app", MANY), ("root_app", MANY), times=5),
    Case("masks: one row", ("masked_app", ONE.format(4711)), ("open_app", ONE.format(4711))),
    Case("masks: 1,000 rows", ("masked_app", MANY), ("open_app", MANY), times=5),
    Case("pseudonyms: one row", ("figures_app", ONE.format(4711)), ("open_app", ONE.format(4711))),
    Case("pseudonyms: 1,000 rows", ("figures_app", MANY), ("open_app", MANY), times=5),
    Case("rows by consent: one row", ("news_app", ONE.format(4711)), ("open_app", ONE.format(4711))),
    Case("rows by consent: a join of 100", ("news_app", JOIN.format(1, 1)), ("open_app", JOIN.format(1, 1)), times=5),
    Case("rows by a rule: one row", ("ranged_app", ONE.format(31)), ("open_app", ONE.format(31))),
    Case("a lookup, hashed", ("masked_app", BY_MOBILE), ("open_app", BY_MOBILE), values=(PHONE,)),
    Case("a lookup, counted by the hour", ("masked_app", BY_PHONE), ("masked_app", BY_MOBILE), values=(PHONE,)),
    Case("figures of at least five", ("figures_app", BY_SALARY), ("figures_app", BY_AMOUNT)),
    Case("no mask over data: a write", ("masked_app", WRITE), ("open_app", WRITE), values=("13912345678",)),
)  # fmt: skip


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="cases whose name holds this")
    parser.add_argument("--turns", type=int, default=60, help="of each side")
    return parser.parse_args()


def _principals(password: str) -> str:
    text = "principals:\n"
    for name in PRINCIPALS:
        purpose = "news" if name == "news_app" else "care"
        attributes = ", attributes: {region: 1}" if name == "ranged_app" else ""
        text += f"  {name}: {{department: it, kind: job, default_purpose: {purpose}{attributes},\n"
        text += f'    verifier: "{verifier(password)}"}}\n'
    return text


class Bench:
    """The clients of one run, each with its own connection."""

    def __init__(self, ports: dict[str, int], password: str, turns: int) -> None:
        """`ports` of `direct`, `menshen`, `fsync`."""
        self._ports, self._password, self._turns = ports, password, turns
        self._clients: dict[tuple[str, str], Client] = {}
        self._names = (f"s{number}" for number in itertools.count())
        self._pids = owners(ports["menshen"])

    def client(self, principal: str, server: str = "menshen") -> Client:
        key = (principal, server)
        if key not in self._clients:
            user, server = (USER, "direct") if principal == "direct" else (principal, server)
            self._clients[key] = Client(self._ports[server], user, self._password)
        return self._clients[key]

    def prepared(
        self, principal: str, sql: str, values: tuple[str, ...], server: str = "menshen"
    ) -> Callable[[], None]:
        client, name = self.client(principal, server), next(self._names)
        client.prepare(name, sql)
        work = partial(client.read, name, values)
        for _ in range(5):
            work()
        return work

    def case(self, case: Case) -> str:
        one = self.prepared(*case.with_, case.values)
        other = self.prepared(*case.without, case.values)
        return self._line(case.name, one, other, case.times, () if case.without[0] == "direct" else self._pids)

    def durability(self) -> str:
        sql = ONE.format(4711)
        one, other = self.prepared("open_app", sql, (), "fsync"), self.prepared("open_app", sql, ())
        return self._line("records on the disk: one row", one, other, 20, ())

    def unknown(self) -> str:
        """A text that nobody has sent before is parsed, bounded, analysed and rewritten; the database parses either."""
        client, texts = self.client("open_app"), itertools.count()
        known = ONE.format(1)
        client.run(known)
        return self._line(
            "a text never seen, not prepared",
            lambda: client.run(f"{ONE.format(1)} AND region < {1000 + next(texts)}"),
            lambda: client.run(known),
            10,
            self._pids,
        )

    def _line(
        self, name: str, one: Callable[[], None], other: Callable[[], None], times: int, pids: Sequence[int]
    ) -> str:
        """`pids`: none where the two sides are not the same processes."""
        figures = alternate(one, other, times=times, turns=self._turns, pids=pids)
        return figures.line(name, 36)


@contextlib.contextmanager
def started(folder: Path, password: str) -> Iterator[dict[str, int]]:
    """The ports of the database and of two gateways before it."""
    bundle = {
        "catalog.yaml": CATALOG,
        "purposes.yaml": PURPOSES,
        "rules.csv": RULES,
        "principals.yaml": _principals(password),
    }
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(postgres(folder, password))
        psql = str(server.bin / "psql")
        subprocess.run(
            [psql, "-qX", server.dsn(DATABASE), "-v", "ON_ERROR_STOP=1"], input=SCHEMA, text=True, check=True
        )
        dsn = f"postgresql://{USER}:{password}@127.0.0.1:{server.port}/{DATABASE}"
        ports = {"direct": server.port}
        for name, more in (("menshen", ""), ("fsync", FSYNC)):
            work = folder / name
            work.mkdir()
            gateway = serving(work, bundle, "", password, "care", {DATABASE: (dsn, 20)}, more)
            ports[name] = stack.enter_context(gateway)
        yield ports


def main() -> int:
    options = arguments()
    password = new_password()
    with tempfile.TemporaryDirectory(prefix="menshen-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        sys.stderr.write("starting PostgreSQL, filling it, starting two gateways\n")
        with started(folder, password) as ports:
            bench = Bench(ports, password, options.turns)
            sys.stdout.write(f"{'with / without, medians (quartiles)':<36}{HEAD}\n")
            measured: list[tuple[str, Callable[[], str]]] = [(case.name, partial(bench.case, case)) for case in CASES]
            measured += [("records on the disk: one row", bench.durability), ("a text never seen", bench.unknown)]
            for label, measure in measured:
                if options.only in label:
                    sys.stdout.write(measure() + "\n")
                    sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
