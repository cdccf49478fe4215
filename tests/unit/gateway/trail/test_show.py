"""What people and spreadsheets get to see, whatever a client called itself."""

from __future__ import annotations

import csv
import io
import json

from hypothesis import given
from hypothesis import strategies as st

from gateway.trail.show import csv_lines, header, jsonl, row, visible

STATEMENT = {
    "seq": 5, "prev": "0", "at": "2026-03-04T01:30:00.123456Z", "event": "statement", "phase": "single", "id": 1,
    "rows": 3, "bytes": 10, "duration_us": 1500, "sqlstate": "42501", "principal": "crm_app", "actor": "小王",
    "purpose": "ticket_resolution", "kind": "SELECT", "relations": ["crm.customers"], "verdict": "deny",
    "classes": {"contact.phone": "partial"}, "reason": "no_rule", "roles": ["a", "b"],
    "lookups": [{"column": "crm.customers.phone", "class": "contact.phone", "parameter": 1}],
}  # fmt: skip


def test_a_statement_is_one_line_that_says_all_that_matters() -> None:
    text = row(STATEMENT).plain
    for part in (
        "crm_app/小王",
        "ticket_resolu",
        "SELECT",
        "deny",
        "3",
        "1.500",
        "crm.customers",
        "contact.phone=partial",
    ):
        assert part in text
    for part in ("lookup:crm.customers.phone", "reason:no_rule", "sqlstate:42501"):
        assert part in text
    assert header().plain.index("touches") == row({**STATEMENT, "actor": None}).plain.index("crm.customers ")


def test_an_event_says_what_it_has_to_say() -> None:
    text = row({"at": "x", "event": "trail_torn", "file": "f.jsonl", "bytes": 13, "detail": "half a line"}).plain
    assert "trail_torn" in text
    assert "file=f.jsonl bytes=13 detail=half a line" in text


@given(st.text())
def test_no_name_steers_a_terminal(name: str) -> None:
    text = row({**STATEMENT, "principal": name, "relations": [name], "application": name}).plain
    assert "\x1b" not in text
    assert "\n" not in text
    assert "\u202e" not in text
    assert all(char.isprintable() or char == " " for char in visible(name) if not char.isspace())


def test_json_lines_are_the_records() -> None:
    assert [json.loads(line) for line in jsonl([STATEMENT, {"a": "客户"}])] == [STATEMENT, {"a": "客户"}]


def test_csv_has_a_header_and_cells_that_no_spreadsheet_runs() -> None:
    evil = {**STATEMENT, "application": '=HYPERLINK("http://x")', "actor": "@sum", "rows": -3, "statement": 'a,\n"b"'}
    table = list(csv.DictReader(io.StringIO("".join(csv_lines([evil, STATEMENT])))))
    assert len(table) == 2
    assert table[0]["application"].startswith("'=")
    assert table[0]["actor"] == "'@sum"
    assert table[0]["rows"] == "-3"
    assert table[0]["statement"] == 'a,\n"b"'
    assert table[0]["classes"] == "contact.phone=partial"
    assert table[0]["roles"] == "a b"
    assert table[0]["seq"] == "5"
    assert "".join(csv_lines([])).startswith("at,event,")
