"""The state machine: what an action may do in which state, what joins, and that nothing is lost in JSON."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.watch.finding import RecordRef, Severity
from gateway.watch.incidents import (
    CLOSED,
    EVIDENCE_LIMIT,
    TRANSITIONS,
    Action,
    Incident,
    NotPossible,
    State,
    belongs,
    changed,
    from_document,
    joined,
    opened,
    to_document,
)
from tests.support.findings import AT, finding

LATER = "2026-03-02T11:30:00.000000Z"


def incident(**changes: object) -> Incident:
    made, change = opened(7, finding(**changes), AT)
    assert change.kind == "opened"
    return made


def test_opened() -> None:
    one = incident()
    assert (one.name, one.state, one.severity) == ("INC-7", State.OPEN, Severity.HIGH)
    assert one.evidence == ("node-0:1",)
    assert one.subject_estimate == 2


def test_joining_keeps_the_gravest_sentence_and_adds_up() -> None:
    one, _ = joined(incident(), finding(2, severity=Severity.LOW, summary="less", rows=5), LATER)
    assert one.summary == "crm_app took 12,000 rows in one answer."
    one, change = joined(one, finding(3, severity=Severity.CRITICAL, summary="worse", tables=("crm.a",)), LATER)
    assert (one.summary, one.severity, one.findings, one.rows) == ("worse", Severity.CRITICAL, 3, 12_000)
    assert one.tables == ("crm.a", "crm.customers")
    assert one.evidence == ("node-0:1", "node-0:2", "node-0:3")
    assert change.finding == "bulk_export:crm_app@node-0:3"


def test_the_fullest_disclosure_of_a_class_is_kept() -> None:
    one, _ = joined(incident(), finding(2, classes=(("contact.phone", "pseudonym"), ("birth", "clear"))), LATER)
    assert one.classes == (("birth", "clear"), ("contact.phone", "partial"))


def test_evidence_is_bounded_and_counted() -> None:
    refs = tuple(RecordRef("node-0", n) for n in range(EVIDENCE_LIMIT + 50))
    one = incident(evidence=refs)
    assert len(one.evidence) == EVIDENCE_LIMIT
    assert one.evidence_count == EVIDENCE_LIMIT + 50


def test_what_is_near_belongs() -> None:
    one = incident()
    assert belongs(one, finding(2, at=LATER), 6000)
    assert not belongs(one, finding(2, at=LATER), 3600)
    assert not belongs(one, finding(2, principal="other"), 3600)
    assert not belongs(one, finding(2), 3600, drill="d")


def test_a_closed_incident_takes_only_what_was_done_before_it_was_closed() -> None:
    one, _ = changed(incident(), Action.RESOLVE, who="zhou", why="done", at="2026-03-02T10:30:00.000000Z")
    assert belongs(one, finding(2, at="2026-03-02T10:20:00.000000Z"), 3600)
    assert not belongs(one, finding(2, at="2026-03-02T10:31:00.000000Z"), 3600)
    after, _ = joined(one, finding(2, severity=Severity.CRITICAL), LATER)
    assert (after.state, after.severity) == (State.RESOLVED, Severity.HIGH)


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("action", Action)
def test_only_what_the_table_knows_is_possible(state: State, action: Action) -> None:
    one = from_document({**to_document(incident()), "state": str(state)})
    if (state, action) in TRANSITIONS:
        after, change = changed(one, action, who="zhou", why="because", at=LATER)
        assert after.state is change.state is TRANSITIONS[state, action]
        assert (change.who, change.why) == ("zhou", "because")
        assert bool(after.closed_at) == (after.state in CLOSED)
    else:
        with pytest.raises(NotPossible):
            changed(one, action, who="zhou", why="because", at=LATER)


def test_who_and_why_are_needed() -> None:
    with pytest.raises(NotPossible, match="who"):
        changed(incident(), Action.ACKNOWLEDGE, who=" ", why="", at=LATER)
    with pytest.raises(NotPossible, match="reason"):
        changed(incident(), Action.CONTAIN, who="zhou", why=" ", at=LATER)
    after, _ = changed(incident(), Action.ACKNOWLEDGE, who="zhou", why="", at=LATER)
    assert after.acknowledged_by == "zhou"


def test_the_machine_does_not_acknowledge() -> None:
    after, _ = changed(incident(), Action.CONTAIN, who="menshen", why="detector", at=LATER)
    assert (after.state, after.acknowledged_by) == (State.CONTAINED, "")
    after, _ = changed(after, Action.ACKNOWLEDGE, who="zhou", why="", at=LATER)
    assert (after.state, after.acknowledged_by) == (State.CONTAINED, "zhou")


@given(st.lists(st.sampled_from(list(Action)), max_size=12))
def test_closed_stays_closed_and_json_keeps_everything(actions: list[Action]) -> None:
    one = incident()
    for action in actions:
        before = one
        try:
            one, _ = changed(one, action, who="zhou", why="because", at=LATER)
        except NotPossible:
            assert one is before
        assert not (before.closed and one is not before)
    assert from_document(to_document(one)) == one
    assert from_document({**to_document(one), "of a later version": 1}) == one
