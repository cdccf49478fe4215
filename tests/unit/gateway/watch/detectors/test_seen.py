"""A record as detectors see it."""

from __future__ import annotations

import pytest

from gateway.watch.detectors.seen import CLEAR, NONE, PARTIAL, Seen, Zone, address
from tests.support.watching import PUBLIC, at, statement


def see(record: dict[str, object], zone: str = "UTC") -> Seen:
    return Seen(record, "n-1", Zone(zone), PUBLIC)


def test_hours_and_days_are_local() -> None:
    late = see(statement("2026-03-01T17:30:05.000001Z"), "Asia/Shanghai")  # Monday, half past one in Shanghai
    assert (late.slot, late.hour % 24, late.weekend) == (1, 1, False)
    assert see(statement("2026-03-01T17:30:05.000001Z")).weekend
    assert see(statement(at(0, 0))).slot == 0


def test_summer_time() -> None:
    zone = "Europe/Berlin"
    assert see(statement("2026-03-28T08:00:00.000000Z"), zone).hour % 24 == 9
    assert see(statement("2026-03-30T08:00:00.000000Z"), zone).hour % 24 == 10


def test_exposure_is_the_most_that_a_personal_class_shows() -> None:
    assert see(statement(at(), classes={"public": "clear"})).exposure == NONE
    assert see(statement(at(), classes={"public": "clear", "contact.phone": "partial"})).exposure == PARTIAL
    assert see(statement(at(), classes={"a": "withheld", "b": "clear", "c": "pseudonym"})).exposure == CLEAR
    assert see(statement(at(), classes={"a": "something new"})).exposure == NONE


def test_which_records_are_reads() -> None:
    assert see(statement(at())).read
    assert not see(statement(at(), phase="open")).read
    assert see(statement(at(), phase="close")).read
    denied = see(statement(at(), verdict="deny"))
    assert denied.denied
    assert not denied.read


def test_actors_and_drills() -> None:
    assert see(statement(at(), actor="a", statement_actor="b")).who == "crm_app/b"
    assert see(statement(at())).who == "crm_app"
    assert see(statement(at(), actor="drill:7")).drill == "drill:7"
    assert see(statement(at(), drill="7")).drill == "7"


def test_subjects_of_all_tables_and_forms() -> None:
    assert see(statement(at(), [1, 2, 2**32 - 1])).keys == see(statement(at(), [2**32 - 1, 1, 2])).keys
    assert list(see(statement(at(), range(100))).keys or ()) == list(range(100))
    assert list(see(statement(at(), [2**32 + 5])).keys or ()) == [5]
    assert list(see(statement(at(), ["0000000a00000000"])).keys or ()) == [10]
    two = {"a.b": {"n": 1, "i": [1]}, "c.d": {"n": 1, "i": [2]}}
    assert list(see(statement(at(), subjects=two)).keys or ()) == [1, 2]
    assert see(statement(at())).keys is None


@pytest.mark.parametrize(
    ("client", "host"),
    [("10.0.0.7:50123", "10.0.0.7"), ("[::1]:50123", "::1"), ("10.0.0.7", "10.0.0.7"), ("::1", "::1"), ("", "")],
)
def test_addresses(client: str, host: str) -> None:
    assert address(client) == host


def test_a_time_that_is_none() -> None:
    with pytest.raises(ValueError, match=r"."):
        see(statement("soon"))
