"""The routes of incidents: behind the guard, one shape for errors, what they give."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from gateway.api.asked import Asked, routes
from gateway.api.errors import error_shape
from gateway.api.incidents import answer
from gateway.config import Secret
from gateway.metrics import Metrics
from gateway.watch.containment import Containment
from gateway.watch.service import WatchService
from gateway.watch.store import Store
from tests.support.findings import finding

TOKEN = "correct horse battery"
GOOD = {"Authorization": f"Bearer {TOKEN}"}


class Trail:
    def event(self, name: str, session: bytes = b"", **members: Any) -> int:
        return 1


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[WatchService]:
    store = await Store.open(tmp_path / "s")
    service = WatchService(store, None, Trail(), Containment(), routes={}, metrics=Metrics(["crm"]), owner="me")
    await service.admit([finding(1), finding(2, key="k2")])
    yield service
    await store.close()


@pytest.fixture
async def client(aiohttp_client: Any, service: WatchService) -> Any:
    async def forward(route: str, asked: Asked) -> web.Response:
        return await answer(service, route, asked, lambda name, language: f"{name} in {language}")

    app = web.Application(middlewares=[error_shape])
    app.add_routes(routes(forward, Secret(TOKEN)))
    return await aiohttp_client(app)


async def test_every_route_is_guarded(client: Any) -> None:
    for resource in client.server.app.router.resources():
        path = resource.canonical.replace("{number}", "1").replace("{action}", "lift").replace("{id}", "x")
        for method in {route.method for route in resource} & {"GET", "POST"}:
            assert (await client.request(method, path)).status == 401, path


async def test_off_without_a_watch(aiohttp_client: Any) -> None:
    app = web.Application()
    app.add_routes(routes(None, Secret(TOKEN)))
    answer = await (await aiohttp_client(app)).get("/v1/incidents", headers=GOOD)
    assert (answer.status, (await answer.json())["error"]["code"]) == (404, "watch_off")


async def test_list_and_show(client: Any) -> None:
    found = await (await client.get("/v1/incidents?limit=1", headers=GOOD)).json()
    assert [one["name"] for one in found["incidents"]] == ["INC-2"]
    shown = await (await client.get("/v1/incidents/1", headers=GOOD)).json()
    assert shown["subjects"]["shown"] == ["crm.customers/1", "crm.customers/2"]
    assert [one["kind"] for one in shown["timeline"]] == ["opened"]
    assert (await client.get("/v1/incidents/99", headers=GOOD)).status == 404


async def test_actions(client: Any) -> None:
    async def act(word: str, **body: Any) -> tuple[int, Any]:
        answer = await client.post(f"/v1/incidents/1/{word}", json=body, headers=GOOD)
        return answer.status, await answer.json()

    assert (await act("acknowledge", who="zhou"))[1]["incident"]["state"] == "acknowledged"
    assert (await act("contain", who="zhou"))[0] == 409
    assert (await act("contain", who="zhou", why="stolen"))[1]["incident"]["state"] == "contained"
    assert (await act("note", who="zhou", why="called them"))[0] == 200
    assert (await act("note", who="zhou"))[0] == 400
    assert (await act("resolve", why="x"))[0] == 400
    assert (await act("explode", who="zhou", why="x"))[0] == 404
    assert (await act("dismiss", who="zhou", why="x" * 3000))[0] == 400
    assert (await act("dismiss", who="zhou", why="测试"))[1]["incident"]["cause"] == "测试"
    assert (await act("lift", who="zhou", why="x"))[0] == 409


async def test_dossier(client: Any) -> None:
    page = await client.get("/v1/incidents/1/dossier?language=zh&format=html", headers=GOOD)
    assert page.content_type == "text/html"
    assert "contact.phone in zh" in await page.text()
    assert (await (await client.get("/v1/incidents/1/dossier", headers=GOOD)).json())["language"] == "en"
    assert (await client.get("/v1/incidents/1/dossier?language=fr", headers=GOOD)).status == 400


async def test_honey_and_drills(client: Any) -> None:
    honey = {"who": "zhou", "honey": [{"place": "crm:a.b/1", "key": "1", "hashes": ["ff"]}]}
    assert (await client.post("/v1/honey", json=honey, headers=GOOD)).status == 200
    assert (await client.post("/v1/honey", json={"who": "z", "honey": 5}, headers=GOOD)).status == 400
    text = await (await client.get("/v1/honey", headers=GOOD)).text()
    assert "crm:a.b/1" in text
    assert "ff" not in text
    answer = await client.post("/v1/drills", json={"kind": "honey", "principal": "crm_app"}, headers=GOOD)
    drill = (await answer.json())["id"]
    assert (await (await client.get(f"/v1/drills/{drill}", headers=GOOD)).json()) == {"incidents": [], "routes": []}
    assert (await client.post(f"/v1/drills/{drill}/end", json={"kind": "honey"}, headers=GOOD)).status == 200
    for bad in ({"kind": "flood"}, {"kind": "honey", "seconds": 1e9}, {"kind": "honey", "seconds": True}):
        assert (await client.post("/v1/drills", json=bad, headers=GOOD)).status == 400


@pytest.mark.parametrize("body", [b"", b"[]", b"{", "啊".encode("gbk")])
async def test_bodies_that_are_none(client: Any, body: bytes) -> None:
    assert (await client.post("/v1/incidents/1/acknowledge", data=body, headers=GOOD)).status == 400
