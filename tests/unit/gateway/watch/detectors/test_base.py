"""Findings: what they carry, when they are told again, what drills may not do."""

from __future__ import annotations

import orjson
import pytest

from gateway.trail.subjects import encode, make
from gateway.watch.detectors import DETECTORS, Seen, Zone
from gateway.watch.detectors.base import Told
from gateway.watch.finding import Severity
from tests.support.watching import PUBLIC, Bench, at, event, statement


def stranger(day: float, hour: float = 0, **members: object) -> dict[str, object]:
    return event(at(day, hour), "backend_seen", backend_role="r", database="crm", **members)


def test_the_same_is_told_again_after_a_while() -> None:
    bench = Bench("bypass", again_after=6)
    assert bench.feed(stranger(0))
    assert bench.feed(stranger(0, 5)) == []
    assert bench.feed(stranger(0, 12))


def test_a_drill_is_marked_and_hides_nothing() -> None:
    bench = Bench("bypass")
    drilled = bench.feed(stranger(0, actor="drill:7"))
    real = bench.feed(stranger(0, 0.1))
    assert [one.drill for one in drilled + real] == [True, False]
    assert drilled[0].key != real[0].key


def test_containment_only_for_what_is_severe_enough() -> None:
    bench = Bench("denial_burst", contain=True)
    note = bench.feed(*(statement(at(0, 9, n), verdict="deny", fingerprint=f"s{n % 2}") for n in range(300)))
    page = bench.feed(*(statement(at(1, 9, n), verdict="deny", fingerprint=f"s{n}") for n in range(300)))
    assert [one.contain for one in note] == [False]
    assert page[0].contain


def test_ids_are_stable_and_differ() -> None:
    one, other = Bench("bypass"), Bench("bypass")
    records = [stranger(0), stranger(1)]
    assert [finding.id for finding in one.feed(*records)] == [finding.id for finding in other.feed(*records)]
    assert len({finding.id for finding in Bench("bypass").feed(*records)}) == 2


@pytest.mark.parametrize("name", DETECTORS)
def test_every_detector_is_described_in_both_languages(name: str) -> None:
    about = DETECTORS[name].about
    assert about.name == name
    assert about.severity >= Severity.HIGH
    for chinese in (about.title_zh, about.sees_zh, *(setting.meaning_zh for setting in about.settings)):
        assert any("一" <= letter <= "鿿" for letter in chinese)
    for english in (about.title, about.sees, about.decides, about.example):
        assert english.isascii()


@pytest.mark.parametrize("name", DETECTORS)
def test_every_empty_state_goes_through_a_restart(name: str) -> None:
    bench = Bench(name)
    bench.restart()
    bench.feed(statement(at(), [1]), event(at(), "login"), statement(at(), verdict="deny"))
    bench.restart()


@pytest.mark.parametrize(
    ("tables", "named"),
    [
        ({"crm.a": [1, 2]}, {"crm.a/1", "crm.a/2"}),
        ({"crm.a": [2**40 + 7]}, {f"crm.a/{2**40 + 7}"}),
        ({"crm.a": ["00000001deadbeef"]}, {"crm.a/00000001deadbeef"}),
        ({"crm.a": [1], "crm.b": ["0000000900000000"]}, {"crm.a/1", "crm.b/0000000900000000"}),
        ({}, set()),
    ],
)
def test_subjects_are_named_by_their_whole_keys_and_tables(tables: dict[str, list[int | str]], named: set[str]) -> None:
    members = orjson.loads(b"{" + encode({name: make(keys)[0] for name, keys in tables.items()}) + b"}")
    record = {"seq": 1, **statement(at(), kind="COPY", rows=9000, subjects=None), **members}
    seen = Seen(record, "n-1", Zone("UTC"), PUBLIC)
    short = list(seen.keys or ())
    bench = Bench("bulk_export").detector
    [found] = bench.tell(seen, Told("x", Severity.HIGH, "s", "s", subjects=short))
    assert found.subjects == named


def test_an_earlier_key_that_is_known_by_32_bits_only_is_not_guessed() -> None:
    members = orjson.loads(b"{" + encode({"crm.a": make(["00000001deadbeef"])[0]}) + b"}")
    seen = Seen({"seq": 1, **statement(at(), subjects=None), **members}, "n-1", Zone("UTC"), PUBLIC)
    [found] = Bench("bulk_export").detector.tell(seen, Told("x", Severity.HIGH, "s", "s", subjects=[1, 77]))
    assert found.subjects == {"crm.a/00000001deadbeef"}
    plain = Seen({"seq": 2, **statement(at(), [5])}, "n-1", Zone("UTC"), PUBLIC)
    [found] = Bench("bulk_export").detector.tell(plain, Told("y", Severity.HIGH, "s", "s", subjects=[5, 77]))
    assert found.subjects == {"crm.customers/5", "crm.customers/77"}
