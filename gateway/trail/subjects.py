"""Whose data an answer held: sets of subject keys by table, exact and compact, as records carry them.

    "subjects": {"crm.customers": {"n": 2, "i": [4711, 4712]}, "crm.会员": {"n": 1, "h": ["9f86d081884c7d65"]}}
    "unattributed": {"rows": 7, "reason": "aggregate"}

Each set holds its exact size `n` and its keys in one of these forms:

- `i`: up to eight whole numbers, as they are;
- `r`: whole numbers below 2^32, a roaring bitmap in the portable format, in base64;
- `w`: whole numbers below 2^64, a roaring bitmap of 64 bits, likewise;
- `h`: any other keys, as keyed hashes (`key_hash`), in no order. A set may hold `h` beside a form of whole numbers.

A key is the value of the table's subject column, so equal keys of two tables are the same person.
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeAlias

import orjson
from pyroaring import BitMap, BitMap64

from gateway.trail.record import value_hash

PLAIN_LIMIT = 8
"""Up to so many whole numbers are written as they are."""
HASH_LIMIT = 65_536
"""Hashes of one table in one record; what is beyond is counted as unattributed rows, for the reason `limit`."""
TABLE_LIMIT = 64
REASONS: dict[str, str] = {
    "aggregate": "figures about many people, made by the database",
    "computed": "no column of the answer is the key of a subject",
    "no_subject": "the table's subject is not declared",
    "limit": "more keys than one record keeps",
}
"""Why rows have no subject. More may come in later versions."""

_WORD, _LONG = 1 << 32, 1 << 64

Bits: TypeAlias = "BitMap | BitMap64"


def key_hash(secret: bytes, key: str) -> str:
    """What stands for a key that is no whole number: 16 hexadecimal digits, equal for equal keys of any table."""
    return value_hash(secret, "menshen subject", key)[:16]


def parse_key(text: str, secret: bytes | None) -> int | str | None:
    """A key as a person writes it, in the form that records hold; None where it needs the secret, and there is none."""
    if text.isascii() and text.isdigit() and (text == "0" or text[0] != "0") and int(text) < _LONG:
        return int(text)
    return key_hash(secret, text) if secret else None


@dataclass(frozen=True, slots=True)
class Subjects:
    """A set of subjects of one table."""

    numbers: Bits
    hashes: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return len(self.numbers) + len(self.hashes)

    def __contains__(self, key: object) -> bool:
        if isinstance(key, int):
            wide = isinstance(self.numbers, BitMap64)
            return 0 <= key < (_LONG if wide else _WORD) and key in self.numbers
        return key in self.hashes

    def union(self, other: Subjects) -> Subjects:
        if isinstance(self.numbers, BitMap) and isinstance(other.numbers, BitMap):
            return Subjects(self.numbers | other.numbers, self.hashes | other.hashes)
        return Subjects(BitMap64(self.numbers) | BitMap64(other.numbers), self.hashes | other.hashes)

    def keys(self, limit: int) -> Iterator[int | str]:
        """At most `limit` keys: whole numbers upwards, then hashes."""
        yield from islice(iter(self.numbers), limit)
        yield from sorted(self.hashes)[: max(0, limit - len(self.numbers))]


def make(keys: Iterable[int | str], *, limit: int = HASH_LIMIT) -> tuple[Subjects, int]:
    """The set of these keys (whole numbers, and hashes as text), and how many hashes were beyond the limit."""
    numbers: list[int] = []
    hashes: set[str] = set()
    beyond = 0
    for key in keys:
        if isinstance(key, int):
            if not 0 <= key < _LONG:
                raise ValueError("a whole number below 0 or beyond 2^64 must come as its hash")
            numbers.append(key)
        elif key in hashes or len(hashes) < limit:
            hashes.add(key)
        else:
            beyond += 1
    wide = any(number >= _WORD for number in numbers)
    return Subjects(BitMap64(numbers) if wide else BitMap(numbers), frozenset(hashes)), beyond


def encode(tables: Mapping[str, Subjects], *, rows: int = 0, reason: str = "") -> bytes:
    """The members `subjects` and `unattributed`, ready for `gateway.trail.record.statement`; empty for nothing.

    `rows`: how many rows could not be attributed, and why (one of `REASONS`).
    """
    members: dict[str, object] = {}
    shown = {table: _form(one) for table, one in sorted(tables.items())[:TABLE_LIMIT] if len(one)}
    if shown:
        members["subjects"] = shown
    if rows:
        members["unattributed"] = {"rows": rows, "reason": reason}
    return orjson.dumps(members)[1:-1]


def encode_few(table: str, numbers: Sequence[int]) -> bytes:
    """The same members for a few subjects of one table, ascending whole numbers: what most reads give, the hot path."""
    listed = b",".join([b"%d" % number for number in numbers])
    return b'"subjects":{%b:{"n":%d,"i":[%b]}}' % (orjson.dumps(table), len(numbers), listed)


def _form(one: Subjects) -> dict[str, object]:
    form: dict[str, object] = {"n": len(one)}
    if one.numbers:
        if len(one.numbers) <= PLAIN_LIMIT:
            form["i"] = list(one.numbers)
        else:
            one.numbers.run_optimize()
            name = "w" if isinstance(one.numbers, BitMap64) else "r"
            form[name] = b64encode(one.numbers.serialize()).decode()
    if one.hashes:
        form["h"] = list(one.hashes)
    return form


def decode(record: Mapping[str, Any]) -> dict[str, Subjects]:
    """The subjects of a record by table. A set that cannot be read counts as empty: `verify` finds what was edited."""
    found = record.get("subjects")
    if not isinstance(found, dict):
        return {}
    return {table: read_set(form) for table, form in found.items() if isinstance(form, dict)}


def read_set(form: Mapping[str, Any]) -> Subjects:
    """One set from its form; see the module."""
    try:
        numbers: Bits
        if "r" in form:
            numbers = BitMap.deserialize(b64decode(form["r"], validate=True))
        elif "w" in form:
            numbers = BitMap64.deserialize(b64decode(form["w"], validate=True))
        else:
            plain = form.get("i", ())
            numbers = BitMap64(plain) if plain and max(plain) >= _WORD else BitMap(plain)
        return Subjects(numbers, frozenset(form.get("h", ())))
    except (ValueError, TypeError, OverflowError, binascii.Error):
        return Subjects(BitMap())
