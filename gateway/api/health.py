"""`/healthz`: the process answers. `/readyz`: it can serve, or why not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web


@dataclass(frozen=True, slots=True)
class Check:
    """One condition of readiness. `reason` says what is wrong and what to do; it never holds an address or a name of
    a person, since everybody who reaches the port reads it."""

    ok: bool
    reason: str = ""


Readiness = Callable[[], Awaitable[Mapping[str, Check]]]
"""All checks by name, from what the processes of the gateway know already."""


def document(checks: Mapping[str, Check]) -> dict[str, Any]:
    """`{"ready", "checks": {name: {"ok", "reason"?}}}`"""
    shown = {
        name: {"ok": check.ok} | ({"reason": check.reason} if check.reason else {}) for name, check in checks.items()
    }
    return {"ready": all(check.ok for check in checks.values()), "checks": shown}


def routes(readiness: Readiness) -> list[web.RouteDef]:
    """The two routes."""

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"alive": True})

    async def readyz(_: web.Request) -> web.Response:
        body = document(await readiness())
        return web.json_response(body, status=200 if body["ready"] else 503)

    return [web.get("/healthz", healthz), web.get("/readyz", readyz)]
