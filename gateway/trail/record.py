"""Builders of a record's members: JSON without braces, as bytes, ready for `TrailWriter.append`.

A record is put together from three fragments: the session's (encoded once a session), the plan's (encoded once for
each text) and the dynamic part, which `statement` formats into a template for each execution. Every member is explained
in `gateway.trail.fields` and `docs/trail.md`.

No builder takes a data value: values that were looked up come as keyed hashes (`value_hash`), statements normalized.
Strings and lists are bounded, so that no client can make a record without bounds; what was cut ends with `…`.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, TypeAlias

import orjson

from gateway.model import Disclosed, Outcome

STATEMENT_LIMIT = 8192
"""Characters of a normalized statement."""
NAME_LIMIT = 256
"""Characters of any other string."""
LIST_LIMIT = 256
"""Items of a list or an object."""

_SECOND = 1_000_000
_PHASES = {"single": b"single", "open": b"open", "close": b"close"}
_SQLSTATE = re.compile(r"[0-9A-Z]{5}\Z")


FieldValue: TypeAlias = str | int | bool | list[str] | None


class LookupLike(Protocol):
    """A raw comparison that the rules allow, as the plan of an adapter describes it."""

    @property
    def column(self) -> str: ...
    @property
    def data_class(self) -> str: ...
    @property
    def parameter(self) -> int: ...
    @property
    def value_hash(self) -> str: ...


def text(value: str, limit: int = NAME_LIMIT) -> str:
    """`value` cut to `limit` characters, with what UTF-8 cannot carry (lone surrogates) escaped."""
    if len(value) > limit:
        value = value[: limit - 1] + "…"
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-8", "backslashreplace").decode()
    return value


def value_hash(key: bytes, data_class: str, value: str) -> str:
    """A keyed hash of a looked-up value: equal values of a class give equal hashes, the key is needed to test a guess.

    `key`: a secret of the deployment, 16 to 64 bytes. Answer: 32 hexadecimal digits: keyed BLAKE2b (RFC 7693), which
    takes a third of the time of an HMAC; answers with many subjects need many of them.
    """
    if len(key) < 16:
        raise ValueError("the key for lookup hashes needs at least 16 bytes")
    message = f"{data_class}\0{value}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(message, digest_size=16, key=key).hexdigest()


def session_fragment(
    *,
    node: str,
    worker: int,
    session: str,
    principal: str,
    department: str,
    roles: Iterable[str],
    client: str,
    application: str,
    database: str,
    actor: str | None = None,
) -> bytes:
    """The members that say who asks. Build it again when `application_name` or the session's actor changes."""
    return _members(
        {
            "node": text(node),
            "worker": worker,
            "session": text(session),
            "principal": text(principal),
            "actor": text(actor) if actor else None,
            "department": text(department),
            "roles": _names(sorted(roles)),
            "client": text(client),
            "application": text(application) if application else None,
            "database": text(database),
        }
    )


def plan_fragment(
    *,
    kind: str,
    statement: str,
    fingerprint: str,
    verdict: Outcome,
    bundle: str,
    purpose: str | None = None,
    relations: Iterable[object] = (),
    classes: Iterable[Disclosed] = (),
    reason: str = "",
    rules: Iterable[str] | None = None,
    lookups: Sequence[LookupLike] = (),
    statement_actor: str | None = None,
) -> bytes:
    """The members that say what was asked and how it was judged.

    `statement` must be normalized: no literal may be left in it. `relations`: `TableName`s or their text. `rules`: None
    takes those of `classes`. `statement_actor`: only where the statement's own comment names one; the session's actor
    belongs to its fragment, so that plans can be kept for all sessions.
    """
    classes = tuple(classes)
    if rules is None:
        rules = dict.fromkeys(rule for disclosed in classes for rule in disclosed.rules)
    return _members(
        {
            "kind": text(kind),
            "statement": text(statement, STATEMENT_LIMIT),
            "fingerprint": text(fingerprint),
            "purpose": text(purpose) if purpose else None,
            "statement_actor": text(statement_actor) if statement_actor else None,
            "relations": _names(sorted({str(relation) for relation in relations})),
            "classes": _classes(classes),
            "lookups": [_lookup(lookup) for lookup in lookups[:LIST_LIMIT]],
            "verdict": verdict.value,
            "reason": text(reason) if reason else None,
            "rules": _names(list(rules)),
            "bundle": text(bundle),
        }
    )


def denied(plan: bytes, reason: str) -> bytes:
    """The members of a plan, of a statement that it allowed and that was refused before it ran, for this reason."""
    members = orjson.loads(b"{%b}" % plan)
    return _members(members | {"verdict": Outcome.DENY.value, "reason": text(reason) if reason else None})


