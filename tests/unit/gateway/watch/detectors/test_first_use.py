"""First uses, after a time of learning."""

from __future__ import annotations

from gateway.watch.finding import Severity
from tests.support.watching import Bench, at, pages, statement

CARD = {"financial.card": "clear"}


def settled() -> Bench:
    bench = Bench("first_use")
    for day in range(20):
        assert bench.feed(statement(at(day, 10), [1]), statement(at(day, 11), [1], principal="sales_li")) == []
    return bench


def test_a_sensitive_class_in_clear_pages() -> None:
    found = settled().feed(statement(at(20, 10), [5], classes=CARD, fingerprint="f2"))
    assert [(one.severity, one.key) for one in found] == [(Severity.HIGH, "first_use:crm_app:class:financial.card")]


def test_masked_it_is_a_note_and_a_table_is_one_too() -> None:
    masked = {"financial.card": "partial"}
    found = settled().feed(statement(at(20), [5], classes=masked, relations=["sales.payments"], fingerprint="f2"))
    assert len(found) == 2
    assert pages(found) == []


def test_what_a_colleague_reads_is_no_page() -> None:
    bench = settled()
    assert pages(bench.feed(statement(at(20, 10), [5], classes=CARD, fingerprint="f2")))
    found = bench.feed(statement(at(21, 10), [5], classes=CARD, fingerprint="f2", principal="sales_li"))
    assert found
    assert pages(found) == []


def test_learning_is_silent_and_a_purpose_is_a_note() -> None:
    assert Bench("first_use").feed(statement(at(0), [5], classes=CARD)) == []
    found = settled().feed(statement(at(20), [5], purpose="campaign"))
    assert [one.severity for one in found] == [Severity.MEDIUM]
