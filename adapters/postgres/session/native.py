"""The walks of `rows` with native integers, a tenth of the time where they are compiled (`hatch_build.py`).

They are Python like all the rest, and tests hold both equal, but as Python these are the slower ones: nothing but a
compiled `rows` calls them. PostgreSQL documentation, "Message Formats": DataRow.
"""

from __future__ import annotations

from typing import Final

from librt.strings import read_i16_be, read_i32_be, read_i64_be
from mypy_extensions import i64

COMPILED: Final = not __file__.endswith(".py")

_ROW: Final = 68
_ROW_HEAD: Final = 7
_DIGITS: Final = 18
"""So many fit into 63 bits."""


def skim(data: bytes, position: int, total: int) -> tuple[int, int]:
    """See `rows.skim`."""
    at: i64 = position
    last: i64 = total - 5
    rows: i64 = 0
    if at > last:
        return position, 0
    kind: i64 = data[at]
    least: i64 = _ROW_HEAD - 1 if kind == _ROW else 4
    while at <= last:
        if data[at] != kind:
            break
        size: i64 = i64(read_i32_be(data, at + 1))
        if size < least:
            return -1, rows
        at += 1 + size
        rows += 1
    return at, rows


def cells(data: bytes, position: int, total: int, column: int, found: list[bytes]) -> int:
    """See `rows.cells`."""
    at: i64 = position
    stop: i64 = total
    skipped: i64 = column
    while at + _ROW_HEAD <= stop and data[at] == _ROW:
        end: i64 = at + 1 + i64(read_i32_be(data, at + 1))
        if end < at + _ROW_HEAD or end > stop:
            break
        cell: i64 = _cell(data, at + _ROW_HEAD, end, skipped)
        found.append(data[cell : _end(data, cell, end)] if cell >= 0 else b"")
        at = end
    return at


def numbers(
    data: bytes, position: int, total: int, column: int, binary: bool, found: list[int], odd: list[bytes]
) -> int:
    """See `rows.numbers`."""
    at: i64 = position
    stop: i64 = total
    skipped: i64 = column
    while at + _ROW_HEAD <= stop and data[at] == _ROW:
        end: i64 = at + 1 + i64(read_i32_be(data, at + 1))
        if end < at + _ROW_HEAD or end > stop:
            break
        cell: i64 = _cell(data, at + _ROW_HEAD, end, skipped)
        if cell < 0:
            odd.append(b"")
        else:
            last: i64 = _end(data, cell, end)
            number: i64 = _integer(data, cell, last) if binary else _decimal(data, cell, last)
            if number >= 0:
                found.append(number)
            else:
                odd.append(data[cell:last])
        at = end
    return at


def _cell(data: bytes, first: i64, end: i64, skipped: i64) -> i64:
    """Where a cell's value begins; -1 where the row has no such cell, or it is NULL."""
    at: i64 = first
    left: i64 = skipped
    while at + 4 <= end:
        width: i64 = i64(read_i32_be(data, at))
        at += 4
        if left == 0:
            return at if width >= 0 else -1
        if width > 0:
            at += width
        left -= 1
    return -1


def _end(data: bytes, cell: i64, end: i64) -> i64:
    last: i64 = cell + i64(read_i32_be(data, cell - 4))
    return last if last <= end else end


def _decimal(data: bytes, at: i64, end: i64) -> i64:
    """-1 where it is no whole number of few digits."""
    if at >= end or end - at > _DIGITS:
        return -1
    number: i64 = 0
    place: i64 = at
    while place < end:
        digit: i64 = data[place] - 48
        if digit < 0 or digit > 9:
            return -1
        number = number * 10 + digit
        place += 1
    return number


def _integer(data: bytes, at: i64, end: i64) -> i64:
    """-1 where it has none of the widths of integers."""
    width: i64 = end - at
    if width == 4:
        return i64(read_i32_be(data, at))
    if width == 8:
        return read_i64_be(data, at)
    if width == 2:
        return i64(read_i16_be(data, at))
    return -1
