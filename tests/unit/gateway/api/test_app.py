"""The routes, and the one shape of errors."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from gateway.api.app import HttpServer, create_app
from gateway.api.health import Check


class Nothing:
    async def status(self) -> dict[str, Any]:
        return {}

    async def sessions(self) -> list[dict[str, Any]]:
        return []

    async def pools(self) -> dict[str, dict[str, int]]:
        return {}

    async def kill(self, session: str, why: str) -> bool:
        return False

    async def reload(self) -> dict[str, Any]:
        return {}


async def exposition() -> bytes:
    return b"# TYPE menshen_statements_total counter\n"


async def readiness() -> dict[str, Check]:
    return {"a": Check(True)}


def app() -> web.Application:
    return create_app(exposition, readiness, Nothing(), None)


@pytest.fixture
async def client(aiohttp_client: Any) -> TestClient[Any, Any]:
    made: TestClient[Any, Any] = await aiohttp_client(app())
    return made


async def test_metrics_are_prometheus_text(client: TestClient[Any, Any]) -> None:
    response = await client.get("/metrics")
    assert response.status == 200
    assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert "# TYPE menshen_statements_total counter" in await response.text()


async def test_headers_tell_little(client: TestClient[Any, Any]) -> None:
    response = await client.get("/healthz")
    assert response.headers["Server"] == "menshen"
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nothing", 404), ("DELETE", "/metrics", 405)])
async def test_what_is_not_there_has_the_one_shape(
    client: TestClient[Any, Any], method: str, path: str, status: int
) -> None:
    response = await client.request(method, path)
    assert response.status == status
    assert set((await response.json())["error"]) == {"code", "message", "remedy"}


async def test_the_server_listens_and_stops(unused_tcp_port: int) -> None:
    server = HttpServer(app())
    assert await server.start("127.0.0.1", unused_tcp_port) == unused_tcp_port
    second = HttpServer(app())
    with pytest.raises(OSError, match="address already in use"):
        await second.start("127.0.0.1", unused_tcp_port)
    await second.stop()
    await server.stop()
