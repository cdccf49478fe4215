"""Who is told what and when; and no message names a person."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.watch.finding import Severity
from gateway.watch.incidents import Action, Incident, changed, joined, moment, opened
from gateway.watch.messages import Route, body, grouped, overdue, plan, routes_of, scrubbed, title
from gateway.watch.store import Event
from tests.support.findings import AT, finding

NOW = round(moment(AT).timestamp() * 1_000_000)
ONCALL, BOSS = Route("oncall"), Route("boss", Severity.HIGH, escalate_after_seconds=600, repeat_after_seconds=0)
SALES = Route("sales", departments=frozenset({"sales"}))


def incident(**changes: object) -> Incident:
    return opened(7, finding(**changes), AT)[0]


def ids(routes: list[Route], event: Event, now: int = NOW) -> list[str]:
    return [one.id for one in plan(routes, now)(event)]


def test_routing_by_severity_and_department() -> None:
    low = incident(severity=Severity.LOW)
    assert routes_of(low, [ONCALL, BOSS, SALES]) == [ONCALL]
    assert routes_of(incident(department="sales"), [ONCALL, BOSS, SALES]) == [ONCALL, BOSS, SALES]
    assert routes_of(low, [Route("x", Severity.HIGH)]) == []


def test_a_department_without_a_desk_is_told_to_all() -> None:
    assert routes_of(incident(), [SALES, BOSS]) == [SALES, BOSS]


def test_an_opened_incident_is_told_at_once_where_it_does_not_wait_for_escalation() -> None:
    one, change = opened(7, finding(), AT)
    assert ids([ONCALL, BOSS], Event(one, change)) == ["INC-7/opened/oncall"]


def test_more_of_the_same_is_quiet_and_worse_is_told() -> None:
    one = incident()
    more, change = joined(one, finding(2), AT)
    assert ids([ONCALL], Event(more, change)) == []
    worse, change = joined(one, finding(3, severity=Severity.CRITICAL), AT)
    assert ids([ONCALL], Event(worse, change, worse=True)) == ["INC-7/worse-critical/oncall"]


def test_the_end_is_told_to_all_who_were_called() -> None:
    one, change = changed(incident(), Action.DISMISS, who="zhou", why="a test", at=AT)
    assert ids([ONCALL, BOSS], Event(one, change)) == ["INC-7/closed/oncall"]
    late = NOW + 700 * 1_000_000
    assert ids([ONCALL, BOSS], Event(one, change), late) == ["INC-7/closed/oncall", "INC-7/closed/boss"]


def test_escalation_and_quiet_repeat() -> None:
    one = incident()

    def due(seconds: int, each: Incident = one) -> list[str]:
        return [message.id for message in overdue(each, [ONCALL, BOSS], NOW + seconds * 1_000_000)]

    assert due(599) == []
    assert due(600) == ["INC-7/escalated/boss"]
    assert due(3600) == ["INC-7/again-1/oncall", "INC-7/escalated/boss"]
    assert due(3600) == due(7199), "the same ids, so nothing is queued twice"
    assert due(7200)[0] == "INC-7/again-2/oncall"
    acknowledged, _ = changed(one, Action.ACKNOWLEDGE, who="zhou", why="", at=AT)
    assert due(9999, acknowledged) == []


@pytest.mark.parametrize(
    "text",
    ["call 13800138000", "110101199003077758", "6222 0212 3456 7890 123", "zhang.san@example.com",
     "from 10.1.2.3.", "from 2001:db8::1:2 now", "crm_app/张三 took it"],
)  # fmt: skip
def test_what_could_name_a_person_is_taken_out(text: str) -> None:
    clean = scrubbed(text, "crm_app")
    for part in ("13800138000", "110101199003077758", "6222", "zhang", "10.1.2.3", "2001", "张三"):
        assert part not in clean


@pytest.mark.parametrize("text", ["12,000 rows at 10:02:03 on 2026-03-02", "INC-7 rules.csv:14", "读取 12,000 行"])
def test_figures_and_times_stay(text: str) -> None:
    assert scrubbed(text) == text


@pytest.mark.parametrize("language", ["en", "zh"])
def test_texts(language: str) -> None:
    one = incident(summary="crm_app/wang.wu took 9 rows.", summary_zh="crm_app/wang.wu 取走 9 行。")
    text = title(one, "opened", language) + body(one, "opened", "INC-7/opened/oncall", language)
    assert "INC-7" in text
    assert "crm.customers" in text
    assert "wang" not in text
    assert "crm.customers/1" not in text
    assert ("确认" in text) == (language == "zh")
    assert "menshen incident ack 7" in text
    again = body(one, "opened", "r", language, maybe_repeated=True)
    assert ("reached you before" in again) or ("发送过一次" in again)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_drills_say_so(language: str) -> None:
    drill = replace(incident(), drill="d1")
    word = "演练" if language == "zh" else "DRILL"
    assert word in title(drill, "opened", language)
    assert word.lower() in body(drill, "opened", "r", language).lower()
    assert word in grouped([drill], language)[0]
    assert word not in grouped([drill, replace(incident(), number=8)], language)[0]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_group_names_the_gravest_first(language: str) -> None:
    many = [replace(incident(), number=n, severity=Severity(1 + n % 4)) for n in range(1, 30)]
    head, text = grouped([*many, many[0]], language)
    assert "29" in head
    assert text.splitlines()[0].startswith("INC-3 ")
    assert len(text.splitlines()) == 21
