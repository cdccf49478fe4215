"""Each station of a statement's way breaks: what touches governed data is refused, nothing leaves, the session goes on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from adapters.postgres import planner as planner_module
from adapters.postgres.planner import PostgresPlanner
from adapters.postgres.sql.pseudonym import PseudonymKeys
from adapters.postgres.sql.splice import Splicer
from adapters.postgres.wire.requests import SYNC
from adapters.postgres.world import PolicyWorld
from gateway.policy.policy import Policy
from tests.support.postgres import Postgres
from tests.support.rawpg import RawClient, bind, describe, execute, parse, query
from tests.system.sql.company import Company, build
from tests.system.wire.conftest import PASSWORD, GatewayThread

SECRET = "13812345678"
READ = f"SELECT full_name, phone FROM crm.customers WHERE status <> '{SECRET}' ORDER BY id LIMIT 2"
LOOKUP = "SELECT full_name FROM crm.customers WHERE phone = $1"
WRITE = "UPDATE crm.customers SET phone = $1 WHERE id = 1"
HARMLESS = "SELECT 7 AS seven"


class Fault(Exception):
    """Of no kind that anybody expects; its text quotes a value."""


def boom(*_: object, **__: object) -> Any:
    raise Fault(f"broken near {SECRET}")


@pytest.fixture(scope="module")
def company(postgres: Postgres) -> Company:
    return build(postgres)


@dataclass
class Scene:
    gateway: GatewayThread
    planner: PostgresPlanner
    patch: pytest.MonkeyPatch

    def checks(self, **fields: Any) -> None:
        """Every session's checks from now on."""
        server = self.gateway.server
        for live in list(server._live.values()):
            channel = live.conversation.channel
            channel.checks = replace(channel.checks, **fields)

    def late(self) -> None:
        """The next barriers fail after the answer has come."""

        def barrier() -> asyncio.Future[None]:
            future: asyncio.Future[None] = self.gateway.loop.create_future()
            self.gateway.loop.call_later(0.02, future.set_exception, OSError(f"disk {SECRET}"))
            return future

        self.patch.setattr(self.gateway.trail, "barrier", barrier)


