"""One shape for every error of the HTTP face: `{"error": {"code", "message", "remedy"}}`."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from aiohttp import web

from gateway.errors import MenshenError, ProblemsFound
from gateway.log import event

log = logging.getLogger(__name__)

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


def error_response(status: int, code: str, message: str, remedy: str = "", **more: Any) -> web.Response:
    """An error as JSON. `code` is a stable word for programs."""
    body: dict[str, Any] = {"code": code, "message": message, "remedy": remedy, **more}
    return web.json_response({"error": body}, status=status)


@web.middleware
async def error_shape(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give whatever a handler raises the one shape; what nobody expected is logged and not shown."""
    try:
        return await handler(request)
    except Exception as error:  # the outermost edge of the HTTP face
        return shaped(error, request.path)


def shaped(error: Exception, path: str) -> web.Response:
    """The one shape of an error; to be called where it was caught."""
    match error:
        case web.HTTPException():
            code = (error.reason or "error").lower().replace(" ", "_")
            response = error_response(error.status, code, error.text or error.reason or "")
            if "Allow" in error.headers:
                response.headers["Allow"] = error.headers["Allow"]
            return response
        case ProblemsFound():
            problems = [str(problem) for problem in error.problems]
            message = "the files have mistakes"
            return error_response(error.http_status, "problems", message, "mend them", problems=problems)
        case MenshenError():
            return error_response(error.http_status, error.sqlstate, error.message, error.hint)
    event(log, logging.ERROR, "http_failed", "a request failed", exc_info=True, path=path)
    return error_response(500, "internal", "the gateway failed at this request", "see the gateway's log")
