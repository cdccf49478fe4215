"""Findings open and join incidents; actions suspend and lift; changes wait for the trail."""

from __future__ import annotations

import pytest

from gateway.watch.finding import Severity
from gateway.watch.incidents import Action, NotPossible, State
from gateway.watch.store import NoSuchIncident, Store
from tests.support.findings import AT, finding
from tests.support.incidents import NOW, admit


async def test_findings_open_and_join(store: Store) -> None:
    events = await admit(store, 1, 2)
    assert [event.change.kind for event in events] == ["opened", "joined"]
    other = await admit(store, 3, key="scraping:crm_app")
    assert other[0].incident.number == 2
    assert [one.number for one in await store.incidents()] == [2, 1]
    assert (await store.get(1)).findings == 2
    assert await store.subjects(1) == (2, ["crm.customers/1", "crm.customers/2"])
    assert [one["id"] for one in await store.findings(1)] == [
        "bulk_export:crm_app@node-0:1",
        "bulk_export:crm_app@node-0:2",
    ]


async def test_several_detectors_about_one_record_are_one_incident(store: Store) -> None:
    await admit(store, 1)
    events = await admit(store, 1, key="subjects:crm_app", severity=Severity.CRITICAL)
    assert events[0].incident.number == 1
    assert events[0].worse
    assert (await admit(store, 2, key="subjects:crm_app"))[0].incident.number == 1


async def test_a_finding_that_comes_again_changes_nothing(store: Store) -> None:
    await admit(store, 1)
    assert await admit(store, 1) == []
    assert (await store.get(1)).findings == 1
    assert len(await store.timeline(1)) == 1


async def test_a_detector_may_contain(store: Store) -> None:
    events = await admit(store, 1, contain=True)
    assert [event.change.kind for event in events] == ["opened", "contain"]
    assert [(one.principal, one.actor) for one in await store.suspensions()] == [("crm_app", "")]
    assert (await store.get(1)).state is State.CONTAINED
    assert [event.change.kind for event in await admit(store, 2, contain=True)] == ["joined"]
    off = await store.admit([finding(9, key="k", principal="b", contain=True)], at=AT, now=NOW, contain=False)
    assert [event.change.kind for event in off] == ["opened"]


async def test_actions_suspend_and_lift(store: Store) -> None:
    await admit(store, 1)
    for action, held in ((Action.CONTAIN, 1), (Action.LIFT, 0), (Action.CONTAIN, 1), (Action.RESOLVE, 0)):
        await store.act(1, action, who="zhou", why="because", at=AT)
        assert len(await store.suspensions()) == held
    with pytest.raises(NotPossible):
        await store.act(1, Action.LIFT, who="zhou", why="because", at=AT)
    with pytest.raises(NoSuchIncident):
        await store.act(99, Action.LIFT, who="zhou", why="because", at=AT)
    assert [one.kind for one in await store.timeline(1)] == ["opened", "contain", "lift", "contain", "resolve"]
    assert await store.incidents() == []
    assert len(await store.incidents(closed=True)) == 1


async def test_without_an_account_nothing_is_contained(store: Store) -> None:
    await admit(store, 1, principal="", contain=True)
    with pytest.raises(NotPossible, match="no account"):
        await store.act(1, Action.CONTAIN, who="zhou", why="because", at=AT)
    assert (await store.get(1)).state is State.OPEN


async def test_changes_wait_until_they_are_recorded(store: Store) -> None:
    await admit(store, 1, 2)
    await store.note(1, kind="note", who="zhou", why="called the vendor", at=AT)
    waiting = await store.unrecorded()
    assert [(number, change.kind) for number, _, change in waiting] == [(1, "opened"), (2, "joined"), (3, "note")]
    await store.recorded(2)
    assert [number for number, _, _ in await store.unrecorded()] == [3]
