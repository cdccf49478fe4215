"""Questions to a trail: who, for what, which table or class, how it ended, when.

Reading is one pass over the merged stream with bounded memory. A long answer has two records; unless asked otherwise
they are shown as one, as the closing record with the time of the opening one in `opened`.
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import orjson

from gateway.errors import MenshenError
from gateway.trail.reader import Line, Position, Record, end, merge, read

OPEN_LIMIT = 10_000
"""Answers that may be under way at once before the oldest is shown as unfinished."""

_AGE = re.compile(r"(\d{1,6})\s*(s|seconds?|m|minutes?|h|hours?|d|days?|w|weeks?)(\s+ago)?")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class QueryError(MenshenError):
    """The question cannot be understood."""

    sqlstate = "22023"
    http_status = 400


@dataclass(frozen=True, slots=True)
class Query:
    """What to look for; every condition that is given must hold."""

    principal: str | None = None
    actor: str | None = None
    """The actor of the statement's comment, or else of the session."""
    purpose: str | None = None
    table: str | None = None
    """`schema.table`, or a table's name in any schema."""
    data_class: str | None = None
    """A class; by its dotted name also the classes below it: `contact` finds `contact.phone`."""
    verdict: str | None = None
    kind: str | None = None
    event: str | None = None
    session: str | None = None
    since: str | None = None
    """Instants as records spell them (`parse_when`); `since` is included, `until` is not."""
    until: str | None = None
    limit: int | None = None
    """Only the latest so many."""
    join: bool = True
    """Show the opening and the closing record of an answer as one."""

    def needles(self) -> list[bytes]:
        """Bytes that every matching line holds: a line without them is not decoded."""
        exact = [self.principal, self.actor, self.purpose, self.verdict, self.event, self.session]
        quoted = [orjson.dumps(value) for value in exact if value is not None]
        if self.kind is not None:
            quoted.append(orjson.dumps(self.kind.upper()))
        if self.table is not None:
            quoted.append(orjson.dumps(self.table)[1:])
        if self.data_class is not None:
            quoted.append(orjson.dumps(self.data_class)[:-1])
        return quoted

    def matches(self, record: Record) -> bool:
        """Whether a decoded record is wanted, time aside."""
        return (
            _is(self.principal, record.get("principal"))
            and _is(self.actor, record.get("statement_actor") or record.get("actor"))
            and _is(self.purpose, record.get("purpose"))
            and _is(self.verdict, record.get("verdict"))
            and _is(self.kind.upper() if self.kind else None, record.get("kind"))
            and _is(self.event, record.get("event"))
            and _is(self.session, record.get("session"))
            and (self.table is None or any(_is_table(self.table, name) for name in record.get("relations", ())))
            and (self.data_class is None or any(_is_under(self.data_class, name) for name in record.get("classes", ())))
        )


def parse_when(text: str, now: datetime) -> str:
    """An instant as records spell it, from `now`, `today`, `yesterday`, an age (`90s`, `2h`, `7 days ago`) or ISO.

    `now` must have a time zone: it is the one that days and times without a zone are meant in. Raises `QueryError`.
    """
    lowered = text.strip().lower()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if lowered == "now":
        return spell(now)
    if lowered in ("today", "yesterday"):
        return spell(midnight - timedelta(days=lowered == "yesterday"))
    age = _AGE.fullmatch(lowered)
    try:
        if age:
            return spell(now - timedelta(**{_UNITS[age[2][0]]: int(age[1])}))
        moment = datetime.fromisoformat(text.strip())
        return spell(moment if moment.tzinfo else moment.replace(tzinfo=now.tzinfo))
    except (ValueError, OverflowError) as error:
        hint = (
            "Write 2026-03-04, 2026-03-04T09:30, 2026-03-04T09:30:00+08:00, today, yesterday, 90s, 15m, 2h, 7d or 4w."
        )
        raise QueryError(f"{text!r} is not a time", hint=hint) from error


def spell(moment: datetime) -> str:
    """A time with a zone, as records spell it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def local(at: str, zone: tzinfo | None = None) -> str:
    """A record's time for people: in `zone`, or that of this machine; what is no time stays as it is."""
    try:
        return datetime.fromisoformat(at).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    except ValueError:
        return at


def run(path: Path, query: Query) -> Iterator[Record]:
    """The matching records, oldest first; with a limit the latest so many. Raises `OSError`."""
    return _limited(_joined(_matching(path, query), query.join), query.limit)


def follow(
    path: Path, query: Query, *, pause: Callable[[float], None] = time.sleep, every: float = 0.25
) -> Iterator[Record]:
    """What `run` gives, then what is written from now on, until the caller stops. Records are not joined."""
    position = end(path)
    known = (line for line in merge(path, {}, since=query.since) if _is_behind(line, position))
    shown = (line.record for line in known if query.matches(line.record))
    yield from _limited(shown, query.limit)
    while True:
        for behind, record in read(path, position):
            position = behind
            if query.matches(record) and str(record.get("at", "")) >= (query.since or ""):
                yield record
        pause(every)


def _matching(path: Path, query: Query) -> Iterator[Record]:
    needles = query.needles()

    def wanted(line: bytes) -> bool:
        return all(needle in line for needle in needles)

    for line in merge(path, {}, since=query.since, before=query.until, wanted=wanted if needles else None):
        if query.matches(line.record):
            yield line.record


def _joined(records: Iterable[Record], join: bool) -> Iterator[Record]:
    if not join:
        yield from records
        return
    opened: dict[tuple[object, ...], Record] = {}
    for record in records:
        phase = record.get("phase")
        if phase not in ("open", "close"):
            yield record
            continue
        key = (record.get("node"), record.get("worker"), record.get("session"), record.get("id"))
        if phase == "close":
            first = opened.pop(key, None)
            yield {**record, "opened": first["at"]} if first else record
            continue
        opened[key] = record
        if len(opened) > OPEN_LIMIT:
            yield opened.pop(next(iter(opened)))
    yield from opened.values()  # under way, or the gateway died before the end


def _limited(records: Iterable[Record], limit: int | None) -> Iterator[Record]:
    if limit is None:
        yield from records
    else:
        yield from deque(records, maxlen=max(0, limit))


def _is(wanted: str | None, value: object) -> bool:
    return wanted is None or wanted == value


def _is_table(wanted: str, name: str) -> bool:
    return name == wanted or name.endswith("." + wanted)


def _is_under(wanted: str, name: str) -> bool:
    return name == wanted or name.startswith(wanted + ".")


def _is_behind(line: Line, position: Position) -> bool:
    place = position.places.get(line.chain)
    return place is not None and (line.place.first, line.place.offset) <= (place.first, place.offset)
