"""Whose data an answer holds: the subject keys of its rows, read from the key's cell of each row and nothing else.

PostgreSQL documentation, "Message Formats": DataRow. The planner says in which column of the result a table's subject
key is, or which parameter of the statement names the one subject that it reads.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias
from uuid import UUID

from pyroaring import BitMap, BitMap64

from adapters.postgres.plan import KeyKind, StatementPlan, SubjectSource
from adapters.postgres.session import rows as walks
from gateway.trail.subjects import HASH_LIMIT, PLAIN_LIMIT, Subjects, encode, encode_few

Bits: TypeAlias = "BitMap | BitMap64"
_SIZE: Final = struct.Struct("!i").unpack_from
_BATCH: Final = 8192
"""Keys are moved from a list into a bitmap from so many on."""
_LONG: Final = 1 << 64
_UUID_BYTES: Final = 16
# A key's hash is that of `gateway.trail.subjects.key_hash`, whose secret the session does not hold.
SUBJECT_CLASS: Final = "menshen subject"
KEY_HASH_DIGITS: Final = 16
_KEPT: Final = 16_384
"""Hashes that are remembered."""


class KeyHashes(dict[bytes, str]):
    """Hashes of keys by their texts in UTF-8; empty for one that is empty, or is no such text.

    The same people are read again and again, and a look-up costs a tenth of a hash.
    """

    def __init__(self, key_hash: Callable[[str], str]) -> None:
        super().__init__()
        self._hash = key_hash

    def __missing__(self, cell: bytes) -> str:
        try:
            found = self._hash(cell.decode()) if cell else ""
        except UnicodeDecodeError:
            return ""
        if len(self) >= _KEPT:
            self.clear()
        self[cell] = found
        return found


class Column:
    """A column of the result that holds the keys of a table's subjects."""

    __slots__ = ("binary", "index", "into", "kind")

    def __init__(self, index: int, kind: KeyKind, binary: bool, into: Gathered) -> None:
        self.index = index
        self.kind = kind
        self.binary = binary
        self.into = into


class Gathered:
    """The keys of one table: `fresh` whole numbers that are in no set yet, the sets, and hashes of all other keys."""

    __slots__ = ("bits", "fresh", "hashes")

    def __init__(self) -> None:
        self.fresh: list[int] = []
        self.bits: list[Bits] = []
        self.hashes: set[str] = set()


