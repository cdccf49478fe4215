"""Whose data an answer holds: the subject keys of its rows, read from the key's cell of each row and nothing else.

PostgreSQL documentation, "Message Formats": DataRow. The planner says in which column of the result a table's subject
key is, or which parameter of the statement names the one subject that it reads.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias, cast

import orjson
from pyroaring import BitMap, BitMap64

from adapters.postgres.plan import StatementPlan, SubjectSource
from gateway.trail.subjects import HASH_LIMIT, PLAIN_LIMIT, Subjects, encode, encode_few

Bits: TypeAlias = "BitMap | BitMap64"
_SIZE: Final = struct.Struct("!i").unpack_from
_ROW: Final = ord("D")
_ROW_HEAD: Final = struct.Struct("!BiHi").unpack_from
"""Type, length, number of columns, length of the first."""
_BINARY: Final = {4: struct.Struct("!BI2xii"), 8: struct.Struct("!BI2xiq")}
"""The same, and the first column, by its length."""
_ROW_TEXT: Final = struct.Struct("!BI2xi20s")
"""The same as text, as long as the longest whole number is, or longer; the rest is cut off."""
_LEAST_ROW: Final = 10
"""The length of a row with one column that is empty."""
_HEAD: Final = 7
"""Type, length and number of columns: no row is shorter."""
_FIRST: Final = 11
"""Where the first cell of a row begins."""
_BATCH: Final = 8192
"""Keys are moved from a list into a bitmap from so many on."""
_LONG: Final = 1 << 64
# A key's hash is that of `gateway.trail.subjects.key_hash`, whose secret the session does not hold.
SUBJECT_CLASS: Final = "menshen subject"
KEY_HASH_DIGITS: Final = 16
KeyHash = Callable[[str], str]


class Keys:
    """The keys of one statement's rows, gathered as the rows pass."""

    __slots__ = ("_cells", "_columns", "_fixed", "_hash", "_missing", "_reason", "_rows", "_sets")

    def __init__(
        self, statement: StatementPlan, key_hash: KeyHash, values: Sequence[bytes | None], formats: Sequence[int],
        value_formats: Sequence[int] = (),
    ) -> None:  # fmt: skip
        """`values`, `value_formats`, `formats`: the parameters, their formats and the result's formats, as in Bind."""
        self._hash = key_hash
        self._reason = statement.unattributed
        self._columns: list[tuple[int, bool, bool, list[int | str]]] = []
        self._sets: dict[str, tuple[list[int | str], list[Bits], set[str]]] = {}
        self._fixed: list[tuple[str, int | str]] = []
        self._missing = 0
        self._cells: list[bytes] = []
        """Cells of the one column that are no keys yet."""
        self._rows = 0
        for source in statement.subjects:
            self._sets.setdefault(source.table, ([], [], set()))
            if source.column >= 0:
                fresh = self._sets[source.table][0]
                self._columns.append((source.column, _format(formats, source.column) == 1, source.whole, fresh))
            self._fix(source, values, value_formats)

    def _fix(self, source: SubjectSource, values: Sequence[bytes | None], formats: Sequence[int]) -> None:
        """The subjects that the statement names itself."""
        for constant in source.constants:
            key = self._key(constant.encode(), False, source.whole)
            if key is not None:
                self._fixed.append((source.table, key))
        for number in source.parameters:
            value = values[number - 1] if number <= len(values) else None
            key = None if value is None else self._key(value, _format(formats, number - 1) == 1, source.whole)
            if key is not None:
                self._fixed.append((source.table, key))

    @property
    def reads(self) -> bool:
        """Whether a cell of each row is wanted; where not, rows are only counted (`passed`)."""
        return bool(self._columns)

    def passed(self, rows: int) -> None:
        """So many rows went by."""
        self._rows += rows

    def rows(self, data: bytes, position: int, total: int) -> tuple[int, int]:
        """Walk the rows that begin at `position`; the place after the last of them, and how many they are. It is beyond
        `total` where the last one is cut behind its key; one that is cut before it is not among them.

        The hot path is one key for each row: cells are gathered in the walk and made numbers all at once.
        """
        if len(self._columns) != 1:
            return self._one_by_one(data, position, total)
        column, binary, whole, fresh = self._columns[0]
        if binary and (column or not whole):
            return self._one_by_one(data, position, total)
        if binary:
            position, count = self._binary_numbers(data, position, total, fresh)
        else:
            cells = self._cells
            before = len(cells)
            if whole and not column:
                position = _first_cells(cells.append, data, position, total)
            position = _cells(cells.append, data, position, total, column)
            count = len(cells) - before
            if len(cells) >= _BATCH:
                self._make_keys()
        self._rows += count
        if len(fresh) >= _BATCH:
            self._settle()
        return position, count

    def _make_keys(self) -> None:
        """Of the cells that were gathered."""
        cells = self._cells
        _, _, whole, fresh = self._columns[0]
        if whole:
            numbers = _numbers(cells)
            self._missing += len(cells) - len(numbers)
            fresh += numbers
        else:
            for cell, times in Counter(cells).items():
                key = self._key(cell, False, False) if cell else None
                if key is None:
                    self._missing += times
                else:
                    fresh.append(key)
        cells.clear()

    def _binary_numbers(self, data: bytes, position: int, total: int, fresh: list[int | str]) -> tuple[int, int]:
        append, count = fresh.append, 0
        while position + _FIRST <= total and data[position] == _ROW:
            expected = _ROW_HEAD(data, position)[3]
            form = _BINARY.get(expected)
            if form is None:  # NULL, or a number of two bytes
                end = position + 1 + _SIZE(data, position + 1)[0]
                if not position + _HEAD <= end <= total:
                    break
                self._read(data, position)
                position, count = end, count + 1
                continue
            unpack, last, before = form.unpack_from, total - form.size, len(fresh)
            while position <= last:
                kind, size, width, key = unpack(data, position)
                if kind != _ROW or width != expected or size < _LEAST_ROW:
                    break
                append(key)
                position += 1 + size
            count += len(fresh) - before
            if len(fresh) == before:
                break
        return position, count

    def _one_by_one(self, data: bytes, position: int, total: int) -> tuple[int, int]:
        count = 0
        while position + 5 <= total and data[position] == _ROW:
            end = position + 1 + _SIZE(data, position + 1)[0]
            if not position + _HEAD <= end <= total:
                break
            self.row(data, position)
            position = end
            count += 1
        return position, count

    def begun(self, data: bytes, position: int, total: int) -> bool:
        """Read a row whose end has not come; False, and nothing is noted, where its keys have not come either."""
        for column, *_ in self._columns:
            at = position + 7
            for _ in range(column + 1):
                if at + 4 > total:
                    return False
                at += 4 + max(0, _SIZE(data, at)[0])
            if at > total:
                return False
        self.row(data, position)
        return True

    def row(self, data: bytes, position: int) -> None:
        """A DataRow that begins at `position`, whole as far as its keys go."""
        self._rows += 1
        self._read(data, position)

    def _read(self, data: bytes, position: int) -> None:
        for column, binary, whole, fresh in self._columns:
            at = position + 7
            for _ in range(column):
                size = _SIZE(data, at)[0]
                at += 4 + size if size > 0 else 4
            size = _SIZE(data, at)[0]
            if size <= 0:
                self._missing += 1
                continue
            cell = data[at + 4 : at + 4 + size]
            if whole and not binary and cell.lstrip(b"-").isdigit():
                fresh.append(int(cell))
            else:
                key = None if whole and not binary else self._key(cell, binary, whole)
                if key is None:
                    self._missing += 1
                else:
                    fresh.append(key)
            if len(fresh) >= _BATCH:
                self._settle()

    def skip(self) -> None:
        """A row whose key was not read."""
        self._rows += 1
        self._missing += 1

    def _key(self, cell: bytes, binary: bool, whole: bool) -> int | str | None:
        """A key in the form of the trail; None where its binary form is not known."""
        if whole:
            number = int.from_bytes(cell, "big", signed=True) if binary else _whole(cell)
            if number is not None and 0 <= number < _LONG:
                return number
            return self._hash(cell.decode("utf-8", "replace") if number is None else str(number))
        try:
            return self._hash(cell.decode())
        except UnicodeDecodeError:
            return None

    def _settle(self) -> None:
        """Move what was read into sets; hashes beyond the limit count as rows that were not attributed."""
        for fresh, bits, hashes in self._sets.values():
            if _all_small(fresh, bits):
                continue
            numbers = [key for key in fresh if isinstance(key, int)]
            if numbers and min(numbers) < 0:
                fresh.extend(self._hash(str(key)) for key in numbers if key < 0)
                numbers = [key for key in numbers if key >= 0]
            if numbers:
                wide = max(numbers) >= 1 << 32
                bits.append(BitMap64(numbers) if wide else BitMap(numbers))
            for key in fresh:
                if isinstance(key, str) and key not in hashes:
                    if len(hashes) < HASH_LIMIT:
                        hashes.add(key)
                    else:
                        self._missing += 1
            fresh.clear()
            _join(bits)

    def members(self, rows: int) -> bytes:
        """The members for a record of `rows` rows (0: of those that were read): the keys of all of them so far, or
        nothing."""
        if not rows and not self._rows:
            return b""
        if self._cells:
            self._make_keys()
        if len(self._sets) == 1 and not (self._reason or self._missing) and (few := self._few()) is not None:
            return few
        for table, key in self._fixed:
            self._sets[table][0].append(key)
        self._settle()
        found = {
            table: Subjects(bits[0] if bits else BitMap(), frozenset(hashes))
            for table, (_, bits, hashes) in self._sets.items()
        }
        if self._reason:
            return encode(found, rows=rows or self._rows, reason=self._reason)
        return encode(found, rows=self._missing, reason="computed" if self._missing else "")

    def _few(self) -> bytes | None:
        """`members` where a few whole numbers of one table are all there is: no sets are made. None where it is not
        so."""
        ((table, (fresh, bits, hashes)),) = self._sets.items()
        if len(fresh) > PLAIN_LIMIT or len(self._fixed) > PLAIN_LIMIT or bits or hashes:
            return None
        keys = {key for key in fresh if isinstance(key, int) and 0 <= key < _LONG}
        if len(keys) < len(set(fresh)):
            return None
        for _, key in self._fixed:
            if not isinstance(key, int):
                return None
            keys.add(key)
        return encode_few(table, sorted(keys)) if 0 < len(keys) <= PLAIN_LIMIT else None


