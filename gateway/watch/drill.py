"""The figures of a drill and its report. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gateway.watch.incidents import moment


@dataclass(slots=True)
class Timing:
    """Instants as Unix times; 0: it did not happen."""

    last_row: float = 0.0
    detected: float = 0.0
    paged: float = 0.0
    contain_asked: float = 0.0
    """When somebody decided to; when it was detected, where a detector contains by itself."""
    contained: float = 0.0
    """When the last session with the drill's mark had ended."""
    refused: bool = False
    """A new login with the mark was refused."""

    def report(
        self,
        *,
        drill: str,
        kind: str,
        who: str,
        principal: str,
        table: str,
        began: float,
        rows: int,
        found: Mapping[str, Any],
        error: str,
    ) -> dict[str, Any]:
        """The report as JSON-ready values. It passed when there was an incident, and a message where there is a route
        for one, and containment where there was an account."""
        incidents = [one["incident"] for one in found["incidents"]]
        contained = not principal or (self.contained > 0 and self.refused)
        return {
            "drill": drill,
            "kind": kind,
            "by": who,
            "began": _text(began),
            "principal": principal,
            "table": table,
            "rows": rows,
            "error": error,
            "detected": self.detected > 0,
            "paged": self.paged > 0,
            "routes": list(found["routes"]),
            "contained": self.contained > 0,
            "login_refused": self.refused,
            "seconds_to_detect": _between(self.last_row, self.detected),
            "seconds_to_page": _between(self.last_row, self.paged),
            "seconds_to_contain": _between(self.contain_asked, self.contained),
            "incidents": [
                {key: one[key] for key in ("name", "severity", "detector", "summary", "summary_zh")}
                for one in incidents
            ],
            "passed": not error and self.detected > 0 and self.paged > 0 and contained,
        }


def timing(known: Timing, found: Mapping[str, Any]) -> Timing:
    """When the first incident was opened and the first message had gone."""
    opened = [moment(one["incident"]["opened_at"]).timestamp() for one in found["incidents"]]
    sent = [
        message["finished"] / 1e6
        for one in found["incidents"]
        for message in one["messages"]
        if message["state"] == "sent"
    ]
    known.detected, known.paged = min(opened, default=0.0), min(sent, default=0.0)
    return known


def _between(since: float, until: float) -> float | None:
    """Seconds; 0 where it came first (a long breach is seen before its last row)."""
    return round(max(0.0, until - since), 3) if since and until else None


def _text(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"


def markdown(report: Mapping[str, Any]) -> str:
    """For people, in both languages."""

    def seconds(name: str) -> str:
        value = report[name]
        return "–" if value is None else f"{value:.2f} s"

    account = report["principal"] or "a direct connection / 直接连接"
    verdict = "passed / 通过" if report["passed"] else "FAILED / 未通过"
    lines = [
        f"# Drill / 演练 {report['kind']} {report['drill']}: {verdict}",
        "",
        f"- When / 时间: {report['began']}, by / 执行人: {report['by']}",
        f"- Breach / 模拟内容: {report['rows']:,} rows of {report['table']} as {account}",
        f"- Routes / 通知渠道: {', '.join(report['routes']) or 'none is configured / 未配置'}",
        *([f"- Error / 错误: {report['error']}"] if report["error"] else []),
        "",
        "| step / 步骤 | done / 完成 | time / 用时 |",
        "|---|---|---|",
        f"| detected / 发现 | {_yes(report['detected'])} | {seconds('seconds_to_detect')} after the last row |",
        f"| paged / 通知 | {_yes(report['paged'])} | {seconds('seconds_to_page')} after the last row |",
        f"| contained / 遏制 | {_yes(report['contained'])} | {seconds('seconds_to_contain')} from that decision |",
        f"| new login refused / 拒绝新登录 | {_yes(report['login_refused'])} | |",
        "",
        *(f"- {one['name']} ({one['severity']}, {one['detector']}): {one['summary']} {one['summary_zh']}"
          for one in report["incidents"]),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _yes(value: bool) -> str:
    return "yes / 是" if value else "no / 否"
