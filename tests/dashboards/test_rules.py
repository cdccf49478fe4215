"""The rules and routes hold what they say: promtool and amtool check them, and what they name exists."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.metrics import DEFINITIONS
from tests.support.monitoring import ALERTMANAGER, PROMETHEUS, ROOT, found
from tests.support.needs import need

# Names that a rule may use beside ours: Prometheus' own, and those of every client library for processes.
FOREIGN = {"up", "ALERTS", "process_open_fds", "process_max_fds"}
SEVERITIES = {"critical", "high", "medium", "low", "none"}
# What labels and messages may carry. No person, principal, statement, client or value is among them.
LABELS = {
    "severity", "job", "instance", "alertname", "department", "database", "drill", "detector", "reason", "purpose", "check",
    "listen", "part", "channel", "slo", "incident_severity", "finding_severity", "result", "digest",
}  # fmt: skip


def groups() -> list[dict[str, Any]]:
    files = sorted((PROMETHEUS / "rules").glob("*.yml"))
    return [group for file in files for group in yaml.safe_load(file.read_text("utf-8"))["groups"]]


RULES = [rule for group in groups() for rule in group["rules"]]
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}
RECORDED = {rule["record"] for rule in RULES if "record" in rule}


def named(expr: str) -> set[str]:
    """Metrics that a query names, without the suffixes of histograms."""
    bare = re.sub(r'"[^"]*"', '""', expr)
    names = set(re.findall(r"\b(?:menshen|process)_\w+|\b\w+:menshen_\w+:\w+|\bALERTS\b|\bup\b", bare))
    return {re.sub(r"_(bucket|count|sum)$", "", name) if name.startswith("menshen_") else name for name in names}


def run(*command: str) -> str:
    done = subprocess.run(command, cwd=PROMETHEUS, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_promtool_checks_configuration_and_rules() -> None:
    need(found("promtool"), "promtool")
    assert "is valid" in run("promtool", "check", "config", "prometheus.yml")
    run("promtool", "check", "rules", *(str(file) for file in (PROMETHEUS / "rules").glob("*.yml")))


@pytest.mark.parametrize("file", sorted((PROMETHEUS / "tests").glob("*.yml")), ids=lambda file: file.stem)
def test_promtool_tests_the_rules(file: Path) -> None:
    need(found("promtool"), "promtool")
    run("promtool", "test", "rules", str(file))


def test_every_alert_is_tested() -> None:
    text = "".join(file.read_text("utf-8") for file in (PROMETHEUS / "tests").glob("*.yml"))
    assert [name for name in ALERTS if name not in text] == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.get("alert") or rule["record"])
def test_every_metric_of_a_rule_exists(rule: dict[str, Any]) -> None:
    ours = {definition.name for definition in DEFINITIONS.values()}
    assert named(rule["expr"]) - ours - RECORDED - FOREIGN <= set()
    assert named(rule["expr"]) or rule["expr"] == "vector(1)"


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_in_two_languages_what_to_do(name: str) -> None:
    rule = ALERTS[name]
    texts = rule["annotations"]
    assert rule.get("labels", {}).get("severity") in SEVERITIES or name == "MenshenIncidentOpen"
    assert texts["summary"]
    assert texts["description"].endswith(".")
    assert re.search(r"[一-鿿]", texts["summary_zh"])
    assert texts["description_zh"].endswith("。")
    assert (ROOT / "dashboards/grafana/dashboards" / f"{texts['dashboard']}.json").exists()
    assert texts["runbook"] == f"docs/monitoring.md#{name.lower()}"
    page = (ROOT / "docs/monitoring.md").read_text("utf-8")
    assert f"\n### {name}\n" in page
    assert f"\n    {' '.join(rule['expr'].split())}\n" in page


def test_no_label_and_no_text_can_name_a_person() -> None:
    for rule in RULES:
        used = set(re.findall(r"\$labels\.(\w+)", json.dumps(rule)))
        grouped = {one.strip() for found in re.findall(r"\bby \(([^)]*)\)", rule["expr"]) for one in found.split(",")}
        assert used | grouped | set(rule.get("labels", {})) <= LABELS | {"le"}, rule
    for file in (ALERTMANAGER / "templates").glob("*.tmpl"):
        text = file.read_text("utf-8")
        assert set(re.findall(r"CommonLabels\.(\w+)", text)) <= LABELS
        assert ".SortedPairs" not in text
        assert ".Labels" not in text.replace(".CommonLabels", "")
    assert not any({"principal", "actor", "user", "client", "statement"} & set(d.labels) for d in DEFINITIONS.values())


def test_amtool_checks_routes_and_messages() -> None:
    need(found("amtool"), "amtool")
    assert "SUCCESS" in run("amtool", "check-config", str(ALERTMANAGER / "alertmanager.yml"))


@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        (
            "alertname=MenshenIncidentOpen severity=high department=support drill=no",
            "oncall,department-support,department-legal",
        ),
        (
            "alertname=MenshenIncidentOpen severity=medium department=sales drill=no",
            "department-sales,department-legal,security",
        ),
        ("alertname=MenshenDenialBurst severity=high department=marketing", "oncall,department-marketing"),
        ("alertname=MenshenTrailUnhealthy severity=critical", "oncall"),
        ("alertname=MenshenFinding severity=low", "record"),
        ("alertname=MenshenWatchdog severity=none", "heartbeat"),
        ("alertname=MenshenSomethingNew severity=high", "oncall"),
    ],
)
def test_who_is_told(labels: str, receivers: str) -> None:
    need(found("amtool"), "amtool")
    file = f"--config.file={ALERTMANAGER / 'alertmanager.yml'}"
    assert run("amtool", "config", "routes", "test", file, *labels.split()).splitlines()[0] == receivers


def test_every_department_of_the_shipped_bundle_has_a_route() -> None:
    principals = yaml.safe_load((ROOT / "policies/principals.yaml").read_text("utf-8"))["principals"]
    receivers = {
        each["name"] for each in yaml.safe_load((ALERTMANAGER / "alertmanager.yml").read_text("utf-8"))["receivers"]
    }
    assert {f"department-{one['department']}" for one in principals.values()} <= receivers


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("menshen.title", "[DRILL] [HIGH] Menshen: MenshenIncidentOpen, support"),
        ("menshen.title.zh", "【演练】【严重】门神告警：MenshenIncidentOpen，部门 support"),
        ("menshen.text", "2 open\nTake it.\nSince 2026-03-01 08:00:00 UTC. Dashboard menshen-breach"),
        ("menshen.text.zh", "2 起\n请接手。\n起始时间 2026-03-01 08:00:00 UTC。看板 menshen-breach"),
        ("menshen.html", "<h3>2 open</h3><p>Take it.</p>"),
        ("menshen.html.zh", "<h3>2 起</h3><p>请接手。</p>"),
    ],
)
def test_messages_in_both_languages(template: str, expected: str, tmp_path: Path) -> None:
    need(found("amtool"), "amtool")
    labels = {
        "alertname": "MenshenIncidentOpen",
        "severity": "high",
        "department": "support",
        "drill": "yes",
        "secret": "王芳",
    }
    texts = {
        "summary": "2 open", "summary_zh": "2 起", "description": "Take it.", "description_zh": "请接手。",
        "dashboard": "menshen-breach", "runbook": "docs/monitoring.md#menshenincidentopen",
    }  # fmt: skip
    alert = {"status": "firing", "labels": labels, "annotations": texts, "startsAt": "2026-03-01T08:00:00Z"}
    data = {
        "receiver": "x",
        "status": "firing",
        "alerts": [alert],
        "groupLabels": labels,
        "commonLabels": labels,
        "commonAnnotations": texts,
    }
    (tmp_path / "data.json").write_text(json.dumps(data), "utf-8")
    text = run(
        "amtool", "template", "render", f"--template.glob={ALERTMANAGER / 'templates'}/*.tmpl",
        f'--template.text={{{{ template "{template}" . }}}}', f"--template.data={tmp_path / 'data.json'}",
    )  # fmt: skip
    assert expected in text
    assert "王芳" not in text
