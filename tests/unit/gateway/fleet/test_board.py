"""The least busy worker takes the next client, and nobody waits for one that takes none."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from gateway.fleet.board import AWAY, PATIENCE_SECONDS, Board, FairTurns, make_board


@pytest.fixture
def descriptor() -> Iterator[int]:
    made = make_board()
    yield made
    os.close(made)


def test_two_processes_see_the_same(descriptor: int) -> None:
    one, other = Board(descriptor), Board(descriptor)
    assert one.least(but=0) == AWAY
    other.put(1, 7)
    assert one.least(but=0) == 7
    assert one.least(but=1) == AWAY
    other.away(1)
    assert one.least(but=0) == AWAY


def test_the_busier_one_waits(descriptor: int) -> None:
    board, loads = Board(descriptor), {0: 3, 1: 2}
    turns = [FairTurns(board, number, lambda number=number: loads[number]) for number in (0, 1)]  # type: ignore[misc]
    assert turns[1].wait() == 0.0, "nobody else is there"
    assert turns[0].wait() == PATIENCE_SECONDS
    turns[1].took()
    assert turns[0].wait() == 0.0, "as busy now as the other"
    board.away(1)
    loads[0] = 9
    assert turns[0].wait() == 0.0
