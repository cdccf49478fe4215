"""One stream by time over all chains, resumed without loss or repetition while writers write."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.trail.reader import Position, end, merge, read
from gateway.trail.segment import list_segments
from gateway.trail.signing import SigningKey
from gateway.trail.writer import TrailWriter

OpenWriter = Callable[..., TrailWriter]
MINUTE_US = 60_000_000
KEY = SigningKey.generate()


def stamped(at: int, n: int) -> bytes:
    return b'"at":"2026-03-04T05:06:%02d.%06dZ","n":%d' % (at // 1_000_000, at % 1_000_000, n)


def numbers(path: Path, after: Position | None = None, **options: str) -> tuple[list[int], Position]:
    position, seen = after or Position(), []
    for behind, record in read(path, after, **options):  # type: ignore[arg-type]
        position = behind
        if "n" in record:
            seen.append(record["n"])
    return seen, position


def test_chains_are_merged_by_time(tmp_path: Path, open_writer: OpenWriter) -> None:
    first, second, third = open_writer(1), open_writer(2), open_writer(3)
    for n, writer in enumerate([third, first, first, second, third, second, first]):
        writer.append(stamped(n, n))
    assert numbers(tmp_path / "trail")[0] == list(range(7))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(st.integers(1, 3), max_size=6), max_size=6), data=st.data())
def test_every_record_is_read_once_however_reading_is_cut(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[int]], data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("trail") / "trail"
    writers = {worker: TrailWriter.open(path, "n", worker, KEY, segment_bytes=700) for worker in (1, 2, 3)}
    position, seen, written = Position(), [], 0
    for batch in batches:
        for worker in batch:
            writers[worker].append(stamped(written, written))
            written += 1
        stop = data.draw(st.integers(0, 8))
        for count, (behind, record) in enumerate(read(path, position), 1):
            position = Position.from_json(behind.to_json())
            seen.append(record.get("n"))
            if count >= stop:
                break
    seen += [record.get("n") for _, record in read(path, position)]
    for writer in writers.values():
        writer.close()
    assert sorted(n for n in seen if n is not None) == list(range(written))


def test_a_line_that_is_being_written_waits(tmp_path: Path, open_writer: OpenWriter) -> None:
    open_writer().append(stamped(1, 1))
    file = tmp_path / "trail" / str(list_segments(tmp_path / "trail")[0])
    with open(file, "ab") as torn:
        torn.write(b'{"prev":"x","seq":3,"n":2')
        torn.flush()
        seen, position = numbers(tmp_path / "trail")
        assert seen == [1]
        torn.write(b"}\n")
        torn.flush()
        assert numbers(tmp_path / "trail", position)[0] == [2]


def test_records_after_an_instant_are_left_for_the_next_call(tmp_path: Path, open_writer: OpenWriter) -> None:
    first, second = open_writer(1), open_writer(2)
    _, start = numbers(tmp_path / "trail")
    for n in range(6):
        (first if n % 2 else second).append(stamped(n, n))
    seen, position = numbers(tmp_path / "trail", start, before="2026-03-04T05:06:00.000003Z")
    assert seen == [0, 1, 2]
    assert numbers(tmp_path / "trail", position)[0] == [3, 4, 5]


def test_a_reader_of_what_is_new_begins_at_the_end(tmp_path: Path, open_writer: OpenWriter) -> None:
    writer = open_writer()
    for n in range(10):
        writer.append(stamped(n, n))
    position = end(tmp_path / "trail")
    assert numbers(tmp_path / "trail", position)[0] == []
    writer.append(stamped(10, 10))
    open_writer(2).append(stamped(11, 11))  # a chain that did not exist then
    assert numbers(tmp_path / "trail", position)[0] == [10, 11]
    assert end(tmp_path / "absent") == Position()


def test_old_segments_are_not_opened(tmp_path: Path, open_writer: OpenWriter, clock: Callable[[], int]) -> None:
    writer = open_writer(segment_bytes=1)
    for n in range(5):
        writer.append(stamped(n, n))
    opened = []
    lines = merge(
        tmp_path / "trail", {}, since="2026-03-04T05:06:00.000003Z", wanted=lambda line: not opened.append(line)
    )  # type: ignore[func-returns-value]
    assert [line.record["n"] for line in lines if "n" in line.record] == [3, 4]
    assert len(opened) <= 3


def test_edited_lines_do_not_stop_a_reader(tmp_path: Path, open_writer: OpenWriter) -> None:
    writer = open_writer()
    writer.append(stamped(1, 1))
    file = tmp_path / "trail" / str(list_segments(tmp_path / "trail")[0])
    with open(file, "ab") as edited:
        edited.write(b'nonsense\n\n[1]\n{"n":2}\n')
    assert numbers(tmp_path / "trail")[0] == [1, 2]


def test_a_segment_that_was_purged_meanwhile_is_passed_over(tmp_path: Path, open_writer: OpenWriter) -> None:
    writer = open_writer(segment_bytes=1)
    for n in range(4):
        writer.append(stamped(n, n))
    _, position = numbers(tmp_path / "trail")
    for name in list_segments(tmp_path / "trail")[:-1]:
        (tmp_path / "trail" / str(name)).unlink()
    writer.append(stamped(9, 9))
    assert numbers(tmp_path / "trail", position)[0] == [9]


@pytest.mark.parametrize("data", [b"", b"[]", b'{"a":1}', b'{"a":["x","y"]}', b"nonsense"])
def test_what_is_no_position_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a position"):
        Position.from_json(data)
