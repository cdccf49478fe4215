"""Two results of `python -m bench.pgbench`, e.g. of two commits: what has changed beyond the noise.

    python -m bench.compare var/bench/before.json var/bench/after.json

Compared are ratios to PgBouncer (to the database where there was none), not rates: two runs meet two moods of a
machine.
`*` marks where the ranges of all repeats do not overlap. Exits with 1 where something became slower so.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path

from bench.report import Run, ratios


def load(path: Path) -> list[Run]:
    return [Run(**run) for run in json.loads(path.read_text())["runs"]]


def compare(before: list[Run], after: list[Run]) -> tuple[list[str], bool]:
    """Lines of a table, and whether nothing is slower beyond the noise."""
    base = "pgbouncer" if any(run.target == "pgbouncer" for run in before + after) else "direct"
    lines, good = [f"{'of ' + base:<38}{'before':>22}{'after':>22}{'after/before':>14}"], True
    pairs = dict.fromkeys((run.scenario, run.target) for run in before if run.target.startswith("menshen"))
    for scenario, target in pairs:
        one, other = ratios(before, scenario, target, base), ratios(after, scenario, target, base)
        if not one or not other:
            continue
        change = statistics.median(other) / statistics.median(one)
        apart = max(other) < min(one) or min(other) > max(one)
        good = good and not (apart and change < 1)
        line = f"{scenario + ', ' + target:<38}"
        line += "".join(f"{f'{statistics.median(r):.2f} ({min(r):.2f}-{max(r):.2f})':>22}" for r in (one, other))
        lines.append(f"{line}{change:>13.2f}{'*' if apart else ' '}")
    return lines, good


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    options = parser.parse_args()
    lines, good = compare(load(options.before), load(options.after))
    sys.stdout.write("\n".join(lines) + "\n")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
