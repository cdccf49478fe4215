"""Both walks over rows, the plain one and the one that is made to be compiled, find the same."""

from __future__ import annotations

import struct
from types import ModuleType

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.postgres.session import native, rows

CELL = st.one_of(st.none(), st.binary(max_size=30), st.integers(-5, 2**70).map(lambda n: str(n).encode()))
ROWS = st.lists(st.lists(CELL, max_size=4), max_size=8)
INTEGERS = st.one_of(
    *(st.integers(-(1 << bits - 1), (1 << bits - 1) - 1).map(lambda n, b=bits: n.to_bytes(b // 8, "big", signed=True))
      for bits in (16, 32, 64))
)  # fmt: skip


def row(cells: list[bytes | None]) -> bytes:
    body = struct.pack("!H", len(cells))
    for cell in cells:
        body += struct.pack("!i", -1) if cell is None else struct.pack("!i", len(cell)) + cell
    return b"D" + struct.pack("!i", len(body) + 4) + body


def cells_of(walk: ModuleType, data: bytes, total: int, column: int) -> tuple[int, list[bytes]]:
    found: list[bytes] = []
    return walk.cells(data, 0, total, column, found), found


def numbers_of(walk: ModuleType, data: bytes, total: int, column: int, binary: bool) -> tuple[int, list[int]]:
    """All that is a key, whichever of the two lists it came in."""
    found: list[int] = []
    odd: list[bytes] = []
    end = walk.numbers(data, 0, total, column, binary, found, odd)
    assert all(number >= 0 for number in found)
    usual = [int(cell) for cell in odd if cell.isdigit() and not binary and int(cell) < 1 << 64]
    rest = sorted(cell for cell in odd if not (cell.isdigit() and not binary and int(cell) < 1 << 64))
    return end, [*sorted(found + usual), *(hash(cell) for cell in rest)]


@example([[b"9" * 22], [b"1"], [b"2" * 19], [b"x" * 30]], b"", 0, 0, False)
@given(ROWS, st.binary(max_size=8), st.integers(0, 200), st.integers(0, 4), st.booleans())
def test_native_walks_find_what_plain_ones_find(
    table: list[list[bytes | None]], tail: bytes, cut: int, column: int, binary: bool
) -> None:
    data = b"".join(map(row, table)) + tail
    total = max(0, len(data) - cut)
    assert cells_of(native, data, total, column) == cells_of(rows, data, total, column)
    assert numbers_of(native, data, total, column, binary) == numbers_of(rows, data, total, column, binary)
    assert native.skim(data, 0, total) == rows.skim(data, 0, total)


@given(st.lists(st.tuples(st.one_of(st.none(), INTEGERS), CELL), min_size=1, max_size=8), st.booleans())
def test_integers_in_binary(table: list[tuple[bytes | None, bytes | None]], first: bool) -> None:
    cells = [[one, other] if first else [other, one] for one, other in table]
    data = b"".join(map(row, cells))
    column = 0 if first else 1
    want = sorted(n for one, _ in table if one is not None and (n := int.from_bytes(one, "big", signed=True)) >= 0)
    for walk in (native, rows):
        found: list[int] = []
        odd: list[bytes] = []
        assert walk.numbers(data, 0, len(data), column, True, found, odd) == len(data)
        assert sorted(found) == want
        assert len(found) + len(odd) == len(table)


@given(st.binary(max_size=120), st.integers(0, 3), st.booleans())
def test_bytes_that_are_no_rows_are_walked_without_harm(data: bytes, column: int, binary: bool) -> None:
    """Whatever comes, both stop at the same place, inside of what they were given."""
    data = b"D" + data
    end, found = cells_of(native, data, len(data), column)
    assert (end, found) == cells_of(rows, data, len(data), column)
    assert 0 <= end <= len(data)
    assert numbers_of(native, data, len(data), column, binary)[0] == end
    assert native.skim(data, 0, len(data)) == rows.skim(data, 0, len(data))


@pytest.mark.parametrize("walk", [native, rows])
def test_a_length_that_makes_no_sense_is_told(walk: ModuleType) -> None:
    good = row([b"1"])
    assert walk.skim(good + b"D\0\0\0\5x", 0, len(good) + 6) == (-1, 1), "shorter than any row"
    assert walk.skim(good + b"D\xff\xff\xff\xff", 0, len(good) + 5) == (-1, 1)
    assert walk.skim(b"d\0\0\0\4", 0, 5) == (5, 1), "an empty line of a COPY"
    assert walk.skim(good + good[:9], 0, len(good) + 9) == (2 * len(good), 2), "the last one is cut"
