"""Names of files, blocks of lines, and files that are replaced as a whole."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.trail import segment as module
from gateway.trail.segment import (
    OpenSegment,
    SegmentName,
    chain_name,
    list_segments,
    parse_name,
    read_lines,
    write_atomic,
)


@given(st.text(), st.integers(0, 99), st.integers(1, 10**16))
def test_any_node_gives_a_name_that_is_read_back(node: str, worker: int, first: int) -> None:
    chain = chain_name(node, worker)
    assert "/" not in chain
    assert "\0" not in chain
    assert not chain.startswith(".")
    name = SegmentName(chain, first)
    assert parse_name(str(name)) == name
    assert parse_name(f"{name}.sig") is None


def test_segments_are_listed_by_number_and_other_files_left_out(tmp_path: Path) -> None:
    for name in (SegmentName("门神-1", 100), SegmentName("门神-1", 9), SegmentName("a-1", 1)):
        (tmp_path / str(name)).touch()
    for other in ("门神-1.head", "a-1.lock", "a-1-000000000000001.jsonl.sig", "a-1-1.jsonl", "notes.txt"):
        (tmp_path / other).touch()
    assert list_segments(tmp_path, "门神-1") == [SegmentName("门神-1", 9), SegmentName("门神-1", 100)]
    assert len(list_segments(tmp_path)) == 3
    assert list_segments(tmp_path / "absent") == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.lists(st.binary(max_size=9)).map(b"\n".join), block=st.integers(1, 12))
def test_blocks_hold_all_lines_and_the_torn_tail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes, block: int
) -> None:
    monkeypatch.setattr(module, "_READ", block)
    file = tmp_path / "lines"
    file.write_bytes(data)
    blocks = list(read_lines(file))
    *whole, rest = data.split(b"\n")
    assert [line for lines, _ in blocks for line in lines] == whole
    assert (blocks[-1][1] if blocks else b"") == rest


def test_a_line_without_end_does_not_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_READ", 10)
    monkeypatch.setattr(module, "MAX_LINE", 100)
    (tmp_path / "f").write_bytes(b"x" * 1000)
    assert max(len(line) for lines, rest in read_lines(tmp_path / "f") for line in [*lines, rest]) <= 110


def test_a_small_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    file = tmp_path / "f"
    write_atomic(file, b"one", sync=True)
    write_atomic(file, b"two", sync=False)
    assert file.read_bytes() == b"two"
    assert os.listdir(tmp_path) == ["f"]


def test_a_segment_is_never_begun_over_another(tmp_path: Path) -> None:
    name = SegmentName("n-1", 1)
    (tmp_path / str(name)).write_bytes(b"something")
    with pytest.raises(FileExistsError):
        OpenSegment(tmp_path, name, "")


def test_a_closed_segment_touches_no_file_that_gets_its_number(tmp_path: Path) -> None:
    segment = OpenSegment(tmp_path, SegmentName("n-1", 1), "")
    segment.close()
    segment.close()
    other = (tmp_path / "other").open("wb")
    other.write(b"mine")
    other.flush()
    with pytest.raises(OSError, match="Bad file descriptor"):
        segment.cut()
    other.close()
    assert (tmp_path / "other").read_bytes() == b"mine"
