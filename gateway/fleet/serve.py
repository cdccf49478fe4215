"""`menshen serve`: the supervisor's process, from its first line of log to its exit code."""

from __future__ import annotations

import asyncio
import logging

from adapters.postgres.live import DATA_PATH
from gateway import __version__, process
from gateway.api import asked
from gateway.api.app import HttpServer, create_app
from gateway.config import Settings
from gateway.errors import StartError
from gateway.fleet.front import Front
from gateway.fleet.supervisor import Supervisor
from gateway.log import configure, event
from gateway.statefiles import make_state_dir

log = logging.getLogger(__name__)

_FILES_PER_CONNECTION = 2
_SPARE_FILES = 256
_PORT_HINT = "See whether another process uses the port (ss -ltnp), and whether this machine has the address."


async def _serve(settings: Settings, json_log: bool) -> int:
    make_state_dir(settings.gateway.state_dir)
    supervisor = Supervisor(settings, json_log=json_log)
    front = Front(supervisor)
    token = settings.http.control_token
    more = asked.routes(front.incidents if settings.watch.enabled else None, token)
    http = HttpServer(create_app(front.metrics, front.readiness, front, token, more))
    signals = process.Signals(supervisor.hang_up)
    signals.install()
    stopping = asyncio.ensure_future(signals.stop.wait())
    try:
        await _listen(http, settings)
        starting = asyncio.ensure_future(supervisor.start())
        await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            await stopping
            await supervisor.drain(signals.abort)
        else:
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
    finally:
        stopping.cancel()
        await supervisor.stop()
        await http.stop()
        signals.remove()
    event(log, logging.INFO, "stopped", "the gateway has stopped")
    return 0


async def _listen(http: HttpServer, settings: Settings) -> None:
    host, port = settings.http.host, settings.http.port
    try:
        port = await http.start(host, port)
    except OSError as error:
        raise StartError(f"cannot listen on {host}:{port}: {error.strerror}", hint=_PORT_HINT) from error
    event(log, logging.INFO, "http_listening", "metrics and health are served", address=f"{host}:{port}")


def serve(settings: Settings, *, json_log: bool = False) -> int:
    """Run the gateway until a signal ends it; gives the exit code of the process."""
    json_log = json_log or settings.log.format.value == "json"
    configure("json" if json_log else "human", settings.log.level.value)
    process.protect_memory()
    process.raise_file_limit(settings.gateway.limits.max_connections * _FILES_PER_CONNECTION + _SPARE_FILES)
    event(log, logging.INFO, "starting", f"menshen {__version__}", configuration=str(settings.source or "environment"))
    event(log, logging.INFO, "data_path", f"data path: {DATA_PATH}")
    for warning in settings.warnings:
        event(log, logging.WARNING, "configuration_warning", str(warning))
    return process.run(lambda: _serve(settings, json_log))
