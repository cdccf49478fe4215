"""`menshen trail verify | query | subject | export`, behind the command line: plain arguments in, an exit code out.

Exit codes: 0 good, 1 a finding, 2 a usage or set-up error. Answers go to `out`, progress and errors to `err`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TextIO

import orjson
from rich.console import Console
from rich.text import Text

from gateway.errors import MenshenError
from gateway.trail.chain import Link
from gateway.trail.query import Query, QueryError, follow, parse_when, run
from gateway.trail.reader import Record
from gateway.trail.show import csv_lines, header, jsonl, row
from gateway.trail.show_subject import sighting_lines
from gateway.trail.signing import load_public
from gateway.trail.subject_query import sightings
from gateway.trail.verify import Progress, Report, verify

GOOD, FINDING, SETUP = 0, 1, 2
DEFAULT_LIMIT = 50


def verify_command(
    path: Path,
    public_keys: Sequence[Path] = (),
    *,
    anchors: Path | None = None,
    signatures: bool = True,
    json: bool = False,
    out: TextIO | None = None,
    err: TextIO | None = None,
) -> int:
    """Verify all chains in `path`.

    `public_keys`: PEM files, old keys too. `signatures` false: the chain only, which whoever can write files can forge.
    `anchors`: what an earlier run printed with `json`.
    """
    out, err = out or sys.stdout, err or sys.stderr
    started = time.monotonic()
    try:
        if not path.is_dir() or not any(path.iterdir()):
            return _refuse(err, f"there is no trail in {path}", "Name the folder with `trail.path`, or as an argument.")
        if signatures and not public_keys:
            hint = "Give --public-key (best your own copy of it), or --no-signatures to check the chain alone."
            return _refuse(err, "signatures cannot be checked without a public key", hint)
        keys = load_public(public_keys) if signatures else None
        held = _read_anchors(anchors) if anchors else None
        report = verify(path, keys, anchors=held, progress=_progress(err))
    except OSError as error:
        return _refuse(err, f"the trail cannot be read: {error}", "Run as the user that owns it.")
    except MenshenError as error:
        return _refuse(err, error.message, error.hint)
    if json:
        out.write(_report_json(report))
    else:
        _print_report(Console(file=out, highlight=False, soft_wrap=True), report, time.monotonic() - started)
    return GOOD if report.good else FINDING


def query_command(
    path: Path,
    *,
    principal: str | None = None,
    actor: str | None = None,
    purpose: str | None = None,
    table: str | None = None,
    data_class: str | None = None,
    verdict: str | None = None,
    kind: str | None = None,
    event: str | None = None,
    session: str | None = None,
    since: str | None = None,
    until: str | None = None,
    limit: int | None = DEFAULT_LIMIT,
    follow_new: bool = False,
    json: bool = False,
    out: TextIO | None = None,
    err: TextIO | None = None,
) -> int:
    """Print the latest `limit` matching records (None: all), and with `follow_new` what comes from now on."""
    out, err = out or sys.stdout, err or sys.stderr
    now = datetime.now().astimezone()
    try:
        if not path.is_dir():
            return _refuse(err, f"there is no trail in {path}", "Name the folder with `trail.path`, or as an argument.")
        query = Query(
            principal, actor, purpose, table, data_class, verdict, kind, event, session,
            parse_when(since, now) if since else None, parse_when(until, now) if until else None,
            limit, join=not follow_new,
        )  # fmt: skip
        if follow_new and until:
            raise QueryError("--follow has no end, so it does not go with --until")
        found = follow(path, query) if follow_new else run(path, query)
        _print_records(out, found, json=json)
    except BrokenPipeError:
        return GOOD  # the reader has seen enough (`| head`)
    except KeyboardInterrupt:
        return GOOD  # the usual way to leave --follow
    except OSError as error:
        return _refuse(err, f"the trail cannot be read: {error}", "Run as the user that owns it.")
    except MenshenError as error:
        return _refuse(err, error.message, error.hint)
    return GOOD


def export_command(
    path: Path,
    format: str = "jsonl",
    *,
    principal: str | None = None,
    purpose: str | None = None,
    table: str | None = None,
    since: str | None = None,
    until: str | None = None,
    out: TextIO | None = None,
    err: TextIO | None = None,
) -> int:
    """Write every matching record, opening and closing ones apart, as `jsonl` or `csv`."""
    out, err = out or sys.stdout, err or sys.stderr
    now = datetime.now().astimezone()
    try:
        if format not in ("jsonl", "csv"):
            raise QueryError(f"{format!r} is not a format", hint="Use jsonl or csv.")
        if not path.is_dir():
            return _refuse(err, f"there is no trail in {path}", "Name the folder with `trail.path`, or as an argument.")
        query = Query(
            principal=principal, purpose=purpose, table=table, join=False,
            since=parse_when(since, now) if since else None, until=parse_when(until, now) if until else None,
        )  # fmt: skip
        for line in (csv_lines if format == "csv" else jsonl)(run(path, query)):
            out.write(line)
        out.flush()
    except BrokenPipeError:
        return GOOD
    except OSError as error:
        return _refuse(err, f"the export failed: {error}", "")
    except MenshenError as error:
        return _refuse(err, error.message, error.hint)
    return GOOD


def subject_command(
    path: Path,
    key: int | str | None,
    *,
    table: str | None = None,
    since: str | None = None,
    until: str | None = None,
    possible: bool = True,
    json: bool = False,
    out: TextIO | None = None,
    err: TextIO | None = None,
) -> int:
    """Print who saw the subject of this key (`subjects.parse_key`), oldest first; exit code 0 also for nobody."""
    out, err = out or sys.stdout, err or sys.stderr
    now = datetime.now().astimezone()
    try:
        if not path.is_dir():
            return _refuse(err, f"there is no trail in {path}", "Name the folder with `trail.path`, or as an argument.")
        if key is None:
            raise QueryError("a key that is no whole number needs the gateway's secret", hint="Give its configuration.")
        found = sightings(
            path, key, table=table, possible=possible,
            since=parse_when(since, now) if since else None, until=parse_when(until, now) if until else None,
        )  # fmt: skip
        if json:
            for one in found:
                out.write(orjson.dumps(one.to_json()).decode() + "\n")
        else:
            for line in sighting_lines(found):
                out.write(line + "\n")
        out.flush()
    except BrokenPipeError:
        return GOOD
    except OSError as error:
        return _refuse(err, f"the trail cannot be read: {error}", "Run as the user that owns it.")
    except MenshenError as error:
        return _refuse(err, error.message, error.hint)
    return GOOD


# -- output -----------------------------------------------------------------------------------------------------------
def _print_records(out: TextIO, found: Iterator[Record], *, json: bool) -> None:
    if json:
        for line in jsonl(found):
            out.write(line)
            out.flush()
        return
    console = Console(file=out, highlight=False)
    terminal = console.is_terminal
    count = 0
    for record in found:
        if not count:
            _print_line(console, header(), terminal)
        count += 1
        _print_line(console, row(record), terminal)
    if not count and terminal:
        console.print("no record matches", style="dim")


def _print_line(console: Console, line: Text, terminal: bool) -> None:
    """On a terminal a record is one line of it; elsewhere nothing is cut."""
    if terminal:
        console.print(line, no_wrap=True, overflow="ellipsis")
    else:
        console.file.write(line.plain.rstrip() + "\n")
        console.file.flush()


def _print_report(console: Console, report: Report, seconds: float) -> None:
    for chain in report.chains:
        console.print(
            Text(
                f"{chain.chain}: records {chain.first} to {chain.last} in {chain.segments} segments, "
                f"{chain.signed} signed; vouched for up to record {chain.vouched}"
            )
        )
        if chain.open_segment:
            console.print(
                Text(f"  {chain.open_segment} is open: it will be signed when it is closed; until then the signed head")
            )
            console.print(Text("  vouches for it, and records behind that for themselves only"))
        if chain.torn_files:
            console.print(
                Text(f"  {chain.torn_files} unfinished writes were put aside at a start (.torn), see trail_torn")
            )
    if not report.signatures_checked:
        console.print(Text("signatures were NOT checked", style="bold yellow"))
    for finding in report.findings:
        where = f"{finding.file}:{finding.line}" if finding.line else finding.file
        console.print(Text.assemble((finding.what, "bold red"), f" {where}: {finding.message}"))
    records = sum(chain.records for chain in report.chains)
    verdict = ("good", "bold green") if report.good else (f"{len(report.findings)} findings", "bold red")
    console.print(Text.assemble(verdict, f": {records} records in {seconds:.1f} s"))


def _report_json(report: Report) -> str:
    members = {
        "good": report.good,
        "signatures_checked": report.signatures_checked,
        "chains": [asdict(chain) for chain in report.chains],
        "findings": [asdict(finding) for finding in report.findings],
    }
    return orjson.dumps(members, option=orjson.OPT_INDENT_2).decode() + "\n"


def _read_anchors(path: Path) -> Mapping[str, Link]:
    """The ends of the chains that an earlier `verify --json` printed."""
    try:
        report = orjson.loads(path.read_bytes())
        return {chain["chain"]: Link(int(chain["last"]), str(chain["hash"])) for chain in report["chains"]}
    except (ValueError, KeyError, TypeError) as error:
        raise QueryError(f"{path} holds no anchors", hint="Use what `menshen trail verify --json` printed.") from error


def _progress(err: TextIO) -> Progress | None:
    """A line that is written over and over, on a terminal and after the first second only."""
    if not err.isatty():
        return None
    started = time.monotonic()
    shown = 0.0

    def show(done: int, total: int) -> None:
        nonlocal shown
        now = time.monotonic()
        if now - started > 1 and (now - shown > 0.2 or done >= total):
            shown = now
            end = "\n" if done >= total else ""
            err.write(f"\rverifying: {done / max(total, 1):4.0%} of {total / 1e6:,.0f} MB{end}")
            err.flush()

    return show


def _refuse(err: TextIO, message: str, hint: str) -> int:
    err.write(f"menshen trail: {message}\n" + (f"    {hint}\n" if hint else ""))
    return SETUP
