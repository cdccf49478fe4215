"""A principal looks up no more than the limit in any hour."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.lookups import Exhausted, LookupLedger

MINUTE = 60_000_000_000


def spend(ledger: LookupLedger, minute: float, count: int = 1, limit: int = 3, who: str = "a") -> Exhausted | None:
    return ledger.spend(who, {"contact.phone": (count, limit)}, int(minute * MINUTE))


def test_the_limit_holds_for_a_sliding_hour() -> None:
    ledger = LookupLedger()
    assert [spend(ledger, 10 + n) for n in range(3)] == [None] * 3
    assert spend(ledger, 13) == Exhausted("contact.phone", 3, 58)
    assert spend(ledger, 70.9) is not None
    assert spend(ledger, 71) is None
    assert spend(ledger, 71) is not None


def test_principals_and_classes_are_counted_apart() -> None:
    ledger = LookupLedger()
    assert spend(ledger, 1, 3) is None
    assert spend(ledger, 1, 3, who="b") is None
    assert ledger.spend("a", {"contact.email": (3, 3)}, MINUTE) is None


def test_a_statement_that_is_too_much_counts_nothing() -> None:
    ledger = LookupLedger()
    assert spend(ledger, 1, 4) == Exhausted("contact.phone", 3, 61)
    assert ledger.spend("a", {"contact.email": (1, 1), "contact.phone": (4, 3)}, MINUTE) is not None
    assert ledger.spend("a", {"contact.email": (1, 1), "contact.phone": (3, 3)}, MINUTE) is None


@given(st.lists(st.tuples(st.integers(0, 40 * MINUTE), st.integers(1, 4)), max_size=60), st.integers(1, 12))
def test_no_hour_holds_more_than_the_limit(steps: list[tuple[int, int]], limit: int) -> None:
    ledger, now, spent = LookupLedger(), 0, []
    for later, count in steps:
        now += later
        if ledger.spend("a", {"c": (count, limit)}, now) is None:
            spent.append((now, count))
    for at, _ in spent:
        assert sum(count for when, count in spent if at <= when < at + 60 * MINUTE) <= limit


def test_memory_is_bounded() -> None:
    ledger = LookupLedger()
    for number in range(20_050):
        assert spend(ledger, number / 100, who=f"p{number}") is None
    assert len(ledger._hours) < 20_050
    hour = ledger._hours["p20049", "contact.phone"]
    for minute in range(300, 500):
        hour.forget(minute)
        hour.add(minute, 1)
    assert len(hour.minutes) <= 62


def test_what_one_process_counts_the_others_know() -> None:
    second = LookupLedger()
    first = LookupLedger(second.note)
    assert spend(first, 1, 2) is None
    assert spend(second, 1, 2) is not None
    assert spend(second, 1) is None
    third = LookupLedger()
    third.restore(second.state())
    assert spend(third, 60.9) is not None
    assert spend(third, 62) is None
