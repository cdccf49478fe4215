"""Throughput and latency through Menshen, through PgBouncer and without either, interleaved in one run.

    python -m bench.pgbench                          about twenty minutes
    python -m bench.pgbench --only prepared --clients 1,16 --repeats 5 --workers 1,2 --compiled
    python -m bench.pgbench --list

Every repeat runs all targets one after the other in a rotated order, so that a slow minute of the machine hits all of
them; ratios are taken within a repeat. Without PgBouncer (Debian package `pgbouncer`) its column is missing. Every run
is kept as JSON in var/bench; `python -m bench.compare A B` compares two of them.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import time
from pathlib import Path

from bench.compiled import compiled_tree
from bench.programs import Programs
from bench.report import Run, save, table
from bench.scenarios import GOALS, SCHEMA, Options, Scenario, scenarios
from bench.targets import Target, menshen, new_password, pgbouncer, postgres


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=4, help="of each run")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--clients", default="1,16,64")
    parser.add_argument("--modes", default="simple,extended,prepared")
    parser.add_argument("--workers", default="1,2", help="a gateway for each of these numbers of workers")
    parser.add_argument("--compiled", action="store_true", help="compile the hot path first, as the wheel has it")
    parser.add_argument(
        "--only", default="", help="scenarios whose name holds one of these words: --only prepared,COPY"
    )
    parser.add_argument("--list", action="store_true", help="show the scenarios and their goals, run nothing")
    parser.add_argument("--scale", type=int, default=5, help="of pgbench's tables; 100,000 accounts each")
    parser.add_argument("--rows", type=int, default=2_000_000, help="of the long result; 0: none")
    parser.add_argument("--json", type=Path, help="save every run here; by default in var/bench")
    return parser.parse_args()


def chosen(options: argparse.Namespace, folder: Path) -> list[Scenario]:
    given = Options(
        options.seconds, tuple(map(int, options.clients.split(","))), tuple(options.modes.split(",")), options.rows
    )
    words = options.only.split(",")
    return [one for one in scenarios(given, folder) if any(word in one.name for word in words)]


def measure(programs: Programs, targets: list[Target], repeats: int, wanted: list[Scenario]) -> list[Run]:
    """All runs, interleaved."""
    runs: list[Run] = []
    for repeat in range(repeats):
        turn = repeat % len(targets)
        for scenario in wanted:
            for target in targets[turn:] + targets[:turn]:
                runs.append(scenario.measure(programs, target, repeat))
                run = runs[-1]
                sys.stderr.write(f"  {repeat + 1}  {run.scenario:<24}{run.target:<12}{run.rate:>12,.0f}/s\n")
    return runs


def main() -> int:
    options = arguments()
    password = new_password()
    with contextlib.ExitStack() as stack:
        temporary = tempfile.TemporaryDirectory(prefix="menshen-bench-", ignore_cleanup_errors=True)
        folder = Path(stack.enter_context(temporary))
        folder.chmod(0o755)
        wanted = chosen(options, folder)
        if options.list:
            for one in wanted:
                goals = [f"{who} {goal:.2f} of {base}" for (name, who, base), goal in GOALS.items() if name == one.name]
                sys.stdout.write(f"{one.name:<26}{', '.join(goals)}\n")
            return 0
        tree = compiled_tree(folder / "tree") if options.compiled else None
        sys.stderr.write("starting PostgreSQL and filling it\n")
        server = stack.enter_context(postgres(folder, password))
        direct, programs = Target("direct", server.port), Programs(server.bin, password)
        programs.fill(direct, options.scale, SCHEMA.format(rows=options.rows or 1))
        targets = [direct]
        if (bouncer := stack.enter_context(pgbouncer(folder, server.port, password))) is not None:
            targets.append(bouncer)
        for workers in map(int, options.workers.split(",")):
            targets.append(stack.enter_context(menshen(folder, server.port, password, workers, tree)))
        runs = measure(programs, targets, options.repeats, wanted)
    sys.stdout.write(table(runs, GOALS) + "\n")
    path = options.json or Path("var/bench") / time.strftime("%Y%m%d-%H%M%S.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    save(path, runs, vars(options))
    sys.stdout.write(f"saved as {path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
