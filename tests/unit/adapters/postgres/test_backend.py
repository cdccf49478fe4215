from __future__ import annotations

import asyncio
from typing import cast

import pytest

from adapters.postgres.backend import Backend, Upstream
from adapters.postgres.dsn import Dsn
from adapters.postgres.wire import startup
from gateway.net.inbox import Inbox


def upstream(port: int) -> Upstream:
    return Upstream(cast(asyncio.Transport, None), Inbox(), {}, 7, b"1234", ("127.0.0.1", port), False)


@pytest.mark.parametrize(("answers", "settled"), [("closes", True), ("never", False), ("speaks", False)])
async def test_a_cancel_is_settled_when_the_database_has_closed_its_connection(answers: str, settled: bool) -> None:
    got = bytearray()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.extend(await reader.readexactly(16))
        if answers == "speaks":
            writer.write(b"E")
        if answers == "never":
            await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    backend = Backend("app", Dsn((("127.0.0.1", 1),), "u", "d", sslmode="disable"), timeout=0.3)
    one = upstream(server.sockets[0].getsockname()[1])
    cancel = backend.cancel(one)
    waits = asyncio.ensure_future(one.cancels.settled())
    await asyncio.sleep(0)
    assert not waits.done(), "it counts from the decision on"
    await cancel
    assert await waits is settled
    assert bytes(got) == startup.encode_cancel(7, b"1234")
    server.close()


async def test_a_cancel_that_could_not_be_sent_is_settled() -> None:
    backend = Backend("app", Dsn((("127.0.0.1", 1),), "u", "d", sslmode="disable"), timeout=0.3)
    one = upstream(1)
    await backend.cancel(one)
    assert await one.cancels.settled()
