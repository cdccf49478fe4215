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
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from psycopg import pq

from bench.targets import DATABASE, RULES, USER, new_password, postgres, serving

_CATALOG = """\
classes:
  personal: {level: 2, title: {en: Personal, zh: 个人信息}}
  account: {parent: personal, title: {en: Account, zh: 账户}}
  public: {level: 1}
tables:
"""
_PURPOSES = "purposes:\n  benchmark: {title: {en: Benchmark, zh: 测试}, basis: contract, departments: [it]}\n"
_COLUMNS = "name: account, phone: account, email: account, region: public, level: public, made: public"
_TEXT, _BINARY = 0, 1


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of result. Most tables are read with the key first, as they are declared."""

    name: str
    sql: str
    """`{}` stands for the table."""
    table: str
    """`whole`: keys are whole numbers; `text`: keys are texts."""
    binary: int = _TEXT


CASES = (
    Case("key first, text", "SELECT id, name, phone, email, region, level, made FROM {}", "whole"),
    Case("key first, binary", "SELECT id, name, phone, email, region, level, made FROM {}", "whole", _BINARY),
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


def _cpu(pids: Sequence[int]) -> float:
    """CPU seconds of all threads of some processes so far."""
    total = 0
    for file in (file for pid in pids for file in Path(f"/proc/{pid}/task").glob("*/schedstat")):
        with contextlib.suppress(OSError):
            total += int(file.read_text().split()[0])
    return total / 1e9


class Client:
    """libpq, so that the client's own work is as small as can be."""

    def __init__(self, port: int, password: str) -> None:
        place = f"host=127.0.0.1 port={port} dbname={DATABASE} user={USER} password={password}"
        self._connection = pq.PGconn.connect(place.encode())
        if self._connection.status != pq.ConnStatus.OK:
            raise RuntimeError(self._connection.error_message.decode())

    def prepare(self, name: bytes, sql: str) -> None:
        self._good(self._connection.prepare(name, sql.encode()), pq.ExecStatus.COMMAND_OK)

    def read(self, name: bytes, binary: int, times: int) -> None:
        for _ in range(times):
            result = self._connection.exec_prepared(name, None, result_format=binary)
            self._good(result, pq.ExecStatus.TUPLES_OK)

    def _good(self, result: pq.abc.PGresult, wanted: pq.ExecStatus) -> None:
        if result.status != wanted:
            raise RuntimeError(result.error_message.decode())


@dataclass(slots=True)
class Figures:
    """Of one case: ratios of kept over plain block by block, and what a plain result takes, in microseconds."""

    waited: list[float] = field(default_factory=list)
    worked: list[float] = field(default_factory=list)
    plain_waited: list[float] = field(default_factory=list)
    plain_worked: list[float] = field(default_factory=list)


def measure(case: Case, client: Client, pids: Sequence[int], options: argparse.Namespace) -> Figures:
    """Blocks of both sides in turns."""
    for side in ("kept", "plain"):
        name = f"{case.name} {side}".encode()
        client.prepare(name, case.sql.format(f"{case.table}_{side}"))
        client.read(name, case.binary, 20)
    found = Figures()
    for repeat in range(options.repeats):
        took: dict[str, tuple[float, float]] = {}
        for side in ("kept", "plain") if repeat % 2 else ("plain", "kept"):
            cpu, began = _cpu(pids), time.perf_counter()
            client.read(f"{case.name} {side}".encode(), case.binary, options.block)
            took[side] = time.perf_counter() - began, _cpu(pids) - cpu
        found.waited.append(took["kept"][0] / took["plain"][0])
        if took["plain"][1]:  # the kernel tells it in ticks
            found.worked.append(took["kept"][1] / took["plain"][1])
        found.plain_waited.append(took["plain"][0] / options.block * 1e6)
        found.plain_worked.append(took["plain"][1] / options.block * 1e6)
    return found


def _row(name: str, found: Figures) -> str:
    line = f"{name:<22}"
    for ratios, plain in ((found.waited, found.plain_waited), (found.worked, found.plain_worked)):
        low, middle, high = statistics.quantiles(ratios, n=4)
        line += f"{f'{middle:.2f} ({low:.2f}-{high:.2f})':>20}{f'of {statistics.median(plain):,.0f} us':>14}"
    return line


@contextlib.contextmanager
def _gateway(folder: Path, rows: int, password: str) -> Iterator[tuple[int, list[int]]]:
    """Port and process ids."""
    with postgres(folder, password) as server:
        _fill(str(server.bin / "psql"), server.dsn(DATABASE), rows)
        bundle = {"catalog.yaml": _catalog(), "purposes.yaml": _PURPOSES, "rules.csv": RULES}
        dsn = f"postgresql://{USER}:{password}@127.0.0.1:{server.port}/{DATABASE}"
        with serving(folder, bundle, USER, password, "benchmark", {DATABASE: (dsn, 10)}) as port:
            yield port, _owners(port)


def _owners(port: int) -> list[int]:
    """The processes that listen: the supervisor opens the socket, the worker reads what comes."""
    inodes = {
        line.split()[9]
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
        if line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A"
    }
    found = set()
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            if link.readlink().name.removeprefix("socket:[").removesuffix("]") in inodes:
                found.add(int(link.parts[2]))
    if not found:
        raise RuntimeError(f"nothing listens on port {port}")
    return sorted(found)


def main() -> int:
    options = arguments()
    password = new_password()
    with tempfile.TemporaryDirectory(prefix="menshen-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        sys.stderr.write("starting PostgreSQL and filling it\n")
        with _gateway(folder, options.rows, password) as (port, pids):
            client = Client(port, password)
            sys.stdout.write(f"{options.rows:,} rows; with / without a subject: median (quartiles) of ratios\n")
            sys.stdout.write(f"{'':<22}{'time':>20}{'':>14}{'CPU of the gateway':>20}\n")
            for case in CASES:
                sys.stdout.write(_row(case.name, measure(case, client, pids, options)) + "\n")
                sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
