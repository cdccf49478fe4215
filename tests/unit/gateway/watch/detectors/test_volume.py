"""Rows against a history of hours."""

from __future__ import annotations

from gateway.watch.finding import Severity
from tests.support.watching import Bench, at, pages, statement


def weeks(bench: Bench, count: int = 4, rows: int = 100) -> None:
    for day in range(count * 7):
        for hour in range(9, 18):
            assert bench.feed(*(statement(at(day, hour, n), rows=rows + n) for n in range(10))) == []


def test_a_normal_day_is_silent_and_a_flood_pages_once() -> None:
    bench = Bench("volume")
    weeks(bench)
    found = bench.feed(*(statement(at(28, 10, n), rows=300) for n in range(100)))
    assert [one.severity for one in pages(found)] == [Severity.HIGH]
    assert found[0].key == "volume:crm_app|ticket_resolution"
    assert "crm_app read" in found[0].summary
    assert "crm_app" in found[0].summary_zh


def test_pseudonyms_are_a_note() -> None:
    bench = Bench("volume")
    weeks(bench)
    hidden = {"contact.phone": "pseudonym"}
    found = bench.feed(*(statement(at(28, 10, n), rows=300, classes=hidden) for n in range(100)))
    assert found
    assert pages(found) == []


def test_without_a_history_only_a_great_flood_pages() -> None:
    assert pages(Bench("volume").feed(*(statement(at(0, 10, n), rows=300) for n in range(60)))) == []
    assert pages(Bench("volume").feed(*(statement(at(0, 10, n), rows=300) for n in range(80))))


def test_one_breach_does_not_become_what_is_usual() -> None:
    bench = Bench("volume")
    weeks(bench)
    flood = [statement(at(28, 10, n), rows=300) for n in range(100)]
    assert pages(bench.feed(*flood))
    again = [statement(at(29, 10, n), rows=300) for n in range(100)]
    assert pages(bench.feed(*again))


def test_exceptions_are_left_alone() -> None:
    for exception in (
        {"except_principals": frozenset({"crm_app"})},
        {"except_purposes": frozenset({"ticket_resolution"})},
    ):
        bench = Bench("volume", **exception)
        assert bench.feed(*(statement(at(0, 10, n), rows=3000) for n in range(100))) == []
