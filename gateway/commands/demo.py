"""`menshen demo`: the database of a made-up company, the gateway before it, and lines to paste."""

from __future__ import annotations

import argparse
from pathlib import Path

from gateway.commands.common import Subparsers, add_command, add_common

TEXT = """Show what Menshen does, on this machine, in a minute.

Starts an embedded PostgreSQL 18, fills it with a retailer's generated customers (the same ones each time), starts the
gateway in front of it, and prints psql lines for customer service, marketing, sales, the analyst, the data protection
officer and the database administrator, each with what to look for. Ctrl-C stops all of it. The next start keeps the
data and takes a few seconds.

examples:
  menshen demo
  menshen demo --customers 2000 --state-dir /tmp/menshen-demo
  menshen demo --fresh                 forget the data of earlier runs
"""


def register(subparsers: Subparsers) -> None:
    parser = add_command(subparsers, "demo", run, "a company's database behind a gateway, and lines to paste", TEXT)
    parser.add_argument("--state-dir", type=Path, default=Path("var/demo"), metavar="DIR", help="default: var/demo")
    parser.add_argument("--customers", type=_positive, default=50_000, metavar="N", help="default: 50000")
    parser.add_argument("--seed", type=int, default=20_250_101, metavar="N", help="another number, other people")
    parser.add_argument("--port", type=_port, default=6432, metavar="PORT", help="the gateway's (default 6432)")
    parser.add_argument("--http-port", type=_port, default=8080, metavar="PORT", help="metrics (default 8080)")
    parser.add_argument("--fresh", action="store_true", help="make the data anew")
    add_common(parser, config=False)


def run(args: argparse.Namespace) -> int:
    from adapters.postgres.demo.demo import Options
    from adapters.postgres.demo.demo import run as run_demo
    from gateway.config import load
    from gateway.fleet.serve import serve

    options = Options(
        folder=args.state_dir,
        customers=args.customers,
        seed=args.seed,
        port=args.port,
        http_port=args.http_port,
        fresh=args.fresh,
        as_json=args.json,
    )
    return run_demo(options, lambda config: serve(load(config)))


def _positive(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 5_000_000:
        raise argparse.ArgumentTypeError("a number from 1 to 5000000")
    return number


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError("a port from 0 (any) to 65535")
    return number
