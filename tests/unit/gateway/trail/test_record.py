"""The builders make valid JSON of bounded size from any input, and the documentation lists every member."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import Disclosed, Disclosure, Outcome, TableName
from gateway.trail import record
from gateway.trail.fields import EVENTS, FIELDS

ANY_TEXT = st.text(alphabet=st.characters(), max_size=400)  # lone surrogates and control characters included


@dataclass(frozen=True)
class Lookup:
    column: str = "crm.customers.phone"
    data_class: str = "contact.phone"
    parameter: int = 0
    value_hash: str = ""


def session(**changes: object) -> bytes:
    values: dict[str, object] = {
        "node": "节点一", "worker": 2, "session": "s-7", "principal": "crm_app", "department": "客服",
        "roles": ["support", "agent"], "client": "10.0.0.7:50123", "application": "客服系统 \"v2\"", "database": "crm",
    }  # fmt: skip
    return record.session_fragment(**(values | changes))  # type: ignore[arg-type]


def plan(**changes: object) -> bytes:
    values: dict[str, object] = {
        "kind": "SELECT", "statement": 'SELECT "手机号" FROM customers WHERE id = $1', "fingerprint": "abc",
        "verdict": Outcome.VEIL, "bundle": "d1", "purpose": "ticket_resolution",
        "relations": [TableName("crm", "customers")],
        "classes": [Disclosed("contact.phone", Disclosure.PARTIAL, ("rules.csv:3",))],
    }  # fmt: skip
    return record.plan_fragment(**(values | changes))  # type: ignore[arg-type]


def decode(members: bytes) -> dict[str, object]:
    assert b"\n" not in members
    pairs = json.loads(b"{" + members + b"}", object_pairs_hook=list)
    names = [name for name, _ in pairs]
    assert len(names) == len(set(names)), "a member is written twice"
    return json.loads(b"{" + members + b"}")


def test_a_statement_says_who_what_how_and_how_much() -> None:
    at = datetime(2026, 3, 4, 5, 6, 7, 890_012, UTC)
    members = record.statement(
        session(), plan(), at_us=int(at.timestamp()) * 1_000_000 + at.microsecond, id=9, rows=3, bytes_=120,
        duration_us=1500, overhead_us=40,
    )  # fmt: skip
    got = decode(members)
    assert got["at"] == "2026-03-04T05:06:07.890012Z"
    assert (got["event"], got["phase"], got["id"], got["rows"], got["bytes"]) == ("statement", "single", 9, 3, 120)
    assert (got["principal"], got["department"], got["roles"]) == ("crm_app", "客服", ["agent", "support"])
    assert got["classes"] == {"contact.phone": "partial"}
    assert got["rules"] == ["rules.csv:3"]
    assert got["relations"] == ["crm.customers"]
    assert "actor" not in got
    assert "reason" not in got


@given(a=ANY_TEXT, b=ANY_TEXT, number=st.integers(0, 2**62), sqlstate=ANY_TEXT)
def test_any_text_gives_one_line_of_valid_json(a: str, b: str, number: int, sqlstate: str) -> None:
    who = session(actor=a, application=b, session=a, principal=b)
    what = plan(statement=a + b, purpose=a, reason=b, rules=[a, b], statement_actor=a)
    got = decode(record.statement(who, what, at_us=number % 4_000_000_000_000_000, id=number, sqlstate=sqlstate))
    assert got["id"] == number
    decode(record.event("login_failed", at_us=0, fields={"user": a, "detail": b, "none": None, "many": [a, b]}))


def test_strings_and_lists_are_bounded() -> None:
    many = [f"s.t{n:05}" for n in range(5000)]
    classes = [Disclosed(f"c{n}", Disclosure.CLEAR) for n in range(5000)]
    members = plan(statement="长" * 100_000, relations=many, rules=many, classes=classes, reason="r" * 10_000)
    assert len(members) < 60_000
    got = decode(members)
    assert str(got["statement"]).endswith("…")
    assert got["relations"][-1] == "… +4744"  # type: ignore[index]
    assert len(session(actor="演" * 100_000, roles=many)) < 20_000


def test_a_class_with_two_disclosures_counts_with_the_better_one() -> None:
    both = [Disclosed("a", Disclosure.CLEAR, ("r:1",)), Disclosed("a", Disclosure.WITHHELD, ("r:2",))]
    got = decode(plan(classes=both))
    assert got["classes"] == {"a": "clear"}
    assert got["rules"] == ["r:1", "r:2"]


def test_lookups_carry_hashes_and_never_values() -> None:
    digest = record.value_hash(b"k" * 32, "contact.phone", "13800000000")
    what = plan(lookups=[Lookup(value_hash=digest), Lookup(parameter=2)])
    got = decode(record.statement(session(), what, at_us=0, id=1, lookups=[(2, digest), (2, digest)]))
    assert got["lookups"] == [
        {"column": "crm.customers.phone", "class": "contact.phone", "hash": digest},
        {"column": "crm.customers.phone", "class": "contact.phone", "parameter": 2},
    ]
    assert got["lookup_values"] == [[2, digest], [2, digest]]
    assert "138" not in str(got["lookups"])


def test_a_value_hash_depends_on_key_and_class() -> None:
    base = record.value_hash(b"k" * 32, "contact.phone", "值")
    assert base == record.value_hash(b"k" * 32, "contact.phone", "值")
    assert base != record.value_hash(b"l" * 32, "contact.phone", "值")
    assert base != record.value_hash(b"k" * 32, "contact.email", "值")
    with pytest.raises(ValueError, match="16 bytes"):
        record.value_hash(b"", "contact.phone", "值")


def test_what_was_allowed_and_then_refused_is_recorded_as_denied() -> None:
    allowed = record.plan_fragment(
        kind="SELECT", statement="select $1", fingerprint="f", verdict=Outcome.VEIL, bundle="b", relations=["a.b"]
    )
    members = json.loads(b"{" + record.denied(allowed, "lookup_limit") + b"}")
    before = json.loads(b"{" + allowed + b"}")
    assert members == before | {"verdict": "deny", "reason": "lookup_limit"}


def test_room_for_subjects() -> None:
    got = decode(record.statement(session(), plan(), at_us=0, id=1, subjects=b'"subjects":{"crm.customers":{"n":1}}'))
    assert got["subjects"] == {"crm.customers": {"n": 1}}


def test_an_unknown_phase_is_an_error() -> None:
    with pytest.raises(KeyError):
        record.statement(session(), plan(), at_us=0, id=1, phase="half")


def test_every_member_and_event_is_documented() -> None:
    documented = {field.name for field in FIELDS}
    everything = decode(
        record.statement(
            session(actor="a"),
            plan(reason="no_rule", statement_actor="b", lookups=[Lookup()]),
            at_us=0,
            id=1,
            lookups=[(1, "h")],
            subjects=b'"subjects":{},"unattributed":{}',
        )
    )
    assert set(everything) <= documented
    page = (Path(__file__).parents[4] / "docs" / "trail.md").read_text()
    for field in FIELDS:
        assert f"| `{field.name}` | {field.type} | {field.part} | {field.meaning} |" in page
    for name, meaning in EVENTS.items():
        assert f"| `{name}` | {meaning} |" in page
