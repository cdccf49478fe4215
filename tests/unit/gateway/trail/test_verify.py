"""Whatever is done to a signed trail is found, and named where it was done."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.trail import verify as module
from gateway.trail.chain import Link
from gateway.trail.segment import list_segments
from gateway.trail.signing import SigningKey
from gateway.trail.verify import Report, verify
from gateway.trail.writer import TrailWriter

KEY = SigningKey.generate()
LINES = 12
"""Records of a segment, about."""


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two chains of several closed segments, left in order."""
    path = tmp_path_factory.mktemp("original") / "trail"
    for worker in (1, 2):
        writer = TrailWriter.open(path, "n", worker, KEY, segment_bytes=1500)
        for number in range(40):
            writer.append(b'"at":"2026-03-04T05:06:07.%06dZ","event":"statement","n":%d' % (number, number))
        writer.close()
    assert len(list_segments(path, "n-1")) >= 4
    return path


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.time, "sleep", lambda seconds: None)


def copied(original: Path, tmp_path: Path) -> Path:
    target = tmp_path / "copy"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(original, target)
    return target


def check(path: Path, keys: SigningKey = KEY, **options: object) -> Report:
    return verify(path, keys.public(), **options)  # type: ignore[arg-type]


def segments(path: Path, chain: str = "n-1") -> list[Path]:
    return [path / str(name) for name in list_segments(path, chain)]


def test_an_untouched_trail_is_good(original: Path) -> None:
    done: list[tuple[int, int]] = []
    report = check(original, progress=lambda *state: done.append(state))
    assert report.good, report.findings
    assert [(chain.chain, chain.vouched == chain.last) for chain in report.chains] == [("n-1", True), ("n-2", True)]
    assert report.chains[0].signed == report.chains[0].segments
    assert report.chains[0].records == report.chains[0].last == 42  # 40, opened and closed
    assert done[-1][0] == done[-1][1]


EXAMPLES = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)  # fmt: skip


@EXAMPLES
@given(data=st.data())
def test_a_changed_byte_is_found_and_located(original: Path, tmp_path: Path, data: st.DataObject) -> None:
    path = copied(original, tmp_path)
    file = data.draw(st.sampled_from(segments(path)))
    raw = file.read_bytes()
    at = data.draw(st.integers(0, len(raw) - 1))
    file.write_bytes(raw[:at] + bytes([raw[at] ^ data.draw(st.integers(1, 255))]) + raw[at + 1 :])
    line = raw.count(b"\n", 0, at) + 1
    report = check(path)
    first = report.findings[0]
    assert first.file == file.name
    if first.line:
        assert abs(first.line - line) <= 1, (line, report.findings)
    else:  # the last line, which only the signature vouches for; without its newline a line is part of the next
        assert line + (raw[at] == ord("\n")) >= raw.count(b"\n")
    assert not any(finding.file.startswith("n-2") for finding in report.findings)


@EXAMPLES
@given(data=st.data())
def test_lines_dropped_swapped_repeated_or_inserted_are_found(
    original: Path, tmp_path: Path, data: st.DataObject
) -> None:
    path = copied(original, tmp_path)
    file = data.draw(st.sampled_from(segments(path)))
    lines = file.read_bytes().splitlines(keepends=True)
    at = data.draw(st.integers(0, len(lines) - 1))
    other = data.draw(st.integers(0, len(lines) - 1).filter(lambda index: index != at))
    what = data.draw(st.sampled_from(["drop", "swap", "repeat", "insert", "truncate"]))
    if what == "drop":
        del lines[at]
    elif what == "swap":
        lines[at], lines[other] = lines[other], lines[at]
    elif what == "repeat":
        lines.insert(other, lines[at])
    elif what == "insert":
        lines.insert(at, lines[at].replace(b'"n":', b'"m":'))
    else:
        del lines[at:]
    file.write_bytes(b"".join(lines))
    if b"".join(lines) == file.with_name(file.name).read_bytes() == (original / file.name).read_bytes():
        return  # repeating a line onto itself changed nothing
    report = check(path)
    first = report.findings[0]
    where = min(at, other) if what == "swap" else other if what == "repeat" else at
    if first.file == file.name and first.line:
        assert first.line - 1 in (where - 1, where, where + 1), (what, at, other, report.findings)
    else:  # at the segment's end: its signature or the next segment's beginning tells
        assert where >= len(lines) - 1 or first.what in ("truncated", "missing_segment", "inserted"), report.findings
    assert first.seq or first.line


@EXAMPLES
@given(data=st.data())
def test_a_cut_anywhere_is_found(original: Path, tmp_path: Path, data: st.DataObject) -> None:
    path = copied(original, tmp_path)
    file = data.draw(st.sampled_from(segments(path)))
    raw = file.read_bytes()
    at = data.draw(st.integers(0, len(raw) - 1))
    file.write_bytes(raw[:at])
    report = check(path)
    assert {finding.what for finding in report.findings} & {"torn_tail", "truncated"}
    assert report.findings[0].file == file.name
    assert report.findings[0].seq in (raw[:at].count(b"\n") + int(file.stem[-15:]), 0)


