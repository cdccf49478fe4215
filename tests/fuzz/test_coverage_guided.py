"""A bounded run of each coverage-guided fuzzer, and of everything that one of them ever found.

    make fuzz ARGS="messages -runs=1000000"

runs one for longer. `MENSHEN_FUZZ_RUNS` multiplies the runs here.
"""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.coverage import statements, targets
from tests.fuzz.coverage.seeds import FOUND, seeds
from tests.support.needs import need

ROOT = Path(__file__).parents[2]
TIMES = float(os.environ.get("MENSHEN_FUZZ_RUNS", "1"))
RUNS = {"startup": 20_000, "messages": 60_000, "frames": 20_000, "sessions": 1_500, "text": 2_000, "select": 300}
ALL = {**targets.TARGETS, **statements.TARGETS}


@pytest.mark.parametrize("target", RUNS)
def test_seeds_and_what_was_found_once(target: str) -> None:
    inputs = seeds(target)
    assert len(inputs) >= 5
    for data in inputs:
        ALL[target](data)
    assert {path.name for path in FOUND.iterdir()} <= set(RUNS)


@pytest.mark.parametrize("target", RUNS)
def test_a_bounded_run(target: str, tmp_path: Path) -> None:
    """libFuzzer ends its process, so it has one of its own."""
    need(importlib.util.find_spec("atheris"), "atheris (no wheel for this Python or machine)")
    runs = int(RUNS[target] * TIMES)
    command = [sys.executable, "-m", "tests.fuzz.coverage", target, f"-runs={runs}", "-seed=1", "-print_final_stats=1"]
    run = subprocess.run(
        [*command, f"-artifact_prefix={tmp_path}/"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=600
    )
    assert run.returncode == 0, run.stderr[-4000:]
    done = re.search(r"stat::number_of_executed_units: (\d+)", run.stderr)
    assert done is not None
    assert int(done[1]) >= runs
