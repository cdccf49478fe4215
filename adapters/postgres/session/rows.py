"""Walks over rows of a result: how far they go, how many they are, and one cell of each.

PostgreSQL documentation, "Message Formats": DataRow. A walk begins at a row and ends behind the last one that is whole.
Nothing of a row is decoded but its length and the lengths of the cells before the one that is wanted. Where this module
is compiled, `native` walks instead.
"""

from __future__ import annotations

import struct
from typing import Final

import orjson

from adapters.postgres.session import native

_SIZE: Final = struct.Struct("!I").unpack_from
_ROW: Final = ord("D")
_HEAD: Final = 7
"""Type, length and number of columns: no row is shorter."""
_FIRST: Final = struct.Struct("!BI2xi20s")
"""A row as far as the twentieth byte of its first cell: the longest whole number is not longer."""
_INTEGERS: Final = {width: struct.Struct(f"!BI2xi{code}") for width, code in ((2, "h"), (4, "i"), (8, "q"))}
"""A row as far as its first cell, by the length of that, as an integer in binary form."""
_LONG: Final = 1 << 64
_DIGITS: Final = 18
"""Whole numbers of so many fit into 64 bits, whatever they are."""
_NULL: Final = 0x80000000
"""Lengths from here on are negative ones."""


def skim(data: bytes, position: int, total: int) -> tuple[int, int]:
    """The place after the messages of one type that begin at `position`, and how many they are; beyond `total` where
    the last one is cut behind its length. -1 for the place: the length of one makes no sense."""
    if native.COMPILED:
        return native.skim(data, position, total)
    size_at, last, rows = _SIZE, total - 5, 0
    kind = data[position] if position <= last else 0
    least = _HEAD - 1 if kind == _ROW else 4
    while position <= last and data[position] == kind:
        size = size_at(data, position + 1)[0]
        if not least <= size < _NULL:
            return -1, rows
        position += 1 + size
        rows += 1
    return position, rows


def cells(data: bytes, position: int, total: int, column: int, found: list[bytes]) -> int:
    """Put the cell of a column of each row into `found`, empty for NULL and for a row without it; the place after the
    rows."""
    if native.COMPILED:
        return native.cells(data, position, total, column, found)
    return _cells(data, position, total, column, found)


def numbers(
    data: bytes, position: int, total: int, column: int, binary: bool, found: list[int], odd: list[bytes]
) -> int:
    """Put the whole number in a column of each row into `found`, or its cell into `odd` where it is none, negative, or
    may not fit into 64 bits (empty: NULL, or a row without it); the place after the rows."""
    if native.COMPILED:
        return native.numbers(data, position, total, column, binary, found, odd)
    if binary and not column:
        position = _first_integers(data, position, total, found)
    cut: list[bytes] = []
    if not binary and not column:
        position = _first_cells(data, position, total, cut)
    position = _cells(data, position, total, column, cut)
    if binary:
        _convert(cut, found, odd)
    else:
        _parse(cut, found, odd)
    return position


def _cells(data: bytes, position: int, total: int, column: int, found: list[bytes]) -> int:
    size_at, width, keep = _SIZE, _WIDTHS, found.append
    before = range(column)
    while position + _HEAD <= total and data[position] == _ROW:
        end = position + 1 + size_at(data, position + 1)[0]
        if not position + _HEAD <= end <= total:
            break
        at = position + _HEAD
        for _ in before:
            at += 4 + width[data[at : at + 4]]
        at += 4
        keep(data[at : min(end, at + width[data[at - 4 : at]])] if at <= end else b"")
        position = end
    return position


class _Widths(dict[bytes, int]):
    """Lengths of cells by their four bytes, NULL as 0: a look-up is quicker than to unpack them."""

    def __missing__(self, size: bytes) -> int:
        number = max(0, int.from_bytes(size, "big", signed=True))
        if number < _KNOWN_WIDTHS:
            self[size] = number
        return number


_KNOWN_WIDTHS: Final = 4096
_WIDTHS: Final = _Widths()


def _first_cells(data: bytes, position: int, total: int, found: list[bytes]) -> int:
    """`_cells` of the first column in one step a row; it leaves to the walk the last rows, and all from the first one
    whose cell is NULL or longer than a whole number."""
    unpack, last, keep = _FIRST.unpack_from, total - _FIRST.size, found.append
    while position <= last:
        kind, size, width, cell = unpack(data, position)
        if kind != _ROW or size < _HEAD + 4 or position + 1 + size > total or not 0 <= width <= 20 or width > size - 10:
            break
        keep(cell[:width])
        position += 1 + size
    return position


def _first_integers(data: bytes, position: int, total: int, found: list[int]) -> int:
    """`_cells` of integers in the first column; it leaves to the walk what is not like the row it begins with."""
    form = _INTEGERS.get(_SIZE(data, position + _HEAD)[0]) if position + _HEAD + 4 <= total else None
    if form is None:
        return position
    unpack, last, expected, keep = form.unpack_from, total - form.size, form.size - _HEAD - 4, found.append
    while position <= last:
        kind, size, width, number = unpack(data, position)
        if kind != _ROW or width != expected or number < 0 or size < form.size - 1 or position + 1 + size > total:
            break
        keep(number)
        position += 1 + size
    return position


def _parse(cut: list[bytes], found: list[int], odd: list[bytes]) -> None:
    """All at once, as JSON; one by one where a cell is NULL, or no number after all."""
    text = b",".join(cut)
    if not text.translate(None, b"0123456789,"):
        try:
            read: list[int] = orjson.loads(b"[%b]" % text)
        except ValueError:
            read = []
        if len(read) == len(cut) and max(read, default=0) < _LONG:
            found += read
            return
    for cell in cut:
        if cell.isdigit() and len(cell) <= _DIGITS:
            found.append(int(cell))
        else:
            odd.append(cell)


def _convert(cut: list[bytes], found: list[int], odd: list[bytes]) -> None:
    for cell in cut:
        number = int.from_bytes(cell, "big", signed=True)
        if number >= 0 and len(cell) in _INTEGERS:
            found.append(number)
        else:
            odd.append(cell)
