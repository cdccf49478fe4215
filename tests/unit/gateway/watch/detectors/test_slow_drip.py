"""A large part of all customers over weeks."""

from __future__ import annotations

import random

from tests.support.watching import Bench, at, pages, statement


def weeks(bench: Bench, count: int, extra: int, start: int = 0) -> list[object]:
    chance, found = random.Random(3), []
    for day in range(start, start + count * 7):
        if day % 7 >= 5:
            continue
        for number in range(6):
            reads = 30 + (extra if number == 5 else 0)
            records = [
                statement(at(day, 9, n), [chance.randrange(1, 8000)], actor=f"agent{number}") for n in range(reads)
            ]
            found += pages(bench.feed(*records))
    return found


def test_colleagues_alike_are_silent_and_one_who_gathers_pages_once() -> None:
    bench = Bench("slow_drip")
    assert weeks(bench, 6, 0) == []
    found = weeks(bench, 5, 80, start=42)
    assert [one.key for one in found] == ["slow_drip:crm_app/agent5"] * len(found)  # type: ignore[attr-defined]
    assert 1 <= len(found) <= 2


def test_a_job_with_that_task_and_large_reads_are_left_alone() -> None:
    bench = Bench("slow_drip")
    for day in range(60):
        records = [statement(at(day, 2, n), [(day % 20) * 50 + n + 1], principal="job") for n in range(50)]
        assert bench.feed(*records) == []
    assert bench.feed(*(statement(at(day, 2), range(1, 3000)) for day in range(30))) == []
