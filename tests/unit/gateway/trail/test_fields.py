"""The table of members is a table: one row for each, none without a meaning."""

from __future__ import annotations

from gateway.trail.fields import EVENTS, FIELDS


def test_members_are_listed_once_and_explained() -> None:
    names = [field.name for field in FIELDS]
    assert len(names) == len(set(names))
    assert {field.part for field in FIELDS} == {"chain", "time", "answer", "session", "plan", "event"}
    assert all(field.meaning and "|" not in field.meaning for field in FIELDS)
    assert all(meaning and "|" not in meaning for meaning in EVENTS.values())
