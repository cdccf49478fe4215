"""Filters, times, joining of long answers, and following."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from gateway.model import Disclosed, Disclosure, Outcome, TableName
from gateway.trail.query import OPEN_LIMIT, Query, QueryError, _joined, follow, local, parse_when, run
from gateway.trail.writer import TrailWriter

SHANGHAI = timezone(timedelta(hours=8))
NOW = datetime(2026, 3, 4, 9, 30, tzinfo=SHANGHAI)
START_US = 1_772_600_000_000_000
MINUTE_US = 60_000_000


@pytest.fixture
def path(tmp_path: Path, open_writer: Callable[..., TrailWriter], make_statement: Callable[..., bytes]) -> Path:
    first, second = open_writer(1), open_writer(2)
    orders = {
        "relations": [TableName("sales", "orders")], "purpose": "analytics", "verdict": Outcome.ALLOW,
        "kind": "COPY", "classes": [Disclosed("contacts", Disclosure.CLEAR)],
    }  # fmt: skip
    denied = {"verdict": Outcome.DENY, "reason": "no_purpose", "purpose": None, "classes": []}
    first.append(make_statement(START_US + MINUTE_US, 1))
    second.append(make_statement(START_US + 2 * MINUTE_US, 2, "分析师", orders, {"worker": 2, "actor": "小王"}))
    first.append(make_statement(START_US + 3 * MINUTE_US, 3, "crm_app", denied, sqlstate="42501"))
    first.append(make_statement(START_US + 4 * MINUTE_US, 4, phase="open"))
    second.append(
        make_statement(
            START_US + 5 * MINUTE_US, 4, "分析师", {"statement_actor": "小李"}, {"worker": 2, "actor": "小王"}
        )
    )
    first.append(make_statement(START_US + 6 * MINUTE_US, 4, phase="close", rows=900))
    first.append(make_statement(START_US + 7 * MINUTE_US, 5, phase="open"))
    return tmp_path / "trail"


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (Query(principal="crm_app"), [1, 3, 4, 5]),
        (Query(principal="分析师"), [2, 4]),
        (Query(principal="crm"), []),
        (Query(actor="小王"), [2]),
        (Query(actor="小李"), [4]),
        (Query(purpose="analytics"), [2]),
        (Query(table="orders"), [2]),
        (Query(table="sales.orders"), [2]),
        (Query(table="rders"), []),
        (Query(data_class="contact"), [1, 4, 4, 5]),
        (Query(data_class="contact.phone", principal="分析师"), [4]),
        (Query(verdict="deny"), [3]),
        (Query(kind="copy"), [2]),
        (Query(event="statement", limit=2), [4, 5]),
        (Query(event="statement", limit=0), []),
        (Query(session="s1", principal="分析师"), [2, 4]),
        (Query(verdict="veil", table="customers", principal="crm_app", purpose="ticket_resolution"), [1, 4, 5]),
    ],
)
def test_filters(path: Path, question: Query, expected: list[int]) -> None:
    assert sorted(record["id"] for record in run(path, question)) == expected


def test_events_are_found_too(path: Path) -> None:
    assert [record["worker"] for record in run(path, Query(event="trail_opened"))] == [1, 2]


def test_a_time_range_includes_its_beginning_and_not_its_end(path: Path) -> None:
    at = [record["at"] for record in run(path, Query(event="statement", join=False))]
    found = run(path, Query(event="statement", since=at[1], until=at[3], join=False))
    assert [record["at"] for record in found] == at[1:3]


def test_a_long_answer_is_one_row(path: Path) -> None:
    rows = [record for record in run(path, Query(principal="crm_app")) if record.get("phase") != "single"]
    assert [(row["id"], row["phase"], row.get("rows")) for row in rows] == [(4, "close", 900), (5, "open", 0)]
    assert rows[0]["opened"] < rows[0]["at"]
    assert len(list(run(path, Query(principal="crm_app", join=False)))) == 5


def test_answers_under_way_are_bounded() -> None:
    opened = [{"phase": "open", "id": number} for number in range(OPEN_LIMIT + 3)]
    rows = _joined([*opened, {"phase": "close", "id": 1}], True)
    assert [next(rows)["id"] for _ in range(3)] == [0, 1, 2]


def test_follow_shows_the_latest_and_then_what_comes(
    path: Path, open_writer: Callable[..., TrailWriter], make_statement: Callable[..., bytes]
) -> None:
    third = open_writer(3)
    pauses = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            third.append(make_statement(START_US + 9 * MINUTE_US, 9))
            third.append(make_statement(START_US + 9 * MINUTE_US, 10, "other"))
        assert len(pauses) < 9

    seen = follow(path, Query(principal="crm_app", limit=2), pause=pause)
    assert [next(seen)["id"] for _ in range(3)] == [4, 5, 9]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", "2026-03-04T01:30:00.000000Z"),
        ("today", "2026-03-03T16:00:00.000000Z"),
        ("Yesterday", "2026-03-02T16:00:00.000000Z"),
        ("2h", "2026-03-03T23:30:00.000000Z"),
        ("90 s", "2026-03-04T01:28:30.000000Z"),
        ("2 hours ago", "2026-03-03T23:30:00.000000Z"),
        ("1 minute", "2026-03-04T01:29:00.000000Z"),
        ("1w", "2026-02-25T01:30:00.000000Z"),
        ("2026-03-01", "2026-02-28T16:00:00.000000Z"),
        ("2026-03-01T08:00", "2026-03-01T00:00:00.000000Z"),
        ("2026-03-01T08:00:00Z", "2026-03-01T08:00:00.000000Z"),
        ("2026-03-01T08:00:00.5+01:00", "2026-03-01T07:00:00.500000Z"),
    ],
)
def test_times(text: str, expected: str) -> None:
    assert parse_when(text, NOW) == expected


@pytest.mark.parametrize("text", ["", "soon", "2x", "2 moons ago", "999999w", "2026-13-01", "0001-01-01T00:00+14:00"])
def test_what_is_no_time_is_refused_with_examples(text: str) -> None:
    with pytest.raises(QueryError) as refusal:
        parse_when(text, NOW)
    assert "yesterday" in refusal.value.hint


def test_times_are_shown_in_the_zone_of_the_reader() -> None:
    assert local("2026-03-04T01:30:00.123456Z", SHANGHAI) == "2026-03-04 09:30:00.123"
    assert local("2026-03-04T01:30:00.123456Z", UTC) == "2026-03-04 01:30:00.123"
    assert local("no time") == "no time"
