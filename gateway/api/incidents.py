"""What answers the incidents' part of the control API, in the process of the watch; `gateway.api.asked` has the routes.

`who` in a request is who the caller says to be; the token is what proves that he may.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from gateway.api.asked import Asked
from gateway.api.errors import error_response
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
"""A data class in a language, for dossiers."""
Handler = Callable[[WatchService, Asked], Awaitable[web.Response]]


class BadRequest(web.HTTPBadRequest):
    """The body or the query does not say what is needed."""

    def __init__(self, text: str) -> None:
        super().__init__(text=text)


async def answer(service: WatchService, route: str, asked: Asked, title: Title) -> web.Response:
    """The answer to a request at one of the routes of `gateway.api.asked`. Raises MenshenError and HTTPException."""
    if route == "dossier":
        return await _dossier(service, asked, title)
    return await _HANDLERS[route](service, asked)


# -- incidents --------------------------------------------------------------------------------------------------------
async def _list(service: WatchService, request: Asked) -> web.Response:
    closed = request.query.get("closed", "") in ("1", "true", "yes")
    found = await service.store.incidents(closed=closed, limit=_limit(request, 100))
    return web.json_response({"incidents": [_brief(one) for one in found]})


def _brief(one: Incident) -> dict[str, Any]:
    document = to_document(one)
    return {key: document[key] for key in document if key not in ("evidence", "details")} | {"name": one.name}


async def _show(service: WatchService, request: Asked) -> web.Response:
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


async def _act(service: WatchService, request: Asked) -> web.Response:
    body = _body(request)
    who, why = _text(body, "who"), _text(body, "why", needed=False)
    number, word = _number(request), request.match["action"]
    if word == "note":
        await service.note(number, who=who, why=_text(body, "why"))
        return web.json_response({"incident": _brief(await service.store.get(number))})
    try:
        action = Action(word)
    except ValueError:
        return error_response(404, "no_such_action", f"there is no action {word!r}", f"one of {', '.join(Action)}")
    return web.json_response({"incident": _brief(await service.act(number, action, who=who, why=why))})


async def _dossier(service: WatchService, request: Asked, title: Title) -> web.Response:
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
async def _honey(service: WatchService, _: Asked) -> web.Response:
    planted = await service.store.honey()
    # Where they are is for those who hold the token; the hashes of their values are for nobody.
    return web.json_response(
        {"honey": [{"place": one.place, "planted_at": one.planted_at, "who": one.who} for one in planted]}
    )


async def _plant(service: WatchService, request: Asked) -> web.Response:
    body = _body(request)
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


async def _start_drill(service: WatchService, request: Asked) -> web.Response:
    body = _body(request)
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


async def _drill(service: WatchService, request: Asked) -> web.Response:
    store = service.store
    found = []
    for incident in await store.drill_incidents(request.match["id"]):
        timeline = await store.timeline(incident.number)
        found.append(
            {
                "incident": _brief(incident),
                "messages": await store.messages(incident.number),
                "timeline": [{"at": one.at, "kind": one.kind} for one in timeline],
            }
        )
    return web.json_response({"incidents": found, "routes": service.routes})


async def _end_drill(service: WatchService, request: Asked) -> web.Response:
    await service.end_drill(request.match["id"], _body(request))
    return web.json_response({"ended": True})


# -- reading requests -------------------------------------------------------------------------------------------------
def _number(request: Asked) -> int:
    return int(request.match["number"])


def _limit(request: Asked, default: int) -> int:
    text = request.query.get("limit", "")
    if not text:
        return default
    if not text.isdecimal() or len(text) > 9:
        raise BadRequest("limit is a whole number")
    return min(int(text), LIMIT)


def _body(request: Asked) -> dict[str, Any]:
    try:
        body = json.loads(request.body)
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


_HANDLERS: Mapping[str, Handler] = {
    "incidents": _list,
    "incident": _show,
    "act": _act,
    "honey": _honey,
    "plant": _plant,
    "start_drill": _start_drill,
    "drill": _drill,
    "end_drill": _end_drill,
}
