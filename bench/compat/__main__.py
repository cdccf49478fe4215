"""`python -m bench.compat --driver psycopg --checkout DIR`: a driver's own tests, direct and through Menshen.

The exit code is 1 where a test that passes direct does not pass through Menshen. docs/compatibility.md says what the
suites need and which differences are known.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from bench.compat.places import commit, fresh_database, menshen, server, version
from bench.compat.results import Outcome, compare, report
from bench.compat.suites import SUITES, Order


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.compat", description=__doc__)
    parser.add_argument("--driver", choices=sorted(SUITES), required=True)
    parser.add_argument("--checkout", type=Path, required=True, help="folder of the driver's repository")
    parser.add_argument("--pg", metavar="DSN", help="a superuser's login to a PostgreSQL (default: an embedded one)")
    parser.add_argument("--python", default=sys.executable, help="interpreter with the driver and its tests' needs")
    parser.add_argument("--out", type=Path, help="folder for reports and logs (default: a temporary one)")
    parser.add_argument("rest", nargs="*", metavar="ARG", help="behind --: appended to the suite's own command")
    given = parser.parse_args(arguments)
    checkout: Path = given.checkout.resolve()
    if not checkout.is_dir():
        parser.error(f"{checkout} is no folder")
    with tempfile.TemporaryDirectory(prefix="menshen-compat-", ignore_cleanup_errors=True) as scratch:
        work = Path(scratch)
        work.chmod(0o755)
        out: Path = (given.out or work / "out").resolve()
        out.mkdir(parents=True, exist_ok=True)
        found: list[dict[str, Outcome]] = []
        with server(work, given.pg) as direct:
            fresh_database(direct)
            print(f"{given.driver} {commit(checkout)} on PostgreSQL {version(direct)}", flush=True)
            found.append(SUITES[given.driver](Order(checkout, direct, out, given.python, given.rest)))
            fresh_database(direct)
            with menshen(work, direct) as through:
                found.append(SUITES[given.driver](Order(checkout, through, out, given.python, given.rest)))
            (out / "gateway.log").write_bytes((work / "menshen.log").read_bytes())
        text = report(given.driver, found[0], found[1])
        (out / "report.txt").write_text(text + "\n", encoding="utf-8")
    print(text)
    broken = compare(found[0], found[1])
    return 1 if broken.broken or broken.missing else 0


if __name__ == "__main__":
    sys.exit(main())
