"""How many raw values a statement looks up."""

from __future__ import annotations

import struct

import pytest

from adapters.postgres.plan import Lookup
from adapters.postgres.session.lookups import wanted
from adapters.postgres.wire.requests import Bind

ONE = Lookup("crm.customers.phone", "contact.phone", parameter=1, per_hour=5)
MANY = Lookup("crm.customers.phone", "contact.phone", parameter=1, per_hour=5, many=True)


def bind(value: bytes | None, binary: bool = False) -> Bind:
    return Bind(b"", b"", (1 if binary else 0,), (value,), ())


def binary(*lengths: int) -> bytes:
    head = struct.pack("!iii", len(lengths), 0, 25) + b"".join(struct.pack("!ii", n, 1) for n in lengths)
    total = 1
    for length in lengths:
        total *= length
    return head + struct.pack("!i", -1) * total


@pytest.mark.parametrize(
    ("lookups", "given", "count"),
    [
        ([ONE], bind(b"138,139"), 1),
        ([ONE, ONE], bind(b"138"), 2),
        ([MANY], bind(b"{138,139,140}"), 3),
        ([MANY], bind(b"{}"), 1),
        ([MANY], bind(None), 1),
        ([MANY], bind(binary(7), True), 7),
        ([MANY], bind(binary(2, 3), True), 6),
        ([MANY], bind(b"\0\0\0\1", True), 1),
        ([MANY], bind(struct.pack("!iiiii", 1, 0, 25, 2_000_000_000, 1), True), 5),
        ([MANY], bind(struct.pack("!iii", -1, 0, 25), True), 1),
        ([Lookup("c", "contact.phone", value_hash="h", per_hour=5, many=True, count=4)], None, 4),
    ],
)
def test_values_are_counted(lookups: list[Lookup], given: Bind | None, count: int) -> None:
    assert wanted(lookups, given) == {"contact.phone": (count, 5)}


def test_a_class_without_a_limit_is_not_counted() -> None:
    assert wanted([Lookup("c", "contact.phone", parameter=1)], bind(b"1")) == {}
