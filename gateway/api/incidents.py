"""The incidents' part of the control API, behind the same guard: only this machine, only with the token.

    GET  /v1/incidents?closed=1&limit=100      POST /v1/incidents/{n}/{acknowledge|contain|lift|resolve|dismiss|note}
    GET  /v1/incidents/{n}                     GET  /v1/incidents/{n}/dossier?language=zh&format=html
    GET  /v1/honey    POST /v1/honey           POST /v1/drills    GET /v1/drills/{id}    POST /v1/drills/{id}/end

`who` in a request is who the caller says to be; the token is what proves that he may.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from gateway.api.control import guarded
from gateway.api.errors import error_response
from gateway.config import Secret
from gateway.trail.record import instant
from gateway.watch import dossier
from gateway.watch.incidents import Action, Incident, to_document
from gateway.watch.service import WatchService, drill_until
from gateway.watch.store import Drill, Honey

LIMIT = 10_000
"""Rows of a list, at most."""
DRILLS = ("bulk-export", "scrape", "honey", "stolen-credential", "bypass")
_WORDS = 2000
"""Characters of a reason."""

Title = Callable[[str, str], str]
Handler = Callable[[WatchService, web.Request], Awaitable[web.Response]]


class BadRequest(web.HTTPBadRequest):
    """The body or the query does not say what is needed."""

    def __init__(self, text: str) -> None:
        super().__init__(text=text)


def routes(watch: Callable[[], WatchService | None], title: Title, token: Secret | None) -> list[web.RouteDef]:
    """`watch` gives the running watch, None where it is off. `title`: a data class in a language, for dossiers."""

    def route(handler: Handler) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def answered(request: web.Request) -> web.Response:
            service = watch()
            if service is None:
                return error_response(404, "watch_off", "this gateway does not watch", "set watch.enabled = true")
            return await handler(service, request)

        return guarded(answered, token)

    async def report(service: WatchService, request: web.Request) -> web.Response:
        return await _dossier(service, request, title)

    return [
        web.get("/v1/incidents", route(_list)),
        web.get(r"/v1/incidents/{number:\d{1,12}}", route(_show)),
        web.get(r"/v1/incidents/{number:\d{1,12}}/dossier", route(report)),
        web.post(r"/v1/incidents/{number:\d{1,12}}/{action}", route(_act)),
        web.get("/v1/honey", route(_honey)),
        web.post("/v1/honey", route(_plant)),
        web.post("/v1/drills", route(_start_drill)),
        web.get("/v1/drills/{id}", route(_drill)),
        web.post("/v1/drills/{id}/end", route(_end_drill)),
    ]


# -- incidents --------------------------------------------------------------------------------------------------------
async def _list(service: WatchService, request: web.Request) -> web.Response:
    closed = request.query.get("closed", "") in ("1", "true", "yes")
    found = await service.store.incidents(closed=closed, limit=_limit(request, 100))
    return web.json_response({"incidents": [_brief(one) for one in found]})


def _brief(one: Incident) -> dict[str, Any]:
    document = to_document(one)
    return {key: document[key] for key in document if key not in ("evidence", "details")} | {"name": one.name}


async def _show(service: WatchService, request: web.Request) -> web.Response:
    store, number = service.store, _number(request)
    incident = await store.get(number)
    count, subjects = await store.subjects(number, _limit(request, 100))
    timeline = await store.timeline(number)
    return web.json_response(
        {
            "incident": to_document(incident) | {"name": incident.name},
            "subjects": {"count": max(count, incident.subject_estimate), "listed": count, "shown": subjects},
            "timeline": [
                {"at": one.at, "kind": one.kind, "who": one.who, "why": one.why, "state": str(one.state)}
                for one in timeline
            ],
            "findings": await store.findings(number, _limit(request, 100)),
            "messages": await store.messages(number),
        }
    )


async def _act(service: WatchService, request: web.Request) -> web.Response:
    body = await _body(request)
    who, why = _text(body, "who"), _text(body, "why", needed=False)
    number, word = _number(request), request.match_info["action"]
    if word == "note":
        await service.note(number, who=who, why=_text(body, "why"))
        return web.json_response({"incident": _brief(await service.store.get(number))})
    try:
        action = Action(word)
    except ValueError:
        return error_response(404, "no_such_action", f"there is no action {word!r}", f"one of {', '.join(Action)}")
    return web.json_response({"incident": _brief(await service.act(number, action, who=who, why=why))})


async def _dossier(service: WatchService, request: web.Request, title: Title) -> web.Response:
    language = request.query.get("language", "en")
    if language not in dossier.LANGUAGES:
        raise BadRequest(f"language is one of {', '.join(dossier.LANGUAGES)}")
    store, number = service.store, _number(request)
    incident = await store.get(number)
    count, subjects = await store.subjects(number, _limit(request, 1000))
    material = dossier.Material(
        incident,
        await store.timeline(number),
        await store.findings(number),
        count,
        subjects,
        await store.messages(number),
        title,
    )
    report = dossier.document(material, instant(time.time_ns() // 1000), language)
    if request.query.get("format") == "html":
        return web.Response(text=dossier.html(report), content_type="text/html", charset="utf-8")
    return web.json_response(report)


# -- honey and drills -------------------------------------------------------------------------------------------------
async def _honey(service: WatchService, _: web.Request) -> web.Response:
    planted = await service.store.honey()
    # Where they are is for those who hold the token; the hashes of their values are for nobody.
    return web.json_response(
        {"honey": [{"place": one.place, "planted_at": one.planted_at, "who": one.who} for one in planted]}
    )


async def _plant(service: WatchService, request: web.Request) -> web.Response:
    body = await _body(request)
    who, at = _text(body, "who"), instant(time.time_ns() // 1000)
    records = body.get("honey")
    if not isinstance(records, list) or not all(isinstance(one, dict) for one in records):
        raise BadRequest("honey is a list of records")
    planted = [
        Honey(_text(one, "place"), _text(one, "key"), tuple(str(value) for value in one.get("hashes", ())), at, who)
        for one in records
    ]
    await service.plant(planted)
    return web.json_response({"planted": len(planted)})


async def _start_drill(service: WatchService, request: web.Request) -> web.Response:
    body = await _body(request)
    kind = _text(body, "kind")
    if kind not in DRILLS:
        raise BadRequest(f"kind is one of {', '.join(DRILLS)}")
    seconds = body.get("seconds", 120)
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not 0 < seconds <= 3600:
        raise BadRequest("seconds is a number up to 3600")
    drill = Drill(
        secrets.token_hex(6),
        kind,
        _text(body, "principal", needed=False),
        drill_until(time.time_ns() // 1000, seconds),
    )
    await service.start_drill(drill)
    return web.json_response({"id": drill.id, "actor": drill.actor, "kind": kind})


async def _drill(service: WatchService, request: web.Request) -> web.Response:
    store = service.store
    found = []
    for incident in await store.drill_incidents(request.match_info["id"]):
        timeline = await store.timeline(incident.number)
        found.append(
            {
                "incident": _brief(incident),
                "messages": await store.messages(incident.number),
                "timeline": [{"at": one.at, "kind": one.kind} for one in timeline],
            }
        )
    return web.json_response({"incidents": found, "routes": service.routes})


async def _end_drill(service: WatchService, request: web.Request) -> web.Response:
    await service.end_drill(request.match_info["id"], await _body(request))
    return web.json_response({"ended": True})


# -- reading requests -------------------------------------------------------------------------------------------------
def _number(request: web.Request) -> int:
    return int(request.match_info["number"])


def _limit(request: web.Request, default: int) -> int:
    text = request.query.get("limit", "")
    if not text:
        return default
    if not text.isdecimal() or len(text) > 9:
        raise BadRequest("limit is a whole number")
    return min(int(text), LIMIT)


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except ValueError:
        raise BadRequest("the body is not JSON") from None
    if not isinstance(body, dict):
        raise BadRequest("the body is not a JSON object")
    return body


def _text(body: dict[str, Any], name: str, *, needed: bool = True) -> str:
    value = body.get(name, "")
    if not isinstance(value, str) or (needed and not value.strip()) or len(value) > _WORDS:
        raise BadRequest(f"{name} is a text of at most {_WORDS} characters")
    return value.strip()
