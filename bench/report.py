"""Runs, ratios and their spread, as a table and as JSON."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Run:
    """One measurement."""

    scenario: str
    target: str
    repeat: int
    rate: float
    """Transactions, or rows, per second."""
    latency_ms: float = 0.0
    more: dict[str, float] = field(default_factory=dict)
    """Further times in milliseconds by their names."""


def median(runs: Sequence[Run]) -> float:
    return statistics.median(run.rate for run in runs)


def ratios(runs: Sequence[Run], scenario: str, target: str, base: str) -> list[float]:
    """The target's rate over the base's, repeat by repeat: neighbours in time share the machine's mood."""
    by_repeat = {run.repeat: run.rate for run in runs if (run.scenario, run.target) == (scenario, base)}
    return [
        run.rate / by_repeat[run.repeat]
        for run in runs
        if (run.scenario, run.target) == (scenario, target) and by_repeat.get(run.repeat)
    ]


def table(runs: Sequence[Run], goals: Mapping[tuple[str, str, str], float] | None = None) -> str:
    """One line for each scenario and target: median rate, ratio to the others with its spread, and what it is meant to
    be: `goals` by scenario, target and base."""
    targets = list(dict.fromkeys(run.target for run in runs))
    bases = [name for name in targets if not name.startswith("menshen")]
    head = f"{'scenario':<24}{'target':<12}{'median/s':>12}{'latency ms':>12}"
    lines = [head + "".join(f"{'/ ' + base:>24}" for base in bases) + "  goal"]
    for scenario in dict.fromkeys(run.scenario for run in runs):
        for target in targets:
            own = [run for run in runs if (run.scenario, run.target) == (scenario, target)]
            if not own:
                continue
            latency = statistics.median(run.latency_ms for run in own)
            line = f"{scenario:<24}{target:<12}{median(own):>12,.0f}{latency:>12.3f}"
            wanted = ""
            for base in bases:
                found = ratios(runs, scenario, target, base)
                text = f"{statistics.median(found):.2f} ({min(found):.2f}-{max(found):.2f})" if found else "-"
                line += f"{text:>24}"
                goal = (goals or {}).get((scenario, target, base))
                if goal is not None and found:
                    wanted += f"  {goal:.2f} of {base}: {'reached' if statistics.median(found) >= goal else 'missed'}"
            more = "".join(f"  {name} {_middle(own, name):.2f} ms" for name in own[0].more)
            lines.append((line + wanted + more).rstrip())
    return "\n".join(lines)


def _middle(runs: Sequence[Run], name: str) -> float:
    return statistics.median(run.more[name] for run in runs)


def save(path: Path, runs: Sequence[Run], arguments: dict[str, Any]) -> None:
    """All runs, and what is needed to compare them with another day's."""
    document = {
        "arguments": arguments,
        "machine": {"cpus": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()},
        "runs": [asdict(run) for run in runs],
    }
    path.write_text(json.dumps(document, indent=1, default=str) + "\n")
