"""Keys in order, fast or slow, up or down; never keys at random."""

from __future__ import annotations

import random

import pytest

from tests.support.watching import Bench, at, pages, statement


def noise(bench: Bench, chance: random.Random, count: int) -> None:
    for n in range(count):
        keys = [chance.randrange(1, 20_000)]
        assert pages(bench.feed(statement(at(0, 8, n), keys, actor="li.na"))) == []


@pytest.mark.parametrize(("step", "pause"), [(1, 2), (1, 7200), (-1, 60), (3, 60)])
def test_a_walk_pages_however_slow(step: int, pause: int) -> None:
    bench, chance = Bench("scraping"), random.Random(1)
    noise(bench, chance, 500)
    found = []
    for n in range(40):
        found += bench.feed(
            statement(at(1, 0, n * pause), [9000 + n * step], actor="li.na"),
            statement(at(1, 0, n * pause + 1), [chance.randrange(1, 20_000)], actor="li.na"),
        )
    assert len(pages(found)) == 1
    assert pages(found)[0].subject_count == 30
    assert f"crm.customers/{9000 + 5 * step}" in pages(found)[0].subjects


def test_reading_at_random_never_pages() -> None:
    for customers in (300, 20_000):
        bench, chance = Bench("scraping"), random.Random(2)
        found = [bench.feed(statement(at(0, 0, n), [chance.randrange(customers)])) for n in range(20_000)]
        assert pages(one for some in found for one in some) == []


def test_small_pages_count_and_large_reads_do_not() -> None:
    small = (statement(at(0, 0, n), range(n * 10 + 1, n * 10 + 11)) for n in range(5))
    assert pages(Bench("scraping").feed(*small))
    large = (statement(at(0, 0, n), range(n * 500 + 1, n * 500 + 501)) for n in range(50))
    assert Bench("scraping").feed(*large) == []


def test_a_walk_goes_on_over_a_restart() -> None:
    bench = Bench("scraping")
    bench.feed(*(statement(at(0, 0, n), [n + 100]) for n in range(20)))
    bench.restart()
    assert pages(bench.feed(*(statement(at(3, 0, n), [n + 120]) for n in range(20))))