def _first_cells(keep: Callable[[bytes], None], data: bytes, position: int, total: int) -> int:
    """Keep the first cell of each row, 20 bytes at most (bytes that are no number for NULL); the place after them."""
    unpack, last, row, least = _ROW_TEXT.unpack_from, total - _ROW_TEXT.size, _ROW, _LEAST_ROW
    while position <= last:
        kind, size, width, cell = unpack(data, position)
        if kind != row or size < least:
            break
        keep(cell[:width])
        position += 1 + size
    return position


def _cells(keep: Callable[[bytes], None], data: bytes, position: int, total: int, column: int) -> int:
    """Keep the cell of a column of each whole row, empty for NULL; the place after them."""
    size_at, width = _SIZE, _WIDTHS
    before = range(column)
    while position + 5 <= total and data[position] == _ROW:
        end = position + 1 + size_at(data, position + 1)[0]
        if not position + _HEAD <= end <= total:
            break
        at = position + 7
        for _ in before:
            at += 4 + width[data[at : at + 4]]
        at += 4
        keep(data[at : at + width[data[at - 4 : at]]])
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


def _numbers(cells: list[bytes]) -> list[int]:
    """The whole numbers among the cells. All at once, as JSON; one by one where a cell is NULL, or no key after all."""
    if len(cells) == 1 and cells[0].isdigit():
        return [int(cells[0])]
    text = b",".join(cells)
    if not text.translate(None, b"0123456789-,"):
        try:
            found: list[int] = orjson.loads(b"[%b]" % text)
        except ValueError:
            found = []
        if len(found) == len(cells):
            return found
    return [number for cell in cells if (number := _whole(cell)) is not None]


def _all_small(fresh: list[int | str], bits: list[Bits]) -> bool:
    """Move keys that are all whole numbers below 2^32, as nearly all are; False where they are not."""
    try:
        one = BitMap(cast(list[int], fresh))
    except (TypeError, OverflowError):
        return False
    if fresh:
        bits.append(one)
        fresh.clear()
    _join(bits)
    return True


def _join(bits: list[Bits]) -> None:
    if len(bits) > 1:
        bits[:] = [_union(bits)]


def _union(bits: list[Bits]) -> Bits:
    if any(isinstance(one, BitMap64) for one in bits):
        return BitMap64.union(*(BitMap64(one) for one in bits))
    return BitMap.union(*(one for one in bits if isinstance(one, BitMap)))


def _whole(cell: bytes) -> int | None:
    return int(cell) if cell.isdigit() or (cell[:1] == b"-" and cell[1:].isdigit()) else None


def _format(formats: Sequence[int], index: int) -> int:
    """The format of a column or parameter: none given is text, one holds for all ("Bind")."""
    if not formats:
        return 0
    return formats[0] if len(formats) == 1 else formats[index] if index < len(formats) else 0
