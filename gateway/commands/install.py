"""`menshen install`: the second lock, in the database itself."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from gateway.commands.common import FINDING, GOOD, Subparsers, add_command, add_common, print_json, settings_of
from gateway.config import DatabaseSettings, Settings
from gateway.errors import MenshenError

TEXT = """Put the veils of every persona into a database that has mode = "managed", as barrier views of its own role.

Shows its SQL and asks; everything happens in one transaction, which proves before it commits that no persona reaches
the tables behind its views. Installing again brings the database to what the bundle says now. The passwords of the
roles and the keys of pseudonyms come from the pseudonym key; they are never shown.

The account of the dsn must be able to create roles and to grant rights on the tables; give an administrator's in a
file where the gateway's own may not.

examples:
  menshen install crm                                show the SQL, ask, install
  menshen install crm --sql > install.sql            show the SQL (without secrets), change nothing
  menshen install crm --yes --dsn-file admin.dsn     as an administrator, without a question
  menshen install crm --remove                       take everything out again
"""


def register(subparsers: Subparsers) -> None:
    parser = add_command(subparsers, "install", run, "put the veils into a database, as a second lock", TEXT)
    parser.add_argument("database", metavar="DATABASE", help="its name in the configuration")
    parser.add_argument("--remove", action="store_true", help="take everything out that was ever installed")
    parser.add_argument("--sql", action="store_true", help="print the SQL, change nothing")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--dsn-file", type=Path, metavar="FILE", help="a file with the dsn of an administrator")
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    settings = settings_of(args)
    if args.database not in settings.databases:
        raise MenshenError(f"there is no database {args.database!r} in the configuration")
    return asyncio.run(_run(args, settings, settings.databases[args.database]))


async def _run(args: argparse.Namespace, settings: Settings, database: DatabaseSettings) -> int:
    from adapters.postgres.dsn import parse_dsn
    from adapters.postgres.managed.installer import Installer
    from adapters.postgres.managed.login import RoleSecrets
    from adapters.postgres.sql.pseudonym import PseudonymKeys
    from gateway.policy.policy import load
    from gateway.statefiles import make_state_dir, pseudonym_secret

    async with Installer(_dsn(args.dsn_file, database)) as installer:
        if args.remove:
            work = await installer.to_remove()
        else:
            make_state_dir(settings.gateway.state_dir)
            secret = pseudonym_secret(settings)
            login = parse_dsn(database.dsn.reveal()).user
            work = await installer.to_install(
                load(settings.policy.path), login, PseudonymKeys(secret), RoleSecrets(secret)
            )
        shown = [statement.shown for statement in work.statements]
        if args.sql:
            sys.stdout.write("".join(f"{text};\n" for text in shown))
            return GOOD
        if shown:
            if not args.yes and not _agreed(args.database, shown):
                return FINDING
            await installer.run(work)
        return _told(args, len(shown), 0 if work.wanted is None else len(work.wanted.personas))


def _dsn(file: Path | None, database: DatabaseSettings) -> str:
    if file is None:
        return database.dsn.reveal()
    try:
        return file.read_text("utf-8").strip()
    except OSError as error:
        raise MenshenError(f"{file} cannot be read: {error.strerror}") from None


def _agreed(name: str, shown: list[str]) -> bool:
    sys.stdout.write("".join(f"{text};\n" for text in shown))
    if not sys.stdin.isatty():
        raise MenshenError("nobody is there to ask", hint="--yes installs without a question, --sql only shows")
    sys.stdout.write(f"\nRun these {len(shown)} statements in {name}, in one transaction? [y/N] ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _told(args: argparse.Namespace, statements: int, personas: int) -> int:
    if args.json:
        print_json({"database": args.database, "removed": args.remove, "statements": statements, "personas": personas})
    elif args.remove:
        sys.stdout.write(f"removed from {args.database}\n" if statements else f"nothing is in {args.database}\n")
    else:
        done = "installed in" if statements else "already in"
        sys.stdout.write(f"{done} {args.database}: {personas} personas\n")
    return GOOD
