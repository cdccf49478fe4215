"""Durable before out; one line, all of it or nothing; a disk that refuses, and comes back."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from gateway.errors import TrailUnavailable
from gateway.trail import writer as module
from gateway.trail.reader import read
from gateway.trail.segment import OpenSegment, list_segments
from gateway.trail.signing import SigningKey, load_or_create
from gateway.trail.verify import verify
from gateway.trail.writer import TrailWriter

OpenWriter = Callable[..., TrailWriter]
DAY_US = 86_400_000_000


def lines(tmp_path: Path) -> list[dict[str, Any]]:
    names = list_segments(tmp_path / "trail")
    return [orjson.loads(line) for name in names for line in (tmp_path / "trail" / str(name)).read_bytes().splitlines()]


def events(tmp_path: Path) -> list[str]:
    return [record["event"] for _, record in read(tmp_path / "trail") if "event" in record]


def good(tmp_path: Path, key: SigningKey) -> bool:
    report = verify(tmp_path / "trail", key.public())
    assert report.good, report.findings
    return True


@pytest.fixture
def no_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.0)


def failing(monkeypatch: pytest.MonkeyPatch, code: int, *, partly: int = 0) -> list[int]:
    """From now on `os.write` takes `partly` bytes of a record and then fails; `undo` by clearing the list."""
    real, active = os.write, [code]

    def write(descriptor: int, data: bytes) -> int:
        if not active:
            return real(descriptor, data)
        if partly and len(data) > partly and bytes(data).startswith(b'{"prev"'):
            return real(descriptor, data[:partly])
        raise OSError(active[0], os.strerror(active[0]))

    monkeypatch.setattr(os, "write", write)
    return active


def test_a_record_is_in_the_file_when_append_returns(
    tmp_path: Path, open_writer: OpenWriter, key: SigningKey, make_statement: Callable[..., bytes]
) -> None:
    writer = open_writer()
    assert writer.append(make_statement(id=7)) == 2
    assert [(line["seq"], line.get("id")) for line in lines(tmp_path)] == [(1, None), (2, 7)]
    assert writer.append_many([make_statement(id=8), make_statement(id=9)]) == 4
    assert writer.append_many([]) == 4
    assert [line["seq"] for line in lines(tmp_path)] == [1, 2, 3, 4]
    assert good(tmp_path, key)
    state = writer.state()
    assert (state.records, state.segments, state.healthy, state.refused) == (4, 1, True, 0)
    assert state.bytes == (tmp_path / "trail" / str(list_segments(tmp_path / "trail")[0])).stat().st_size


def test_only_the_owner_may_read(tmp_path: Path, open_writer: OpenWriter) -> None:
    open_writer().close()
    assert stat.S_IMODE((tmp_path / "trail").stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "trail").iterdir()} == {0o600}


def test_two_writers_cannot_have_one_chain(open_writer: OpenWriter) -> None:
    first = open_writer()
    with pytest.raises(TrailUnavailable, match="another process"):
        open_writer()
    open_writer(worker=2)
    first.close()
    assert open_writer().seq == first.seq + 1


def test_a_record_is_one_line(open_writer: OpenWriter) -> None:
    writer = open_writer()
    for wrong in (b'"a":\n1', b'"a":"' + b"x" * (16 << 20) + b'"'):
        with pytest.raises(ValueError, match="one line"):
            writer.append(wrong)
        with pytest.raises(ValueError, match="one line"):
            writer.append_many([b'"a":1', wrong])
    assert writer.append(b'"a":1') == 2


def test_segments_rotate_by_size_and_are_signed_in_order(
    tmp_path: Path, open_writer: OpenWriter, key: SigningKey, make_statement: Callable[..., bytes]
) -> None:
    writer = open_writer(segment_bytes=3000)
    for number in range(30):
        writer.append(make_statement(id=number))
    writer.append_many([make_statement(id=number) for number in range(30, 60)])
    writer.close()
    names = list_segments(tmp_path / "trail")
    assert len(names) > 4
    assert all((tmp_path / "trail" / f"{name}.sig").exists() for name in names)
    assert [line["seq"] for line in lines(tmp_path)] == list(range(1, 63))
    assert good(tmp_path, key)


def test_segments_rotate_at_midnight(tmp_path: Path, open_writer: OpenWriter, clock: Any, key: SigningKey) -> None:
    writer = open_writer()
    writer.maintain()
    assert writer.state().segments == 1
    clock.us += DAY_US
    writer.maintain()
    assert writer.state().segments == 2
    writer.maintain()
    assert writer.state().segments == 2
    writer.append(b'"a":1')
    writer.close()
    assert good(tmp_path, key)


def test_a_rotation_that_fails_does_not_stop_the_trail(
    tmp_path: Path, open_writer: OpenWriter, key: SigningKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = open_writer(segment_bytes=1000)

    def refuse(*_: object) -> OpenSegment:
        raise OSError(errno.EMFILE, "too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(module, "OpenSegment", refuse)
        for _ in range(20):
            writer.append(b'"a":1')
    assert writer.healthy
    assert "too many" in writer.state().last_error
    assert writer.state().segments == 1
    for _ in range(20):
        writer.append(b'"a":1')
    assert writer.state().segments > 1
    writer.close()
    assert good(tmp_path, key)


def test_the_head_is_signed_as_the_chain_grows(tmp_path: Path, open_writer: OpenWriter, key: SigningKey) -> None:
    writer = open_writer()
    writer.append(b'"a":1')
    writer.maintain()
    writer._background._pool.submit(lambda: None).result()
    chain = verify(tmp_path / "trail", key.public()).chains[0]
    assert (chain.last, chain.vouched) == (2, 2)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT])
@pytest.mark.parametrize("partly", [0, 1, 60])
def test_a_disk_that_refuses_leaves_no_half_record_and_is_tried_again(
    tmp_path: Path, open_writer: OpenWriter, key: SigningKey, monkeypatch: pytest.MonkeyPatch, no_delay: None,
    code: int, partly: int,
) -> None:  # fmt: skip
    writer = open_writer()
    writer.append(b'"a":1')
    before = lines(tmp_path)
    with monkeypatch.context() as patch:
        active = failing(patch, code, partly=partly)
        for attempt in (writer.append, lambda members: writer.append_many([members] * 3)):
            with pytest.raises(TrailUnavailable) as refusal:
                attempt(b'"a":2')
            assert refusal.value.sqlstate == "58030"
            assert refusal.value.hint
            assert not writer.healthy
            assert lines(tmp_path) == before
        writer.maintain()
        assert not writer.healthy
        active.clear()
        writer.maintain()  # no traffic is needed
    assert writer.healthy
    assert events(tmp_path)[-1] == "trail_recovered"
    assert lines(tmp_path)[-1]["refused"] >= 2
    assert writer.append(b'"a":3') == 4
    writer.close()
    assert good(tmp_path, key)


def test_refused_while_it_is_too_early_to_try_again(
    open_writer: OpenWriter, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    writer = open_writer()
    with monkeypatch.context() as patch:
        failing(patch, errno.ENOSPC)
        with pytest.raises(TrailUnavailable):
            writer.append(b'"a":1')
    with pytest.raises(TrailUnavailable):  # the disk would take it, but it was asked a moment ago
        writer.append(b'"a":1')
    assert writer.state().refused == 2
    writer._retry_at = 0.0
    assert writer.append(b'"a":1') == 3


def test_half_a_line_that_cannot_be_cut_yet_is_cut_before_the_next(
    tmp_path: Path, open_writer: OpenWriter, key: SigningKey, monkeypatch: pytest.MonkeyPatch, no_delay: None
) -> None:
    writer = open_writer()
    with monkeypatch.context() as patch:
        failing(patch, errno.EIO, partly=40)

        def stuck(descriptor: int, size: int) -> None:
            raise OSError(errno.EIO, "stuck")

        patch.setattr(os, "ftruncate", stuck)
        for _ in range(2):
            with pytest.raises(TrailUnavailable):
                writer.append(b'"a":1')
    assert writer.append(b'"a":1') == 3
    writer.close()
    assert good(tmp_path, key)


def test_a_full_file_system(tmp_path: Path, key: SigningKey, clock: Any, no_delay: None) -> None:
    """A real ENOSPC, where the kernel takes a part of the line first."""
    mount = tmp_path / "small"
    mount.mkdir()
    tool = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(mount)], capture_output=True)
    if tool.returncode:
        pytest.skip("this machine lets nobody mount a tmpfs here")
    try:
        writer = TrailWriter.open(mount / "trail", "n", 1, key, now_us=clock)
        with contextlib.suppress(TrailUnavailable):
            for _ in range(1000):
                writer.append(b'"a":"' + b"x" * 999 + b'"')
        assert not writer.healthy
        file = mount / "trail" / str(list_segments(mount / "trail")[0])
        assert file.read_bytes().endswith(b"}\n")
        subprocess.run(["mount", "-o", "remount,size=1m", str(mount)], check=True)
        writer.append(b'"a":1')
        writer.close()
        report = verify(mount / "trail", key.public())
        assert report.good, report.findings
    finally:
        subprocess.run(["umount", str(mount)], check=True)


def test_what_cannot_be_opened_says_so(tmp_path: Path, key: SigningKey) -> None:
    (tmp_path / "trail").write_text("a file where the folder should be")
    with pytest.raises(TrailUnavailable, match="cannot be opened"):
        TrailWriter.open(tmp_path / "trail", "n", 1, key)


def test_nothing_is_written_after_close(tmp_path: Path, open_writer: OpenWriter) -> None:
    writer = open_writer()
    writer.close()
    writer.close()
    other = (tmp_path / "other").open("wb")  # gets the descriptor that the writer had
    with pytest.raises(TrailUnavailable):
        writer.append(b'"a":1')
    writer.maintain()
    other.close()
    assert (tmp_path / "other").read_bytes() == b""
    assert events(tmp_path) == ["trail_opened", "trail_closed"]


def test_a_trail_can_be_verified_while_it_is_written(
    tmp_path: Path, open_writer: OpenWriter, key: SigningKey, make_statement: Callable[..., bytes]
) -> None:
    writer = open_writer(segment_bytes=50_000)
    members = make_statement()
    stop = threading.Event()
    reports: list[Any] = []

    def auditor() -> None:
        while not stop.is_set():
            reports.append(verify(tmp_path / "trail", key.public()))

    thread = threading.Thread(target=auditor)
    thread.start()
    for number in range(3000):
        writer.append(members)
        if number % 100 == 0:
            writer.maintain()
    stop.set()
    thread.join()
    assert [report.findings for report in reports if not report.good] == []
    assert writer.state().segments > 10
    writer.close()
    assert good(tmp_path, key)


# -- fsync ------------------------------------------------------------------------------------------------------------
class Disk:
    """Stands for `fdatasync`: waits until it is let go, may fail."""

    def __init__(self) -> None:
        self.go = threading.Semaphore(0)
        self.calls = 0
        self.fail = False

    def sync(self, descriptor: int) -> None:
        self.calls += 1
        assert self.go.acquire(timeout=10)
        if self.fail:
            raise OSError(errno.EIO, "disk")


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk()


def attach(monkeypatch: pytest.MonkeyPatch, disk: Disk) -> None:
    monkeypatch.setattr("gateway.trail.segment._fdatasync", disk.sync)


async def turns() -> None:
    for _ in range(20):
        await asyncio.sleep(0.002)


async def test_without_fsync_there_is_nothing_to_wait_for(open_writer: OpenWriter) -> None:
    writer = open_writer()
    writer.append(b'"a":1')
    assert writer.barrier() is None


async def test_a_barrier_resolves_only_after_the_sync(
    open_writer: OpenWriter, monkeypatch: pytest.MonkeyPatch, disk: Disk
) -> None:
    writer = open_writer(durability="fsync")
    assert writer.barrier() is None  # the opening records are on disk
    attach(monkeypatch, disk)
    writer.append(b'"a":1')
    first = writer.barrier()
    assert first is not None
    await turns()
    writer.append(b'"a":2')
    second, third = writer.barrier(), writer.barrier()
    assert second is not None
    assert third is not None
    await turns()
    assert not first.done()
    assert writer.state().unsynced == 2
    disk.go.release()
    await first
    await turns()
    assert not second.done()  # its record came while the first sync ran
    disk.go.release()
    await asyncio.gather(second, third)
    assert disk.calls == 2  # one for each group
    assert writer.barrier() is None
    disk.go.release(10)


async def test_a_task_that_gives_up_does_not_take_the_others_along(
    open_writer: OpenWriter, monkeypatch: pytest.MonkeyPatch, disk: Disk
) -> None:
    writer = open_writer(durability="fsync")
    attach(monkeypatch, disk)
    writer.append(b'"a":1')
    first, second = writer.barrier(), writer.barrier()
    assert first is not None
    assert second is not None
    first.cancel()
    disk.go.release(10)
    await second


async def test_a_sync_that_fails_fails_all_who_wait_and_the_bytes_are_written_again(
    tmp_path: Path,
    open_writer: OpenWriter,
    monkeypatch: pytest.MonkeyPatch,
    disk: Disk,
    key: SigningKey,
    no_delay: None,
) -> None:
    writer = open_writer(durability="fsync")
    with monkeypatch.context() as patch:
        attach(patch, disk)
        disk.fail = True
        writer.append(b'"a":1')
        waiting = writer.barrier()
        writer.append(b'"a":2')
        later = writer.barrier()
        disk.go.release(10)
        assert waiting is not None
        assert later is not None
        for future in (waiting, later):
            with pytest.raises(TrailUnavailable):
                await future
        assert not writer.healthy
        refused = writer.barrier()
        assert refused is not None
        with pytest.raises(TrailUnavailable):
            await refused
    written: list[int] = []
    real = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, data, at: written.append(len(data)) or real(fd, data, at))
    writer.append(b'"a":3')
    assert sum(written) > 150  # the two records, once more: another fsync alone could lie
    waiting = writer.barrier()
    assert waiting is not None
    await waiting
    writer.close()
    assert good(tmp_path, key)


async def test_rotation_between_append_and_barrier_syncs_both_segments(
    tmp_path: Path, open_writer: OpenWriter, key: SigningKey
) -> None:
    writer = open_writer(durability="fsync", segment_bytes=600)
    for number in range(50):
        writer.append(b'"a":%d' % number)
        if number % 3 == 0 and (waiting := writer.barrier()) is not None:
            await waiting
    writer.close()
    assert good(tmp_path, key)


# -- death ------------------------------------------------------------------------------------------------------------
WRITE_UNTIL_KILLED = """
import sys
from pathlib import Path
from gateway.trail.signing import load_or_create
from gateway.trail.writer import TrailWriter
base = Path(sys.argv[1])
writer = TrailWriter.open(base / "trail", "n", 1, load_or_create(None, base / "state"), segment_bytes=200_000)
while True:
    seq = writer.append(b'"a":"' + b"x" * 9000 + b'"')
    sys.stdout.write(f"{seq}\\n")
    sys.stdout.flush()
    if seq % 40 == 0:
        writer.maintain()
"""


def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    acknowledged = 0
    for _ in range(5):
        child = subprocess.Popen([sys.executable, "-c", WRITE_UNTIL_KILLED, str(tmp_path)], stdout=subprocess.PIPE)
        assert child.stdout is not None
        seen = [child.stdout.readline() for _ in range(60)]
        child.send_signal(signal.SIGKILL)
        seen += child.stdout.read().splitlines(keepends=True)
        child.wait()
        acknowledged = max(int(line) for line in seen if line.endswith(b"\n"))
        assert [line["seq"] for line in whole_lines(tmp_path)][-1] >= acknowledged
    key = load_or_create(None, tmp_path / "state")
    TrailWriter.open(tmp_path / "trail", "n", 1, key).close()
    report = verify(tmp_path / "trail", key.public())
    assert report.good, report.findings
    assert report.chains[0].signed == report.chains[0].segments
    assert report.chains[0].records > acknowledged
    assert events(tmp_path).count("trail_opened") == 6


def whole_lines(tmp_path: Path) -> list[dict[str, Any]]:
    return [record for _, record in read(tmp_path / "trail")]
