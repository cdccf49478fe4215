"""Whose connections are told, and how often."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.errors import UpstreamUnavailable
from gateway.watch.bypass import BypassPoller
from gateway.watch.detectors.bypass import Backend


class Source:
    def __init__(self, *found: Backend) -> None:
        self.found: Sequence[Backend] = found
        self.down = False

    async def backends(self) -> Sequence[Backend]:
        if self.down:
            raise UpstreamUnavailable("down")
        return self.found


def backend(pid: int, role: str = "dev", application: str = "psql") -> Backend:
    return Backend(pid, f"t{pid}", role, "crm", "10.0.0.9", application)


def poller(source: Source, told: list[dict[str, object]], **changes: object) -> BypassPoller:
    async def own() -> frozenset[int]:
        return frozenset({1, 2})

    values = {"account": "gate", "allowed": frozenset({"backup"}), **changes}
    return BypassPoller(
        "crm_by_name", source, own, lambda name, **members: told.append({"event": name, **members}),
        **values,  # type: ignore[arg-type]
    )  # fmt: skip


async def test_a_stranger_is_told_once() -> None:
    told: list[dict[str, object]] = []
    source = Source(backend(1), backend(2, "gate"), backend(3), backend(4, "backup"))
    each = poller(source, told)
    await each.poll()
    await each.poll()
    assert [(one["event"], one["backend_pid"], one["database"]) for one in told] == [("backend_seen", 3, "crm_by_name")]
    source.down = True
    await each.poll()
    source.down, source.found = False, [backend(3), backend(5)]
    await each.poll()
    assert [one["backend_pid"] for one in told] == [3, 5]


async def test_the_gateways_own_account_is_told_when_it_stays() -> None:
    told: list[dict[str, object]] = []
    source = Source(backend(7, "gate"))
    each = poller(source, told)
    await each.poll()
    assert told == []
    await each.poll()
    assert [one["backend_pid"] for one in told] == [7]
    source.found = [backend(8, "gate")]
    await each.poll()
    source.found = []
    await each.poll()
    assert len(told) == 1, "it was on its way to a session, or a command of the gateway"


async def test_only_an_announced_drill_is_a_drill() -> None:
    told: list[dict[str, object]] = []
    each = poller(Source(backend(3, "gate", "drill:d1"), backend(4, "dev", "drill:mine")), told)
    each.drills = {"d1"}
    await each.poll()
    assert [(one["backend_pid"], one["drill"]) for one in told] == [(3, "d1"), (4, None)]
