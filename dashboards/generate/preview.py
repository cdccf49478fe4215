"""Draw the dashboards without Grafana: `python -m dashboards.generate.preview http://prometheus:9090 > page.html`.

For those who change a panel and have no Grafana at hand: the committed JSON, live answers, plain SVG. It shows whether
there is data, in which unit, and how legends read; colours, zoom and variables are Grafana's own.
"""

from __future__ import annotations

import html
import json
import re
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any, TypeAlias

BOARDS = Path(__file__).parents[1] / "grafana" / "dashboards"
COLOURS = ("#73bf69", "#f2cc0c", "#5794f2", "#ff780a", "#b877d9", "#e02f44", "#56d9d9", "#c4a484")
STYLE = """
body{background:#111217;color:#ccccdc;font:12px "Noto Sans","Noto Sans CJK SC",sans-serif;width:1600px;margin:8px}
h1{font-size:18px;grid-column:1/-1}h2{font-size:14px;grid-column:1/-1;margin:4px 0}
.board{display:grid;grid-template-columns:repeat(24,1fr);gap:6px}
.panel{background:#181b1f;border:1px solid #2a2d33;padding:6px;overflow:hidden}
.panel b{display:block;font-size:12px;margin-bottom:4px}.big{font-size:24px}.none{color:#e02f44}
td,th{padding:1px 8px 1px 0;text-align:left}th{color:#8e8e9a}i{display:inline-block;width:10px;height:3px;margin-right:5px}
"""
Series: TypeAlias = tuple[str, list[tuple[float, float]], dict[str, str]]


def shown(value: float, unit: str) -> str:
    """A value as Grafana would write it, roughly."""
    if unit == "percentunit":
        return f"{value * 100:.3g} %"
    steps: tuple[tuple[float, str], ...]
    if unit == "s":
        steps = ((86400, "days"), (3600, "h"), (60, "min"), (1, "s"), (1e-3, "ms"), (1e-6, "µs"))
    elif unit in ("bytes", "Bps"):
        end = "/s" if unit == "Bps" else ""
        steps = ((2.0**30, f"GiB{end}"), (2.0**20, f"MiB{end}"), (2.0**10, f"KiB{end}"), (1, f"B{end}"))
    else:
        tail = {"ops": " ops/s", "rowsps": " rows/s", "cores": " cores"}.get(unit, "")
        return (f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}") + tail
    size, name = next((step for step in steps if abs(value) >= step[0]), steps[-1])
    return f"{value / size:.3g} {name}"


class Source:
    """A Prometheus, asked for the last `seconds`."""

    def __init__(self, url: str, seconds: float = 60.0) -> None:
        self._url, self._seconds = url.rstrip("/"), seconds

    def answer(self, target: dict[str, Any]) -> list[Series]:
        expr = target["expr"].replace("$__rate_interval", "10s").replace("$__range", f"{self._seconds:.0f}s")
        query = {"query": re.sub(r"\$(database|department|purpose)\b", ".*", expr)}
        path = "query"
        if not target.get("instant"):
            now, path = time.time(), "query_range"
            query |= {"start": f"{now - self._seconds:.3f}", "end": f"{now:.3f}", "step": "1"}
        with urllib.request.urlopen(f"{self._url}/api/v1/{path}?{urllib.parse.urlencode(query)}") as answer:  # noqa: S310
            found = json.load(answer)["data"]["result"]
        return [
            (
                _legend(target["legendFormat"], each["metric"]),
                [(float(at), float(value)) for at, value in each.get("values", [each.get("value", (0, "nan"))])],
                each["metric"],
            )
            for each in found
        ]


def _legend(text: str, labels: dict[str, str]) -> str:
    return re.sub(r"\{\{(\w+)\}\}", lambda name: labels.get(name[1], ""), text)


def _lines(series: list[Series], unit: str, height: int) -> str:
    points = [(at, value) for _, values, _ in series for at, value in values if value == value]
    first, last = min(at for at, _ in points), max(at for at, _ in points)
    top = max(value for _, value in points) or 1.0
    drawn, legend = [], []
    for number, (name, values, _) in enumerate(series):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(
            f"{(at - first) / max(last - first, 1) * 500:.1f},{100 - value / top * 95:.1f}"
            for at, value in values
            if value == value
        )
        drawn.append(f'<polyline points="{path}" fill="none" stroke="{colour}" vector-effect="non-scaling-stroke"/>')
        if number < 8:
            now = shown(values[-1][1], unit)
            legend.append(f'<div><i style="background:{colour}"></i>{html.escape(name)}: {now}</div>')
    chart = (
        f'<svg viewBox="0 0 500 100" preserveAspectRatio="none" width="100%" height="{height}">{"".join(drawn)}</svg>'
    )
    return f"<div>max {shown(top, unit)}</div>{chart}{''.join(legend)}"


def _numbers(series: list[Series], unit: str, words: dict[str, str]) -> str:
    parts = []
    for name, values, _ in series:
        value = values[-1][1]
        parts.append(
            f'<div><span class="big">{words.get(f"{value:g}") or shown(value, unit)}</span> {html.escape(name)}</div>'
        )
    return "".join(parts)


def _table(series: list[Series], unit: str, words: dict[str, str]) -> str:
    names = sorted({name for _, _, labels in series for name in labels} - {"job", "__name__"})
    head = "".join(f"<th>{name}</th>" for name in (*names, series[0][0]))
    rows = []
    for _, values, labels in sorted(series, key=lambda each: -each[1][-1][1])[:12]:
        value = values[-1][1]
        cells = [*(labels.get(name, "")[:24] for name in names), words.get(f"{value:g}") or shown(value, unit)]
        rows.append("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>")
    return f"<table><tr>{head}</tr>{''.join(rows)}</table>"


def _panel(panel: dict[str, Any], source: Source) -> str:
    title, place = html.escape(panel["title"]), panel["gridPos"]
    if panel["type"] == "row":
        return f"<h2>{title}</h2>"
    defaults = panel["fieldConfig"]["defaults"]
    mappings = [one for mapping in defaults.get("mappings", ()) for one in mapping["options"].items()]
    words = {value: result["text"] for value, result in mappings}
    series = [each for target in panel["targets"] for each in source.answer(target)]
    series = [each for each in series if any(value == value for _, value in each[1])]
    if not series:
        body = '<div class="none">no data</div>'
    elif panel["type"] == "timeseries":
        body = _lines(series, defaults["unit"], place["h"] * 12)
    elif panel["type"] == "table":
        body = _table(series, defaults["unit"], words)
    else:
        body = _numbers(series, defaults["unit"], words)
    return f'<div class="panel" style="grid-column:span {place["w"]}"><b>{title}</b>{body}</div>'


def page(source: Source) -> str:
    """All boards, one below the other."""
    parts = []
    for file in sorted(BOARDS.glob("*.json"), key=lambda file: json.loads(file.read_text("utf-8"))["title"]):
        board = json.loads(file.read_text("utf-8"))
        panels = "".join(_panel(panel, source) for panel in board["panels"])
        parts.append(f'<div class="board" id="{board["uid"]}"><h1>{html.escape(board["title"])}</h1>{panels}</div>')
    return f'<!doctype html><meta charset="utf-8"><style>{STYLE}</style>{"".join(parts)}'


if __name__ == "__main__":
    sys.stdout.write(page(Source(sys.argv[1])))
