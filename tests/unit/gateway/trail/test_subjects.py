"""Sets of subjects: exact, compact, and readable again."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.trail.subjects import (
    HASH_LIMIT,
    PLAIN_LIMIT,
    Subjects,
    decode,
    encode,
    encode_few,
    key_hash,
    make,
    parse_key,
)

KEYS = st.one_of(
    st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1), st.text("0123456789abcdef", min_size=16, max_size=16)
)


def through(keys: list[int | str]) -> Subjects:
    one, beyond = make(keys)
    assert not beyond
    return decode(orjson.loads(b"{" + encode({"crm.客户": one}) + b"}")).get("crm.客户", make([])[0])


@given(st.lists(KEYS, max_size=200))
def test_what_was_written_is_read(keys: list[int | str]) -> None:
    back = through(keys)
    assert set(back.keys(1000)) == set(keys)
    assert len(back) == len(set(keys))
    assert all(key in back for key in keys)


@given(st.lists(KEYS, max_size=50), st.lists(KEYS, max_size=50))
def test_unions(left: list[int | str], right: list[int | str]) -> None:
    both = make(left)[0].union(make(right)[0])
    assert set(both.keys(1000)) == set(left) | set(right)


def test_few_numbers_are_plain_and_many_are_compact() -> None:
    few = orjson.loads(b"{" + encode({"t": make(range(PLAIN_LIMIT))[0]}) + b"}")
    assert few["subjects"]["t"] == {"n": PLAIN_LIMIT, "i": list(range(PLAIN_LIMIT))}
    assert len(encode({"t": make(range(100_000))[0]})) < 200
    assert len(through(list(range(100_000)))) == 100_000


@given(st.text(min_size=1), st.sets(st.integers(0, 2**64 - 1), min_size=1, max_size=PLAIN_LIMIT))
def test_a_few_subjects_are_written_as_any_set_is(table: str, numbers: set[int]) -> None:
    assert encode_few(table, sorted(numbers)) == encode({table: make(numbers)[0]})


def test_unattributed_rows_and_nothing() -> None:
    assert encode({}) == b""
    assert orjson.loads(b"{" + encode({}, rows=7, reason="aggregate") + b"}") == {
        "unattributed": {"rows": 7, "reason": "aggregate"}
    }


def test_hashes_are_bounded_and_the_rest_is_counted() -> None:
    one, beyond = make([f"{n:016x}" for n in range(HASH_LIMIT + 5)])
    assert (len(one), beyond) == (HASH_LIMIT, 5)


def test_numbers_that_do_not_fit_must_come_as_hashes() -> None:
    with pytest.raises(ValueError, match="hash"):
        make([-1])


def test_an_edited_set_counts_as_empty() -> None:
    for form in (
        {"n": 1, "r": "?"},
        {"n": 1, "r": "AAAA"},
        {"n": 1, "i": ["x"]},
        {"n": 1, "i": [-4]},
        {"n": 1, "w": 7},
    ):
        assert len(decode({"subjects": {"t": form}})["t"]) == 0


def test_keys_as_people_write_them() -> None:
    secret = b"0123456789abcdef"
    assert parse_key("4711", None) == 4711
    assert parse_key("0042", None) is None, "0042 is text: leading zeros matter"
    assert parse_key("C-7", secret) == key_hash(secret, "C-7")
    assert parse_key(str(2**64), secret) == key_hash(secret, str(2**64))
    assert parse_key("٣", None) is None
