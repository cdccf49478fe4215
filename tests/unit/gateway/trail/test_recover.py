"""What a start finds and does, for every way in which the last one may have ended."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.trail.reader import Record, read
from gateway.trail.segment import list_segments
from gateway.trail.signing import SigningKey
from gateway.trail.verify import Report, verify
from gateway.trail.writer import TrailWriter


@pytest.fixture
def crashed(tmp_path: Path, key: SigningKey, open_writer: Callable[..., TrailWriter]) -> Path:
    """A trail whose writer died with three records of its own in an open segment."""
    writer = open_writer()
    writer.append(b'"event":"statement","n":1')
    writer.append(b'"event":"statement","n":2,"name":"\xe5\xae\xa2\xe6\x88\xb7"')
    return Path(shutil.copytree(tmp_path / "trail", tmp_path / "crashed"))


def last_file(path: Path) -> Path:
    return path / str(list_segments(path)[-1])


def restart(path: Path, key: SigningKey) -> list[Record]:
    """The records of a whole further start."""
    before = [record for _, record in read(path)]
    writer = TrailWriter.open(path, "n", 1, key)
    writer.append(b'"event":"statement","n":9')
    writer.close()
    return [record for _, record in read(path)][len(before) :]


def check(path: Path, key: SigningKey) -> Report:
    return verify(path, key.public())


def names(records: list[Record]) -> list[str]:
    return [record["event"] for record in records]


def test_an_open_segment_is_signed_by_the_next_start(crashed: Path, key: SigningKey) -> None:
    assert names(restart(crashed, key)) == ["trail_opened", "statement", "trail_closed"]
    report = check(crashed, key)
    assert report.good, report.findings
    assert (report.chains[0].segments, report.chains[0].signed) == (2, 2)


def test_every_possible_cut_of_the_last_write(crashed: Path, key: SigningKey, tmp_path: Path) -> None:
    whole = last_file(crashed).read_bytes()
    begin = whole.rstrip(b"\n").rfind(b"\n") + 1
    for at in range(begin, len(whole) + 1):
        path = Path(shutil.copytree(crashed, tmp_path / f"cut{at}"))
        file = last_file(path)
        os.truncate(file, at)
        records = restart(path, key)
        report = check(path, key)
        assert report.good, (at, report.findings)
        seqs = [record["seq"] for _, record in read(path)]
        assert seqs == list(range(1, len(seqs) + 1))
        if begin < at < len(whole):
            assert names(records)[:2] == ["trail_opened", "trail_torn"]
            torn = records[1]
            assert (path / torn["torn_file"]).read_bytes() == whole[begin:at]
            assert (torn["file"], torn["bytes"]) == (file.name, at - begin)
            assert report.chains[0].torn_files == 1
        else:
            assert names(records)[:2] == ["trail_opened", "statement"]
        shutil.rmtree(path)


def test_a_torn_first_line_leaves_no_empty_segment(crashed: Path, key: SigningKey) -> None:
    (crashed / "n-1.head").unlink()  # the first record of all was never finished
    file = last_file(crashed)
    os.truncate(file, 20)
    records = restart(crashed, key)
    assert names(records) == ["trail_opened", "trail_torn", "statement", "trail_closed"]
    assert records[0]["seq"] == 1
    assert check(crashed, key).good


def test_an_empty_segment_is_no_trouble(crashed: Path, key: SigningKey) -> None:
    (crashed / "n-1-000000000000004.jsonl").touch()
    assert names(restart(crashed, key))[0] == "trail_opened"
    assert check(crashed, key).good


def test_a_segment_that_was_rotated_but_not_signed_is_signed(
    tmp_path: Path, key: SigningKey, open_writer: Callable[..., TrailWriter]
) -> None:
    writer = open_writer(segment_bytes=600)
    for number in range(20):
        writer.append(b'"n":%d' % number)
    writer.close()
    path = tmp_path / "trail"
    for file in sorted(path.glob("*.sig"))[-3:]:
        file.unlink()
    restart(path, key)
    assert check(path, key).good


def test_an_edit_is_neither_mended_nor_signed_and_always_found(crashed: Path, key: SigningKey) -> None:
    file = last_file(crashed)
    edited = file.read_bytes().replace(b'"n":1', b'"n":7')
    file.write_bytes(edited)
    records = restart(crashed, key)
    assert names(records)[:2] == ["trail_opened", "trail_damaged"]
    assert (records[1]["file"], records[1]["line"]) == (file.name, 3)
    assert file.read_bytes() == edited
    assert not file.with_name(file.name + ".sig").exists()
    restart(crashed, key)
    found = {(finding.what, finding.line) for finding in check(crashed, key).findings if finding.file == file.name}
    assert ("edited", 2) in found


def test_a_tail_that_was_cut_off_leaves_a_gap_for_ever(crashed: Path, key: SigningKey) -> None:
    writer = TrailWriter.open(crashed, "n", 1, key)  # signs the head at its end
    for _ in range(3):
        writer.append(b'"n":1')
    writer.close()
    file = last_file(crashed)
    file.with_name(file.name + ".sig").unlink()
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:-2]))
    records = restart(crashed, key)
    assert names(records)[:2] == ["trail_opened", "trail_damaged"]
    assert "are gone" in records[1]["detail"]
    assert check(crashed, key).findings[0].what == "missing_segment"


def test_a_rewritten_tail_is_not_signed(crashed: Path, key: SigningKey) -> None:
    """Somebody computes the hashes anew, but cannot sign: the head tells."""
    writer = TrailWriter.open(crashed, "n", 1, key)
    writer.append(b'"n":1')
    writer.close()
    head = (crashed / "n-1.head").read_bytes()
    shutil.rmtree(crashed)
    forged = TrailWriter.open(crashed, "n", 1, key)
    for _ in range(8):
        forged.append(b'"n":666')
    forged.close()
    (crashed / "n-1.head").write_bytes(head)
    file = last_file(crashed)
    file.with_name(file.name + ".sig").unlink()
    records = restart(crashed, key)
    assert names(records)[:2] == ["trail_opened", "trail_damaged"]
    assert "not the one that was signed in the head" in records[1]["detail"]
    assert not file.with_name(file.name + ".sig").exists()


def test_a_trail_that_is_gone_does_not_begin_again_in_silence(crashed: Path, key: SigningKey) -> None:
    TrailWriter.open(crashed, "n", 1, key).close()
    for file in crashed.glob("*.jsonl*"):
        file.unlink()
    records = restart(crashed, key)
    assert names(records)[:2] == ["trail_opened", "trail_damaged"]
    assert records[0]["seq"] == 6
    assert not check(crashed, key).good


@pytest.mark.parametrize("content", [None, b"", b"nonsense"])
def test_a_lost_head_is_told(crashed: Path, key: SigningKey, content: bytes | None) -> None:
    head = crashed / "n-1.head"
    head.unlink()
    if content is not None:
        head.write_bytes(content)
    assert names(restart(crashed, key))[:2] == ["trail_opened", "trail_damaged"]
    assert check(crashed, key).good  # nothing else is wrong, and the event says what was


def test_a_new_key_goes_on_with_the_chain(crashed: Path, key: SigningKey) -> None:
    restart(crashed, key)
    new = SigningKey.generate()
    records = restart(crashed, new)
    assert records[0]["event"] == "trail_opened"
    assert records[0]["key"] == new.key_id
    assert [record["event"] for record in records] == ["trail_opened", "trail_key_changed", "statement", "trail_closed"]
    both = type(key.public())({**key.public().keys, **new.public().keys})
    assert verify(crashed, both).good
    assert {finding.what for finding in verify(crashed, new.public()).findings} == {"wrong_key"}


def test_a_signature_that_does_not_fit_is_kept_as_evidence(crashed: Path, key: SigningKey) -> None:
    restart(crashed, key)
    signature = sorted(crashed.glob("*.sig"))[-1]
    forged = signature.read_bytes().replace(b'"signature":"', b'"signature":"00')
    signature.write_bytes(forged)
    restart(crashed, key)
    assert signature.read_bytes() == forged
    assert [(finding.what, finding.file) for finding in check(crashed, key).findings] == [
        ("bad_signature", signature.name)
    ]
