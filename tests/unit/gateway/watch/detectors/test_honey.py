"""Canary customers."""

from __future__ import annotations

from gateway.watch.detectors import Honey
from gateway.watch.finding import Severity
from tests.support.watching import Bench, at, statement


def planted(**settings: object) -> Bench:
    bench = Bench("honey", **settings)
    assert isinstance(bench.detector, Honey)
    bench.detector.plant([4711, "9f86d081884c7d65", 2**40 + 3], ["aa" * 16])
    return bench


def test_a_read_is_critical_and_names_the_canary() -> None:
    found = planted().feed(statement(at(), [1, 4711]))
    assert [one.severity for one in found] == [Severity.CRITICAL]
    assert found[0].subjects == {"crm.customers/4711"}
    assert not found[0].contain


def test_hashes_large_numbers_and_looked_up_values() -> None:
    assert planted().feed(statement(at(), ["9f86d081884c7d65"]))
    assert planted().feed(statement(at(), [2**40 + 3]))
    lookups = [{"column": "crm.customers.phone", "class": "contact.phone", "hash": "aa" * 16}]
    assert planted().feed(statement(at(), rows=0, lookups=lookups))


def test_keys_that_only_look_alike_in_short_form_are_not_canaries() -> None:
    assert planted().feed(statement(at(), [3, 4712, 2**40 + 4], rows=3)) == []


def test_a_large_read_is_high_and_exceptions_hold() -> None:
    assert [one.severity for one in planted().feed(statement(at(), range(3000, 6000)))] == [Severity.HIGH]
    assert planted(except_purposes=frozenset({"ticket_resolution"})).feed(statement(at(), [4711])) == []


def test_containment_and_the_configuration() -> None:
    assert planted(contain=True).feed(statement(at(), [4711]))[0].contain
    assert Bench("honey", keys=("12",)).feed(statement(at(), [12]))
    assert Bench("honey").feed(statement(at(), [12])) == []


def test_keys_that_no_record_could_hold_are_named() -> None:
    bench = Bench("honey")
    assert isinstance(bench.detector, Honey)
    assert bench.detector.plant([1, "C-0042", "9f86d081884c7d65"]) == ("C-0042",)
    assert bench.feed(statement(at(), [1]))
