"""Records for people and for other programs: one line each, as text, JSON or CSV.

Names in a record come from clients. On a terminal their control characters are made visible, and in CSV a cell that a
spreadsheet would take for a formula is quoted.
"""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterable, Iterator

import orjson
from rich.cells import set_cell_size
from rich.text import Text

from gateway.trail.fields import FIELDS
from gateway.trail.query import local
from gateway.trail.reader import Record

_COLUMNS = (
    ("time", 23), ("who", 18), ("purpose", 18), ("kind", 8), ("verdict", 7), ("rows", 9), ("ms", 9), ("touches", 0),
)  # fmt: skip
_COLOURS = {"allow": "green", "veil": "cyan", "deny": "bold red"}

CSV_COLUMNS = tuple(field.name for field in FIELDS if field.part != "chain")
"""The columns of an export, after `chain members`: `seq` and `prev` stand at the end."""


def header() -> Text:
    return Text("  ".join(set_cell_size(title, width) if width else title for title, width in _COLUMNS), style="bold")


def row(record: Record) -> Text:
    """One record as one line of columns; the last column is as long as it needs to be."""
    verdict = str(record.get("verdict", ""))
    statement = record.get("event") == "statement"
    kind = str(record.get("kind", "")) if statement else str(record.get("event", ""))
    actor = record.get("statement_actor") or record.get("actor")
    who = str(record.get("principal") or record.get("user") or record.get("node") or "")
    cells = (
        local(str(record.get("opened") or record.get("at", ""))),
        f"{who}/{actor}" if actor else who,
        str(record.get("purpose", "-" if statement else "")),
        kind,
        verdict,
        _rows(record) if statement else "",
        f"{record.get('duration_us', 0) / 1000:.3f}" if statement else "",
    )
    line = Text()
    for cell, (title, width) in zip(cells, _COLUMNS, strict=False):
        shown = visible(cell)
        if title in ("rows", "ms"):
            shown = shown.rjust(width)
        elif not (title == "kind" and not statement):
            shown = set_cell_size(shown, width)
        line.append(shown, style=_COLOURS.get(verdict, "") if title == "verdict" else "")
        line.append("  ")
        if title == "kind" and not statement:
            break
    line.append(visible(_touches(record) if statement else _told(record)), style="" if statement else "dim")
    return line


def visible(text: str) -> str:
    """`text` without characters that would steer a terminal or hide what follows."""
    if text.isprintable():
        return text
    return "".join(c if unicodedata.category(c)[0] != "C" else f"\\u{ord(c):04x}" for c in text)


def _rows(record: Record) -> str:
    return f"{record.get('rows', 0)}" + ("…" if record.get("phase") == "open" else "")


def _touches(record: Record) -> str:
    parts = [" ".join(record.get("relations", ()))]
    parts.append(" ".join(f"{name}={shown}" for name, shown in record.get("classes", {}).items()))
    looked_up = " ".join(f"{lookup.get('column')}" for lookup in record.get("lookups", ()))
    if looked_up:
        parts.append(f"lookup:{looked_up}")
    if record.get("reason"):
        parts.append(f"reason:{record['reason']}")
    if record.get("sqlstate", "00000") != "00000":
        parts.append(f"sqlstate:{record['sqlstate']}")
    return "  ".join(part for part in parts if part)


def _told(record: Record) -> str:
    known = {"prev", "seq", "at", "event", "principal", "user", "roles"}
    return " ".join(f"{name}={_cell(value)}" for name, value in record.items() if name not in known)


def jsonl(records: Iterable[Record]) -> Iterator[str]:
    """One record per line, in the trail's own form."""
    for record in records:
        yield orjson.dumps(record).decode() + "\n"


def csv_lines(records: Iterable[Record]) -> Iterator[str]:
    """RFC 4180 with a header; lists are joined by spaces, objects written `name=value`."""
    columns = (*CSV_COLUMNS, "seq", "prev")
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(columns)
    for record in records:
        writer.writerow([_harmless(_cell(record.get(column, ""))) for column in columns])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue()


def _cell(value: object) -> str:
    if isinstance(value, dict):
        return " ".join(f"{key}={_cell(item)}" for key, item in value.items())
    if isinstance(value, list):
        return " ".join(_cell(item) for item in value)
    return str(value)


def _harmless(cell: str) -> str:
    """A spreadsheet runs a cell that begins like this; with an apostrophe in front it shows it."""
    return "'" + cell if cell[:1] in ("=", "+", "-", "@", "\t", "\r") and not _is_number(cell) else cell


def _is_number(cell: str) -> bool:
    return cell.lstrip("-").isdigit()
