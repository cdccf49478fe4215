"""The breach report that the law asks for, from what the gateway knows: JSON, and HTML in Chinese or English.

Personal Information Protection Law, article 57: the handler takes measures at once and tells the authorities and the
persons which kinds of information, for what cause and with what possible harm; which measures were taken and which the
persons can take; how to reach the handler. What a machine cannot know is left open, and marked as such.

Pure: the same incident at the same instant gives the same report.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from html import escape
from types import MappingProxyType
from typing import Any, Final

from gateway.watch.incidents import Change, Incident, moment, to_document

LANGUAGES: Final = ("en", "zh")

# Measures for the Reporting of National Cybersecurity Incidents (国家网络安全事件报告管理办法, in force since
# 2025-11-01), for incidents graded as relatively major and above: operators of critical infrastructure within one hour,
# others within four. Whether they apply is a question for the company's counsel.
CLOCK: Final = (
    ("critical_infrastructure", 1, "operators of critical information infrastructure", "关键信息基础设施运营者"),
    ("other_operators", 4, "other network operators", "其他网络运营者"),
)


@dataclass(frozen=True, slots=True)
class Material:
    """All that goes into a report."""

    incident: Incident
    timeline: Sequence[Change]
    findings: Sequence[Mapping[str, Any]]
    subject_count: int
    subjects: Sequence[str]
    """The first of them, as `table/key`."""
    messages: Sequence[Mapping[str, Any]] = ()
    title: Callable[[str, str], str] = lambda name, language: name
    """(data class, language) → its title for people."""


def document(material: Material, at: str, language: str = "en") -> dict[str, Any]:
    """The report as JSON-ready values. `at`: now, as records spell times."""
    incident = material.incident
    chinese = {one["id"]: one["summary_zh"] for one in material.findings if language == "zh"}
    known = moment(incident.opened_at)
    clock = [
        {
            "who": zh if language == "zh" else en,
            "hours": hours,
            "until": _text(known + timedelta(hours=hours)),
            "passed": moment(at) > known + timedelta(hours=hours),
        }
        for _, hours, en, zh in CLOCK
    ]
    return {
        "report": "personal_information_incident",
        "language": language,
        "made_at": at,
        "drill": bool(incident.drill),
        "incident": to_document(incident),
        "summary": incident.summary_zh if language == "zh" else incident.summary,
        "who": {
            "account": incident.principal,
            "department": incident.department,
            "purpose": incident.purpose,
            "databases": list(incident.databases),
        },
        "what": [
            {"class": name, "title": material.title(name, language), "disclosure": how}
            for name, how in incident.disclosed
            if name != "public"
        ],
        "tables": list(incident.tables),
        "subjects": {
            "count": max(material.subject_count, incident.subject_estimate),
            "listed": material.subject_count,
            "shown": list(material.subjects),
            "complete": material.subject_count >= incident.subject_estimate
            and len(material.subjects) == material.subject_count,
        },
        "when": {"first": incident.first_at, "last": incident.last_at, "known": incident.opened_at},
        "rows": incident.rows,
        "cause": incident.cause,
        "measures": [_change(one) for one in material.timeline if one.kind not in ("opened", "joined")],
        "clock": {
            "known_at": incident.opened_at,
            "since_seconds": _seconds(incident.opened_at, at),
            "deadlines": clock,
        },
        "timeline": [_change(one, chinese) for one in material.timeline],
        "findings": [dict(one) for one in material.findings],
        "evidence": {"count": incident.evidence_count, "records": list(incident.evidence)},
        "messages": [dict(one) for one in material.messages],
        "open_points": list(_OPEN_POINTS[language]),
    }


def _change(one: Change, said: Mapping[str, str] = MappingProxyType({})) -> dict[str, str]:
    """`said`: by finding, what stands for the English sentence of the timeline."""
    why = said.get(one.finding, one.why)
    return {"at": one.at, "what": one.kind, "who": one.who, "why": why, "state": str(one.state)}


def _text(at: Any) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _seconds(since: str, until: str) -> int:
    return max(0, int((moment(until) - moment(since)).total_seconds()))


_OPEN_POINTS: Final = {
    "en": (
        "Possible harm to the persons",
        "What the persons can do themselves",
        "Contact of the handler of personal information",
        "Whether the persons are told, and how (it may be left out where the measures avert the harm; PIPL 57)",
        "Grade of the incident and authorities to be told",
    ),
    "zh": (
        "可能造成的危害",
        "个人可以采取的减轻危害的措施",
        "个人信息处理者的联系方式",
        "是否及如何通知个人（采取措施能够有效避免危害的，可以不通知；《个人信息保护法》第五十七条）",
        "事件分级及应当报告的部门",
    ),
}

_WORDS: Final = {
    "en": {
        "heading": "Report on an incident with personal information", "law": "Personal Information Protection Law, "
        "article 57", "drill": "This is a drill. No customer was affected.", "summary": "What happened",
        "who": "Who", "account": "Account", "department": "Department", "purpose": "Declared purpose",
        "database": "Database", "state": "State", "severity": "Severity", "what": "Which information",
        "class": "Data class", "disclosure": "Shown as", "tables": "Tables", "subjects": "Whose information",
        "count": "Persons affected", "listed": "Listed by key", "incomplete": "The list is not complete: results whose "
        "persons are not known are only estimated, and this report shows the first keys.", "when": "When",
        "first": "First record", "last": "Last record", "known": "Known since", "rows": "Rows at most in one finding",
        "cause": "Cause", "unknown": "not determined yet", "measures": "Measures taken", "none": "none yet",
        "clock": "The clock of notification", "at_once": "The law asks to tell authorities and persons at once.",
        "passed": "passed", "hours": "{} h: {}", "since": "Time since it is known", "timeline": "Timeline",
        "evidence": "Evidence: records of the trail", "open": "To be completed by people", "by": "by", "until": "until",
        "annex": "Annex: the persons, as table/key",
        "verify": "`menshen trail verify` proves that these records are unchanged.",
    },
    "zh": {
        "heading": "个人信息安全事件报告", "law": "《中华人民共和国个人信息保护法》第五十七条",
        "drill": "本报告为演练，没有客户受到影响。", "summary": "事件概述", "who": "涉及账号", "account": "账号",
        "department": "部门", "purpose": "声明的处理目的", "database": "数据库",
        "state": "状态", "severity": "严重程度",
        "what": "涉及的个人信息种类", "class": "数据类别", "disclosure": "返回形式", "tables": "数据表",
        "subjects": "涉及的个人", "count": "受影响人数", "listed": "已按标识列出",
        "incomplete": "名单不完整：无法归属到个人的查询结果仅作估计，本报告只列出前若干个标识。",
        "when": "时间", "first": "首条记录", "last": "末条记录",
        "known": "发现时间", "rows": "单次发现的最大行数", "cause": "原因", "unknown": "尚未查明",
        "measures": "已采取的补救措施",
        "none": "暂无", "clock": "通知时限", "at_once": "法律要求立即通知履行个人信息保护职责的部门和个人。",
        "passed": "已超时", "hours": "{} 小时：{}", "since": "自发现起已过", "timeline": "时间线",
        "evidence": "证据：审计记录", "open": "需人工补充", "by": "操作人", "until": "截止",
        "annex": "附件：涉及的个人（数据表/标识）",
        "verify": "可用 `menshen trail verify` 证明这些记录未被改动。",
    },
}  # fmt: skip

_STATES_ZH: Final = {
    "open": "未确认", "acknowledged": "已确认", "contained": "已遏制", "resolved": "已解决", "false_alarm": "误报",
    "opened": "发现", "joined": "并入", "acknowledge": "确认", "contain": "遏制（暂停账号）", "lift": "解除暂停",
    "resolve": "解决", "dismiss": "判为误报", "note": "记录",
    "info": "提示", "low": "低", "medium": "中", "high": "高", "critical": "严重",
    "clear": "明文", "partial": "掩码", "pseudonym": "假名", "withheld": "不返回",
}  # fmt: skip

_STYLE: Final = """body{font:15px/1.5 system-ui,"Noto Sans SC",sans-serif;max-width:60em;margin:2em auto;padding:0 1em;
color:#1a1a1a}h1{font-size:1.5em}h2{font-size:1.1em;margin-top:1.6em;border-bottom:1px solid #ccc}table{border-collapse:
collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:.25em .8em .25em 0}th{font-weight:600;
white-space:nowrap}table.pairs th{width:13em}span{white-space:nowrap}
.list{font:.85em/1.6 monospace;word-spacing:.6em}.drill{background:#fff3cd;
padding:.6em;font-weight:600}.open{border:1px dashed #888;min-height:2.2em;margin:.2em 0 1em}code{
word-break:break-all;font-size:.85em}@media print{body{margin:0}}"""


def html(report: Mapping[str, Any]) -> str:
    """A page that needs nothing from elsewhere, made from `document`."""
    language = report["language"]
    word = _WORDS[language]
    incident, who, subjects, when = report["incident"], report["who"], report["subjects"], report["when"]
    name = f"INC-{incident['number']}"

    def say(value: Any) -> str:
        return escape(_STATES_ZH.get(str(value), str(value)) if language == "zh" else str(value).replace("_", " "))

    parts = [
        f"<h1>{escape(word['heading'])} {name}</h1><p>{escape(word['law'])} · {escape(report['made_at'])}</p>",
        f'<p class="drill">{escape(word["drill"])}</p>' if report["drill"] else "",
        f"<h2>{word['summary']}</h2><p>{escape(report['summary'])}</p>",
        _pairs([(word["severity"], say(incident["severity"])), (word["state"], say(incident["state"]))]),
        f"<h2>{word['who']}</h2>",
        _pairs(
            [
                (word["account"], escape(who["account"] or "–")),
                (word["department"], escape(who["department"] or "–")),
                (word["purpose"], escape(who["purpose"] or "–")),
                (word["database"], escape(", ".join(who["databases"]) or "–")),
            ]
        ),
        f"<h2>{word['what']}</h2>",
        _table(
            [word["class"], "", word["disclosure"]],
            [
                [escape(one["title"]), f"<code>{escape(one['class'])}</code>", say(one["disclosure"])]
                for one in report["what"]
            ],
        ),
        _pairs([(word["tables"], escape(", ".join(report["tables"]) or "–"))]),
        f"<h2>{word['subjects']}</h2>",
        _pairs([(word["count"], f"{subjects['count']:,}"), (word["listed"], f"{subjects['listed']:,}")]),
        "" if subjects["complete"] else f"<p>{escape(word['incomplete'])}</p>",
        f"<h2>{word['when']}</h2>",
        _pairs([(word[key], escape(when[key])) for key in ("first", "last", "known")]),
        _pairs([(word["rows"], f"{report['rows']:,}")]) if report["rows"] else "",
        f"<h2>{word['cause']}</h2><p>{escape(report['cause'] or word['unknown'])}</p>",
        f"<h2>{word['measures']}</h2>",
        _changes(report["measures"], word, say) or f"<p>{word['none']}</p>",
        f"<h2>{word['clock']}</h2><p>{escape(word['at_once'])}</p>",
        _pairs([(word["since"], str(timedelta(seconds=report["clock"]["since_seconds"])))]),
        _table(
            ["", word["until"], ""],
            [
                [
                    escape(word["hours"].format(one["hours"], one["who"])),
                    one["until"],
                    word["passed"] if one["passed"] else "",
                ]
                for one in report["clock"]["deadlines"]
            ],
        ),
        f"<h2>{word['timeline']}</h2>",
        _changes(report["timeline"], word, say),
        f"<h2>{word['evidence']} ({report['evidence']['count']:,})</h2>",
        f"<p>{escape(word['verify'])}</p><p><code>{escape(', '.join(report['evidence']['records']))}</code></p>",
        f"<h2>{word['open']}</h2>",
        *(f'<p>{escape(one)}</p><div class="open"></div>' for one in report["open_points"]),
        f"<h2>{word['annex']} ({len(subjects['shown']):,})</h2>",
        f'<p class="list">{escape("  ".join(subjects["shown"]))}</p>',
    ]
    body = "\n".join(part for part in parts if part)
    return (
        f'<!doctype html>\n<html lang="{language}"><head><meta charset="utf-8"><title>{escape(word["heading"])} {name}'
        f"</title><style>{_STYLE}</style></head><body>\n{body}\n</body></html>\n"
    )


def _pairs(rows: Sequence[tuple[str, str]]) -> str:
    return (
        '<table class="pairs">'
        + "".join(f"<tr><th>{escape(key)}</th><td>{value}</td></tr>" for key, value in rows)
        + "</table>"
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    cells = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    lines = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{cells}</tr>{lines}</table>"


def _changes(changes: Sequence[Mapping[str, str]], word: Mapping[str, str], say: Callable[[Any], str]) -> str:
    if not changes:
        return ""
    rows = [
        [f"<span>{escape(one['at'][:19])}Z</span>", say(one["what"]), escape(one["who"]), escape(one["why"])]
        for one in changes
    ]
    return _table(["", "", word["by"], ""], rows)
