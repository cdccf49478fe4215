"""What the gateway's memory does: idle clients, a reader that stops, a day of coming and going.

    python -m bench.memory                        idle clients, a stopped reader, a day in fast forward: some minutes
    python -m bench.memory idle --clients 5000    needs 1.5 descriptors for each client here, and 3 in the gateway
    python -m bench.memory reader --seconds 60
    python -m bench.memory day --hours 24

Memory is what all processes of the gateway have resident (RSS), pages that they share counted once for each. Exits with
1 where a promise does not hold.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from psycopg import pq

from bench.programs import Programs
from bench.targets import CATALOG, DATABASE, PURPOSES, RULES, USER, Target, new_password, postgres, serving
from bench.turns import Client, owners

IDLE_LIMIT = 40_000
"""Bytes for each idle client: 5,000 of them stay below 200 MB."""
READER_LIMIT = 64 << 20
ROW = 1000
"""Bytes of a row of the long result."""
RESULT = 10_000_000
"""Rows of it: 10 GB."""
FLAT = 0.03
"""The memory of the day's second half may grow by so much, or by `SLACK` bytes: caches are full by then."""
SLACK = 8 << 20
TEXTS, RUNS = 10, 5
"""Texts that a client of the day prepares, none of them ever seen, and executions of each."""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", choices=("all", "idle", "reader", "day"), default="all")
    parser.add_argument("--clients", type=int, default=500, help="that are idle")
    parser.add_argument("--seconds", type=float, default=10.0, help="for which the reader stops")
    parser.add_argument("--hours", type=int, default=24, help="of the day")
    parser.add_argument("--per-hour", type=int, default=250, help="clients that come and go in an hour")
    return parser.parse_args()


class Gateway:
    """What is measured, and how to get in."""

    def __init__(self, port: int, password: str) -> None:
        self._port, self._password = port, password
        listening = owners(port)
        self.pids = sorted({*listening, *(child for pid in listening for child in _children(pid))})

    def client(self) -> Client:
        return Client(self._port, USER, self._password)

    def connection(self) -> pq.PGconn:
        place = f"host=127.0.0.1 port={self._port} dbname={DATABASE} user={USER} password={self._password}"
        connection = pq.PGconn.connect(place.encode())
        if connection.status != pq.ConnStatus.OK:
            raise RuntimeError(connection.error_message.decode())
        return connection

    def resident(self) -> int:
        """Bytes, of all processes."""
        pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in self.pids)
        return pages * 4096


def _children(pid: int) -> list[int]:
    return [int(child) for file in Path(f"/proc/{pid}/task").glob("*/children") for child in file.read_text().split()]


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def verdict(name: str, found: float, limit: float, unit: str) -> bool:
    good = found <= limit
    say(f"{name}: {found:,.1f} {unit}, at most {limit:,.1f}: {'holds' if good else 'DOES NOT HOLD'}")
    return good


def idle(gateway: Gateway, clients: int) -> bool:
    """Each has logged in and asked once."""
    warm = [gateway.connection() for _ in range(20)]
    before = gateway.resident()
    held: list[pq.PGconn] = []
    for number in range(clients):
        connection = gateway.connection()
        connection.exec_(b"SELECT abalance FROM pgbench_accounts WHERE aid = 1")
        held.append(connection)
        if number % 500 == 499:
            say(f"  {number + 1:,} clients: {(gateway.resident() - before) / 1e6:,.1f} MB more")
    time.sleep(1)
    more = gateway.resident() - before
    for connection in (*warm, *held):
        connection.finish()
    return verdict(f"{clients:,} idle clients, each", more / clients / 1000, IDLE_LIMIT / 1000, "kB")


def reader(gateway: Gateway, seconds: float) -> bool:
    """It reads a little of a long result and then nothing, while the database would send on."""
    connection = gateway.connection()
    connection.exec_(b"SELECT 1")
    before = gateway.resident()
    connection.send_query_params(f"SELECT repeat('x', {ROW}) FROM generate_series(1, {RESULT})".encode(), None)
    connection.set_single_row_mode()
    for _ in range(100):
        result = connection.get_result()
        if result is None or result.status != pq.ExecStatus.SINGLE_TUPLE:
            raise RuntimeError("the long result did not begin")
    peak, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        peak = max(peak, gateway.resident() - before)
        time.sleep(0.1)
    for _ in range(20_000):  # it goes on where it stopped
        result = connection.get_result()
        if result is None or result.get_value(0, 0) != b"x" * ROW:
            raise RuntimeError("the long result went on with something else")
    connection.finish()
    return verdict(f"a reader that stops for {seconds:.0f} s in 10 GB", peak / 1e6, READER_LIMIT / 1e6, "MB")


def day(gateway: Gateway, hours: int, per_hour: int) -> bool:
    """Connections, prepared statements and texts that come and go."""
    texts = itertools.count()
    curve: list[int] = []
    for hour in range(hours):
        for _ in range(per_hour):
            client = gateway.client()
            for _ in range(TEXTS):
                name = f"s{next(texts)}"
                client.prepare(name, f"SELECT abalance, {next(texts)} AS n FROM pgbench_accounts WHERE aid = $1")
                for run in range(RUNS):
                    client.read(name, (str(run + 1),))
            client.close()
        curve.append(gateway.resident())
        say(f"  hour {hour + 1:>2}: {curve[-1] / 1e6:,.1f} MB")
    clients = hours * per_hour
    say(f"{clients:,} clients, {clients * TEXTS:,} texts, {clients * TEXTS * RUNS:,} statements")
    half = curve[hours // 2 :]
    third = max(1, len(half) // 3)
    first, last = statistics.mean(half[:third]), statistics.mean(half[-third:])
    limit = max(first * FLAT, SLACK)
    return verdict("growth in the second half of the day", max(0.0, last - first) / 1e6, limit / 1e6, "MB")


@contextlib.contextmanager
def started(folder: Path, password: str, clients: int) -> Iterator[Gateway]:
    settings = {"max_connections": str(clients + 100)}
    with postgres(folder, password, settings) as server:
        Programs(server.bin, password).fill(Target("direct", server.port), 1)
        bundle = {"catalog.yaml": CATALOG.partition("  public.wide:")[0], "purposes.yaml": PURPOSES, "rules.csv": RULES}
        dsn = f"postgresql://{USER}:{password}@127.0.0.1:{server.port}/{DATABASE}"
        more = f"[gateway.limits]\nmax_connections = {clients + 50}\n"
        with serving(folder, bundle, USER, password, "benchmark", {DATABASE: (dsn, clients + 50)}, more) as port:
            yield Gateway(port, password)


def main() -> int:
    options = arguments()
    password = new_password()
    good = True
    with tempfile.TemporaryDirectory(prefix="menshen-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        with started(folder, password, options.clients) as gateway:
            say(f"at the start: {gateway.resident() / 1e6:,.1f} MB in {len(gateway.pids)} processes")
            if options.what in ("all", "reader"):
                good &= reader(gateway, options.seconds)
            if options.what in ("all", "day"):
                good &= day(gateway, options.hours, options.per_hour)
            if options.what in ("all", "idle"):
                good &= idle(gateway, options.clients)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
