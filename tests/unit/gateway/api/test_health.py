"""Alive is not ready; readiness says why not."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from gateway.api.health import Check, routes


async def test_alive_and_ready_are_two_things(aiohttp_client: Any) -> None:
    checks = {"policy": Check(True), "upstream.crm": Check(False, "the database refuses connections")}

    async def readiness() -> dict[str, Check]:
        return checks

    app = web.Application()
    app.add_routes(routes(readiness))
    client = await aiohttp_client(app)
    assert (await client.get("/healthz")).status == 200
    response = await client.get("/readyz")
    assert response.status == 503
    assert await response.json() == {
        "ready": False,
        "checks": {
            "policy": {"ok": True},
            "upstream.crm": {"ok": False, "reason": "the database refuses connections"},
        },
    }
    checks["upstream.crm"] = Check(True)
    assert (await client.get("/readyz")).status == 200
