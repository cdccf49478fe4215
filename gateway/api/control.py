"""The control API: status and reload, for an operator on this machine who holds the token.

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

    def status(self) -> dict[str, Any]:
        """Its state as a JSON document."""
        ...

    async def reload(self) -> dict[str, Any]:
        """Load the bundle and the catalogues again; raises ProblemsFound, and the last good bundle stays in force."""
        ...


def routes(control: Control, token: Secret | None) -> list[web.RouteDef]:
    """The routes under /v1; without a token they only tell how to turn them on."""

    async def status(_: web.Request) -> web.Response:
        return web.json_response(control.status())

    async def reload(_: web.Request) -> web.Response:
        return web.json_response(await control.reload())

    return [web.get("/v1/status", guarded(status, token)), web.post("/v1/reload", guarded(reload, token))]


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
