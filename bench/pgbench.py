"""pgbench through Menshen, through PgBouncer and without either, interleaved in one run.

    python -m bench.pgbench                          about two minutes
    python -m bench.pgbench --seconds 10 --repeats 5 --json bench.json

Every repeat runs all targets one after the other in a rotated order, so that a slow minute of the machine hits all of
them; ratios are taken within a repeat. Without PgBouncer (Debian package `pgbouncer`) its column is missing.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.report import Run, save, table
from bench.targets import DATABASE, USER, Target, menshen, new_password, pgbouncer, postgres


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=4, help="of each run")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--clients", default="1,16")
    parser.add_argument("--modes", default="simple,extended,prepared")
    parser.add_argument("--scale", type=int, default=5, help="of pgbench's tables; 100,000 accounts each")
    parser.add_argument("--rows", type=int, default=2_000_000, help="of the wide SELECT; 0: none")
    parser.add_argument("--json", type=Path, help="save every run here")
    return parser.parse_args()


class Bench:
    """The programs and the password of one run."""

    def __init__(self, binaries: Path, password: str) -> None:
        self._binaries = binaries
        self._environment = {**os.environ, "PGPASSWORD": password, "PGUSER": USER, "PGDATABASE": DATABASE}

    def program(self, name: str, target: Target, *arguments: str) -> str:
        """Run pgbench or psql against a target; its output. Raises with its errors."""
        command = [str(self._binaries / name), "-h", "127.0.0.1", "-p", str(target.port), *arguments]
        run = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)
        if run.returncode:
            raise RuntimeError(f"{name} against {target.name} failed:\n{run.stderr[-1500:]}")
        return run.stdout

    def fill(self, direct: Target, scale: int, rows: int) -> None:
        self.program("pgbench", direct, "-i", "-q", "-s", str(scale))
        if rows:
            sql = f"CREATE TABLE wide AS SELECT g AS id, 'row number ' || g AS label FROM generate_series(1, {rows}) g"
            self.program("psql", direct, "-qX", "-c", sql, "-c", "VACUUM ANALYZE wide")

    def transactions(self, target: Target, mode: str, clients: int, seconds: int, repeat: int) -> Run:
        """`pgbench -S`."""
        threads = str(min(clients, 2))
        out = self.program(
            "pgbench", target, "-n", "-S", "-M", mode, "-c", str(clients), "-j", threads, "-T", str(seconds)
        )  # fmt: skip
        rate = float(_found(r"tps = ([\d.]+)", out))
        latency = float(_found(r"latency average = ([\d.]+) ms", out))
        return Run(f"-S {mode} c={clients}", target.name, repeat, rate, latency)

    def rows(self, target: Target, rows: int, repeat: int, script: Path) -> Run:
        """One SELECT of many rows, received by libpq and thrown away."""
        start = time.perf_counter()
        self.program("pgbench", target, "-n", "-f", str(script), "-M", "extended", "-c", "1", "-t", "1")
        took = time.perf_counter() - start
        return Run(f"SELECT {rows:,} rows", target.name, repeat, rows / took, took * 1000)


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    if match is None:
        raise RuntimeError(f"pgbench's output has no {pattern!r}:\n{text}")
    return match.group(1)


def measure(bench: Bench, targets: list[Target], options: argparse.Namespace, folder: Path) -> list[Run]:
    """All runs, interleaved."""
    script = folder / "wide.sql"
    script.write_text("SELECT id, label FROM wide;\n")
    runs: list[Run] = []
    for repeat in range(options.repeats):
        turn = repeat % len(targets)
        order = targets[turn:] + targets[:turn]
        for mode in options.modes.split(","):
            for clients in map(int, options.clients.split(",")):
                for target in order:
                    runs.append(bench.transactions(target, mode, clients, options.seconds, repeat))
                    _progress(runs[-1])
        if options.rows:
            for target in order:
                runs.append(bench.rows(target, options.rows, repeat, script))
                _progress(runs[-1])
    return runs


def _progress(run: Run) -> None:
    sys.stderr.write(f"  {run.repeat + 1}  {run.scenario:<24}{run.target:<12}{run.rate:>12,.0f}/s\n")


def main() -> int:
    options = arguments()
    password = new_password()
    with contextlib.ExitStack() as stack:
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="menshen-bench-", ignore_cleanup_errors=True))
        )
        folder.chmod(0o755)
        sys.stderr.write("starting PostgreSQL and filling it\n")
        server = stack.enter_context(postgres(folder, password))
        direct = Target("direct", server.port)
        bench = Bench(server.bin, password)
        bench.fill(direct, options.scale, options.rows)
        bouncer = stack.enter_context(pgbouncer(folder, server.port, password))
        gateway = stack.enter_context(menshen(folder, server.port, password))
        targets = [target for target in (direct, bouncer, gateway) if target is not None]
        runs = measure(bench, targets, options, folder)
    sys.stdout.write(table(runs) + "\n")
    if options.json:
        save(options.json, runs, vars(options))
    return 0


if __name__ == "__main__":
    sys.exit(main())
