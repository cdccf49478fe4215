"""Distinct customers in a day."""

from __future__ import annotations

from tests.support.watching import Bench, at, pages, statement


def days(bench: Bench, actor: str, count: int = 10, customers: int = 40) -> None:
    for day in range(count):
        records = (statement(at(day, 9, n * 60), [day * 37 + n * 11 + 1], actor=actor) for n in range(customers))
        assert bench.feed(*records) == []


def test_many_different_customers_page_and_the_same_ones_do_not() -> None:
    bench = Bench("subjects")
    days(bench, "li.na")
    assert bench.feed(*(statement(at(10, 9, n), [n % 30 + 1], actor="li.na") for n in range(500))) == []
    found = pages(bench.feed(*(statement(at(11, 9, n), [n + 1], actor="li.na") for n in range(150))))
    assert len(found) == 1
    assert found[0].subject_count == 101
    assert "crm.customers/17" in found[0].subjects


def test_a_new_colleague_is_compared_with_the_others() -> None:
    bench = Bench("subjects")
    for number in range(4):
        days(bench, f"agent{number}")
    assert bench.feed(*(statement(at(11, 9, n), [n + 1], actor="new") for n in range(60))) == []
    assert pages(bench.feed(*(statement(at(11, 10, n), [n + 1], actor="new") for n in range(150))))


def test_a_job_that_reads_everything_every_night_is_left_alone() -> None:
    bench = Bench("subjects")
    for day in range(6):
        bench.feed(statement(at(day, 2), range(1, 5000), principal="sync_job"))
    assert bench.feed(statement(at(7, 2), range(1, 5400), principal="sync_job")) == []


def test_the_state_survives_a_restart() -> None:
    bench = Bench("subjects")
    days(bench, "li.na")
    bench.feed(*(statement(at(11, 9, n), [n + 1], actor="li.na") for n in range(90)))
    bench.restart()
    found = bench.feed(*(statement(at(11, 10, n), [n + 91], actor="li.na") for n in range(30)))
    assert [one.subject_count for one in found] == [101]