def statement(
    session: bytes,
    plan: bytes,
    *,
    at_us: int,
    id: int,
    phase: str = "single",
    rows: int = 0,
    bytes_: int = 0,
    duration_us: int = 0,
    overhead_us: int = 0,
    sqlstate: str = "00000",
    lookups: Sequence[tuple[int, str]] = (),
    subjects: bytes = b"",
) -> bytes:
    """All members of a statement's record. The hot path: one template, no JSON encoder.

    `at_us`: microseconds since 1970 in UTC. `lookups`: parameter number and `value_hash` of each looked-up value that
    came with Bind. `subjects`: members ready to be appended (`subjects`, `unattributed`), or nothing.
    """
    second, micros = divmod(at_us, _SECOND)
    if second != _clock.second:
        _clock.set(second)
    if sqlstate != "00000":
        sqlstate = _safe_sqlstate(sqlstate)
    line = (
        b'"at":"%b.%06dZ","event":"statement","phase":"%b","id":%d,"rows":%d,"bytes":%d,'
        b'"duration_us":%d,"overhead_us":%d,"sqlstate":"%b",%b,%b'
    ) % (
        _clock.text,
        micros,
        _PHASES[phase],
        id,
        rows,
        bytes_,
        duration_us,
        overhead_us,
        sqlstate.encode(),
        session,
        plan,
    )
    if lookups:
        line += b',"lookup_values":' + orjson.dumps([[number, text(digest)] for number, digest in lookups[:LIST_LIMIT]])
    if subjects:
        line += b"," + subjects
    return line


def event(name: str, *, at_us: int, session: bytes = b"", fields: Mapping[str, FieldValue] | None = None) -> bytes:
    """All members of a record that is not a statement's; see `gateway.trail.fields.EVENTS`.

    `fields` holds further members; None values are left out. They must not repeat a member of `session`.
    """
    second, micros = divmod(at_us, _SECOND)
    if second != _clock.second:
        _clock.set(second)
    members = b'"at":"%b.%06dZ","event":%b' % (_clock.text, micros, orjson.dumps(text(name)))
    if session:
        members += b"," + session
    if fields:
        more = _members({text(key): _bounded(value) for key, value in fields.items()})
        if more:
            members += b"," + more
    return members


def instant(at_us: int) -> str:
    """A time as records spell it."""
    second, micros = divmod(at_us, _SECOND)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(second))}.{micros:06}Z"


class _Clock:
    """The text of the current second: thousands of records share it."""

    __slots__ = ("second", "text")

    def __init__(self) -> None:
        self.set(0)

    def set(self, second: int) -> None:
        self.text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)).encode()
        self.second = second


_clock = _Clock()


def _safe_sqlstate(value: str) -> str:
    """A SQLSTATE comes from the upstream: five letters or digits, or `XX000` is written in its place."""
    return value if _SQLSTATE.match(value) else "XX000"


def _members(values: Mapping[str, object]) -> bytes:
    """JSON members without braces; None and empty lists and objects are left out."""
    kept = {key: value for key, value in values.items() if value is not None and value != [] and value != {}}
    return orjson.dumps(kept)[1:-1]


def _bounded(value: FieldValue) -> object:
    if isinstance(value, str):
        return text(value, STATEMENT_LIMIT)
    if isinstance(value, list):
        return _names(value)
    return value


def _names(values: Sequence[str]) -> list[str]:
    names = [text(value) for value in values[:LIST_LIMIT]]
    if len(values) > LIST_LIMIT:
        names.append(f"… +{len(values) - LIST_LIMIT}")
    return names


def _classes(classes: Sequence[Disclosed]) -> dict[str, str]:
    """Class → disclosure; a class that got two (two tables, two veils) counts with the better one."""
    best: dict[str, Disclosed] = {}
    for disclosed in classes:
        known = best.get(disclosed.data_class)
        if known is None or known.disclosure < disclosed.disclosure:
            best[disclosed.data_class] = disclosed
    kept = {text(name): str(best[name].disclosure) for name in sorted(best)[:LIST_LIMIT]}
    if len(best) > LIST_LIMIT:
        kept["…"] = f"+{len(best) - LIST_LIMIT}"
    return kept


def _lookup(lookup: LookupLike) -> dict[str, str | int]:
    shown: dict[str, str | int] = {"column": text(lookup.column), "class": text(lookup.data_class)}
    if lookup.value_hash:
        shown["hash"] = text(lookup.value_hash)
    else:
        shown["parameter"] = lookup.parameter
    return shown
