"""`menshen trail verify | query | subject | export`: read the trail; the work is done in `gateway.trail.commands`."""

from __future__ import annotations

import argparse
from pathlib import Path

from gateway.commands.common import Run, Subparsers, add_command, add_common, settings_of
from gateway.errors import ProblemsFound

TEXT = """Read the trail: has anything been changed, who saw what, take it elsewhere.

The trail's folder is the one of the configuration, or PATH. The gateway may be running meanwhile.

examples:
  menshen trail verify
  menshen trail query --principal crm_app --class contact.phone --since "2 hours ago"
  menshen trail query --verdict deny --follow
  menshen trail subject 4711 --since "30 days ago"
  menshen trail export --format csv --since 2026-01-01 > trail.csv
"""
VERIFY = """Verify every chain offline: any edit, deletion, reordering or truncation is found, with its place.

Signatures are checked with the public keys that are given, or the one in state_dir. An auditor should hold his own
copy of the key, and the anchors of an earlier run (what --json printed), kept where the gateway's machine cannot
change them: who owns the machine could forge the rest.

examples:
  menshen trail verify
  menshen trail verify /backup/trail --public-key auditor/trail-signing-key.pub.pem --anchors last-month.json
"""
QUERY = """Show the latest records that match all filters.

Times: 2026-01-31, 2026-01-31T12:00, "2 hours ago", "30 minutes ago".

examples:
  menshen trail query --table crm.customers --since "1 day ago" --limit 200
  menshen trail query --purpose campaign --class contact.email --json
"""
SUBJECT = """Who saw this customer: when, for which purpose, which classes at which disclosure.

KEY is the customer's key, as the table's subject column holds it. Answers whose rows could not all be attributed may
have shown the customer too: they are listed apart, with the reason. A key that is no whole number is looked up by its
hash, which needs the gateway's secret: run this as the gateway's user, with its configuration.

examples:
  menshen trail subject 4711
  menshen trail subject 4711 --table crm.customers --since "30 days ago" --certain --json
  menshen trail subject C-0042 -c /etc/menshen/menshen.toml
"""
EXPORT = """Write every matching record, oldest first, as JSON Lines or CSV.

examples:
  menshen trail export --since 2026-01-01 --until 2026-02-01 | zstd > january.jsonl.zst
"""


def register(subparsers: Subparsers) -> None:
    parser = add_command(subparsers, "trail", _usage, "verify, query and export the trail; who saw this customer", TEXT)
    parser.set_defaults(parser=parser, json=False)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    _verify(commands)
    _query(commands)
    _subject(commands)
    _export(commands)


def _usage(args: argparse.Namespace) -> int:
    args.parser.print_help()
    return 2


def _add(commands: Subparsers, name: str, run: Run, help_text: str, text: str) -> argparse.ArgumentParser:
    parser = add_command(commands, name, run, help_text, text)
    parser.add_argument("path", nargs="?", type=Path, metavar="PATH", help="the trail's folder (default: trail.path)")
    add_common(parser)
    return parser


def _verify(commands: Subparsers) -> None:
    parser = _add(commands, "verify", run_verify, "has anything been changed?", VERIFY)
    parser.add_argument("--public-key", type=Path, action="append", default=[], metavar="PEM", help="may be repeated")
    parser.add_argument("--anchors", type=Path, metavar="FILE", help="what an earlier verify --json printed")
    parser.add_argument("--no-signatures", action="store_true", help="the hash chain alone")


def _add_filters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--principal", metavar="NAME")
    parser.add_argument("--purpose", metavar="NAME")
    parser.add_argument("--table", metavar="SCHEMA.TABLE")
    parser.add_argument("--since", metavar="TIME")
    parser.add_argument("--until", metavar="TIME")


def _query(commands: Subparsers) -> None:
    parser = _add(commands, "query", run_query, "who saw what?", QUERY)
    _add_filters(parser)
    parser.add_argument("--actor", metavar="NAME", help="the end user that the application named")
    parser.add_argument("--class", dest="data_class", metavar="CLASS", help="a data class, such as contact.phone")
    parser.add_argument("--verdict", choices=("allow", "veil", "deny"))
    parser.add_argument("--kind", metavar="KIND", help="SELECT, UPDATE, COPY, …")
    parser.add_argument("--event", metavar="EVENT", help="statement, login, login_failed, policy_loaded, …")
    parser.add_argument("--session", metavar="ID")
    parser.add_argument("--limit", type=int, default=50, metavar="N", help="the latest N (default 50), 0: all")
    parser.add_argument("--follow", action="store_true", help="go on with what comes from now on")


def _subject(commands: Subparsers) -> None:
    parser = add_command(commands, "subject", run_subject, "who saw this customer?", SUBJECT)
    parser.add_argument("key", metavar="KEY", help="the customer's key")
    parser.add_argument("path", nargs="?", type=Path, metavar="PATH", help="the trail's folder (default: trail.path)")
    add_common(parser)
    parser.add_argument("--table", metavar="SCHEMA.TABLE")
    parser.add_argument("--since", metavar="TIME")
    parser.add_argument("--until", metavar="TIME")
    parser.add_argument("--certain", action="store_true", help="leave out answers that may have shown the customer")


def _export(commands: Subparsers) -> None:
    parser = _add(commands, "export", run_export, "take it elsewhere", EXPORT)
    _add_filters(parser)
    parser.add_argument("--format", choices=("jsonl", "csv"), default="jsonl")


def _folder(args: argparse.Namespace) -> Path:
    path: Path | None = args.path
    return path if path is not None else settings_of(args).trail.path


def run_verify(args: argparse.Namespace) -> int:
    from gateway.trail.commands import verify_command

    folder = _folder(args)
    keys = args.public_key or ([] if args.no_signatures else _own_keys(args))
    signatures = not args.no_signatures
    return verify_command(folder, keys, anchors=args.anchors, signatures=signatures, json=args.json)


def _own_keys(args: argparse.Namespace) -> list[Path]:
    """The public key that the gateway left beside its private one."""
    from gateway.trail.signing import PUBLIC_NAME

    try:
        key = settings_of(args).gateway.state_dir / PUBLIC_NAME
    except ProblemsFound:
        return []  # PATH alone, without a configuration: the command asks for a key
    return [key] if key.is_file() else []


def run_query(args: argparse.Namespace) -> int:
    from gateway.trail.commands import query_command

    return query_command(
        _folder(args), principal=args.principal, actor=args.actor, purpose=args.purpose, table=args.table,
        data_class=args.data_class, verdict=args.verdict, kind=args.kind, event=args.event, session=args.session,
        since=args.since, until=args.until, limit=args.limit or None, follow_new=args.follow, json=args.json,
    )  # fmt: skip


def run_subject(args: argparse.Namespace) -> int:
    from gateway.trail.commands import subject_command
    from gateway.trail.subjects import parse_key

    key = parse_key(args.key, None)
    if key is None:
        from gateway.statefiles import lookup_key, pseudonym_secret

        key = parse_key(args.key, lookup_key(pseudonym_secret(settings_of(args))))
    return subject_command(
        _folder(args), key, table=args.table, since=args.since, until=args.until, possible=not args.certain,
        json=args.json,
    )  # fmt: skip


def run_export(args: argparse.Namespace) -> int:
    from gateway.trail.commands import export_command

    return export_command(
        _folder(args), args.format, principal=args.principal, purpose=args.purpose, table=args.table,
        since=args.since, until=args.until,
    )  # fmt: skip
