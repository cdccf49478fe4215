"""Announced drills and planted customers."""

from __future__ import annotations

from gateway.watch.store import Drill, Honey, Store
from tests.support.findings import AT
from tests.support.incidents import NOW, admit


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
