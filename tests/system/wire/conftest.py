"""A gateway in a thread of its own, with a stub planner, in front of the real database."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from adapters.postgres.server import DatabaseTarget, Judgement, Listen, PostgresServer, ServerLimits
from adapters.postgres.wire.scram import make_verifier
from gateway.errors import TrailUnavailable
from gateway.model import Principal
from gateway.net.crowd import Crowd, CrowdRules, Local
from gateway.net.observer import Silent
from tests.support.rawpg import RawClient
from tests.support.stub_planner import StubPlanner

PASSWORD = "a password of tests"
_VERIFIER = make_verifier(PASSWORD, b"0123456789abcdef")


class MemoryTrail:
    """Keeps records; can be made to fail, and to need a barrier."""

    def __init__(self) -> None:
        self.records: list[bytes] = []
        self.healthy = True
        self.fail = False
        self.gate: asyncio.Future[None] | None = None

    def append(self, members: bytes) -> int:
        if self.fail:
            raise TrailUnavailable("no space left on the trail's disk")
        self.records.append(members)
        return len(self.records)

    def barrier(self) -> asyncio.Future[None] | None:
        return self.gate

    def find(self, *parts: str) -> list[bytes]:
        return [r for r in self.records if all(part.encode() in r for part in parts)]


@dataclass
class Observed(Silent):
    events: list[tuple[Any, ...]] = field(default_factory=list)

    def login_failed(self, database: str, reason: str) -> None:
        self.events.append(("login_failed", database, reason))

    def denied(self, database: str, reason: str) -> None:
        self.events.append(("denied", reason))

    def statement(self, database: str, statement: Any, rows: int, size: int, *rest: Any) -> None:
        self.events.append(("statement", statement.kind, rows, rest[-1]))

    def trail_failed(self) -> None:
        self.events.append(("trail_failed",))


class GatewayThread:
    """`start` returns when it listens. Everything is at 127.0.0.1:`port`, database `app`, user `tester`."""

    def __init__(self, dsn: str, *, planner: StubPlanner | None = None, **options: Any) -> None:
        self.planner = planner or StubPlanner()
        self.trail = MemoryTrail()
        self.observer = Observed()
        self.ddl: list[str] = []
        self.people = {
            "tester": Principal("tester", "it", "job", frozenset({"dba"}), "maintenance", {}, _VERIFIER),
            "certified": Principal("certified", "it", "job", certificate="client one"),
        }
        self._dsn = dsn
        self._tls = options.pop("tls", None)
        self._limits = options.pop("limits", None) or ServerLimits()
        self._mock = options.pop("mock", None)
        self._crowd = Crowd(options.pop("crowd", None) or CrowdRules())
        self._options = options
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ready = threading.Event()
        self.port = 0
        self.failure: BaseException | None = None

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.server = PostgresServer(
                (Listen("127.0.0.1", 0, self._tls),),
                {"app": DatabaseTarget(self._dsn, self.planner, **self._options)},
                principals=lambda name: self.people.get(name),
                trail=self.trail,
                observer=self.observer,
                judgement=Judgement(lambda mask, value: "****" in value, lambda c, v: f"hash-of-{len(v)}"),
                limits=self._limits,
                catalogue_changed=self.ddl.append,
                gate=Local(self._crowd),
                mock=self._mock,
            )
            self.loop.run_until_complete(self.server.start())
            self.port = self.server.ports[0]
        except BaseException as exc:
            self.failure = exc
            return
        finally:
            self._ready.set()
        self.loop.run_forever()

    def start(self) -> GatewayThread:
        self._thread.start()
        self._ready.wait(10)
        if self.failure is not None:
            raise self.failure
        return self

    def call(self, work: Any, timeout: float = 15) -> Any:
        """Run a coroutine, or a plain function, in the gateway's loop."""

        async def plain() -> Any:
            result = work()
            return await result if asyncio.iscoroutine(result) else result

        return asyncio.run_coroutine_threadsafe(plain(), self.loop).result(timeout)

    def stop(self) -> None:
        if self._thread.is_alive():
            self.call(self.server.stop)
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join(5)
            self.loop.close()

    def raw(self, **parameters: str) -> RawClient:
        return RawClient(self.port).login("tester", PASSWORD, "app", **parameters)

    @property
    def conninfo(self) -> dict[str, Any]:
        return {"host": "127.0.0.1", "port": self.port, "user": "tester", "password": PASSWORD}


StartGateway = Callable[..., GatewayThread]


@pytest.fixture
def start_gateway(dsn: str) -> Iterator[StartGateway]:
    made: list[GatewayThread] = []

    def start(upstream: str = dsn, **options: Any) -> GatewayThread:
        made.append(GatewayThread(upstream, **options))
        return made[-1].start()

    yield start
    for gateway in made:
        gateway.stop()


@pytest.fixture
def gateway(start_gateway: StartGateway) -> GatewayThread:
    """Unrestricted."""
    return start_gateway()


@pytest.fixture
def restricted(start_gateway: StartGateway) -> GatewayThread:
    return start_gateway(planner=StubPlanner(unrestricted=False))
