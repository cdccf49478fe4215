"""Hours at which somebody never works."""

from __future__ import annotations

from tests.support.watching import Bench, at, pages, statement


def settled(actor: str = "chen.jie", bench: Bench | None = None) -> Bench:
    bench = bench or Bench("unusual_hour")
    for day in range(21):
        if day % 7 < 5:
            assert bench.feed(*(statement(at(day, hour), [hour], actor=actor) for hour in range(9, 18))) == []
    return bench


def night(day: float, hour: float, count: int, actor: str = "chen.jie") -> list[dict[str, object]]:
    return [statement(at(day, hour, n * 20), [1000 + n], actor=actor) for n in range(count)]


def test_a_look_at_night_is_a_note_and_many_page() -> None:
    bench = settled()
    found = bench.feed(*night(21, 3, 30))
    assert len(found) == 2
    assert [one.subject_count for one in pages(found)] == [15]


def test_overtime_is_usual() -> None:
    bench = settled()
    records = [statement(at(21, 9 + n / 10), [n + 1], actor="chen.jie") for n in range(130)]
    assert bench.feed(*records) == []


def test_a_weekend_pages_unless_colleagues_work_then() -> None:
    assert pages(settled().feed(*night(26, 12, 30)))
    bench = settled()
    for number in range(3):
        for day in (5, 6, 12, 13):
            bench.feed(*night(day, 12, 3, f"weekend{number}"))
    assert pages(bench.feed(*night(26, 12, 30))) == []


def test_a_night_of_breach_does_not_make_nights_usual_and_newcomers_are_learned() -> None:
    bench = settled()
    assert pages(bench.feed(*night(21, 3, 30)))
    assert pages(bench.feed(*night(22, 3, 30)))
    assert Bench("unusual_hour").feed(*night(0, 3, 30)) == []
