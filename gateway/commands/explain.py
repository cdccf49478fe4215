"""`menshen explain`: what would happen to a statement, and why."""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import TYPE_CHECKING

from gateway.commands.common import FINDING, GOOD, Subparsers, add_command, add_common, print_json, settings_of
from gateway.errors import MenshenError

if TYPE_CHECKING:
    from adapters.postgres.explain import Explanation

TEXT = """Show what the gateway would do with a statement: verdict, veils, rules, and the SQL that would run.

No running gateway is needed, and the statement is not run. The database is asked for its catalogue only.
Exit code 1: the statement would be denied.

examples:
  menshen explain --as crm_app "SELECT * FROM crm.customers"
  menshen explain --as crm_app --purpose ticket_resolution "SELECT id FROM crm.customers WHERE phone = '…'"
  menshen explain --as bi_reader --json "TABLE crm.customers" | jq .veils
"""

_COLOURS = {"clear": "green", "partial": "yellow", "pseudonym": "cyan", "withheld": "red"}


def register(subparsers: Subparsers) -> None:
    parser = add_command(subparsers, "explain", run, "what would happen to a statement, and why", TEXT)
    add_common(parser)
    parser.add_argument("--as", dest="principal", required=True, metavar="PRINCIPAL", help="a name in principals.yaml")
    parser.add_argument("--purpose", metavar="PURPOSE", help="the declared purpose (default: the principal's)")
    parser.add_argument("--database", metavar="NAME", help="of [databases.NAME] (default: the only one)")
    parser.add_argument("sql", metavar="SQL", help="the statement; - reads it from standard input")


def run(args: argparse.Namespace) -> int:
    from adapters.postgres.explain import explain
    from adapters.postgres.source import PostgresSource
    from gateway.policy.policy import load

    settings = settings_of(args)
    name = args.database or next(iter(settings.databases))
    if name not in settings.databases or (args.database is None and len(settings.databases) > 1):
        raise MenshenError("which database?", hint=f"--database {' | '.join(settings.databases)}")
    policy = load(settings.policy.path)
    target = settings.databases[name]
    sql = sys.stdin.read() if args.sql == "-" else args.sql

    async def look() -> Explanation:
        source = PostgresSource(target.dsn, target.connect_timeout_seconds)
        try:
            return explain(policy, await source.read(), name, args.principal, args.purpose, sql)
        finally:
            await source.close()

    found = asyncio.run(look())
    if args.json:
        print_json(found.document())
    else:
        show(found, sql)
    return FINDING if found.denial else GOOD


def show(found: Explanation, sql: str) -> None:
    """For people; coloured in a terminal."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from adapters.postgres.explain import predicate_words

    console = Console(highlight=False, soft_wrap=True)
    roles = ", ".join(sorted(found.roles)) or "no role"
    console.print(
        f"[bold]{escape(found.principal)}[/] ({escape(roles)}) for purpose [bold]{found.purpose or 'none'}[/]"
    )
    if found.unrestricted:
        console.print("unrestricted: recorded, never rewritten, nothing refused")
    for one in found.plan.statements:
        colour = {"allow": "green", "veil": "yellow", "deny": "red"}[str(one.outcome)]
        console.print(f"\n[bold {colour}]{str(one.outcome).upper()}[/] {one.kind}")
        for disclosed in one.classes:
            shown = str(disclosed.disclosure)
            console.print(f"  {disclosed.data_class}: [{_COLOURS[shown]}]{shown}[/]  {' '.join(disclosed.rules)}")
        for lookup in one.lookups:
            console.print(f"  lookup on {escape(lookup.column)}: compared raw, recorded")
    for veil in found.veils:
        table = Table("column", "class", "disclosure", "may", "rules", title=str(veil.table), title_justify="left")
        for c in veil.columns:
            shown = str(c.disclosure)
            acts = " ".join(a for a, held in (("lookup", c.lookup), ("insert", c.insert), ("update", c.update)) if held)
            mask = f" ({c.mask.name})" if c.mask and shown == "partial" else ""
            table.add_row(
                escape(c.column), c.data_class, f"[{_COLOURS[shown]}]{shown}{mask}[/]", acts, " ".join(c.rules)
            )
        console.print()
        console.print(table)
        for predicate in veil.rows:
            console.print(f"  rows: {escape(predicate_words(predicate))}")
    if found.denial is not None:
        console.print(f"\n[red]ERROR {found.denial.sqlstate}[/] {escape(found.denial.message)}")
        if found.denial.hint:
            console.print(f"hint: {escape(found.denial.hint)}")
    else:
        same = found.sql == sql
        console.print(f"\n[bold]SQL that would run[/]{' (as written)' if same else ''}")
        console.print(escape(found.sql))
