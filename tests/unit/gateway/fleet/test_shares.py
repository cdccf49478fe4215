"""What is promised for the gateway is neither lost nor given twice when workers share it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.fleet.shares import Backoff, free_number, share


@given(st.integers(1, 5000), st.integers(1, 64))
def test_shares_add_up(total: int, workers: int) -> None:
    shares = [share(total, index, workers) for index in range(workers)]
    assert sum(shares) == total
    assert max(shares) - min(shares) <= 1


def test_the_least_number_that_nobody_bears() -> None:
    assert [free_number(taken) for taken in ((), (0, 1), (1, 2), (0, 2))] == [0, 2, 0, 1]


def test_who_dies_at_once_waits_longer_and_longer() -> None:
    backoff = Backoff(longest=4.0, steady=30.0)
    assert [backoff.after(1.0) for _ in range(6)] == [0.0, 0.5, 1.0, 2.0, 4.0, 4.0]
    assert backoff.after(31.0) == 0.0
