"""The dashboards are those that the code makes, say what they show, and name nothing that does not exist."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from gateway.metrics import DEFINITIONS
from tests.dashboards.queries import BOARDS, panels
from tests.support.monitoring import ROOT
from tests.support.needs import need

CHINESE = re.compile(r"[一-鿿]")


def grouped(expr: str) -> set[str]:
    """Labels that a query keeps."""
    return {one.strip() for found in re.findall(r"\bby \(([^)]*)\)", expr) for one in found.split(",")}


FOREIGN = {
    "up", "ALERTS", "process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds", "process_max_fds",
}  # fmt: skip
RULES = {
    rule["record"]: grouped(rule["expr"])
    for group in yaml.safe_load((ROOT / "dashboards/prometheus/rules/recording.yml").read_text("utf-8"))["groups"]
    for rule in group["rules"]
}
TITLES = [
    "Overview", "Who uses what for what", "Masking and minimization", "Breach watch", "Gateway performance and SLO",
    "Trail health",
]  # fmt: skip


def test_the_committed_dashboards_are_those_that_the_code_makes() -> None:
    try:
        from dashboards.generate.boards import BOARDS as sources
        from dashboards.generate.kit import pages
    except ModuleNotFoundError:
        return need(False, "grafana-foundation-sdk (pip install -e .[dashboards])")
    made = pages(sources)
    assert {name: file.read_text("utf-8") for name, file in BOARDS.items()} == made, "python -m dashboards.generate"


@pytest.mark.parametrize("name", BOARDS)
def test_a_board_has_a_title_in_two_languages_and_one_source(name: str) -> None:
    board = json.loads(BOARDS[name].read_text("utf-8"))
    english, chinese = board["title"].split(" / ", 1)
    number, title = english.removeprefix("Menshen ").split(" · ")
    assert TITLES[int(number) - 1] == title
    assert CHINESE.search(chinese)
    assert board["uid"] == name.removesuffix(".json")
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    variables = [each["name"] for each in board["templating"]["list"]]
    assert variables[0] == "datasource"
    used = set(re.findall(r"\$(\w+)", json.dumps([panel.get("targets") for panel in board["panels"]])))
    assert used - {"__rate_interval", "__range"} <= set(variables), "a query uses a variable that the board lacks"


def test_there_is_a_variable_for_database_department_and_purpose() -> None:
    for name in ("menshen-overview.json", "menshen-uses.json", "menshen-masking.json", "menshen-breach.json"):
        board = json.loads(BOARDS[name].read_text("utf-8"))
        assert {"database", "department", "purpose"} <= {each["name"] for each in board["templating"]["list"]}


@pytest.mark.parametrize("panel", panels(), ids=lambda panel: panel["title"].split(" / ")[0])
def test_a_panel_explains_itself(panel: dict[str, Any]) -> None:
    english, chinese = panel["title"].split(" / ", 1)
    assert CHINESE.search(chinese)
    assert not CHINESE.search(english)
    about, about_zh = panel["description"].split("\n\n", 1)
    assert len(about) > 10
    assert CHINESE.search(about_zh)
    assert panel["fieldConfig"]["defaults"]["unit"]
    for target in panel["targets"]:
        assert target["legendFormat"]
        assert target["datasource"]["uid"] == "${datasource}"
    places = panel["gridPos"]
    assert places["x"] + places["w"] <= 24


@pytest.mark.parametrize("panel", panels(), ids=lambda panel: panel["title"].split(" / ")[0])
def test_every_metric_and_label_of_a_panel_exists(panel: dict[str, Any]) -> None:
    ours = {definition.name: set(definition.labels) for definition in DEFINITIONS.values()}
    for target in panel["targets"]:
        expr = target["expr"]
        bare = re.sub(r'"[^"]*"', '""', expr)
        names = set(re.findall(r"\b\w+:menshen_\w+:\w+|\b(?:menshen|process)_\w+|\bALERTS\b|\bup\b", bare))
        plain = {re.sub(r"_(bucket|count|sum)$", "", name) if name not in ours else name for name in names}
        assert plain
        assert plain - set(ours) - set(RULES) - FOREIGN == set()
        for name, matchers in re.findall(r"\b(menshen_\w+)\{([^}]*)\}", bare):
            base = re.sub(r"_(bucket|count|sum)$", "", name) if name not in ours else name
            labels = set(re.findall(r"(\w+)\s*[=!]~?", matchers))
            if base in ours:
                assert labels <= ours[base] | {"job", "instance", "le"}, f"{name} has no {labels - ours[base]}"
        shown = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
        kept = grouped(expr).union(*(RULES[name] for name in names & set(RULES)))
        assert shown <= kept | {"instance"}, "the legend names a label that the query drops"


def test_provisioning_and_compose_fit_together() -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
    assert set(compose["services"]) == {"postgres", "gateway", "prometheus", "alertmanager", "grafana"}
    for service in compose["services"].values():
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            assert (ROOT / source).exists() if source.startswith(".") else source in compose["volumes"]
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ())), "open to this machine only"
        image = service.get("image", "")
        assert not image.endswith(":latest")
    provider = yaml.safe_load((ROOT / "dashboards/grafana/provisioning/dashboards/menshen.yml").read_text("utf-8"))
    mounts = dict(volume.split(":")[:2][::-1] for volume in compose["services"]["grafana"]["volumes"])
    assert mounts[provider["providers"][0]["options"]["path"]] == "./dashboards/grafana/dashboards"
    source = yaml.safe_load((ROOT / "dashboards/grafana/provisioning/datasources/menshen.yml").read_text("utf-8"))
    assert source["datasources"][0]["type"] == "prometheus"
    config = yaml.safe_load((ROOT / "dashboards/prometheus/prometheus.yml").read_text("utf-8"))
    targets = [t for job in config["scrape_configs"] for each in job["static_configs"] for t in each["targets"]]
    assert {target.split(":")[0] for target in targets} <= {*compose["services"], "127.0.0.1"}