class Keys:
    """The keys of one statement's rows, gathered as the rows pass."""

    __slots__ = ("_columns", "_fixed", "_hashes", "_missing", "_reason", "_rows", "_tables")

    def __init__(
        self, statement: StatementPlan, hashes: KeyHashes, values: Sequence[bytes | None], formats: Sequence[int],
        value_formats: Sequence[int] = (),
    ) -> None:  # fmt: skip
        """`values`, `value_formats`, `formats`: the parameters, their formats and the result's formats, as in Bind."""
        self._hashes = hashes
        self._reason = statement.unattributed
        self._columns: list[Column] = []
        self._tables: dict[str, Gathered] = {}
        self._fixed: list[tuple[str, int | str]] = []
        self._missing = 0
        self._rows = 0
        for source in statement.subjects:
            into = self._tables.setdefault(source.table, Gathered())
            if source.column >= 0:
                binary = _format(formats, source.column) == 1
                self._columns.append(Column(source.column, source.kind, binary, into))
            self._fix(source, values, value_formats)

    def _fix(self, source: SubjectSource, values: Sequence[bytes | None], formats: Sequence[int]) -> None:
        """The subjects that the statement names itself."""
        for constant in source.constants:
            key = self._key(constant.encode(), False, source.kind)
            if key is not None:
                self._fixed.append((source.table, key))
        for number in source.parameters:
            value = values[number - 1] if number <= len(values) else None
            key = None if value is None else self._key(value, _format(formats, number - 1) == 1, source.kind)
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
        """Walk the whole rows that begin at `position`; the place after the last of them, and how many they are."""
        end = position
        count = 0
        for column in self._columns:
            into = column.into
            odd: list[bytes] = []
            if column.kind == "whole":
                before = len(into.fresh)
                end = walks.numbers(data, position, total, column.index, column.binary, into.fresh, odd)
                count = len(into.fresh) - before + len(odd)
            else:
                end = walks.cells(data, position, total, column.index, odd)
                count = len(odd)
            if odd:
                self._take(column, odd)
            if len(into.fresh) >= _BATCH:
                _settle(into)
        self._rows += count
        return end, count

    def _take(self, column: Column, cells: list[bytes]) -> None:
        """Keys that are no usual numbers: texts, mostly, all of which are made hashes at once."""
        if column.kind == "text":
            found = set(map(self._hashes.__getitem__, cells))
            if "" not in found and len(column.into.hashes) + len(found) <= HASH_LIMIT:
                column.into.hashes |= found
                return
        for cell, times in Counter(cells).items():
            self._note(column.into, self._key(cell, column.binary, column.kind) if cell else None, times)

    def _note(self, into: Gathered, key: int | str | None, rows: int) -> None:
        """The key of so many rows; hashes beyond the limit count as rows that were not attributed."""
        if isinstance(key, int):
            into.fresh.append(key)
        elif key is not None and (key in into.hashes or len(into.hashes) < HASH_LIMIT):
            into.hashes.add(key)
        else:
            self._missing += rows

    def begun(self, data: bytes, position: int, total: int) -> bool:
        """Read a row whose end has not come; False, and nothing is noted, where its keys have not come either."""
        for column in self._columns:
            at = position + 7
            for _ in range(column.index + 1):
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
        for column in self._columns:
            at = position + 7
            for _ in range(column.index):
                at += 4 + max(0, _SIZE(data, at)[0])
            size = _SIZE(data, at)[0]
            cell = data[at + 4 : at + 4 + size] if size > 0 else b""
            self._note(column.into, self._key(cell, column.binary, column.kind) if cell else None, 1)
            if len(column.into.fresh) >= _BATCH:
                _settle(column.into)

    def skip(self) -> None:
        """A row whose key was not read."""
        self._rows += 1
        self._missing += 1

    def _key(self, cell: bytes, binary: bool, kind: KeyKind) -> int | str | None:
        """A key in the form of the trail; None where its binary form is not known."""
        if kind == "whole":
            number = int.from_bytes(cell, "big", signed=True) if binary else _whole(cell)
            if number is not None and 0 <= number < _LONG:
                return number
            return self._hashes[cell if number is None else b"%d" % number] or None
        if binary and kind == "uuid":
            return self._hashes[str(UUID(bytes=cell)).encode()] if len(cell) == _UUID_BYTES else None
        if binary and kind == "other":
            return None
        return self._hashes[cell] or None

    def members(self, rows: int) -> bytes:
        """The members for a record of `rows` rows (0: of those that were read): the keys of all of them so far, or
        nothing."""
        if not rows and not self._rows:
            return b""
        if len(self._tables) == 1 and not (self._reason or self._missing) and (few := self._few()) is not None:
            return few
        for table, key in self._fixed:
            self._note(self._tables[table], key, 0)
        found: dict[str, Subjects] = {}
        for table, into in self._tables.items():
            _settle(into)
            found[table] = Subjects(into.bits[0] if into.bits else BitMap(), frozenset(into.hashes))
        if self._reason:
            return encode(found, rows=rows or self._rows, reason=self._reason)
        return encode(found, rows=self._missing, reason="computed" if self._missing else "")

    def _few(self) -> bytes | None:
        """`members` where a few whole numbers of one table are all there is: no sets are made. None where it is not
        so."""
        ((table, into),) = self._tables.items()
        if len(into.fresh) > PLAIN_LIMIT or len(self._fixed) > PLAIN_LIMIT or into.bits or into.hashes:
            return None
        keys = set(into.fresh)
        for _, key in self._fixed:
            if not isinstance(key, int):
                return None
            keys.add(key)
        return encode_few(table, sorted(keys)) if 0 < len(keys) <= PLAIN_LIMIT else None


def _settle(into: Gathered) -> None:
    """Move the whole numbers that were read into a set."""
    fresh = into.fresh
    if fresh:
        try:  # below 2^32, as nearly all are
            made: Bits = BitMap(fresh)
        except OverflowError:
            made = BitMap64(fresh)
        fresh.clear()
        into.bits.append(made)
    if len(into.bits) > 1:
        into.bits[:] = [_union(into.bits)]


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
