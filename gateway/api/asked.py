"""The incidents' part of the control API, behind the same guard: only this machine, only with the token.

    GET  /v1/incidents?closed=1&limit=100      POST /v1/incidents/{n}/{acknowledge|contain|lift|resolve|dismiss|note}
    GET  /v1/incidents/{n}                     GET  /v1/incidents/{n}/dossier?language=zh&format=html
    GET  /v1/honey    POST /v1/honey           POST /v1/drills    GET /v1/drills/{id}    POST /v1/drills/{id}/end

The process that has the HTTP port is not the one that has the incidents: a request becomes a value, crosses over, and
is answered by `gateway.api.incidents`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from aiohttp import web

from gateway.api.control import guarded
from gateway.api.errors import error_response
from gateway.config import Secret

ROUTES: Final = (
    ("GET", "/v1/incidents", "incidents"),
    ("GET", r"/v1/incidents/{number:\d{1,12}}", "incident"),
    ("GET", r"/v1/incidents/{number:\d{1,12}}/dossier", "dossier"),
    ("POST", r"/v1/incidents/{number:\d{1,12}}/{action}", "act"),
    ("GET", "/v1/honey", "honey"),
    ("POST", "/v1/honey", "plant"),
    ("POST", "/v1/drills", "start_drill"),
    ("GET", "/v1/drills/{id}", "drill"),
    ("POST", "/v1/drills/{id}/end", "end_drill"),
)
"""Method, path, name."""


@dataclass(frozen=True, slots=True)
class Asked:
    """As much of a request as an answer needs."""

    query: Mapping[str, str] = field(default_factory=dict)
    match: Mapping[str, str] = field(default_factory=dict)
    body: str = ""


Forward: TypeAlias = Callable[[str, Asked], Awaitable[web.Response]]
"""Has a request answered, by the name of its route. Raises MenshenError."""


def routes(forward: Forward | None, token: Secret | None) -> list[web.RouteDef]:
    """`forward` None: nobody watches."""

    def route(name: str) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def answered(request: web.Request) -> web.Response:
            if forward is None:
                return error_response(404, "watch_off", "this gateway does not watch", "set watch.enabled = true")
            try:
                body = await request.text()
            except (UnicodeDecodeError, LookupError):
                raise web.HTTPBadRequest(text="the body is not text in UTF-8") from None
            return await forward(name, Asked(dict(request.query), dict(request.match_info), body))

        return guarded(answered, token)

    return [web.route(method, path, route(name)) for method, path, name in ROUTES]
