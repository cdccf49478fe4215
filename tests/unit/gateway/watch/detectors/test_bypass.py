"""Connections that are not the gateway's."""

from __future__ import annotations

from gateway.watch.detectors import Backend, strangers
from gateway.watch.finding import Severity
from tests.support.watching import Bench, at, event


def seen(second: float = 0, **members: object) -> dict[str, object]:
    backend = Backend(71, "2026-03-02 09:00:00+00", "backup", "crm", "203.0.113.5", "psql")
    return event(at(0, 9, second), "backend_seen", **backend.members()) | {"principal": ""} | members


def test_a_stranger_is_critical_and_told_once() -> None:
    found = Bench("bypass").feed(seen(), seen(60))
    assert [one.severity for one in found] == [Severity.CRITICAL]
    assert "backup is connected" in found[0].summary
    assert found[0].database == "crm"


def test_those_who_may_are_silent() -> None:
    for allowed in ({"roles": ("backup",)}, {"addresses": ("203.0.113.5",)}, {"applications": ("psql",)}):
        assert Bench("bypass", **allowed).feed(seen()) == []
    assert Bench("bypass", roles=("other",)).feed(seen())


def test_strangers_are_neither_ours_nor_known() -> None:
    ours, known, new = (Backend(pid, "t", "r", "d", "", "") for pid in (1, 2, 3))
    assert strangers([ours, known, new], own=[1], known={(2, "t"): known}) == [new]
    again = Backend(2, "later", "r", "d", "", "")
    assert strangers([again], own=[1], known={(2, "t"): known}) == [again], "the pid was used again"
