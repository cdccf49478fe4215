"""Who is told what, and when: pure functions from incidents and routes to messages and their texts.

A message goes over networks and phones of others, so it names no person whose data it was: account, purpose, tables,
classes and figures, never a value, a subject's key, an actor or an address. What looks like one is taken out as well.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.watch.finding import Severity
from gateway.watch.incidents import Action, Incident, State, moment
from gateway.watch.store import Event, Message

_SECOND: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Route:
    """Where messages go, and which."""

    name: str
    severity: Severity = Severity.LOW
    """Incidents of less are not told."""
    departments: frozenset[str] = frozenset()
    """Empty: those of every department."""
    escalate_after_seconds: float = 0.0
    """Above 0: told only when nobody has acknowledged the incident for so long."""
    repeat_after_seconds: float = 3600.0
    """How often an incident that nobody acknowledges is told again; 0: never."""
    language: str = "en"
    """`en` or `zh`"""


def routes_of(incident: Incident, routes: Sequence[Route]) -> list[Route]:
    """The routes of an incident, those for escalation included.

    An incident must not fall between two desks: where no route is meant for its department, all are.
    """
    mine = [one for one in routes if not one.departments or incident.department in one.departments]
    if not any(one.escalate_after_seconds <= 0 for one in mine):
        mine = list(routes)
    return [one for one in mine if incident.severity >= one.severity]


def plan(routes: Sequence[Route], now: int) -> Callable[[Event], Iterable[Message]]:
    """The messages that an event of an incident causes, for `Store.admit` and `Store.act`."""

    def planned(event: Event) -> Iterable[Message]:
        kind = _kind(event)
        if not kind:
            return
        incident = event.incident
        tail = f"-{incident.severity}" if kind == "worse" else ""
        for route in routes_of(incident, routes):
            told_already = now - _micros(incident.opened_at) >= route.escalate_after_seconds * _SECOND
            if route.escalate_after_seconds <= 0 or (kind in ("contained", "closed") and told_already):
                yield _message(incident, route, kind, tail, now)

    return planned


def _kind(event: Event) -> str:
    if event.change.kind in ("opened", "joined"):
        return "opened" if event.change.kind == "opened" else "worse" if event.worse else ""
    if event.change.kind == Action.CONTAIN:
        return "contained"
    return "closed" if event.change.kind in (Action.RESOLVE, Action.DISMISS) else ""


def overdue(incident: Incident, routes: Sequence[Route], now: int) -> Iterable[Message]:
    """What is to be told because time has passed and nobody has acknowledged the incident."""
    if incident.closed or incident.acknowledged_by:
        return
    waited = now - _micros(incident.opened_at)
    for route in routes_of(incident, routes):
        after = route.escalate_after_seconds * _SECOND
        if after > 0 and waited >= after:
            yield _message(incident, route, "escalated", "", now)
        repeat = int(route.repeat_after_seconds * _SECOND)
        if repeat and waited - after >= repeat:
            yield _message(incident, route, "again", f"-{int((waited - after) // repeat)}", now)


def _message(incident: Incident, route: Route, kind: str, tail: str, now: int) -> Message:
    return Message(
        f"{incident.name}/{kind}{tail}/{route.name}", incident.number, route.name, kind, incident.severity, now, now
    )


def _micros(at: str) -> int:
    return round(moment(at).timestamp() * _SECOND)


# -- texts ------------------------------------------------------------------------------------------------------------
MAYBE_REPEATED: Final = {"en": "This message may have reached you before.", "zh": "此消息可能已发送过一次。"}
_KINDS: Final = {
    "opened": ("", ""),
    "worse": ("WORSE", "升级"),
    "again": ("STILL OPEN", "仍未确认"),
    "escalated": ("NOBODY HAS ACKNOWLEDGED", "无人确认"),
    "contained": ("CONTAINED", "已遏制"),
    "closed": ("CLOSED", "已关闭"),
}
_SEVERITIES_ZH: Final = ("提示", "低", "中", "高", "严重")
_STATES_ZH: Final = {
    State.OPEN: "未确认",
    State.ACKNOWLEDGED: "已确认",
    State.CONTAINED: "已遏制：该账号已被暂停",
    State.RESOLVED: "已解决",
    State.FALSE_ALARM: "误报",
}
_STATES_EN: Final = {
    State.OPEN: "open, nobody has acknowledged it",
    State.ACKNOWLEDGED: "acknowledged",
    State.CONTAINED: "contained: the account is suspended",
    State.RESOLVED: "resolved",
    State.FALSE_ALARM: "false alarm",
}
_DISCLOSURES_ZH: Final = {"clear": "明文", "partial": "掩码", "pseudonym": "假名", "withheld": "不返回"}

# Numbers of phones, cards and identity documents, and mail addresses: findings hold none; this is the second lock.
_PERSONAL: Final = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|(?<![\w.])\d(?:[ -]?\d){8,}[\dXx]?(?![\w])")

_ADDRESS: Final = re.compile(
    r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w])|(?<![\w:])(?:[0-9a-fA-F]{0,4}:){3,7}[0-9a-fA-F]{0,4}(?![\w:])"
)


def scrubbed(text: str, principal: str = "") -> str:
    """The text without what looks like a person's number, mail or network address, and without the actor behind the
    principal (`crm_app/zhang.san`)."""
    if principal:
        text = re.sub(rf"{re.escape(principal)}/\S+", principal, text)
    return _ADDRESS.sub("…", _PERSONAL.sub("…", text))


def title(incident: Incident, kind: str, language: str) -> str:
    """One line that says how bad it is."""
    chinese = language == "zh"
    severity = _SEVERITIES_ZH[incident.severity] if chinese else str(incident.severity).upper()
    drill = ("【演练】" if chinese else "[DRILL] ") if incident.drill else ""
    word = _KINDS[kind][chinese]
    summary = incident.summary_zh if chinese else incident.summary
    text = f"{drill}[{severity}] {incident.name} {word + ': ' if word else ''}{summary}"
    return scrubbed(text, incident.principal)[:300]


def body(incident: Incident, kind: str, reference: str, language: str, *, maybe_repeated: bool = False) -> str:
    """What a person on call needs to decide whether to get up."""
    lines = _body_zh(incident) if language == "zh" else _body_en(incident)
    if maybe_repeated:
        lines.append(MAYBE_REPEATED[language])
    text = scrubbed("\n".join(line for line in lines if line), incident.principal)
    return f"{text}\n{'编号' if language == 'zh' else 'Reference'}: {reference}"


def _body_en(incident: Incident) -> list[str]:
    classes = ", ".join(f"{name} {disclosure}" for name, disclosure in _told(incident))
    return [
        incident.summary,
        "This is a drill: nothing has happened to customers." if incident.drill else "",
        f"Account: {_account(incident)}",
        f"Data: {', '.join(incident.tables[:5]) or '-'}{f' ({classes})' if classes else ''}",
        f"Extent: {incident.rows:,} rows, {incident.subject_estimate:,} customers, {incident.findings:,} findings "
        f"from {incident.first_at[:19]}Z to {incident.last_at[:19]}Z",
        f"State: {_STATES_EN[incident.state]}",
        f"Next: menshen incident show {incident.number}"
        + (
            f" · menshen incident ack {incident.number}" if not incident.closed and not incident.acknowledged_by else ""
        ),
    ]


def _body_zh(incident: Incident) -> list[str]:
    classes = "、".join(f"{name} {_DISCLOSURES_ZH.get(how, how)}" for name, how in _told(incident))
    return [
        incident.summary_zh,
        "这是演练，没有客户受到影响。" if incident.drill else "",
        f"账号：{_account(incident)}",
        f"数据：{'、'.join(incident.tables[:5]) or '-'}{f'（{classes}）' if classes else ''}",
        f"范围：{incident.rows:,} 行，{incident.subject_estimate:,} 位客户，{incident.findings:,} 条发现，"
        f"{incident.first_at[:19]}Z 至 {incident.last_at[:19]}Z",
        f"状态：{_STATES_ZH[incident.state]}",
        f"下一步：menshen incident show {incident.number}"
        + (
            f" · menshen incident ack {incident.number}" if not incident.closed and not incident.acknowledged_by else ""
        ),
    ]


def _told(incident: Incident) -> list[tuple[str, str]]:
    """The classes of which most was shown, the fullest first."""
    order = {"clear": 0, "partial": 1, "pseudonym": 2}
    personal = [one for one in incident.disclosed if one[0] != "public"]
    return sorted(personal, key=lambda one: (order.get(one[1], 3), one[0]))[:8]


def _account(incident: Incident) -> str:
    parts = (incident.principal or "-", incident.department, incident.purpose, ", ".join(incident.databases))
    return " / ".join(part for part in parts if part)


def grouped(incidents: Sequence[Incident], language: str) -> tuple[str, str]:
    """Title and body of one message about many incidents, the gravest first."""
    order = sorted({one.number: one for one in incidents}.values(), key=lambda one: (-one.severity, one.number))
    shown = order[:20]
    worst, count = order[0], len(order)
    if language == "zh":
        head = f"[{_SEVERITIES_ZH[worst.severity]}] {count} 个事件，最严重的是 {worst.name}"
        lines = [
            f"{one.name} [{_SEVERITIES_ZH[one.severity]}] {scrubbed(one.summary_zh, one.principal)}"
            for one in order[:20]
        ]
        more = f"另有 {count - 20} 个：menshen incident list" if count > 20 else ""
    else:
        head = f"[{str(worst.severity).upper()}] {count} incidents, the gravest is {worst.name}"
        lines = [f"{one.name} [{one.severity}] {scrubbed(one.summary, one.principal)}" for one in shown]
        more = f"and {count - 20} more: menshen incident list" if count > 20 else ""
    drill = ("【演练】" if language == "zh" else "[DRILL] ") if all(one.drill for one in order) else ""
    return scrubbed(drill + head), scrubbed("\n".join([*lines, more] if more else lines))
