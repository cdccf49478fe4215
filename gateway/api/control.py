"""The control API: status, sessions, pools and reload, for an operator on this machine who holds the token.

It is off until `http.control_token_file` is set. Every request must come from a loopback address and carry
`Authorization: Bearer <token>`; both, so that neither a leaked token nor a process of another user is enough.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from aiohttp import web

from gateway.api.errors import error_response
from gateway.config import Secret


class Control(Protocol):
    """What can be asked of the running gateway."""

    async def status(self) -> dict[str, Any]:
        """Its state as a JSON document."""
        ...

    async def sessions(self) -> list[dict[str, Any]]:
        """The sessions of all workers, each with the number of its worker."""
        ...

    async def pools(self) -> dict[str, dict[str, int]]:
        """By database: connections that are open, their limit, clients that wait, over all workers."""
        ...

    async def kill(self, session: str, why: str) -> bool:
        """End a session, whichever worker has it; False where there is none of this id."""
        ...

    async def reload(self) -> dict[str, Any]:
        """Load the bundle and the catalogues again; raises ProblemsFound, and the last good bundle stays in force."""
        ...


def routes(control: Control, token: Secret | None) -> list[web.RouteDef]:
    """The routes under /v1; without a token they only tell how to turn them on."""

    async def status(_: web.Request) -> web.Response:
        return web.json_response(await control.status())

    async def sessions(_: web.Request) -> web.Response:
        return web.json_response({"sessions": await control.sessions()})

    async def kill(request: web.Request) -> web.Response:
        if await control.kill(request.match_info["id"], "terminating connection due to administrator command"):
            return web.json_response({"ended": True})
        return error_response(404, "no_such_session", "there is no session of this id", "see GET /v1/sessions")

    async def pools(_: web.Request) -> web.Response:
        return web.json_response({"pools": await control.pools()})

    async def reload(_: web.Request) -> web.Response:
        return web.json_response(await control.reload())

    return [
        web.get("/v1/status", guarded(status, token)),
        web.get("/v1/sessions", guarded(sessions, token)),
        web.delete("/v1/sessions/{id}", guarded(kill, token)),
        web.get("/v1/pools", guarded(pools, token)),
        web.post("/v1/reload", guarded(reload, token)),
    ]


def guarded(
    handler: Callable[[web.Request], Awaitable[web.Response]], token: Secret | None
) -> Callable[[web.Request], Awaitable[web.Response]]:
    """The handler behind the guard: only with a token, only from this machine."""

    async def admitted(request: web.Request) -> web.Response:
        if token is None:
            return error_response(404, "control_off", "the control API is off", "set http.control_token_file")
        if not _is_local(request):
            return error_response(
                403, "not_local", "the control API answers this machine only", "use a loopback address"
            )
        if not _has_token(request, token):
            response = error_response(401, "unauthorized", "no or wrong token", "send Authorization: Bearer <token>")
            response.headers["WWW-Authenticate"] = "Bearer"
            return response
        return await handler(request)

    return admitted


def _is_local(request: web.Request) -> bool:
    peer = request.transport.get_extra_info("peername") if request.transport else None
    try:
        address = ipaddress.ip_address(peer[0] if peer else "")
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def _has_token(request: web.Request, token: Secret) -> bool:
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    # Compared in constant time, and as bytes: compare_digest refuses texts beyond ASCII.
    same = hmac.compare_digest(given.strip().encode("utf-8", "replace"), token.reveal().encode())
    return same and scheme.lower() == "bearer"
