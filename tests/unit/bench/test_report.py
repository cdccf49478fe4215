"""Ratios are taken within a repeat, goals are told, and two results are compared beyond their noise."""

from __future__ import annotations

import json
from pathlib import Path

from bench.compare import compare, load
from bench.report import Run, ratios, save, table


def runs(*rates: float, scenario: str = "s", pgbouncer: float = 100.0) -> list[Run]:
    made = [Run(scenario, "pgbouncer", repeat, pgbouncer * (repeat + 1)) for repeat in range(len(rates))]
    return made + [Run(scenario, "menshen", repeat, rate * (repeat + 1)) for repeat, rate in enumerate(rates)]


def test_neighbours_in_time_are_compared() -> None:
    assert ratios(runs(50, 60, 70), "s", "menshen", "pgbouncer") == [0.5, 0.6, 0.7]


def test_a_goal_is_reached_or_missed() -> None:
    made = runs(50, 60, 70)
    assert "0.60 (0.50-0.70)  0.60 of pgbouncer: reached" in table(made, {("s", "menshen", "pgbouncer"): 0.6})
    assert "0.61 of pgbouncer: missed" in table(made, {("s", "menshen", "pgbouncer"): 0.61})
    assert "of pgbouncer:" not in table(made)


def test_further_times_are_shown() -> None:
    made = [Run("s", "menshen", n, 1.0, 2.0, {"p99": float(n)}) for n in range(3)]
    assert "p99 1.00 ms" in table(made)


def test_what_is_slower_beyond_the_noise_is_told(tmp_path: Path) -> None:
    for name, rates in (
        ("before", (50, 60, 70)),
        ("same", (48, 66, 61)),
        ("slower", (20, 25, 30)),
        ("faster", (80, 90, 95)),
    ):
        save(tmp_path / name, runs(*rates), {})
    before = load(tmp_path / "before")
    assert before == runs(50, 60, 70)
    found = {name: compare(before, load(tmp_path / name)) for name in ("same", "slower", "faster")}
    assert {name: good for name, (_, good) in found.items()} == {"same": True, "slower": False, "faster": True}
    assert found["slower"][0][1].endswith("0.42*")
    assert not found["same"][0][1].endswith("*")


def test_a_result_says_what_made_it(tmp_path: Path) -> None:
    save(tmp_path / "x", runs(1), {"seconds": 4})
    assert json.loads((tmp_path / "x").read_text())["arguments"] == {"seconds": 4}
