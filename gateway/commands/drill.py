"""`menshen drill`: a marked, harmless breach through the real path, measured from its last row to the page."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gateway.commands.common import FINDING, GOOD, Subparsers, add_command, add_common, print_json, settings_of
from gateway.commands.control import ControlClient, who_am_i
from gateway.config import Settings
from gateway.errors import MenshenError
from gateway.watch.drill import Timing, markdown, timing

KINDS = ("bulk-export", "scrape", "honey", "stolen-credential", "bypass")

TEXT = """Rehearse a breach: what it does is real, and harmless. Rows are read and thrown away; only sessions that carry
the drill's mark are suspended; messages, incidents, records and reports say that it is a drill.

  bulk-export        one answer with a whole table
  scrape             customers by key, one after the other
  honey              a planted customer is read (menshen honey plant)
  stolen-credential  logins of one account from many addresses (127.0.0.x: where the gateway runs on this machine)
  bypass             a connection to the database without the gateway

It waits for the incident and the message, prints the time to detect, to page and to contain, closes the incident as a
drill and files a report under state_dir/drills. Exit code 1: not detected, or nobody was paged.

The breach needs an account: --dsn names it (or the variable MENSHEN_DRILL_DSN), an address of the gateway.

examples:
  menshen drill bulk-export --dsn 'postgresql://bi_reader:…@127.0.0.1:6432/crm' --table crm.customers
  menshen drill bypass --json
"""


def register(subparsers: Subparsers) -> None:
    parser = add_command(subparsers, "drill", _run, "rehearse a breach and measure the time to the page", TEXT)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument(
        "--dsn", default=os.environ.get("MENSHEN_DRILL_DSN", ""), help="account and gateway of the breach"
    )
    parser.add_argument("--table", default="", metavar="SCHEMA.TABLE", help="default: the first one with a subject")
    parser.add_argument("--purpose", default="", metavar="NAME", help="default: that of the account")
    parser.add_argument("--wait", type=float, default=60.0, metavar="SECONDS", help="how long to wait for the page")
    parser.add_argument("--who", default=who_am_i(), metavar="NAME")
    add_common(parser)


def _run(args: argparse.Namespace) -> int:
    settings = settings_of(args)
    if args.kind != "bypass" and not args.dsn:
        raise MenshenError(
            "the drill needs an account", hint="--dsn postgresql://account:password@gateway:6432/database"
        )
    client = ControlClient(settings)
    report = asyncio.run(_drill(args, settings, client))
    files = _file(settings.gateway.state_dir / "drills", report)
    if args.json:
        print_json(report)
    else:
        sys.stdout.write(markdown(report) + f"\nfiled as {files[0]} and {files[1].name}\n")
    return GOOD if report["passed"] else FINDING


async def _drill(args: argparse.Namespace, settings: Settings, client: ControlClient) -> dict[str, Any]:
    from adapters.postgres.drill import Breach, account_of

    target = _target(settings, args, client)
    principal = account_of(args.dsn) if args.kind != "bypass" else ""
    announced = client.post("/v1/drills", {"kind": args.kind, "principal": principal, "seconds": args.wait + 60})
    drill, began = announced["id"], time.time()
    breach = Breach(args.dsn, drill, args.purpose)
    done = Timing()
    error, rows = "", 0
    found: dict[str, Any] = {"incidents": [], "routes": []}
    try:
        rows = await breach.run(args.kind, **target)
        done.last_row = time.time()
        found = await _wait(args.wait, lambda: client.get(f"/v1/drills/{drill}"), _paged)
        done = timing(done, found)
        if found["incidents"] and principal:
            incident = found["incidents"][0]["incident"]
            done.contain_asked = done.detected
            if incident["state"] != "contained":  # a detector may have done it by itself
                done.contain_asked = time.time()
                reason = {"who": args.who, "why": f"drill {drill}"}
                client.post(f"/v1/incidents/{incident['number']}/contain", reason)
            done.contained = await breach.ended(min(args.wait, 15.0))
            done.refused = await breach.is_refused()
    except MenshenError as refused:
        error = refused.message
    finally:
        await breach.close()
    report = done.report(
        drill=drill, kind=args.kind, who=args.who, principal=principal, table=target["table"], began=began, rows=rows,
        found=found, error=error,
    )  # fmt: skip
    client.post(f"/v1/drills/{drill}/end", {key: value for key, value in report.items() if key != "incidents"})
    return report


def _target(settings: Settings, args: argparse.Namespace, client: ControlClient) -> dict[str, Any]:
    """The table of the breach, its key, and what else the kind needs."""
    from gateway.policy.policy import load

    tables = {str(one.name): one for one in load(settings.policy.path).tables.values() if one.subject}
    name = args.table or next(iter(tables), "")
    if name not in tables:
        raise MenshenError(f"{name or 'no table'} is no table with a subject in the data map")
    table = tables[name]
    planted = ""
    if args.kind == "honey":
        places = [one["place"] for one in client.get("/v1/honey")["honey"]]
        planted = next((place.partition("/")[2] for place in places if f":{name}/" in place), "")
        if not planted:
            raise MenshenError(f"no honey record is planted in {name}", hint="menshen honey plant --table …")
    direct = next(iter(settings.databases.values())).dsn.reveal()
    return {"table": name, "key": table.subject, "planted": planted, "direct": direct, "hold": args.wait}


def _paged(found: dict[str, Any]) -> bool:
    """An incident is there, and each route that is told at once was told (or no route is)."""
    told = {message["route"] for one in found["incidents"] for message in one["messages"] if message["state"] == "sent"}
    calls = [message for one in found["incidents"] for message in one["messages"] if message["kind"] == "opened"]
    waiting = any(message["state"] != "sent" for message in calls)
    return bool(found["incidents"]) and (bool(told) or not found["routes"]) and not waiting


async def _wait(seconds: float, ask: Callable[[], Any], good: Callable[[Any], bool]) -> Any:
    end = time.monotonic() + seconds
    while True:
        found = await asyncio.to_thread(ask)
        if good(found) or time.monotonic() > end:
            return found
        await asyncio.sleep(0.1)


def _file(folder: Path, report: dict[str, Any]) -> tuple[Path, Path]:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    stem = f"{report['began'][:10]}-{report['kind']}-{report['drill']}"
    files = folder / f"{stem}.json", folder / f"{stem}.md"
    files[0].write_text(json.dumps(report, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    files[1].write_text(markdown(report), encoding="utf-8")
    return files
