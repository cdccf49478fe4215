"""How busy each worker is, in memory that all of them see: the least busy one takes the next client.

The workers accept from the same sockets, and all of them wake up for a connection. One that has more clients than
another waits a moment before it takes it, so that the other can; where that one does not (it is busy, or has died) the
connection is taken all the same. Nobody decides for the others, so there is nothing that could fail.
"""

from __future__ import annotations

import mmap
import os
import struct
import tempfile
from collections.abc import Callable
from typing import Final

from gateway.fleet.shares import WORKER_NUMBERS

AWAY: Final = 0xFFFFFFFF
"""This worker takes no clients."""
PATIENCE_SECONDS: Final = 0.003
_CELL: Final = struct.Struct("=I")
_SIZE: Final = WORKER_NUMBERS * _CELL.size


def make_board() -> int:
    """A descriptor of the memory, for the children; every place says AWAY."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("menshen-board", os.MFD_CLOEXEC)
    else:
        descriptor, name = tempfile.mkstemp(prefix="menshen-board")
        os.unlink(name)
    os.write(descriptor, b"\xff" * _SIZE)
    return descriptor


class Board:
    """The memory behind a descriptor."""

    def __init__(self, descriptor: int) -> None:
        self._cells = mmap.mmap(descriptor, _SIZE)

    def put(self, number: int, load: int) -> None:
        _CELL.pack_into(self._cells, number * _CELL.size, min(load, AWAY - 1))

    def away(self, number: int) -> None:
        _CELL.pack_into(self._cells, number * _CELL.size, AWAY)

    def least(self, but: int) -> int:
        """The load of the least busy worker but one; AWAY where there is no other."""
        found = AWAY
        for number, (load,) in enumerate(_CELL.iter_unpack(self._cells)):
            if load < found and number != but:
                found = load
        return found


class FairTurns:
    """`gateway.net.listener.Turns` of one worker."""

    def __init__(self, board: Board, number: int, load: Callable[[], int]) -> None:
        self._board, self._number, self._load = board, number, load

    def wait(self) -> float:
        load = self._load()
        self._board.put(self._number, load)
        return PATIENCE_SECONDS if load > self._board.least(self._number) else 0.0

    def took(self) -> None:
        # The client counts from now on, before its task has begun.
        self._board.put(self._number, self._load() + 1)
