"""Who saw this customer: certain answers, possible ones, nobody."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from gateway.trail.commands import subject_command
from gateway.trail.subject_query import sightings
from gateway.trail.subjects import encode, make
from gateway.trail.writer import TrailWriter


@pytest.fixture
def trail(open_writer: Callable[..., TrailWriter], make_statement: Callable[..., bytes], tmp_path: Path) -> Path:
    one = open_writer(1)
    one.append(make_statement(id=1, rows=1, subjects=encode({"crm.customers": make([4711])[0]})))
    one.append(make_statement(id=2, rows=9, subjects=encode({"crm.contacts": make(range(4700, 4720))[0]})))
    one.append(make_statement(id=3, rows=3, subjects=encode({}, rows=3, reason="aggregate")))
    one.append(make_statement(id=4, rows=1, subjects=encode({"crm.customers": make([12])[0]})))
    for phase, keys in (("open", [4711]), ("close", [4711, 12])):
        one.append(make_statement(id=5, rows=2, phase=phase, subjects=encode({"crm.contacts": make(keys)[0]})))
    one.append(make_statement(id=6, phase="open", subjects=encode({"crm.leads": make([4711])[0]})))
    return tmp_path / "trail"


def test_certain_and_possible_sightings(trail: Path) -> None:
    found = list(sightings(trail, 4711))
    assert [(one.certain, one.tables, one.reason) for one in found] == [
        (True, ("crm.customers",), ""),
        (True, ("crm.contacts",), ""),
        (False, ("crm.customers",), "aggregate"),
        (True, ("crm.contacts",), ""),
        (True, ("crm.leads",), ""),
    ]
    assert found[0].classes == {"contact.phone": "partial"}
    assert found[0].purpose == "ticket_resolution"


def test_one_table_and_certain_only(trail: Path) -> None:
    assert [one.tables for one in sightings(trail, 4711, table="crm.contacts")] == [("crm.contacts",)] * 2
    assert len(list(sightings(trail, 4711, possible=False))) == 4
    assert list(sightings(trail, 99, possible=False)) == []


def test_the_command_prints_who_and_what(trail: Path) -> None:
    out = io.StringIO()
    assert subject_command(trail, 4711, out=out) == 0
    text = out.getvalue()
    assert "4 answers showed this subject; 1 more may have" in text
    assert "crm_app  for ticket_resolution" in text
    assert "may have seen (3 rows: aggregate)" in text


def test_the_command_as_json_and_its_refusals(trail: Path, tmp_path: Path) -> None:
    out, err = io.StringIO(), io.StringIO()
    assert subject_command(trail, 4711, json=True, possible=False, out=out) == 0
    assert [orjson.loads(line)["certain"] for line in out.getvalue().splitlines()] == [True] * 4
    assert subject_command(tmp_path / "none", 4711, err=err) == 2
    assert subject_command(trail, None, err=err) == 2
    assert "secret" in err.getvalue()
