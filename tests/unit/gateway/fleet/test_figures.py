"""Metrics of several processes are those of one gateway: nothing falls when a process is replaced."""

from __future__ import annotations

import orjson

from gateway.fleet.figures import Figures, from_json, to_json
from gateway.metrics import Metrics, Snapshot


def snapshot(statements: int, *, healthy: bool = True, connections: int = 1, watch: bool = False) -> Snapshot:
    metrics = Metrics(["crm"])
    metrics.counters["statements_total"]["crm", "SELECT", "care", "veil"] += statements
    metrics.connections["crm"] = connections
    metrics.stages["read"].observe(10.0 * statements)
    made = metrics.snapshot()
    values = {**made.values, "trail_healthy": {(): float(healthy)}, "trail_records_total": {(): float(statements)}}
    if watch:
        values["incidents"] = {("open", "high", "it", "no"): 2.0}
    return Snapshot(values, made.histograms)


KEY = ("crm", "SELECT", "care", "veil")


def test_counters_add_up_and_outlive_their_process() -> None:
    figures = Figures()
    figures.take("worker-0", snapshot(5))
    figures.take("worker-1", snapshot(7))
    assert figures.merged({}).values["statements_total"][KEY] == 12
    figures.gone("worker-0")
    assert figures.merged({}).values["statements_total"][KEY] == 12
    figures.take("worker-0", snapshot(1))
    merged = figures.merged({})
    assert merged.values["statements_total"][KEY] == 13
    assert sum(merged.histograms["stage_duration_seconds"]["read",][0]) == 3


def test_gauges_are_added_or_the_worst_is_taken() -> None:
    figures = Figures()
    figures.take("worker-0", snapshot(1, connections=3))
    figures.take("worker-1", snapshot(1, connections=4, healthy=False))
    values = figures.merged({"ready": {("policy",): 1.0}}).values
    assert values["connections"]["crm",] == 7
    assert values["trail_healthy"][()] == 0
    assert values["ready"] == {("policy",): 1.0}
    figures.gone("worker-1")
    values = figures.merged({}).values
    assert (values["connections"]["crm",], values["trail_healthy"][()]) == (3, 1)


def test_a_chain_goes_on_where_its_next_process_goes_on() -> None:
    figures = Figures()
    figures.take("worker-0", snapshot(5))
    figures.gone("worker-0")
    figures.take("worker-0", snapshot(6))
    assert figures.merged({}).values["trail_records_total"][()] == 6


def test_an_incident_stays_while_the_watch_is_replaced() -> None:
    figures = Figures()
    figures.take("watch", snapshot(0, watch=True))
    figures.gone("watch")
    values = figures.merged({}).values
    assert values["incidents"] == {("open", "high", "it", "no"): 2.0}
    assert values["watch_running"] == {(): 0.0}


def test_it_crosses_the_bus() -> None:
    one = snapshot(5)
    assert from_json(orjson.loads(orjson.dumps(to_json(one)))) == one
