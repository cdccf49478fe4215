"""What is measured against PostgreSQL and PgBouncer, and what ratio each scenario is meant to reach."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.programs import Programs
from bench.report import Run
from bench.targets import Target

GOALS: dict[tuple[str, str, str], float] = {
    ("-S prepared c=16", "menshen", "pgbouncer"): 0.9,
    ("-S prepared c=16", "menshen x2", "pgbouncer"): 1.05,
    ("-S prepared c=64", "menshen x2", "pgbouncer"): 1.15,
    ("-S prepared c=1", "menshen", "pgbouncer"): 1 / 1.2,
    ("-S extended c=1", "menshen", "direct"): 1.1,
    ("-S extended c=16", "menshen", "direct"): 1.1,
    ("rows by SELECT", "menshen", "pgbouncer"): 0.95,
    ("rows by COPY", "menshen", "pgbouncer"): 0.95,
    ("masked rows", "menshen", "pgbouncer"): 0.9,
}
"""Ratio of rates by scenario, target and what it is compared with."""

SCHEMA = """
CREATE TABLE wide AS SELECT g AS id, 'row number ' || g AS label FROM generate_series(1, {rows}) g;
CREATE TABLE people AS SELECT g AS id, '138' || lpad(g::text, 8, '0') AS phone,
    'customer' || g || '@example.com' AS email FROM generate_series(1, 10000) g;
ALTER TABLE people ADD PRIMARY KEY (id);
CREATE VIEW people_by_hand AS SELECT id, left(phone, 3) || '****' || right(phone, 4) AS phone,
    left(email, 1) || '***@' || split_part(email, '@', 2) AS email FROM people;
VACUUM ANALYZE wide, people;
"""
MASKED = "masked_app"
"""The principal that sees `people` masked."""


@dataclass(frozen=True, slots=True)
class Options:
    """How much is run."""

    seconds: int
    clients: tuple[int, ...]
    modes: tuple[str, ...]
    rows: int


Measure = Callable[[Programs, Target, int], Run]


@dataclass(frozen=True, slots=True)
class Scenario:
    name: str
    measure: Measure


def scenarios(options: Options, folder: Path) -> Iterator[Scenario]:
    """All of them, in the order in which they run. `folder`: for scripts and logs."""
    for kind, builtin in (("-S", "select-only"), ("TPC-B", "tpcb-like")):
        for mode in options.modes:
            for clients in options.clients:
                yield Scenario(
                    f"{kind} {mode} c={clients}",
                    _transactions(f"{kind} {mode} c={clients}", options.seconds, clients, ("-M", mode, "-b", builtin)),
                )
    unseen = _script(
        folder, "unseen", "\\set n random(1, 1000000000)\nSELECT abalance, :n FROM pgbench_accounts WHERE aid = 1;\n"
    )
    yield Scenario("texts never seen c=4", _transactions("texts never seen c=4", options.seconds, 4, ("-f", unseen)))
    yield Scenario(
        "connect, read, leave", _transactions("connect, read, leave", options.seconds, 1, ("-C", "-b", "select-only"))
    )
    yield Scenario("masked rows", _masked(folder, options.seconds))
    if options.rows:
        select = _script(folder, "select", "SELECT id, label FROM wide;\n")
        yield Scenario(
            "rows by SELECT",
            _rows("rows by SELECT", options.rows, "pgbench", ("-n", "-f", select, "-M", "extended", "-t", "1")),
        )
        copy = ("-qX", "-c", "\\copy wide TO '/dev/null'")
        yield Scenario("rows by COPY", _rows("rows by COPY", options.rows, "psql", copy))
    for rate in (500, 2000):
        yield Scenario(f"latency at {rate}/s", _latency(f"latency at {rate}/s", options.seconds, rate, folder))


def _script(folder: Path, name: str, text: str) -> str:
    path = folder / f"{name}.sql"
    path.write_text(text)
    return str(path)


def _transactions(name: str, seconds: int, clients: int, arguments: tuple[str, ...]) -> Measure:
    def measure(programs: Programs, target: Target, repeat: int) -> Run:
        threads = str(min(clients, 2))
        out = programs.run("pgbench", target, "-n", *arguments, "-c", str(clients), "-j", threads, "-T", str(seconds))
        without = r"tps = ([\d.]+) \((?:including|without|excluding)" if "-C" in arguments else r"tps = ([\d.]+)"
        rate = found(without if re.search(without, out) else r"tps = ([\d.]+)", out)
        return Run(name, target.name, repeat, rate, found(r"latency average = ([\d.]+) ms", out))

    return measure


def _masked(folder: Path, seconds: int) -> Measure:
    """A thousand rows with two masks; everywhere else the same masks as a view that somebody wrote by hand."""
    ours = _script(folder, "masked", "SELECT id, phone, email FROM people WHERE id <= 1000;\n")
    by_hand = _script(folder, "by_hand", "SELECT id, phone, email FROM people_by_hand WHERE id <= 1000;\n")

    def measure(programs: Programs, target: Target, repeat: int) -> Run:
        user, script = (MASKED, ours) if target.name.startswith("menshen") else ("", by_hand)
        arguments = ("-n", "-M", "prepared", "-f", script, "-c", "4", "-j", "2", "-T", str(seconds))
        out = programs.run("pgbench", target, *arguments, user=user)
        return Run("masked rows", target.name, repeat, 1000 * found(r"tps = ([\d.]+)", out))

    return measure


def _rows(name: str, rows: int, program: str, arguments: tuple[str, ...]) -> Measure:
    """One result of many rows, received and thrown away."""

    def measure(programs: Programs, target: Target, repeat: int) -> Run:
        start = time.perf_counter()
        programs.run(program, target, *arguments)
        took = time.perf_counter() - start
        return Run(name, target.name, repeat, rows / took, took * 1000)

    return measure


def _latency(name: str, seconds: int, rate: int, folder: Path) -> Measure:
    """At a fixed rate that all of them bear: its reciprocal counts as the rate, so that more is better everywhere."""

    def measure(programs: Programs, target: Target, repeat: int) -> Run:
        for old in folder.glob("latency.*"):
            old.unlink()
        programs.run(
            "pgbench", target, "-n", "-S", "-M", "prepared", "-c", "8", "-j", "2", "-T", str(seconds), "-R", str(rate),
            "-l", "--log-prefix", str(folder / "latency"),
        )  # fmt: skip
        times = sorted(
            int(line.split()[2]) / 1000 for file in folder.glob("latency.*") for line in file.read_text().splitlines()
        )
        cuts = statistics.quantiles(times, n=1000)
        return Run(name, target.name, repeat, 1000 / cuts[499], cuts[499], {"p99": cuts[989], "p99.9": cuts[998]})

    return measure


def found(pattern: str, text: str) -> float:
    match = re.search(pattern, text)
    if match is None:
        raise RuntimeError(f"pgbench's output has no {pattern!r}:\n{text}")
    return float(match.group(1))
