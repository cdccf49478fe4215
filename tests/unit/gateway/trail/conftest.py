"""A trail made by the real writer, with generated people only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.model import Disclosed, Disclosure, Outcome, TableName
from gateway.trail import record
from gateway.trail.signing import SigningKey
from gateway.trail.writer import TrailWriter

START_US = 1_772_600_000_000_000
MINUTE_US = 60_000_000


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.us = START_US

    def __call__(self) -> int:
        return self.us


@pytest.fixture(scope="session")
def key() -> SigningKey:
    return SigningKey.generate()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def make_session(principal: str = "crm_app", **changes: object) -> bytes:
    values: dict[str, object] = {
        "node": "n", "worker": 1, "session": "s1", "principal": principal, "department": "客服", "roles": ["support"],
        "client": "10.0.0.7:50123", "application": "客服系统", "database": "crm",
    }  # fmt: skip
    return record.session_fragment(**(values | changes))  # type: ignore[arg-type]


def make_plan(**changes: object) -> bytes:
    values: dict[str, object] = {
        "kind": "SELECT", "statement": "SELECT phone FROM crm.customers WHERE id = $1", "fingerprint": "f1",
        "verdict": Outcome.VEIL, "bundle": "b1", "purpose": "ticket_resolution",
        "relations": [TableName("crm", "customers")],
        "classes": [Disclosed("contact.phone", Disclosure.PARTIAL, ("rules.csv:3",))],
    }  # fmt: skip
    return record.plan_fragment(**(values | changes))  # type: ignore[arg-type]


@pytest.fixture
def make_statement() -> Callable[..., bytes]:
    """`make_statement(at_us=…, id=…, principal=…, plan={…}, …)`: members of a statement's record."""

    def make(
        at_us: int = START_US, id: int = 1, principal: str = "crm_app", plan: dict[str, object] | None = None,
        session: dict[str, object] | None = None, **dynamic: object,
    ) -> bytes:  # fmt: skip
        who = make_session(principal, **(session or {}))
        return record.statement(who, make_plan(**(plan or {})), at_us=at_us, id=id, **dynamic)  # type: ignore[arg-type]

    return make


@pytest.fixture
def open_writer(tmp_path: Path, key: SigningKey, clock: Clock) -> Iterator[Callable[..., TrailWriter]]:
    """Writers on `tmp_path / "trail"` that are closed at the end."""
    writers: list[TrailWriter] = []

    def make(worker: int = 1, **options: object) -> TrailWriter:
        options.setdefault("now_us", clock)
        writer = TrailWriter.open(tmp_path / "trail", "n", worker, key, **options)  # type: ignore[arg-type]
        writers.append(writer)
        return writer

    yield make
    for writer in writers:
        writer.close()
