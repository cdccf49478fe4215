"""What it costs to keep whose data an answer held: the same rows with and without a subject, in turns.

    python -m bench.subjects                     about half a minute
    python -m bench.subjects --rows 100 --repeats 50

Two tables hold the same rows; only one of them names its subject in the data map. One client reads both through one
gateway, in blocks of a few milliseconds that alternate, so that both sides meet the same machine. For each kind of
result the ratio with / without is printed of the time that the client waits, and of the gateway's own CPU time. A ratio
of a result without the key's column says what a table with a subject costs where there is nothing to keep.
"""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.targets import DATABASE, RULES, USER, new_password, postgres, serving
from bench.turns import HEAD, Client, Figures, alternate, owners

_CATALOG = """\
classes:
  personal: {level: 2, title: {en: Personal, zh: 个人信息}}
  account: {parent: personal, title: {en: Account, zh: 账户}}
  public: {level: 1}
tables:
"""
_PURPOSES = "purposes:\n  benchmark: {title: {en: Benchmark, zh: 测试}, basis: contract, departments: [it]}\n"
_COLUMNS = "name: account, phone: account, email: account, region: public, level: public, made: public"


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of result. Most tables are read with the key first, as they are declared."""

    name: str
    sql: str
    """`{}` stands for the table."""
    table: str
    """`whole`: keys are whole numbers; `text`: keys are texts."""
    binary: bool = False


CASES = (
    Case("key first, text", "SELECT id, name, phone, email, region, level, made FROM {}", "whole"),
    Case("key first, binary", "SELECT id, name, phone, email, region, level, made FROM {}", "whole", binary=True),
    Case("key fourth, text", "SELECT name, phone, email, id, region, level, made FROM {}", "whole"),
    Case("key is a text", "SELECT id, name, phone, email, region, level, made FROM {}", "text"),
    Case("two columns", "SELECT id, name FROM {}", "whole"),
    Case("without the key", "SELECT name, phone, email, region, level, made FROM {}", "whole"),
)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1000, help="of each result")
    parser.add_argument("--block", type=int, default=20, help="results that are read before the other side's turn")
    parser.add_argument("--repeats", type=int, default=100, help="blocks of each side")
    return parser.parse_args()


def _fill(psql: str, dsn: str, rows: int) -> None:
    person = (
        "'测试' || n AS name, '138' || lpad(n::text, 8, '0') AS phone, 'customer' || n || '@example.com' AS email, "
        "(n % 30 * 10000)::text AS region, n % 5 AS level, timestamptz '2024-01-01' + n * interval '1 hour' AS made"
    )
    for kind, key in (("whole", "n"), ("text", "md5(n::text)")):
        for side in ("kept", "plain"):
            sql = f"CREATE TABLE {kind}_{side} AS SELECT {key} AS id, {person} FROM generate_series(1, {rows}) n"
            subprocess.run([psql, "-qX", dsn, "-c", sql], check=True)
    subprocess.run([psql, "-qX", dsn, "-c", "VACUUM ANALYZE"], check=True)


def _catalog() -> str:
    tables = ""
    for kind in ("whole", "text"):
        tables += f"  public.{kind}_kept:\n    subject: id\n    columns: {{id: public, {_COLUMNS}}}\n"
        tables += f"  public.{kind}_plain:\n    columns: {{id: public, {_COLUMNS}}}\n"
    return _CATALOG + tables


def measure(case: Case, client: Client, pids: Sequence[int], options: argparse.Namespace) -> Figures:
    """Blocks of both sides in turns."""
    names = [f"{case.name} {side}" for side in ("kept", "plain")]
    for name, side in zip(names, ("kept", "plain"), strict=True):
        client.prepare(name, case.sql.format(f"{case.table}_{side}"))
        for _ in range(20):
            client.read(name, binary=case.binary)
    kept, plain = (partial(client.read, name, binary=case.binary) for name in names)
    return alternate(kept, plain, times=options.block, turns=options.repeats, pids=pids)


@contextlib.contextmanager
def _gateway(folder: Path, rows: int, password: str) -> Iterator[tuple[int, list[int]]]:
    """Port and process ids."""
    with postgres(folder, password) as server:
        _fill(str(server.bin / "psql"), server.dsn(DATABASE), rows)
        bundle = {"catalog.yaml": _catalog(), "purposes.yaml": _PURPOSES, "rules.csv": RULES}
        dsn = f"postgresql://{USER}:{password}@127.0.0.1:{server.port}/{DATABASE}"
        with serving(folder, bundle, USER, password, "benchmark", {DATABASE: (dsn, 10)}) as port:
            yield port, owners(port)


def main() -> int:
    options = arguments()
    password = new_password()
    with tempfile.TemporaryDirectory(prefix="menshen-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        sys.stderr.write("starting PostgreSQL and filling it\n")
        with _gateway(folder, options.rows, password) as (port, pids):
            client = Client(port, USER, password)
            sys.stdout.write(f"{options.rows:,} rows; with / without a subject: median (quartiles) of ratios\n")
            sys.stdout.write(f"{'':<24}{HEAD}\n")
            for case in CASES:
                sys.stdout.write(measure(case, client, pids, options).line(case.name) + "\n")
                sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
