"""Links, folds and signed manifests, without files."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.trail.chain import FORMAT, Fold, Link, Manifest, genesis, line_hash, make_line, read_link, seal, unseal
from gateway.trail.signing import SigningKey

KEY = SigningKey.generate()
MANIFEST = Manifest(
    FORMAT, "segment", "n-1", "n-1-000000000000001.jsonl", 1, 9, "0" * 64, "1" * 64, 99, "t", KEY.key_id
)


def chain(count: int, name: str = "n-1") -> list[bytes]:
    link, lines = genesis(name), []
    for number in range(count):
        line = make_line(link, b'"n":%d' % number)
        link = Link(link.seq + 1, line_hash(line))
        lines.append(line)
    return lines


def fold(name: str = "n-1", watch: frozenset[int] = frozenset()) -> Fold:
    start = genesis(name)
    return Fold(start.seq, start.hash, watch)


def test_a_whole_chain_folds_in_any_blocks() -> None:
    lines = chain(20)
    walk = fold(watch=frozenset({1, 7, 20, 99}))
    for begin in range(0, 20, 3):
        block = lines[begin : begin + 3]
        assert walk.take(block) == len(block)
    assert (walk.seq, walk.hash) == (20, line_hash(lines[-1]))
    assert walk.seen == {1: line_hash(lines[0]), 7: line_hash(lines[6]), 20: line_hash(lines[19])}


def test_a_chain_cannot_be_passed_off_as_another() -> None:
    assert fold("n-2").take(chain(3, "n-1")) == 0


@given(st.integers(0, 9), st.data())
def test_a_fold_stops_at_or_right_after_a_changed_line(index: int, data: st.DataObject) -> None:
    lines = chain(10)
    at = data.draw(st.integers(0, len(lines[index]) - 1))
    lines[index] = lines[index][:at] + bytes([lines[index][at] ^ 1]) + lines[index][at + 1 :]
    expected = (index, index + 1)
    walk = fold()
    assert walk.take(lines) in expected
    assert index < 9 or walk.seq == 9 or walk.hash != line_hash(chain(10)[-1])


def test_after_a_break_the_walk_goes_on() -> None:
    lines = chain(10)
    del lines[4]
    walk = fold()
    assert walk.take(lines) == 4
    walk.adopt(lines[4])
    assert walk.take(lines, 5) == 9
    assert walk.seq == 10


@pytest.mark.parametrize(
    "line", [b"", b"{}", b'{"prev":"xyz","seq":1,"a":1}', b'{"prev":"%b","seq":01,"a":1}' % (b"0" * 64), b'{"seq":1}']
)
def test_what_is_no_record_has_no_link(line: bytes) -> None:
    assert read_link(line) is None


def test_a_manifest_comes_back_as_signed() -> None:
    assert unseal(seal(MANIFEST, KEY), KEY.public()).manifest == MANIFEST
    assert unseal(seal(MANIFEST, KEY), KEY.public()).fault == ""


def test_another_key_is_told_from_a_bad_signature() -> None:
    other = SigningKey.generate()
    assert unseal(seal(MANIFEST, KEY), other.public()).fault == "wrong_key"
    assert unseal(seal(MANIFEST, other), KEY.public()).fault == "bad_signature"  # names KEY, signed by the other
    assert unseal(seal(replace(MANIFEST, format=FORMAT + 1), KEY), KEY.public()).fault == "unreadable"


@given(st.data())
def test_no_byte_of_a_signed_manifest_can_be_changed(data: st.DataObject) -> None:
    sealed = seal(MANIFEST, KEY)
    at = data.draw(st.integers(0, len(sealed) - 1))
    changed = sealed[:at] + bytes([sealed[at] ^ data.draw(st.integers(1, 255))]) + sealed[at + 1 :]
    assert unseal(changed, KEY.public()).fault
    assert unseal(sealed[:at], KEY.public()).fault


@given(st.binary(max_size=200))
def test_any_bytes_are_read_without_an_exception(data: bytes) -> None:
    assert unseal(data, KEY.public()).fault == "unreadable"
