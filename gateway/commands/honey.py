"""`menshen honey`: plant customers who do not exist, and list them."""

from __future__ import annotations

import argparse
import asyncio
import secrets
import sys
from random import Random
from typing import Any

from gateway.commands.common import GOOD, USAGE, Subparsers, add_command, add_common, print_json, settings_of
from gateway.commands.control import ControlClient, who_am_i
from gateway.errors import MenshenError

TEXT = """Planted customers: nobody has a reason to read them, so whoever does is paged.

  plant   make records in a table of the data map and tell the detectors (needs http.control_token, and INSERT for the
          gateway's account; --sql prints the statements instead, --key tells the detectors of a record that is there)
  list    where they are

The records carry generated names and numbers that nobody has. Keep the list to few eyes.

examples:
  menshen honey plant --table crm.customers --count 5
  menshen honey plant --table crm.customers --set region=310000 --sql
  menshen honey plant --table crm.customers --key 48213
  menshen honey list
"""


def register(subparsers: Subparsers) -> None:
    def usage(_: argparse.Namespace) -> int:
        parser.print_help()
        return USAGE

    parser = add_command(subparsers, "honey", usage, "planted customers that nobody has a reason to read", TEXT)
    commands = parser.add_subparsers(metavar="ACTION")
    plant = add_command(commands, "plant", _plant, "make records and tell the detectors", TEXT)
    plant.add_argument("--table", required=True, metavar="SCHEMA.TABLE")
    plant.add_argument("--database", default="", metavar="NAME", help="default: the first of the configuration")
    plant.add_argument("--count", type=int, default=3, metavar="N")
    plant.add_argument("--set", action="append", default=[], metavar="COLUMN=TEXT", help="a value for every record")
    plant.add_argument("--sql", action="store_true", help="print the statements, write nothing")
    plant.add_argument("--key", action="append", default=[], metavar="KEY", help="a record that is there already")
    plant.add_argument("--who", default=who_am_i(), metavar="NAME")
    add_common(plant)
    add_common(add_command(commands, "list", _list, "where they are", TEXT))


def _list(args: argparse.Namespace) -> int:
    found = ControlClient(settings_of(args)).get("/v1/honey")["honey"]
    if args.json:
        print_json(found)
        return GOOD
    for one in found:
        sys.stdout.write(f"{one['place']:<48} {one['planted_at'][:19]}Z  {one['who']}\n")
    if not found:
        sys.stdout.write("none is planted: menshen honey plant\n")
    return GOOD


def _plant(args: argparse.Namespace) -> int:
    settings = settings_of(args)
    if not 0 < args.count <= 100:
        raise MenshenError("--count is between 1 and 100")
    client = None if args.sql else ControlClient(settings)
    records = asyncio.run(_records(args, settings))
    if client is None:
        for one in records:
            sys.stdout.write(one["sql"] + ";\n")
        return GOOD
    told = [{key: value for key, value in one.items() if key != "sql"} for one in records]
    client.post("/v1/honey", {"who": args.who, "honey": told})
    if args.json:
        print_json([one["place"] for one in records])
        return GOOD
    for one in records:
        sys.stdout.write(f"planted {one['place']}\n")
    return GOOD


async def _records(args: argparse.Namespace, settings: Any) -> list[dict[str, Any]]:
    from adapters.postgres import honey
    from adapters.postgres.source import PostgresSource
    from gateway.policy.policy import load
    from gateway.statefiles import lookup_key, pseudonym_secret
    from gateway.trail.record import value_hash
    from gateway.trail.subjects import parse_key

    name = args.database or next(iter(settings.databases))
    if name not in settings.databases:
        raise MenshenError(f"there is no database {name!r} in the configuration")
    policy = load(settings.policy.path)
    table = next((one for one in policy.tables.values() if str(one.name) == args.table), None)
    if table is None or table.subject is None:
        raise MenshenError(f"{args.table} is no table with a subject in the data map")
    secret = lookup_key(pseudonym_secret(settings))

    def record(key: str, row: dict[str, str | None], sql: str = "") -> dict[str, Any]:
        hashes = [
            value_hash(secret, table.columns[column], value)
            for column, value in row.items()
            if value and honey.made_up(value) and table.columns.get(column, "public") != "public"
        ]
        return {"place": f"{name}:{table.name}/{key}", "key": str(parse_key(key, secret)), "hashes": hashes, "sql": sql}

    if args.key:
        return [record(key, {}) for key in args.key]
    database = settings.databases[name]
    source = PostgresSource(database.dsn, database.connect_timeout_seconds)
    try:
        relation = (await source.read()).relations.get(table.name)
    finally:
        await source.close()
    if relation is None:
        raise MenshenError(f"the database {name} has no table {args.table}")
    random = Random(secrets.randbits(64))  # noqa: S311 - made-up people, no secrets
    given: dict[str, str | None] = dict(_pair(text) for text in args.set)
    rows = [{**honey.values(table, relation, policy.classes, random), **given} for _ in range(args.count)]
    statements = [honey.statement(table, relation, row) for row in rows]
    keys = [""] * len(rows) if args.sql else await honey.plant(database.dsn.reveal(), statements)
    return [record(key, row, sql) for key, row, sql in zip(keys, rows, statements, strict=True)]


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise MenshenError(f"{text!r} is not COLUMN=TEXT")
    return name, value
