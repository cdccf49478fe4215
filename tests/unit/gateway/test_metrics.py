"""The definitions follow Prometheus' conventions, and what is counted is what is exported."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from adapters.postgres.pool.pool import Figures
from gateway.metrics import BUCKETS_US, DEFINITIONS, STAGES, Metrics, TrailFigures, WatchFigures

ROOT = Path(__file__).parents[3]


def filled() -> Metrics:
    metrics = Metrics(["crm"], clock=lambda: 1000.0)
    metrics.statements["crm", "SELECT", "billing", "veil"] += 3
    metrics.overhead.observe(70)
    metrics.stages["judge"].observe(10)
    metrics.stages["judge"].observe(10**9)
    metrics.gauges.build = ("0.1.0", "3.11", "uvloop")
    metrics.gauges.policy_digest = "abc"
    metrics.gauges.trail = lambda: TrailFigures(True, 5, 0, 500, 1)
    metrics.gauges.plan_cache = lambda: {"crm": (7, 2)}
    metrics.gauges.catalogue_read = lambda: {"crm": 940.0}
    pool = Figures(10, 3, 2, 1, 0, 5, 4, {"clean": 6, "settings": 1}, {"idle": 2})
    metrics.gauges.pools = lambda: {"crm": pool}
    return metrics


@pytest.mark.parametrize("definition", DEFINITIONS.values(), ids=lambda d: d.name)
def test_names_and_help(definition: object) -> None:
    from gateway.metrics import Definition

    assert isinstance(definition, Definition)
    assert re.fullmatch(r"menshen_[a-z][a-z_]*", definition.name)
    assert definition.help.endswith(".")
    assert (definition.kind == "counter") == definition.name.endswith("_total")
    assert not set(definition.labels) & {"principal", "statement", "query", "user", "actor", "client"}
    if definition.kind == "histogram":
        assert definition.name.endswith("_seconds")


def test_every_definition_is_exported_with_its_help_and_type() -> None:
    text = filled().exposition().decode()
    for definition in DEFINITIONS.values():
        assert f"# HELP {definition.name} {definition.help}" in text
        assert f"# TYPE {definition.name} {definition.kind}" in text


def test_what_is_counted_is_shown() -> None:
    lines = filled().exposition().decode().splitlines()
    assert 'menshen_statements_total{database="crm",kind="SELECT",purpose="billing",verdict="veil"} 3.0' in lines
    assert 'menshen_plan_cache_hits_total{database="crm"} 7.0' in lines
    assert 'menshen_plan_cache_misses_total{database="crm"} 2.0' in lines
    assert 'menshen_catalogue_age_seconds{database="crm"} 60.0' in lines
    assert "menshen_trail_records_total 5.0" in lines
    assert 'menshen_policy_info{digest="abc"} 1.0' in lines


def test_the_gauges_of_the_watch() -> None:
    metrics = filled()
    assert "menshen_watch_running 0.0" in metrics.exposition().decode()
    assert "\nmenshen_watch_lag_seconds " not in metrics.exposition().decode()
    metrics.gauges.watch = lambda: WatchFigures(
        running=True,
        lag_seconds=0.5,
        records=9,
        incidents={("open", "high", "sales", "no"): 2},
        oldest_open={("high", "no"): 900.0},
        suspended={("sales",): 1},
        waiting={("oncall",): 3},
    )
    metrics.gauges.certificates = {("127.0.0.1:5432", "server"): 5000.0}
    lines = metrics.exposition().decode().splitlines()
    assert "menshen_watch_running 1.0" in lines
    assert "menshen_watch_lag_seconds 0.5" in lines
    assert "menshen_watch_records_total 9.0" in lines
    assert 'menshen_incidents{department="sales",drill="no",severity="high",state="open"} 2.0' in lines
    assert 'menshen_incident_oldest_open_timestamp_seconds{drill="no",severity="high"} 900.0' in lines
    assert 'menshen_suspended_principals{department="sales"} 1.0' in lines
    assert 'menshen_notifications_waiting{channel="oncall"} 3.0' in lines
    assert 'menshen_certificate_expiry_timestamp_seconds{listen="127.0.0.1:5432",part="server"} 5000.0' in lines


def test_buckets_are_cumulative_and_in_seconds() -> None:
    lines = filled().exposition().decode().splitlines()
    assert 'menshen_stage_duration_seconds_bucket{le="1e-05",stage="judge"} 1.0' in lines
    assert 'menshen_stage_duration_seconds_bucket{le="60.0",stage="judge"} 1.0' in lines
    assert 'menshen_stage_duration_seconds_bucket{le="+Inf",stage="judge"} 2.0' in lines
    assert 'menshen_stage_duration_seconds_count{stage="judge"} 2.0' in lines
    assert list(BUCKETS_US) == sorted(set(BUCKETS_US))
    assert set(filled().stages) == set(STAGES)


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed (Debian package prometheus)")
def test_promtool_finds_nothing() -> None:
    run = subprocess.run(
        ["promtool", "check", "metrics"], input=filled().exposition(), capture_output=True, check=False
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, b"", b"")


def test_the_table_of_metrics_in_the_documentation_is_complete() -> None:
    text = (ROOT / "docs/operations.md").read_text("utf-8")
    for definition in DEFINITIONS.values():
        labels = ", ".join(f"`{label}`" for label in definition.labels) or "–"
        assert f"| `{definition.name}` | {definition.kind} | {labels} | {definition.help} |\n" in text
