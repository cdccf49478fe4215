"""The commands behind `menshen trail`: exit codes, output for people and for programs."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.trail.commands import export_command, query_command, verify_command
from gateway.trail.segment import list_segments
from gateway.trail.signing import SigningKey
from gateway.trail.writer import TrailWriter


@pytest.fixture
def trail(tmp_path: Path, open_writer: Callable[..., TrailWriter], make_statement: Callable[..., bytes]) -> Path:
    writer = open_writer()
    for number in range(60):
        writer.append(make_statement(id=number, principal="crm_app" if number % 2 else "分析师"))
    writer.close()
    return tmp_path / "trail"


@pytest.fixture
def public(tmp_path: Path, key: SigningKey) -> Path:
    file = tmp_path / "public.pem"
    file.write_bytes(key.public_pem())
    return file


def call(command: Callable[..., int], *arguments: object, **options: object) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    return command(*arguments, out=out, err=err, **options), out.getvalue(), err.getvalue()


def test_a_good_trail(trail: Path, public: Path) -> None:
    code, out, err = call(verify_command, trail, [public])
    assert (code, err) == (0, "")
    assert "n-1: records 1 to 62 in 1 segments, 1 signed; vouched for up to record 62" in out
    assert "good: 62 records" in out


def test_a_finding_is_exit_code_1_and_names_file_and_line(trail: Path, public: Path) -> None:
    file = trail / str(list_segments(trail)[0])
    file.write_bytes(file.read_bytes().replace(b'"id":30', b'"id":31', 1))
    code, out, _ = call(verify_command, trail, [public])
    assert code == 1
    assert f"edited {file.name}:32: record 32 was edited" in out
    code, out, _ = call(verify_command, trail, [public], json=True)
    report = json.loads(out)
    assert (code, report["good"], report["findings"][0]["seq"]) == (1, False, 32)


def test_json_serves_as_anchors(trail: Path, public: Path, tmp_path: Path) -> None:
    anchors = tmp_path / "anchors.json"
    anchors.write_text(call(verify_command, trail, [public], json=True)[1])
    assert call(verify_command, trail, [public], anchors=anchors)[0] == 0
    changed = json.loads(anchors.read_text())
    changed["chains"][0]["last"] += 5
    anchors.write_text(json.dumps(changed))
    code, out, _ = call(verify_command, trail, [public], anchors=anchors)
    assert code == 1
    assert "contradicts_anchor" in out


def test_without_signatures_it_says_so(trail: Path) -> None:
    code, out, _ = call(verify_command, trail, signatures=False)
    assert code == 0
    assert "NOT checked" in out


def test_set_up_errors_are_exit_code_2_with_advice(trail: Path, public: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad"
    bad.write_text("nonsense")
    for code, _, err in (
        call(verify_command, tmp_path / "absent", [public]),
        call(verify_command, trail),
        call(verify_command, trail, [bad]),
        call(verify_command, trail, [public], anchors=bad),
        call(query_command, tmp_path / "absent"),
        call(query_command, trail, since="soon"),
        call(query_command, trail, until="now", follow_new=True),
        call(export_command, trail, "xml"),
        call(export_command, tmp_path / "absent"),
    ):
        assert code == 2
        assert err.startswith("menshen trail: ")


def test_a_query_prints_a_table_or_json(trail: Path) -> None:
    code, out, _ = call(query_command, trail, principal="分析师", limit=5)
    lines = out.splitlines()
    assert code == 0
    assert len(lines) == 6
    assert lines[0].startswith("time")
    assert all("分析师" in line and "contact.phone=partial" in line for line in lines[1:])
    assert "\x1b" not in out
    code, out, _ = call(query_command, trail, principal="分析师", limit=None, json=True)
    assert [json.loads(line)["id"] for line in out.splitlines()] == list(range(0, 60, 2))
    assert call(query_command, trail, principal="nobody") == (0, "", "")


def test_an_export_has_every_record(trail: Path) -> None:
    assert call(export_command, trail)[1].count("\n") == 62
    assert call(export_command, trail, "csv", principal="crm_app")[1].count("crm_app") == 30


def test_a_reader_that_has_seen_enough_is_no_error(trail: Path) -> None:
    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    assert query_command(trail, out=Closed()) == 0
    assert export_command(trail, out=Closed()) == 0
