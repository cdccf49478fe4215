"""Keys of rows, in text and binary, of any size, and nothing but the key's cell."""

from __future__ import annotations

import struct
from itertools import pairwise
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.postgres.plan import KeyKind, StatementPlan, SubjectSource
from adapters.postgres.session.subjects import KEY_HASH_DIGITS, SUBJECT_CLASS, KeyHashes, Keys
from gateway.model import Outcome
from gateway.trail.record import value_hash
from gateway.trail.subjects import decode, key_hash

SECRET = b"s" * 32


def hashed(key: str) -> str:
    return value_hash(SECRET, SUBJECT_CLASS, key)[:KEY_HASH_DIGITS]


HASHES = KeyHashes(hashed)


def statement(*sources: SubjectSource, reason: str = "") -> StatementPlan:
    return StatementPlan("SELECT", Outcome.VEIL, "p", None, b"", subjects=sources, unattributed=reason)


def row(*cells: bytes | None) -> bytes:
    body = struct.pack("!H", len(cells))
    for cell in cells:
        body += struct.pack("!i", -1) if cell is None else struct.pack("!i", len(cell)) + cell
    return b"D" + struct.pack("!i", len(body) + 4) + body


def taken(keys: Keys, rows: int) -> dict[str, object]:
    found = orjson.loads(b"{" + keys.members(rows) + b"}")
    return {
        "keys": {table: list(one.keys(10_000)) for table, one in decode(found).items()},
        "missing": found.get("unattributed"),
    }


def test_the_hash_of_a_key_is_the_trail_s() -> None:
    assert hashed("K-1") == key_hash(SECRET, "K-1")


@given(st.lists(st.integers(0, 2**40), max_size=40), st.booleans(), st.integers(0, 3))
def test_whole_numbers_in_any_column_and_format(numbers: list[int], binary: bool, column: int) -> None:
    keys = Keys(statement(SubjectSource("t.a", column)), HASHES, (), [1] if binary else [])
    for number in numbers:
        cell = struct.pack("!q", number) if binary else str(number).encode()
        cells: list[bytes | None] = [*[b"secret", None, b""][:column], cell, b"secret"]
        data = b"xx" + row(*cells)
        keys.row(data, 2)
    found = taken(keys, len(numbers))
    assert found["keys"] == ({"t.a": sorted(set(numbers))} if numbers else {})
    assert found["missing"] is None


@given(st.lists(st.integers(-5, 2**40), max_size=30), st.booleans(), st.integers(0, 400))
def test_a_walk_over_rows_stops_at_the_one_that_is_cut(numbers: list[int], binary: bool, cut: int) -> None:
    whole = [row(struct.pack("!q", n) if binary else str(n).encode(), b"name") for n in numbers]
    data = b"Z" + b"".join(whole)
    total = max(1, len(data) - cut)
    keys = Keys(statement(SubjectSource("t.a", 0)), HASHES, (), [1] if binary else [])
    position, count = keys.rows(data, 1, total)
    assert position == 1 + sum(map(len, whole[:count]))
    if position > total:  # cut behind its key
        assert position - len(whole[count - 1]) + 11 + (8 if binary else len(str(numbers[count - 1]))) <= total
    assert count == len(numbers) or position + len(whole[count]) > total
    want = {n if n >= 0 else hashed(str(n)) for n in numbers[:count]}
    assert set(taken(keys, count)["keys"].get("t.a", [])) == want if count else True


_CELLS = st.one_of(st.none(), st.just(b""), st.binary(min_size=1, max_size=30), st.just(b"x" * 70_000))


@given(
    st.lists(st.tuples(st.one_of(st.none(), st.integers(-5, 2**63 - 1)), _CELLS, _CELLS), min_size=1, max_size=12),
    st.sampled_from((2, 4, 8, 0)),
    st.integers(0, 2),
    st.data(),
)
def test_any_rows_in_any_pieces_give_the_same_keys(
    people: list[tuple[int | None, bytes | None, bytes | None]], size: int, column: int, data: st.DataObject
) -> None:
    """As the caller reads them: a row that is cut before its key waits, one that is cut behind it goes on. `size` of a
    binary key; 0: text."""
    form = {2: "!h", 4: "!i", 8: "!q", 0: ""}[size]
    people = [(n if n is None or not size else n % (1 << (8 * size - 1)), *rest) for n, *rest in people]
    stream = b""
    for number, *rest in people:
        cell = None if number is None else struct.pack(form, number) if form else str(number).encode()
        stream += row(*rest[:column], cell, *rest[column:])
    keys = Keys(statement(SubjectSource("t.a", column)), HASHES, (), [1] if size else [])
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    count = passing = 0
    held = b""
    for begin, end in pairwise((0, *cuts, len(stream))):
        piece = stream[begin:end]
        step = min(passing, len(piece))
        passing -= step
        piece = held + piece[step:]
        position, rows = keys.rows(piece, 0, len(piece))
        if position < len(piece) - 4 and keys.begun(piece, position, len(piece)):
            rows += 1
            position += 1 + struct.unpack_from("!i", piece, position + 1)[0]
        count += rows
        passing += max(0, position - len(piece))
        held = piece[position:]
    assert (count, held, passing) == (len(people), b"", 0)
    numbers = [number for number, *_ in people if number is not None]
    found = taken(keys, count)
    want = sorted({n for n in numbers if n >= 0}) + sorted({hashed(str(n)) for n in numbers if n < 0})
    assert found["keys"] == ({"t.a": want} if numbers else {})
    missing = len(people) - len(numbers)
    assert found["missing"] == ({"rows": missing, "reason": "computed"} if missing else None)


