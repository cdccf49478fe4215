"""Whose data an answer holds: the subject keys of its rows, read from the key's cell of each row and nothing else.

PostgreSQL documentation, "Message Formats": DataRow. The planner says in which column of the result a table's subject
key is, or which parameter of the statement names the one subject that it reads.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Final

from pyroaring import BitMap, BitMap64

from adapters.postgres.plan import StatementPlan, SubjectSource
from gateway.trail.subjects import HASH_LIMIT, PLAIN_LIMIT, Subjects, encode, encode_few

Bits = BitMap | BitMap64
_SIZE: Final = struct.Struct("!i").unpack_from
_ROW: Final = ord("D")
_ROW_HEAD: Final = struct.Struct("!BiHi")
"""Type, length, number of columns, length of the first."""
_ROW_INT4: Final = struct.Struct("!BiHii")
_ROW_INT8: Final = struct.Struct("!BiHiq")
_BATCH: Final = 8192
"""Keys are moved from a list into a bitmap from so many on."""
_LONG: Final = 1 << 64
# A key's hash is that of `gateway.trail.subjects.key_hash`, whose secret the session does not hold.
SUBJECT_CLASS: Final = "menshen subject"
KEY_HASH_DIGITS: Final = 16
KeyHash = Callable[[str], str]


class Keys:
    """The keys of one statement's rows, gathered as the rows pass."""

    __slots__ = ("_columns", "_fixed", "_hash", "_missing", "_reason", "_sets", "fresh")

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
        self.fresh = 0
        """Rows since the last record."""
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

    def rows(self, data: bytes, position: int, total: int) -> tuple[int, int]:
        """Walk the whole rows that begin at `position`; the place after the last of them, and how many they are.

        The hot path is a key of whole numbers in the first column: one unpacking for each row.
        """
        if len(self._columns) == 1 and self._columns[0][0] == 0 and self._columns[0][2]:
            return self._first_column(data, position, total)
        count = 0
        while position + 5 <= total and data[position] == _ROW:
            end = position + 1 + _SIZE(data, position + 1)[0]
            if end > total:
                break
            self.row(data, position)
            position = end
            count += 1
        return position, count

    def _first_column(self, data: bytes, position: int, total: int) -> tuple[int, int]:
        _, binary, _, fresh = self._columns[0]
        append = fresh.append
        head = _ROW_HEAD.unpack_from
        int4, int8 = _ROW_INT4.unpack_from, _ROW_INT8.unpack_from
        last = total - _ROW_HEAD.size
        count = 0
        while position <= last:
            kind, size, _, width = head(data, position)
            end: int = position + 1 + size
            if kind != _ROW or end > total:
                break
            if width <= 0:
                self._missing += 1
            elif not binary:
                try:
                    append(int(data[position + 11 : position + 11 + width]))
                except ValueError:  # no key after all: the row is not attributed, and is sent all the same
                    self._missing += 1
            elif width == 4:
                append(int4(data, position)[4])
            elif width == 8:
                append(int8(data, position)[4])
            else:
                append(int.from_bytes(data[position + 11 : position + 11 + width], "big", signed=True))
            position = end
            count += 1
        self.fresh += count
        if len(fresh) >= _BATCH:
            self._settle()
        return position, count

    def row(self, data: bytes, position: int) -> None:
        """A whole DataRow that begins at `position`."""
        self.fresh += 1
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
        self.fresh += 1
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
            if len(bits) > 1:
                bits[:] = [_union(bits)]

    def take(self, rows: int) -> bytes:
        """The members for the record of `rows` rows that are about to leave, or nothing; what follows is a new set."""
        if not rows and not self.fresh:
            return b""
        rows = rows or self.fresh
        self.fresh = 0
        if len(self._sets) == 1 and not (self._reason or self._missing) and (few := self._few()) is not None:
            return few
        for table, key in self._fixed:
            self._sets[table][0].append(key)
        self._settle()
        found: dict[str, Subjects] = {}
        for table, (_, bits, hashes) in self._sets.items():
            found[table] = Subjects(bits[0] if bits else BitMap(), frozenset(hashes))
            bits.clear()
            hashes.clear()
        missing, self._missing = self._missing, 0
        if self._reason:
            return encode(found, rows=rows, reason=self._reason)
        return encode(found, rows=missing, reason="computed" if missing else "")

    def _few(self) -> bytes | None:
        """`take` where a few whole numbers of one table are all there is: no sets are made. None where it is not so."""
        ((table, (fresh, bits, hashes)),) = self._sets.items()
        if len(fresh) > PLAIN_LIMIT or len(self._fixed) > PLAIN_LIMIT or bits or hashes:
            return None
        keys = {key for key in fresh if isinstance(key, int) and 0 <= key < _LONG}
        if len(keys) < len(fresh):
            return None
        for _, key in self._fixed:
            if not isinstance(key, int):
                return None
            keys.add(key)
        if not 0 < len(keys) <= PLAIN_LIMIT:
            return None
        fresh.clear()
        return encode_few(table, sorted(keys))


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
