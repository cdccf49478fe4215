"""The control API is off by default, local, and behind a token."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from gateway.api.control import routes
from gateway.config import Secret

TOKEN = "correct horse battery"
GOOD = {"Authorization": f"Bearer {TOKEN}"}


class Recorder:
    def __init__(self) -> None:
        self.reloads = 0
        self.killed: list[tuple[str, str]] = []

    async def status(self) -> dict[str, Any]:
        return {"node": "n"}

    async def sessions(self) -> list[dict[str, Any]]:
        return [{"id": "s1", "worker": 1}]

    async def pools(self) -> dict[str, dict[str, int]]:
        return {"crm": {"open": 1, "limit": 2, "waiting": 0}}

    async def kill(self, session: str, why: str) -> bool:
        self.killed.append((session, why))
        return session == "s1"

    async def reload(self) -> dict[str, Any]:
        self.reloads += 1
        return {"digest": "d"}


async def client_of(aiohttp_client: Any, control: Recorder, token: Secret | None) -> Any:
    app = web.Application()
    app.add_routes(routes(control, token))
    return await aiohttp_client(app)


async def test_off_by_default(aiohttp_client: Any) -> None:
    control = Recorder()
    client = await client_of(aiohttp_client, control, None)
    response = await client.post("/v1/reload", headers=GOOD)
    assert response.status == 404
    assert "control_token_file" in (await response.json())["error"]["remedy"]
    assert control.reloads == 0


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}, {"Authorization": f"Basic {TOKEN}"},
     {"Authorization": "Bearer 门"}, {"Authorization": "Bearer "}],
)  # fmt: skip
async def test_no_token_no_control(aiohttp_client: Any, headers: dict[str, str]) -> None:
    control = Recorder()
    client = await client_of(aiohttp_client, control, Secret(TOKEN))
    assert (await client.post("/v1/reload", headers=headers)).status == 401
    assert (await client.get("/v1/status", headers=headers)).status == 401
    assert (await client.get("/v1/sessions", headers=headers)).status == 401
    assert (await client.get("/v1/pools", headers=headers)).status == 401
    assert (await client.delete("/v1/sessions/s1", headers=headers)).status == 401
    assert control.killed == []
    assert control.reloads == 0


async def test_with_the_token(aiohttp_client: Any) -> None:
    control = Recorder()
    client = await client_of(aiohttp_client, control, Secret(TOKEN))
    assert await (await client.get("/v1/status", headers=GOOD)).json() == {"node": "n"}
    assert await (await client.post("/v1/reload", headers=GOOD)).json() == {"digest": "d"}
    assert control.reloads == 1
    assert (await (await client.get("/v1/sessions", headers=GOOD)).json())["sessions"][0]["worker"] == 1
    assert (await (await client.get("/v1/pools", headers=GOOD)).json())["pools"]["crm"]["limit"] == 2
    assert await (await client.delete("/v1/sessions/s1", headers=GOOD)).json() == {"ended": True}
    assert (await client.delete("/v1/sessions/s2", headers=GOOD)).status == 404
    assert [session for session, _ in control.killed] == ["s1", "s2"]


class _Transport:
    def __init__(self, peer: object) -> None:
        self._peer = peer

    def get_extra_info(self, _: str, default: object = None) -> object:
        return self._peer


@pytest.mark.parametrize(
    ("peer", "status"),
    [
        (("127.0.0.1", 1), 200),
        (("::1", 1, 0, 0), 200),
        (("::ffff:127.0.0.1", 1, 0, 0), 200),
        (("10.0.0.9", 1), 403),
        (("::ffff:10.0.0.9", 1, 0, 0), 403),
        (None, 403),
        ("", 403),
    ],
)
async def test_the_token_is_not_enough_from_elsewhere(peer: object, status: int) -> None:
    route = routes(Recorder(), Secret(TOKEN))[0]
    request = make_mocked_request("GET", "/v1/status", headers=GOOD, transport=_Transport(peer))
    response = await route.handler(request)  # type: ignore[arg-type,misc]  # aiohttp's union of handler kinds
    assert response.status == status
