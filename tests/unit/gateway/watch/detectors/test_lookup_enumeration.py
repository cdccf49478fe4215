"""Values tried out."""

from __future__ import annotations

import hashlib

from tests.support.watching import Bench, at, pages, statement

LOOKUP = [{"column": "crm.customers.phone", "class": "contact.phone", "parameter": 1}]


def tried(second: float, value: str, rows: int) -> dict[str, object]:
    digest = hashlib.sha256(value.encode()).hexdigest()[:32]
    return statement(at(0, 9, second), rows=rows, lookups=LOOKUP, lookup_values=[[1, digest]])


def test_misses_page_and_one_number_tried_often_does_not() -> None:
    assert pages(Bench("lookup_enumeration").feed(*(tried(n, f"v{n}", 0) for n in range(25))))
    assert Bench("lookup_enumeration").feed(*(tried(n, "same", 0) for n in range(500))) == []


def test_a_call_centre_that_mostly_hits_is_silent() -> None:
    assert Bench("lookup_enumeration").feed(*(tried(n * 40, f"v{n}", int(n % 5 > 0)) for n in range(400))) == []


def test_slow_misses_page_within_a_week() -> None:
    assert pages(Bench("lookup_enumeration").feed(*(tried(n * 600, f"v{n}", 0) for n in range(100))))


def test_literals_count_too() -> None:
    hashed = [{"column": "crm.customers.phone", "class": "contact.phone", "hash": ""}]
    records = []
    for n in range(25):
        hashed[0]["hash"] = hashlib.sha256(str(n).encode()).hexdigest()[:32]
        records.append(statement(at(0, 9, n), rows=0, lookups=[dict(hashed[0])]))
    assert pages(Bench("lookup_enumeration").feed(*records))
