"""Two ways of doing one thing, in turns of a few milliseconds, so that both meet the same machine.

Measured are the time that the client waits and the CPU time of the gateway; only ratios of neighbours count.
"""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from psycopg import pq

from bench.targets import DATABASE


class Client:
    """libpq, so that the client's own work is as small as can be."""

    def __init__(self, port: int, user: str, password: str, database: str = DATABASE) -> None:
        place = f"host=127.0.0.1 port={port} dbname={database} user={user} password={password}"
        self._connection = pq.PGconn.connect(place.encode())
        if self._connection.status != pq.ConnStatus.OK:
            raise RuntimeError(self._connection.error_message.decode())

    def close(self) -> None:
        self._connection.finish()

    def run(self, sql: str) -> None:
        """Without preparing it."""
        self._good(self._connection.exec_params(sql.encode(), None))

    def prepare(self, name: str, sql: str) -> None:
        self._good(self._connection.prepare(name.encode(), sql.encode()))

    def read(self, name: str, values: Sequence[str] = (), binary: bool = False) -> None:
        """One execution of what was prepared."""
        given = [value.encode() for value in values] or None
        self._good(self._connection.exec_prepared(name.encode(), given, result_format=int(binary)))

    def _good(self, result: pq.abc.PGresult) -> None:
        if result.status not in (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK):
            raise RuntimeError(result.error_message.decode())


@dataclass(slots=True)
class Figures:
    """Ratios of one side over the other, turn by turn, and what the other takes, in microseconds."""

    waited: list[float] = field(default_factory=list)
    worked: list[float] = field(default_factory=list)
    plain_waited: list[float] = field(default_factory=list)
    plain_worked: list[float] = field(default_factory=list)

    def line(self, name: str, width: int = 24) -> str:
        """Medians and quartiles."""
        line = f"{name:<{width}}"
        for ratios, plain in ((self.waited, self.plain_waited), (self.worked, self.plain_worked)):
            if len(ratios) < 2:
                line += f"{'-':>20}{'':>14}"
                continue
            low, middle, high = statistics.quantiles(ratios, n=4)
            line += f"{f'{middle:.2f} ({low:.2f}-{high:.2f})':>20}{f'of {statistics.median(plain):,.0f} us':>14}"
        return line


HEAD = f"{'time':>20}{'':>14}{'CPU of the gateway':>20}"


def alternate(
    one: Callable[[], None], other: Callable[[], None], *, times: int, turns: int, pids: Sequence[int]
) -> Figures:
    """`turns` times `times` calls of each side."""
    found = Figures()
    sides = (one, other)
    for turn in range(turns):
        took = [(0.0, 0.0), (0.0, 0.0)]
        for side in (0, 1) if turn % 2 else (1, 0):
            work = sides[side]
            worked, began = cpu(pids), time.perf_counter()
            for _ in range(times):
                work()
            took[side] = time.perf_counter() - began, cpu(pids) - worked
        found.waited.append(took[0][0] / took[1][0])
        found.plain_waited.append(took[1][0] / times * 1e6)
        if took[1][1]:  # the kernel tells it in ticks
            found.worked.append(took[0][1] / took[1][1])
            found.plain_worked.append(took[1][1] / times * 1e6)
    return found


def cpu(pids: Sequence[int]) -> float:
    """CPU seconds of all threads of some processes so far."""
    total = 0
    for file in (file for pid in pids for file in Path(f"/proc/{pid}/task").glob("*/schedstat")):
        with contextlib.suppress(OSError):
            total += int(file.read_text().split()[0])
    return total / 1e9


def owners(port: int) -> list[int]:
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
        raise RuntimeError(f"nothing listens on port {port}, or it runs as another user")
    return sorted(found)
