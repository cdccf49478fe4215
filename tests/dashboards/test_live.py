"""Every panel of every dashboard is asked of a real Prometheus over a real gateway under work, and answers."""

from __future__ import annotations

import math
import subprocess
import time
from pathlib import Path
from typing import Any

from dashboards.generate.preview import Source, page
from gateway.metrics import DEFINITIONS, Metrics, WatchFigures
from tests.dashboards.conftest import Workload
from tests.dashboards.queries import as_sent, panels
from tests.support.gateway import Gateway
from tests.support.monitoring import Exposition, Prometheus, found, get
from tests.support.needs import need

WORK_SECONDS = 25

# What half a minute of this workload need not bring about, and why. A stand-in exports these as the gateway would; what the
# gateway does export by then is asked of the gateway alone.
RARE = {
    "menshen_watch_lag_seconds": "only where the watch runs",
    "menshen_findings_total": "detectors need histories",
    "menshen_incidents_opened_total": "follows from a finding",
    "menshen_incidents": "follows from a finding",
    "menshen_incident_oldest_open_timestamp_seconds": "follows from a finding",
    "menshen_suspended_principals": "nobody is suspended in good times",
    "menshen_notifications_total": "no channel is set up",
    "menshen_notifications_waiting": "no channel is set up",
    "menshen_drill_duration_seconds": "no drill was held",
}


def stand_in(missing: set[str]) -> bytes:
    """The families of `missing`, with a value in each."""
    metrics = Metrics([])
    now = time.time()
    metrics.counters["findings_total"]["honey", "critical", "no"] += 1
    metrics.counters["incidents_opened_total"]["honey", "critical", "support", "no"] += 1
    metrics.counters["notifications_total"]["oncall", "sent"] += 1
    metrics.gauges.drills["honey", "detect"] = 0.4
    metrics.gauges.watch = lambda: WatchFigures(
        running=True,
        lag_seconds=0.2,
        incidents={("open", "critical", "support", "no"): 1},
        oldest_open={("critical", "no"): now - 60},
        suspended={("support",): 1},
        waiting={("oncall",): 0},
    )
    wanted = ("".join(part) for part in _families(metrics.exposition().decode()) if part[0].split()[2] in missing)
    return "".join(wanted).encode()


def _families(text: str) -> list[list[str]]:
    found: list[list[str]] = []
    for line in text.splitlines(keepends=True):
        if line.startswith("# HELP "):
            found.append([])
        found[-1].append(line)
    return found


def exported(gateway: Gateway) -> set[str]:
    """Our metrics that have a value at the gateway."""
    families = _families(gateway.http("/metrics")[1])
    return {part[0].split()[2] for part in families if len(part) > 2}


def empty(series: list[dict[str, Any]]) -> bool:
    values = [float(value) for each in series for _, value in each.get("values", [each.get("value", (0, "nan"))])]
    return not any(not math.isnan(value) and not math.isinf(value) for value in values)


def trouble(prometheus: Prometheus) -> dict[str, str]:
    """Panel → what is wrong with its answer."""
    wrong = {}
    for panel in panels():
        for target in panel["targets"]:
            expr = as_sent(target["expr"])
            try:
                answer = prometheus.ask(expr) if target.get("instant") else prometheus.ask_range(expr)
            except AssertionError as error:
                wrong[f"{panel['board']}: {panel['title']}"] = str(error)
                continue
            if empty(answer):
                wrong[f"{panel['board']}: {panel['title']}"] = f"empty: {expr}"
    return wrong


def test_every_panel_answers_and_the_exposition_is_clean(gateway: Gateway, tmp_path: Path) -> None:
    need(found("prometheus"), "prometheus")
    need(found("promtool"), "promtool")
    missing = {d.name for d in DEFINITIONS.values()}
    with Exposition(lambda: stand_in(missing)) as other, Workload(gateway):
        time.sleep(3)
        missing -= exported(gateway)
        # Counters of troubles that nobody had: the panels show 0 for them.
        missing &= set(RARE)
        targets = [f"127.0.0.1:{gateway.http_port}", other.target]
        with Prometheus(tmp_path / "prometheus", targets, interval="1s") as prometheus:
            time.sleep(WORK_SECONDS)
            wrong = trouble(prometheus)
            assert wrong == {}, "\n".join(f"{panel}: {what}" for panel, what in wrong.items())
            drawn = page(Source(prometheus.url, 20))
            assert drawn.count('class="panel"') == len(panels())
            assert "no data" not in drawn
            healthy = get(f"{prometheus.url}/api/v1/rules")[1]
            assert '"health":"err"' not in healthy
        _promtool_is_content(gateway)
    print(f"\n{len(panels())} panels; from the stand-in: {', '.join(sorted(missing)) or 'nothing'}")
    assert {"menshen_disclosed_rows_total", "menshen_department_statements_total"} <= exported(gateway)


def _promtool_is_content(gateway: Gateway) -> None:
    text = gateway.http("/metrics")[1]
    done = subprocess.run(["promtool", "check", "metrics"], input=text.encode(), capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
