"""`menshen incident`: what the watch has found, and what people do about it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from gateway.commands.common import GOOD, Subparsers, add_command, add_common, print_json, settings_of
from gateway.commands.control import ControlClient, who_am_i

TEXT = """See and change incidents. Needs http.control_token; every change is recorded in the trail with who and why.

  list         open incidents, the newest first (--all: closed ones, too)
  show         one incident: evidence, timeline, whose data
  ack          somebody looks at it: no more reminders
  contain      suspend its account: sessions end within a second, new logins get 28000 with the incident's number
  lift         end the suspension
  note         a line for the timeline: a measure that was taken outside of the gateway
  resolve      it is over; the reason becomes the cause in the report
  false-alarm  it was none
  dossier      the report that the law asks for (PIPL 57), HTML or JSON, Chinese or English

examples:
  menshen incident list
  menshen incident ack 12
  menshen incident contain 12 --why "export is not from the nightly job"
  menshen incident resolve 12 --why "password of the reporting tool was stolen; changed on Monday"
  menshen incident dossier 12 --language zh -o INC-12.html
"""

_ACTIONS = {
    "ack": ("acknowledge", "somebody looks at it"),
    "contain": ("contain", "suspend its account"),
    "lift": ("lift", "end the suspension"),
    "note": ("note", "a line for the timeline"),
    "resolve": ("resolve", "it is over"),
    "false-alarm": ("dismiss", "it was none"),
}


def register(subparsers: Subparsers) -> None:
    parser = add_command(
        subparsers, "incident", lambda _: _usage(parser), "incidents: see, contain, close, report", TEXT
    )
    commands = parser.add_subparsers(metavar="ACTION")
    listing = _sub(commands, "list", _list, "open incidents")
    listing.add_argument("--all", action="store_true", help="closed incidents, too")
    listing.add_argument("--limit", type=int, default=50, metavar="N")
    show = _sub(commands, "show", _show, "one incident")
    show.add_argument("number", type=_number)
    show.add_argument("--limit", type=int, default=20, metavar="N", help="findings and subjects that are shown")
    for name, (action, text) in _ACTIONS.items():
        act = _sub(commands, name, _act, text)
        act.set_defaults(action=action)
        act.add_argument("number", type=_number)
        act.add_argument("--why", default="", metavar="TEXT", required=name != "ack", help="the reason, for the record")
        act.add_argument(
            "--who", default=who_am_i(), metavar="NAME", help="who does it (default: the user of this machine)"
        )
    dossier = _sub(commands, "dossier", _dossier, "the report that the law asks for")
    dossier.add_argument("number", type=_number)
    dossier.add_argument("--language", choices=("zh", "en"), default="zh")
    dossier.add_argument("--format", choices=("html", "json"), default="html")
    dossier.add_argument("--subjects", type=int, default=1000, metavar="N", help="subjects that are listed")
    dossier.add_argument("-o", "--output", type=Path, metavar="FILE", help="default: standard output")


def _sub(
    commands: Subparsers, name: str, run: Callable[[argparse.Namespace], int], text: str
) -> argparse.ArgumentParser:
    parser = add_command(commands, name, run, text, text)
    add_common(parser)
    return parser


def _usage(parser: argparse.ArgumentParser) -> int:
    parser.print_help()
    return 2


def _number(text: str) -> int:
    """`12` or `INC-12`."""
    digits = text.upper().removeprefix("INC-")
    if not digits.isdecimal() or len(digits) > 12:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of an incident")
    return int(digits)


def _list(args: argparse.Namespace) -> int:
    client = ControlClient(settings_of(args))
    query = urlencode({"closed": int(args.all), "limit": args.limit})
    found = client.get(f"/v1/incidents?{query}")["incidents"]
    if args.json:
        print_json(found)
        return GOOD
    for one in found:
        drill = " [drill]" if one["drill"] else ""
        sys.stdout.write(
            f"{one['name']:<9} {one['severity']:<9} {one['state']:<13} {one['opened_at'][:19]}Z  "
            f"{one['summary']}{drill}\n"
        )
    if not found:
        sys.stdout.write("no incidents\n" if args.all else "no open incidents\n")
    return GOOD


def _show(args: argparse.Namespace) -> int:
    found = ControlClient(settings_of(args)).get(f"/v1/incidents/{args.number}?limit={args.limit}")
    if args.json:
        print_json(found)
        return GOOD
    sys.stdout.write(shown(found))
    return GOOD


def shown(found: dict[str, Any]) -> str:
    """An incident for the terminal."""
    one, subjects = found["incident"], found["subjects"]
    lines = [
        f"{one['name']} {'DRILL ' if one['drill'] else ''}{one['severity']}, {one['state']}",
        f"  {one['summary']}",
        f"  {one['summary_zh']}",
        f"  account    {one['principal'] or '-'} ({one['department'] or '-'}), purpose {one['purpose'] or '-'}",
        f"  data       {', '.join(one['tables']) or '-'}: "
        + (", ".join(f"{name} {how}" for name, how in one["classes"]) or "-"),
        f"  extent     {one['rows']:,} rows, {subjects['count']:,} subjects, {one['findings']:,} findings",
        f"  time       {one['first_at']} to {one['last_at']}",
        f"  evidence   {one['evidence_count']:,} records: {', '.join(one['evidence'][:8])}",
    ]
    if subjects["shown"]:
        lines.append(f"  subjects   {', '.join(subjects['shown'][:20])}{' …' if subjects['count'] > 20 else ''}")
    if one["details"]:
        lines.append("  figures    " + ", ".join(f"{name} {value}" for name, value in one["details"]))
    lines += ["  timeline"]
    lines += [f"    {each['at'][:19]}Z  {each['kind']:<12} {each['who']}: {each['why']}" for each in found["timeline"]]
    if found["messages"]:
        lines += ["  messages"]
        lines += [
            f"    {each['id']:<40} {each['state']}{', ' + each['error'] if each['error'] else ''}"
            for each in found["messages"]
        ]
    return "\n".join(lines) + "\n"


def _act(args: argparse.Namespace) -> int:
    body = {"who": args.who, "why": args.why}
    found = ControlClient(settings_of(args)).post(f"/v1/incidents/{args.number}/{args.action}", body)
    one = found["incident"]
    if args.json:
        print_json(one)
    else:
        sys.stdout.write(f"{one['name']} is {one['state']}\n")
    return GOOD


def _dossier(args: argparse.Namespace) -> int:
    form = "json" if args.json else args.format
    query = urlencode({"language": args.language, "format": form, "limit": args.subjects})
    text = ControlClient(settings_of(args)).text(f"/v1/incidents/{args.number}/dossier?{query}")
    if args.output is None:
        sys.stdout.write(text if text.endswith("\n") else text + "\n")
        return GOOD
    # It names people: nobody else on this machine may read it.
    args.output.touch(mode=0o600)
    args.output.write_text(text, encoding="utf-8")
    sys.stdout.write(f"written to {args.output}\n")
    return GOOD
