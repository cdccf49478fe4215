"""The pool over connections that speak as little as a reset needs. What PostgreSQL says is in tests/system/wire."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Mapping
from typing import Any

import pytest

from adapters.postgres.backend import Backend, Upstream
from adapters.postgres.dsn import Credentials, Dsn
from adapters.postgres.pool.pool import Pool, PoolRules
from adapters.postgres.pool.reset import CLEAN, UNTOUCHED, Left
from adapters.postgres.wire.framing import frame
from gateway.errors import UpstreamUnavailable
from gateway.net.inbox import Inbox

USED = UNTOUCHED
READY = frame(b"Z", b"I")


def _row(*values: bytes) -> bytes:
    body = b"".join(len(value).to_bytes(4, "big") + value for value in values)
    return frame(b"D", len(values).to_bytes(2, "big") + body)


def _answer(request: bytes, found: bytes) -> bytes:
    nonce, end = re.findall(rb"'([0-9a-f]{32})'", request)
    return b"".join(
        (
            frame(b"C", b"BEGIN\0"), frame(b"C", b"ROLLBACK\0"), READY, frame(b"C", b"DISCARD ALL\0"), READY,
            frame(b"T", b"\0\0"), _row(nonce, found, b""), frame(b"C", b"SELECT 1\0"), READY,
            frame(b"T", b"\0\0"), _row(end), frame(b"C", b"SELECT 1\0"), READY,
        )
    )  # fmt: skip


class Fake(Backend):
    """`found`: what the query after DISCARD ALL says is still there."""

    def __init__(self) -> None:
        super().__init__("app", Dsn((("127.0.0.1", 1),), "menshen", "d"), timeout=1)
        self.found = b""
        self.silent = False
        self.refuses = False
        self.cancelled = 0
        self.pid = 0
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while request := await reader.read(65536):
            if b"DISCARD ALL" in request and not self.silent:
                writer.write(_answer(request, self.found))
        writer.close()

    async def connect(self, parameters: Mapping[str, str], login: Credentials | None = None) -> Upstream:
        if self.refuses:
            raise UpstreamUnavailable("down")
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        transport, inbox = await asyncio.get_running_loop().create_connection(Inbox, "127.0.0.1", port)
        self.pid += 1
        return Upstream(transport, inbox, {}, self.pid, b"", ("127.0.0.1", port), False)

    async def _cancel(self, upstream: Upstream) -> None:
        self.cancelled += 1
        upstream.cancels.end(certain=True)

    def close(self) -> None:
        assert self._server is not None
        self._server.close()


@pytest.fixture
async def backend() -> AsyncIterator[Fake]:
    fake = Fake()
    await fake.start()
    yield fake
    fake.close()


class Tried(Pool):
    def __init__(self, backend: Backend, **rules: Any) -> None:
        self.now = 0.0
        self.tasks: list[asyncio.Future[Any]] = []
        values = {"size": 2, "idle": 2, "wait_seconds": 0.05, "reset_seconds": 0.2, **rules}
        super().__init__(backend, PoolRules(**values), spawn=self._start, clock=lambda: self.now)

    def _start(self, work: Awaitable[Any], name: str) -> None:
        self.tasks.append(asyncio.ensure_future(work))

    async def done(self) -> None:
        await asyncio.gather(*self.tasks)


async def test_a_clean_connection_is_kept_for_the_same_principal_role_and_parameters(backend: Fake) -> None:
    pool = Tried(backend, size=9)
    first = await pool.lease("ann", {"TimeZone": "UTC"})
    pool.give_back(first, USED)
    await pool.done()
    for principal, settings, login in (
        ("bob", {"TimeZone": "UTC"}, None),
        ("ann", {}, None),
        ("ann", {"TimeZone": "UTC"}, Credentials("persona", "")),
    ):
        other = await pool.lease(principal, settings, login)
        assert other.upstream is not first.upstream
        pool.abort(other)
    assert (await pool.lease("ann", {"TimeZone": "UTC"})).upstream is first.upstream
    assert pool.figures().resets == {CLEAN: 1}
    assert pool.pids() == {1}
    pool.close()


@pytest.mark.parametrize("verdict", ["settings", "timeout", "torn", "young", "closing"])
async def test_what_is_not_clean_is_closed_and_its_place_is_free(backend: Fake, verdict: str) -> None:
    pool = Tried(backend, size=1)
    lease = await pool.lease("ann", {})
    backend.found = b"settings" if verdict == "settings" else b""
    backend.silent = verdict == "timeout"
    if verdict == "young":
        pool.now = 1e9
    if verdict == "closing":
        pool.close()
    pool.give_back(lease, Left(framed=verdict != "torn", quiet=True))
    await pool.done()
    found = pool.figures()
    assert (found.open, found.idle, found.active) == (0, 0, 0)
    assert (await pool.lease("ann", {})).upstream is not lease.upstream


async def test_what_runs_is_cancelled_before_anything_else(backend: Fake) -> None:
    for rules in ({}, {"idle": 0}):
        pool = Tried(backend, **rules)
        pool.give_back(await pool.lease("ann", {}), Left(framed=True, busy=True))
        await pool.done()
        pool.close()
    assert backend.cancelled == 2


async def test_a_connection_with_a_doubtful_cancel_is_never_clean(backend: Fake) -> None:
    pool = Tried(backend)
    lease = await pool.lease("ann", {})
    lease.upstream.cancels.begin()
    lease.upstream.cancels.end(certain=False)
    pool.give_back(lease, USED)
    await pool.done()
    assert pool.figures().resets == {"cancel": 1}
    assert not pool.open


async def test_places_are_limited_waited_for_and_given_back(backend: Fake) -> None:
    pool = Tried(backend, size=1, wait_seconds=0.5)
    lease = await pool.lease("ann", {})
    waiting = asyncio.ensure_future(pool.lease("bob", {}))
    await asyncio.sleep(0.01)
    assert pool.waiting == 1
    pool.give_back(lease, USED)
    assert (await waiting).upstream is not lease.upstream
    assert pool.open == 1, "what was kept for another principal makes room"
    with pytest.raises(UpstreamUnavailable, match="all 1 connections") as full:
        await pool.lease("ann", {})
    assert full.value.sqlstate == "53300"
    assert pool.waiting == 0


async def test_one_principal_does_not_get_more_than_its_share(backend: Fake) -> None:
    pool = Tried(backend, per_principal=1)
    await pool.lease("ann", {})
    with pytest.raises(UpstreamUnavailable, match='that "ann" may have'):
        await pool.lease("ann", {})
    await pool.lease("bob", {})


async def test_a_database_that_refuses_keeps_no_place(backend: Fake) -> None:
    pool = Tried(backend, size=1)
    backend.refuses = True
    for _ in range(2):
        with pytest.raises(UpstreamUnavailable, match="down"):
            await pool.lease("ann", {})


async def test_one_that_lay_there_for_long_is_asked_first(backend: Fake) -> None:
    pool = Tried(backend)
    for found, same in ((b"", True), (b"settings", False)):
        backend.found = b""
        lease = await pool.lease("ann", {})
        pool.give_back(lease, USED)
        await pool.done()
        pool.now += 31
        backend.found = found
        again = await pool.lease("ann", {})
        assert (again.upstream is lease.upstream) is same
        pool.abort(again)


async def test_no_more_are_kept_than_idle_allows(backend: Fake) -> None:
    pool = Tried(backend, idle=1)
    leases = [await pool.lease("ann", {}) for _ in range(2)]
    for lease in leases:
        pool.give_back(lease, USED)
    await pool.done()
    assert (pool.open, pool.figures().closed) == (1, {"surplus": 1})
