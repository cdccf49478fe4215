"""One customer and many readers; reads without an actor."""

from __future__ import annotations

from tests.support.watching import Bench, at, pages, statement


def looks(count: int, key: int = 7, day: float = 0) -> list[dict[str, object]]:
    return [statement(at(day, 9, n * 60), [key], actor=f"agent{n}") for n in range(count)]


def test_a_celebrity_pages_and_a_complaint_does_not() -> None:
    bench = Bench("one_subject_many")
    assert bench.feed(*looks(7, key=8)) == []
    found = bench.feed(*looks(12))
    assert len(found) == 1
    assert found[0].subjects == {"crm.customers/7"}
    assert len(found[0].evidence) == 10


def test_counts_go_on_over_the_end_of_a_week_and_not_for_ever() -> None:
    bench = Bench("one_subject_many")
    assert bench.feed(*looks(9, day=6)) == []
    assert pages(bench.feed(*[statement(at(8, 9, n), [7], actor=f"other{n}") for n in range(3)]))
    late = Bench("one_subject_many")
    late.feed(*looks(9))
    assert late.feed(*[statement(at(30, 9, n), [7], actor=f"other{n}") for n in range(3)]) == []


def test_lists_are_not_looks() -> None:
    records = [statement(at(0, 9, n), range(1, 50), actor=f"agent{n}") for n in range(30)]
    assert Bench("one_subject_many").feed(*records) == []


def test_outside_any_ticket() -> None:
    bench = Bench("one_subject_many")
    bench.feed(*(statement(at(0, 9, n), [n], actor="li.na") for n in range(600)))
    assert bench.feed(*(statement(at(0, 12, n), [n]) for n in range(4))) == []
    found = bench.feed(statement(at(0, 12, 9), [99]))
    assert [one.key for one in found] == ["one_subject_many:outside:crm_app"]
    jobs = Bench("one_subject_many")
    assert jobs.feed(*(statement(at(0, 9, n), [n % 2000]) for n in range(2000))) == [], "never names one"