@EXAMPLES
@given(data=st.data())
def test_a_changed_or_missing_signature_or_head_is_found(original: Path, tmp_path: Path, data: st.DataObject) -> None:
    path = copied(original, tmp_path)
    file = data.draw(st.sampled_from(sorted([*path.glob("n-1-*.sig"), path / "n-1.head"])))
    raw = file.read_bytes()
    if data.draw(st.booleans()):
        file.unlink()
        expected = {"unsigned"}
    else:
        at = data.draw(st.integers(0, len(raw) - 1))
        file.write_bytes(raw[:at] + bytes([raw[at] ^ data.draw(st.integers(1, 255))]) + raw[at + 1 :])
        expected = {"unreadable", "wrong_key", "bad_signature"}
    report = check(path)
    assert len(report.findings) == 1
    assert report.findings[0].what in expected
    assert report.findings[0].file.removesuffix(".sig") == file.name.removesuffix(".sig")


@pytest.mark.parametrize("with_signature", [True, False])
@pytest.mark.parametrize("index", [0, 1, -1])
def test_a_dropped_segment_is_found(original: Path, tmp_path: Path, index: int, with_signature: bool) -> None:
    path = copied(original, tmp_path)
    file = segments(path)[index]
    file.unlink()
    if with_signature:
        file.with_name(file.name + ".sig").unlink()
    report = check(path)
    assert not report.good
    first = int(file.stem[-15:])
    expected = "truncated" if index == -1 else "missing_segment"
    assert (report.findings[0].what, report.findings[0].seq) == (expected, first)
    # what is left is verified, not given up
    assert not any(finding.what == "edited" for finding in report.findings)


def test_segments_of_one_chain_do_not_pass_as_another_and_cannot_be_swapped(original: Path, tmp_path: Path) -> None:
    path = copied(original, tmp_path)
    mine, theirs = segments(path, "n-1")[1], segments(path, "n-2")[1]
    for suffix in ("", ".sig"):
        mine.with_name(mine.name + suffix).write_bytes(theirs.with_name(theirs.name + suffix).read_bytes())
    assert {finding.file.removesuffix(".sig") for finding in check(path).findings} >= {mine.name}


def test_a_rewritten_chain_without_the_key_is_found(original: Path, tmp_path: Path) -> None:
    """Somebody who can write files but not sign computes all hashes anew."""
    path = copied(original, tmp_path)
    forger = SigningKey.generate()
    shutil.rmtree(path)
    writer = TrailWriter.open(path, "n", 1, forger)
    writer.append(b'"event":"statement","n":0')
    writer.close()
    assert {finding.what for finding in check(path).findings} == {"wrong_key"}
    assert verify(path, None).good  # the chain alone proves nothing: the report says so
    assert not verify(path, None).signatures_checked


def test_an_anchor_finds_what_was_rolled_back_with_its_head(original: Path, tmp_path: Path) -> None:
    """An old copy of the whole folder is consistent in itself; only somebody who remembers can tell."""
    path = tmp_path / "trail"
    writer = TrailWriter.open(path, "n", 1, KEY)
    writer.close()
    old = copied(path, tmp_path)
    writer = TrailWriter.open(path, "n", 1, KEY)
    writer.append(b'"event":"statement"')
    writer.close()
    anchor = {chain.chain: Link(chain.last, chain.hash) for chain in check(path).chains}
    assert check(path, anchors=anchor).good
    assert check(old).good
    assert [finding.what for finding in check(old, anchors=anchor).findings] == ["contradicts_anchor"]
    gone = {"other-1": Link(5, "0" * 64)}
    assert [finding.what for finding in check(path, anchors=gone).findings if finding.what == "contradicts_anchor"]


def test_the_open_segment_of_a_running_gateway_is_fine(
    tmp_path: Path, open_writer: Callable[..., TrailWriter], key: SigningKey
) -> None:
    writer = open_writer()
    for number in range(5):
        writer.append(b'"n":%d' % number)
    report = check(tmp_path / "trail", key)
    assert report.good, report.findings
    assert report.chains[0].open_segment.startswith("n-1-")
    assert (report.chains[0].last, report.chains[0].vouched) == (6, 1)


def test_a_torn_tail_is_named(tmp_path: Path, open_writer: Callable[..., TrailWriter], key: SigningKey) -> None:
    open_writer()
    file = segments(tmp_path / "trail")[0]
    with open(file, "ab") as torn:
        torn.write(b'{"prev":"half')
    report = check(tmp_path / "trail", key)
    assert [(finding.what, finding.file, finding.seq) for finding in report.findings] == [("torn_tail", file.name, 2)]
    assert "13 bytes" in report.findings[0].message


def test_many_wrong_lines_are_counted_not_listed(
    original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FINDINGS_PER_SEGMENT", 3)
    path = copied(original, tmp_path)
    file = segments(path)[0]
    file.write_bytes(b"nonsense\n" * 10)
    findings = [finding for finding in check(path).findings if finding.file == file.name]
    assert any("7 more places" in finding.message for finding in findings)