def test_other_keys_are_hashed_and_null_is_counted() -> None:
    keys = Keys(statement(SubjectSource("t.a", 0, kind="text")), HASHES, (), ())
    for cell in (b"K-1", b"K-1", b"\xe5\xae\xa2", None):
        keys.row(row(cell), 0)
    found = taken(keys, 4)
    assert found["keys"] == {"t.a": sorted([hashed("K-1"), hashed("客")])}
    assert found["missing"] == {"rows": 1, "reason": "computed"}


@pytest.mark.parametrize(
    ("kind", "cell", "key"),
    [
        ("uuid", UUID(int=77).bytes, str(UUID(int=77))),
        ("uuid", b"short", None),
        ("text", "客".encode(), "客"),
        ("text", "客".encode("gbk"), None),
        ("other", b"\0\1\0\0", None),
    ],
)
def test_keys_in_binary_are_those_of_their_text(kind: KeyKind, cell: bytes, key: str | None) -> None:
    """As the same statement with text results tells them; a form that is not known is not guessed."""
    keys = Keys(statement(SubjectSource("t.a", 1, kind)), HASHES, (), [1])
    data = row(b"x", cell) + row(None, cell)
    assert keys.rows(data, 0, len(data)) == (len(data), 2)
    keys.row(data, 0)
    found = taken(keys, 3)
    assert found["keys"] == ({"t.a": [hashed(key)]} if key else {})
    assert found["missing"] == (None if key else {"rows": 3, "reason": "computed"})


def test_subjects_of_two_tables_in_one_row() -> None:
    keys = Keys(statement(SubjectSource("t.a", 0), SubjectSource("t.b", 2, "text")), HASHES, (), ())
    data = row(b"1", b"x", b"K-1") + row(b"2", None, None)
    assert keys.rows(data, 0, len(data)) == (len(data), 2)
    found = taken(keys, 2)
    assert found["keys"] == {"t.a": [1, 2], "t.b": [hashed("K-1")]}
    assert found["missing"] == {"rows": 1, "reason": "computed"}


def test_a_condition_names_the_subject_only_where_a_row_came() -> None:
    one = statement(SubjectSource("t.a", -1, parameters=(1,), constants=("7",)))
    keys = Keys(one, HASHES, [struct.pack("!i", 5)], (), [1])
    assert keys.members(0) == b""
    keys.row(row(b"x"), 0)
    assert taken(keys, 1)["keys"] == {"t.a": [5, 7]}


def test_one_subject_read_by_its_key_is_told_as_any_set_is() -> None:
    keys = Keys(statement(SubjectSource("t.客户", -1, parameters=(1,))), HASHES, [b"4711"], ())
    keys.row(row(b"x"), 0)
    assert taken(keys, 1) == {"keys": {"t.客户": [4711]}, "missing": None}
    keys.skip()
    assert taken(keys, 1) == {"keys": {"t.客户": [4711]}, "missing": {"rows": 1, "reason": "computed"}}


def test_a_negative_key_of_a_condition_is_told_by_its_hash() -> None:
    keys = Keys(statement(SubjectSource("t.a", -1, parameters=(1,))), HASHES, [b"-5"], ())
    keys.row(row(b"x"), 0)
    assert taken(keys, 1)["keys"] == {"t.a": [hashed("-5")]}


def test_the_last_record_of_an_answer_tells_all_of_it() -> None:
    keys = Keys(statement(SubjectSource("t.a", 0)), HASHES, (), ())
    keys.row(row(b"1"), 0)
    assert taken(keys, 0)["keys"] == {"t.a": [1]}
    keys.row(row(b"2"), 0)
    assert taken(keys, 2)["keys"] == {"t.a": [1, 2]}
    for number in range(3, 300):
        keys.row(row(b"%d" % number), 0)
    keys.row(row(None), 0)
    assert taken(keys, 0) == taken(keys, 300)
    assert taken(keys, 300) == {"keys": {"t.a": [*range(1, 300)]}, "missing": {"rows": 1, "reason": "computed"}}


def test_a_reason_counts_every_row() -> None:
    keys = Keys(statement(reason="computed"), HASHES, (), ())
    keys.row(row(b"1"), 0)
    assert taken(keys, 3)["missing"] == {"rows": 3, "reason": "computed"}


def test_negative_numbers_are_hashed() -> None:
    keys = Keys(statement(SubjectSource("t.a", 0)), HASHES, (), [1])
    keys.row(row(struct.pack("!i", -4)), 0)
    assert taken(keys, 1)["keys"] == {"t.a": [hashed("-4")]}