@pytest.fixture
def scene(company: Company, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    planner = PostgresPlanner(company.policy, company.snapshot, PseudonymKeys(b"k" * 32), b"h" * 32)
    gateway = GatewayThread(company.database.dsn, planner=planner)  # type: ignore[arg-type]
    tester = gateway.people["tester"]
    gateway.people["clerk"] = replace(company.policy.principals["support_app"], verifier=tester.verifier)
    gateway.start()
    with monkeypatch.context() as patch:
        yield Scene(gateway, planner, patch)
    gateway.stop()


Break = Callable[[Scene], None]
PLANNING: dict[str, Break] = {
    "analysis": lambda s: s.patch.setattr(planner_module, "analyse", boom),
    "catalogue": lambda s: s.patch.setattr(PolicyWorld, "visible", boom),
    "persona": lambda s: s.patch.setattr(PostgresPlanner, "_token", boom),
    "veil": lambda s: s.patch.setattr(Policy, "veil", boom),
    "judge": lambda s: s.patch.setattr(planner_module, "judge", boom),
    "splice": lambda s: s.patch.setattr(Splicer, "statement", boom),
    "rendering": lambda s: s.patch.setattr(Splicer, "apply", boom),
    "health": lambda s: s.checks(healthy=boom),
}  # fmt: skip
TRAIL: dict[str, Break] = {
    "append": lambda s: s.patch.setattr(s.gateway.trail, "append", boom),
    "append unavailable": lambda s: s.patch.setattr(s.gateway.trail, "fail", True),
    "unhealthy": lambda s: s.patch.setattr(s.gateway.trail, "healthy", False),
    "barrier": lambda s: s.patch.setattr(s.gateway.trail, "barrier", boom),
    "barrier later": lambda s: s.late(),
}
EXTENDED = parse(READ) + bind() + describe() + execute() + SYNC
PIPELINE = parse(HARMLESS) + bind() + execute() + parse(READ) + bind() + execute() + parse(HARMLESS) + bind() + SYNC
WAYS = {"simple": query(READ), "extended": EXTENDED, "pipelined": PIPELINE, "several": query(f"{READ}; {READ}")}


def answers(client: RawClient, frames: bytes) -> list[str]:
    """Tokens up to ReadyForQuery."""
    client.send(frames)
    got: list[str] = []
    while not got or not got[-1].startswith(("Z", "EOF")):
        got.append(client.token())
    return got


def refused(got: list[str], sqlstates: tuple[str, ...], status: str) -> None:
    rows = [t for t in got if t.startswith(("D:", "C:SELECT_2", "d:")) and t != "D:7"]
    assert not rows, f"something governed left: {got}"
    errors = [t[2:] for t in got if t.startswith("E:")]
    assert errors, got
    assert set(errors) <= set(sqlstates), got
    assert got[-1] == f"Z:{status}", got


def login(scene: Scene) -> RawClient:
    return RawClient(scene.gateway.port).login("clerk", PASSWORD, "app")


@pytest.mark.parametrize("transaction", [False, True], ids=["alone", "in a transaction"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("station", [*PLANNING, *TRAIL])
def test_a_broken_station_refuses_and_the_session_goes_on(
    station: str, way: str, transaction: bool, scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    with login(scene) as client, caplog.at_level(logging.ERROR):
        assert any(t.startswith("D:") for t in answers(client, query(READ)))
        if transaction:
            assert answers(client, query("BEGIN"))[-1] == "Z:T"
        scene.gateway.call(lambda: (PLANNING | TRAIL)[station](scene))
        scene.planner._plans.clear()
        scene.planner._facts.clear()
        scene.planner._veils.clear()
        codes = ("58030",) if station in TRAIL else ("XX000",)
        refused(answers(client, WAYS[way]), codes, "E" if transaction else "I")
        if station in TRAIL and not transaction:
            assert answers(client, query(HARMLESS)) == ["T", "D:7", "C:SELECT_1", "Z:I"]
        scene.patch.undo()
        scene.gateway.call(lambda: scene.checks(healthy=lambda: True))
        if transaction:
            assert answers(client, query(HARMLESS)) == ["E:25P02", "Z:E"]
            assert answers(client, query("ROLLBACK")) == ["C:ROLLBACK", "Z:I"]
        assert answers(client, query(HARMLESS)) == ["T", "D:7", "C:SELECT_1", "Z:I"]
        assert answers(client, parse(HARMLESS) + bind() + execute() + SYNC)[-3:] == ["D:7", "C:SELECT_1", "Z:I"]
        assert any(t.startswith("D:") for t in answers(client, query(READ)))
    assert SECRET not in caplog.text


@pytest.mark.parametrize("transaction", [False, True], ids=["alone", "in a transaction"])
@pytest.mark.parametrize(
    ("field", "statement"), [("lookup_hash", LOOKUP), ("looks_masked", WRITE)], ids=["lookup hash", "mask guard"]
)
def test_what_breaks_at_a_bind_refuses_that_bind(field: str, statement: str, transaction: bool, scene: Scene) -> None:
    with login(scene) as client:
        assert answers(client, parse(statement, "s") + SYNC) == ["1", "Z:I"]
        if transaction:
            answers(client, query("BEGIN"))
        kept = scene.gateway.call(lambda: next(iter(scene.gateway.server._live.values())).conversation.channel.checks)
        scene.gateway.call(lambda: scene.checks(**{field: boom}))
        refused(answers(client, bind(SECRET, name="s") + execute() + SYNC), ("XX000",), "E" if transaction else "I")
        scene.gateway.call(lambda: scene.checks(**{field: getattr(kept, field)}))
        if transaction:
            assert answers(client, query("ROLLBACK"))[-1] == "Z:I"
        assert answers(client, query("BEGIN"))[-1] == "Z:T"
        assert "E" not in "".join(t[0] for t in answers(client, bind(SECRET, name="s") + execute() + SYNC))
        assert answers(client, query("ROLLBACK")) == ["C:ROLLBACK", "Z:I"]


def test_a_refusal_by_a_mistake_of_ours_is_recorded_without_literals(scene: Scene) -> None:
    with login(scene) as client:
        scene.patch.setattr(planner_module, "analyse", boom)
        refused(answers(client, query(READ)), ("XX000",), "I")
        (found,) = scene.gateway.trail.find('"reason":"internal"')
        assert SECRET.encode() not in found
        assert b"crm.customers" in found


def test_a_statement_prepared_before_the_fault_is_refused_after_a_change(scene: Scene) -> None:
    """The persona of the session cannot be told any more: nothing that was judged for it goes on."""
    with login(scene) as client:
        assert answers(client, parse(READ, "s") + SYNC) == ["1", "Z:I"]
        scene.patch.setattr(PostgresPlanner, "_token", boom)
        refused(answers(client, bind(name="s") + execute() + SYNC), ("XX000",), "I")
