"""Signing that fails does not stop the trail, and is made up for."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.trail import background as module
from gateway.trail.signing import SigningKey
from gateway.trail.verify import verify
from gateway.trail.writer import TrailWriter


def test_a_signature_that_cannot_be_written_is_written_later(
    tmp_path: Path, open_writer: Callable[..., TrailWriter], key: SigningKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = open_writer(segment_bytes=500)

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "no room for a signature")

    with monkeypatch.context() as patch:
        patch.setattr(module, "write_atomic", full)
        for _ in range(12):
            writer.append(b'"a":1')
        writer.maintain()
        writer._background._pool.submit(lambda: None).result()
        waiting = writer.state()
    assert waiting.healthy
    assert waiting.unsigned >= 2
    assert "no room" in waiting.last_error
    writer.maintain()
    writer._background._pool.submit(lambda: None).result()
    assert writer.state().unsigned == 0
    writer.close()
    assert verify(tmp_path / "trail", key.public()).good


def test_no_empty_segment_is_left_at_the_end(
    tmp_path: Path, open_writer: Callable[..., TrailWriter], key: SigningKey
) -> None:
    writer = open_writer(segment_bytes=1)  # every record fills its segment
    writer.append(b'"a":1')
    writer.close()
    assert all(file.stat().st_size for file in (tmp_path / "trail").glob("*.jsonl"))
    assert verify(tmp_path / "trail", key.public()).good
