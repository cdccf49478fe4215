"""The values of the store: kinds of messages that everybody means alike, severities, marks of drills."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.watch.finding import Severity
from gateway.watch.incidents import Action, Incident, changed, joined, opened
from gateway.watch.messages import _KINDS, Route, overdue, plan
from gateway.watch.store import CALLS, NOTICES, Drill, Event, Message, Sending
from tests.support.findings import AT, finding
from tests.support.incidents import NOW


def test_each_kind_of_message_is_a_call_or_a_notice_and_has_words() -> None:
    assert not set(CALLS) & set(NOTICES)
    assert set(CALLS) | set(NOTICES) == set(_KINDS)


def _kinds(event: Event, *routes: Route) -> set[str]:
    return {message.kind for message in plan(routes, NOW)(event)}


def test_what_is_planned_is_a_known_kind() -> None:
    route, late = Route("a", repeat_after_seconds=60), Route("b", escalate_after_seconds=60, repeat_after_seconds=0)
    incident, change = opened(1, finding(), AT)
    assert _kinds(Event(incident, change), route) == {"opened"}
    worse, change = joined(incident, finding(2, severity=Severity.CRITICAL), AT)
    assert _kinds(Event(worse, change, worse=True), route) == {"worse"}
    for action, kind in ((Action.CONTAIN, "contained"), (Action.RESOLVE, "closed"), (Action.DISMISS, "closed")):
        after, change = changed(incident, action, who="zhou", why="because", at=AT)
        assert _kinds(Event(after, change), route) == {kind} <= set(NOTICES)
    later = {message.kind for message in overdue(incident, (route, late), NOW + 120_000_000)}
    assert later == {"again", "escalated"} <= set(CALLS)


@pytest.mark.parametrize(
    ("severities", "gravest"),
    [((Severity.LOW,), Severity.LOW), ((Severity.LOW, Severity.CRITICAL, Severity.HIGH), Severity.CRITICAL)],
)
def test_a_sending_is_as_grave_as_its_gravest_message(severities: tuple[Severity, ...], gravest: Severity) -> None:
    one = Message("INC-1/opened/a", 1, "a", "opened", Severity.LOW, NOW, NOW)
    incident: Incident = opened(1, finding(), AT)[0]
    messages = tuple(replace(one, severity=each) for each in severities)
    assert Sending("k", messages, (incident,) * len(messages), repeated=False).severity is gravest


def test_the_mark_of_a_drill_is_that_of_its_sessions() -> None:
    assert Drill("d1", "honey", "crm_app", NOW).actor == "drill:d1"
