"""One answer with very many rows."""

from __future__ import annotations

from tests.support.watching import Bench, at, pages, statement


def test_a_large_answer_pages_and_small_ones_do_not() -> None:
    bench = Bench("bulk_export")
    assert bench.feed(*(statement(at(0, 9, n), range(n, n + 50)) for n in range(1, 2000, 20))) == []
    found = bench.feed(statement(at(1), range(1, 2500)))
    assert len(pages(found)) == 1
    assert found[0].rows == found[0].subject_count == 2499
    assert len(found[0].subjects) == 2499, "the law asks for everybody"


def test_copy_and_a_share_of_all_customers() -> None:
    assert pages(Bench("bulk_export").feed(statement(at(), rows=600, kind="COPY")))
    bench = Bench("bulk_export")
    bench.feed(*(statement(at(0, 9, n), [n]) for n in range(1, 800)))
    assert pages(bench.feed(statement(at(1), range(1, 400))))


def test_a_habit_is_left_alone_until_it_grows() -> None:
    bench = Bench("bulk_export")
    for day in range(3):
        bench.feed(statement(at(day, 2), range(1, 4000)))
    assert bench.feed(statement(at(3, 2), range(1, 5000))) == []
    assert pages(bench.feed(statement(at(4, 2), range(1, 20_000))))


def test_public_data_is_nobodys_and_pseudonyms_are_a_note() -> None:
    assert Bench("bulk_export").feed(statement(at(), rows=100_000, classes={"public": "clear"})) == []
    found = Bench("bulk_export").feed(statement(at(), rows=100_000, classes={"contact.phone": "pseudonym"}))
    assert found
    assert pages(found) == []
