"""Whatever a handler raises has the one shape, and a defect does not show itself to clients."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web

from gateway.api.errors import error_shape
from gateway.errors import Denied, Problem, ProblemsFound


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Denied("no", hint="ask"), 403, "42501"),
        (ProblemsFound([Problem("f", 3, "bad", "mend")]), 422, "problems"),
        (web.HTTPNotFound(), 404, "not_found"),
        (RuntimeError("the phone is 13800138000"), 500, "internal"),
    ],
)
async def test_shapes(aiohttp_client: Any, error: Exception, status: int, code: str) -> None:
    async def fail(_: web.Request) -> web.Response:
        raise error

    app = web.Application(middlewares=[error_shape])
    app.router.add_get("/", fail)
    response = await (await aiohttp_client(app)).get("/")
    assert response.status == status
    body = await response.text()
    assert (await response.json())["error"]["code"] == code
    assert "13800138000" not in body
