"""The same tests for SQLite and for PostgreSQL: what commits together, what a repetition changes, what a claim takes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest

from gateway.watch.finding import Severity
from gateway.watch.incidents import Action, NotPossible, State
from gateway.watch.sql import StoreUnavailable
from gateway.watch.store import Drill, Event, Honey, Message, NoSuchIncident, Store
from tests.support.findings import AT, finding

NOW = 1_772_445_600_000_000


@pytest.fixture(params=["sqlite", "postgres"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    dsn = request.getfixturevalue("dsn") if request.param == "postgres" else ""
    made = await Store.open(tmp_path / "incidents.sqlite3", dsn)
    yield made
    await made.close()


async def admit(store: Store, *seqs: int, **changes: object) -> list[Event]:
    return await store.admit([finding(seq, **changes) for seq in seqs], at=AT, now=NOW, plan=_plan)


def _plan(event: Event) -> Iterable[Message]:
    if event.change.kind == "opened":
        name = event.incident.name
        yield Message(f"{name}/opened/a", event.incident.number, "a", "opened", event.incident.severity, NOW, NOW)


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


async def test_what_fails_half_way_leaves_nothing(store: Store) -> None:
    def fails(event: Event) -> Iterable[Message]:
        if event.change.kind == "joined":
            raise RuntimeError("in the middle")
        return _plan(event)

    with pytest.raises(RuntimeError):
        await store.admit([finding(1), finding(2)], at=AT, now=NOW, plan=fails)
    assert await store.incidents() == []
    assert await store.claim("me", NOW, NOW + 1, "a") == []
    assert [event.change.kind for event in await admit(store, 1, 2)] == ["opened", "joined"]


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


async def test_a_claimed_message_is_nobody_elses_until_its_lease_is_over(store: Store) -> None:
    await admit(store, 1)
    [(message, incident, repeated)] = await store.claim("me", NOW, NOW + 60, "a")
    assert (message.id, incident.number, repeated) == ("INC-1/opened/a", 1, False)
    assert await store.claim("other", NOW + 30, NOW + 90, "a") == []
    [(_, _, repeated)] = await store.claim("other", NOW + 61, NOW + 120, "a")
    assert repeated, "it may have been sent by the one whose lease ended"
    await store.sent([message.id], NOW)
    assert await store.claim("other", NOW + 999, NOW + 1999, "a") == []
    assert [(one["state"], one["finished"]) for one in await store.messages(1)] == [("sent", NOW)]


async def test_a_restart_takes_up_its_own_messages_at_once(store: Store) -> None:
    await admit(store, 1)
    await store.claim("me", NOW, NOW + 60_000_000, "a")
    await store.orphaned("other")
    assert await store.claim("me", NOW + 1, NOW + 60, "a") == []
    await store.orphaned("me")
    assert len(await store.claim("me", NOW + 1, NOW + 60, "a")) == 1


async def test_a_failed_message_is_due_later_and_a_known_id_is_queued_once(store: Store) -> None:
    await admit(store, 1)
    [(message, _, _)] = await store.claim("me", NOW, NOW + 60, "a")
    await store.failed([message.id], "no answer", NOW + 500)
    assert await store.claim("me", NOW + 499, NOW + 999, "a") == []
    [(again, _, repeated)] = await store.claim("me", NOW + 500, NOW + 999, "a")
    assert (again.attempts, repeated) == (1, False)
    await store.queue([message])
    assert len(await store.messages(1)) == 1
    await store.failed([message.id], "no answer", None)
    assert await store.claim("me", NOW + 9999, NOW + 99999, "a") == []


async def test_acknowledging_drops_reminders_that_were_not_sent(store: Store) -> None:
    await admit(store, 1)
    await store.queue([Message("INC-1/again-1/a", 1, "a", "again", Severity.HIGH, NOW, NOW)])
    await store.act(1, Action.ACKNOWLEDGE, who="zhou", why="", at=AT)
    assert [message.kind for message, _, _ in await store.claim("me", NOW, NOW + 60, "a")] == ["opened"]


async def test_only_an_announced_drill_makes_a_finding_a_drill(store: Store) -> None:
    events = await admit(store, 1, drill=True)
    assert events[0].incident.drill == ""
    await store.start_drill(Drill("d1", "bulk-export", "crm_app", NOW + 1000))
    events = await admit(store, 2, drill=True, contain=True)
    assert events[0].incident.drill == "d1"
    assert [(one.actor, one.principal) for one in await store.suspensions()] == [("drill:d1", "crm_app")]
    assert (await admit(store, 3, drill=True, principal="other", key="k"))[0].incident.drill == ""
    assert (await admit(store, 4))[0].incident.number == 1
    assert [one.number for one in await store.drill_incidents("d1")] == [2]
    await store.end_drill("d1", {})
    assert await store.drills(NOW) == []
    assert (await store.figures()).suspended == []


async def test_honey_and_figures(store: Store) -> None:
    one = Honey("crm:crm.customers/17", "17", ("aa", "bb"), AT, "zhou")
    await store.plant_honey([one, one])
    assert await store.honey() == [one]
    await admit(store, 1, contain=True)
    figures = await store.figures()
    assert figures.waiting == {"a": 1}
    assert figures.suspended == ["support"]
    assert [incident.number for incident in figures.incidents] == [1]


async def test_concurrent_writers_number_incidents_without_gaps(store: Store) -> None:
    await asyncio.gather(*(admit(store, n, key=f"k{n}") for n in range(8)))
    assert [one.number for one in await store.incidents()] == [8, 7, 6, 5, 4, 3, 2, 1]


async def test_it_is_all_there_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "incidents.sqlite3"
    first = await Store.open(path)
    await admit(first, 1, contain=True)
    await first.close()
    assert path.stat().st_mode & 0o077 == 0
    second = await Store.open(path)
    assert (await second.get(1)).state is State.CONTAINED
    assert len(await second.suspensions()) == 1
    await second.close()


async def test_a_store_that_cannot_be_opened_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        await Store.open(tmp_path / "none" / "incidents.sqlite3")
    with pytest.raises(StoreUnavailable) as refused:
        await Store.open(tmp_path / "x", "postgresql://u:secret@127.0.0.1:1/db")
    assert "secret" not in str(refused.value)
