"""A store of incidents with findings in it."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.watch.store import Event, Message, Store
from tests.support.findings import AT, finding

NOW = 1_772_445_600_000_000


async def admit(store: Store, *seqs: int, **changes: object) -> list[Event]:
    return await store.admit([finding(seq, **changes) for seq in seqs], at=AT, now=NOW, plan=opened_to_a)


def opened_to_a(event: Event) -> Iterable[Message]:
    """Route `a` is told of each new incident."""
    if event.change.kind == "opened":
        name = event.incident.name
        yield Message(f"{name}/opened/a", event.incident.number, "a", "opened", event.incident.severity, NOW, NOW)
