"""Runs, ratios and their spread, as a table and as JSON."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
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


def table(runs: Sequence[Run]) -> str:
    """One line for each scenario and target: median rate, ratio to each other target with its spread."""
    targets = list(dict.fromkeys(run.target for run in runs))
    bases = [name for name in targets if name != "menshen"]
    head = f"{'scenario':<24}{'target':<12}{'median/s':>12}{'latency ms':>12}"
    lines = [head + "".join(f"{'/ ' + base:>26}" for base in bases)]
    for scenario in dict.fromkeys(run.scenario for run in runs):
        for target in targets:
            own = [run for run in runs if (run.scenario, run.target) == (scenario, target)]
            if not own:
                continue
            latency = statistics.median(run.latency_ms for run in own)
            line = f"{scenario:<24}{target:<12}{median(own):>12,.0f}{latency:>12.3f}"
            for base in bases:
                found = ratios(runs, scenario, target, base)
                text = f"{statistics.median(found):.2f} ({min(found):.2f}-{max(found):.2f})" if found else "-"
                line += f"{text:>26}"
            lines.append(line)
    return "\n".join(lines)


def save(path: Path, runs: Sequence[Run], arguments: dict[str, Any]) -> None:
    """All runs, and what is needed to compare them with another day's."""
    document = {
        "arguments": arguments,
        "machine": {"cpus": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()},
        "runs": [asdict(run) for run in runs],
    }
    path.write_text(json.dumps(document, indent=1, default=str) + "\n")
