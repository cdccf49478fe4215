"""The HTTP face: metrics, health and control on one small server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from aiohttp import web

from gateway.api import control as control_routes
from gateway.api import health as health_routes
from gateway.api.control import Control
from gateway.api.errors import error_shape
from gateway.api.health import Readiness
from gateway.config import Secret

# Prometheus' text format, version 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/).
_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def create_app(
    metrics: Callable[[], Awaitable[bytes]],
    readiness: Readiness,
    control: Control,
    token: Secret | None,
    more: Iterable[web.RouteDef] = (),
) -> web.Application:
    """The application with all its routes. `metrics` gives the exposition; `more`: routes that guard themselves."""
    app = web.Application(middlewares=[error_shape], client_max_size=64 * 1024)

    async def exposition(_: web.Request) -> web.Response:
        return web.Response(body=await metrics(), headers={"Content-Type": _METRICS_TYPE})

    app.router.add_get("/metrics", exposition)
    app.add_routes(health_routes.routes(readiness))
    app.add_routes(control_routes.routes(control, token))
    app.add_routes(more)
    app.on_response_prepare.append(_headers)
    return app


async def _headers(_: web.Request, response: web.StreamResponse) -> None:
    response.headers["Server"] = "menshen"
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"


class HttpServer:
    """The application on a listening socket."""

    def __init__(self, app: web.Application) -> None:
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=2.0)

    async def start(self, host: str, port: int) -> int:
        """Listen; gives the port, which the system chooses where `port` is 0. Raises OSError."""
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        await self._runner.cleanup()
