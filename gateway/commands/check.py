"""`menshen check`: is the set-up sound? Configuration, bundle and databases, every problem at once."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Iterable

from gateway.commands.common import (
    FINDING,
    GOOD,
    USAGE,
    Subparsers,
    add_command,
    add_common,
    print_json,
    problem_document,
    settings_of,
)
from gateway.config import DatabaseMode, Settings
from gateway.errors import Problem, ProblemsFound, UpstreamUnavailable

TEXT = """Check the configuration, the policy bundle, and whether the databases fit the data map.

Tells every problem with its file, line and remedy. Tables and columns that the data map does not know get a proposal
from their names, comments and a sample of their shapes (no value is shown). A database that does not answer is a
warning, and what needs it is left out. Exit code 1: there is an error (with --strict: or a warning).

examples:
  menshen check
  menshen check -c menshen.toml --no-database        what can be told without a database, as in CI
  menshen check --strict --json | jq '.problems[].message'
"""


def register(subparsers: Subparsers) -> None:
    parser = add_command(subparsers, "check", run, "is the set-up sound? every problem at once", TEXT)
    parser.add_argument("--no-database", action="store_true", help="do not connect to the databases")
    parser.add_argument("--strict", action="store_true", help="a warning is a finding, too")
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    if args.config is not None and not args.config.is_file():
        sys.stderr.write(f"menshen check: there is no file {args.config}\n")
        return USAGE
    try:
        settings = settings_of(args)
    except ProblemsFound as found:
        return _report(found.problems, args)
    return _report([*settings.warnings, *_bundle_and_databases(settings, not args.no_database)], args)


def _bundle_and_databases(settings: Settings, connect: bool) -> list[Problem]:
    from gateway.policy.policy import load
    from gateway.watch.detector_config import check_detectors

    try:
        policy = load(settings.policy.path)
    except ProblemsFound as found:
        return list(found.problems)
    detectors = check_detectors(
        settings.policy.path, principals=policy.principals, purposes=policy.purposes, classes=policy.classes
    )
    found_in = [*policy.warnings, *detectors]
    if connect:
        from adapters.postgres.source import PostgresSource

        async def ask(name: str) -> Iterable[Problem]:
            database = settings.databases[name]
            source = PostgresSource(database.dsn, database.connect_timeout_seconds)
            try:
                return await source.check(policy, managed=database.mode is DatabaseMode.MANAGED)
            except UpstreamUnavailable as error:
                where = str(settings.source or "environment")
                message = f"databases.{name} was not checked: {error.message}"
                return [Problem(where, 0, message, "start it, or mend the dsn", "warning")]
            finally:
                await source.close()

        async def ask_all() -> list[Iterable[Problem]]:
            return list(await asyncio.gather(*map(ask, settings.databases)))

        for problems in asyncio.run(ask_all()):
            found_in += problems
    return found_in


def _report(problems: Iterable[Problem], args: argparse.Namespace) -> int:
    found = sorted(problems)
    errors = sum(problem.severity == "error" for problem in found)
    warnings = len(found) - errors
    bad = bool(errors or (args.strict and warnings))
    if args.json:
        print_json({"good": not bad, "errors": errors, "warnings": warnings, "problems": problem_document(found)})
    else:
        for problem in found:
            sys.stdout.write(f"{problem}\n")
        sys.stdout.write(f"{errors} errors, {warnings} warnings\n" if found else "good: nothing found\n")
    return FINDING if bad else GOOD
