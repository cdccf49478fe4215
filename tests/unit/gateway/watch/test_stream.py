"""The watcher: every record once, in one order, over restarts and kills."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from gateway.watch.detector_config import DetectorConfig
from gateway.watch.detectors import Options
from gateway.watch.engine import Engine
from gateway.watch.finding import Finding, Severity
from gateway.watch.stream import CHECKPOINT, JOURNAL, CheckpointUnreadable, Watcher
from tests.support.watching import at, event, statement


def write(trail: Path, chain: str, seconds: Iterator[float] | range, first: int = 1, *, rows: int = 900) -> None:
    """COPYs of different people: each is a finding of its own."""
    trail.mkdir(exist_ok=True)
    with open(trail / f"{chain}-{1:015}.jsonl", "ab") as file:
        for seq, second in enumerate(seconds, first):
            record = statement(at(0, 9, second), rows=rows, kind="COPY", principal=f"{chain}.{second}")
            file.write(orjson.dumps({"seq": seq, **record}) + b"\n")


def drain(watcher: Watcher, limit: int = 7, before: str | None = None) -> list[Finding]:
    found: list[Finding] = []
    while (batch := watcher.poll(limit=limit, before=before)).records:
        assert batch.failures == ()
        found += batch.findings
        watcher.delivered()
    return found


@pytest.fixture
def trail(tmp_path: Path) -> Path:
    folder = tmp_path / "trail"
    write(folder, "n-1", range(0, 100, 2))
    write(folder, "n-2", range(1, 100, 2))
    return folder


def test_all_chains_in_the_order_of_time(trail: Path, tmp_path: Path) -> None:
    found = drain(Watcher(trail, tmp_path / "state"))
    exports = [one for one in found if one.detector == "bulk_export"]
    assert len(exports) == 100
    assert [one.at for one in exports] == sorted(one.at for one in exports)
    assert str(exports[1].evidence[-1]) == "n-2:1"


def test_what_is_too_young_waits(trail: Path, tmp_path: Path) -> None:
    watcher = Watcher(trail, tmp_path / "state")
    assert len({one.at for one in drain(watcher, before=at(0, 9, 50))}) == 50
    assert len({one.at for one in drain(watcher)}) == 50


def test_an_undelivered_batch_is_given_again(trail: Path, tmp_path: Path) -> None:
    watcher = Watcher(trail, tmp_path / "state")
    assert watcher.poll(limit=5) is watcher.poll(limit=5)


def test_from_the_end(trail: Path, tmp_path: Path) -> None:
    watcher = Watcher(trail, tmp_path / "state", from_end=True)
    assert drain(watcher) == []
    write(trail, "n-1", range(200, 202), first=51)
    assert len({one.at for one in drain(watcher)}) == 2


@pytest.mark.parametrize("seed", range(8))
def test_any_stop_gives_the_same_findings(trail: Path, tmp_path: Path, seed: int) -> None:
    """Stopped anywhere, with or without a checkpoint, while writers are late: as if it had never stopped."""
    chance = random.Random(seed)
    state = tmp_path / "state"
    stored: dict[str, Finding] = {}
    sizes = [chance.randrange(1, 12) for _ in range(200)]
    watcher, late = Watcher(trail, state), False
    for step, size in enumerate(sizes):
        batch = watcher.poll(limit=size)
        what = chance.random()
        if what < 0.25:  # killed before the findings were stored
            watcher = Watcher(trail, state)
            continue
        for one in batch.findings:
            assert stored.setdefault(one.id, one) == one, "the same id says the same"
        if what < 0.5:  # killed after that, before anything else
            watcher = Watcher(trail, state)
            continue
        watcher.delivered()
        if what < 0.6:
            watcher.checkpoint()
        if step >= 12 and not late:
            write(trail, "n-3", range(3, 60, 3))  # a chain that shows up late, with old records
            late = True
    for batch in iter(lambda: watcher.poll(limit=9), None):
        if not batch.records:
            break
        stored |= {one.id: one for one in batch.findings}
        watcher.delivered()
    exports = {one.evidence[-1] for one in stored.values() if one.detector == "bulk_export"}
    assert len(exports) == 100 + 19
    assert len([one for one in stored.values() if one.detector == "bulk_export"]) == 119


def _exports(severity: Severity) -> DetectorConfig:
    default = DetectorConfig()
    return replace(default, options={**default.options, "bulk_export": Options(severity)})


@pytest.mark.parametrize("seed", range(8))
def test_each_batch_is_replayed_with_its_own_configuration(trail: Path, tmp_path: Path, seed: int) -> None:
    """Configurations come and go, and so does the process: a finding that comes again says what it said."""
    chance = random.Random(seed)
    state = tmp_path / "state"
    stored: dict[str, Finding] = {}
    wanted = _exports(Severity.HIGH)
    watcher = Watcher(trail, state, wanted)
    while (batch := watcher.poll(limit=chance.randrange(1, 6))).records:
        for one in batch.findings:
            assert stored.setdefault(one.id, one) == one
        what = chance.random()
        if what < 0.3:
            watcher.delivered(checkpoint=what < 0.05)
        if 0.2 < what < 0.5:
            wanted = _exports(chance.choice((Severity.HIGH, Severity.CRITICAL)))
            watcher.use(wanted)
        if what > 0.4:
            watcher = Watcher(trail, state, wanted)
    exports = [one for one in stored.values() if one.detector == "bulk_export"]
    assert len(exports) == 100
    assert {one.severity for one in exports} == {Severity.HIGH, Severity.CRITICAL}


def test_a_configuration_begins_with_the_next_batch_and_stays(trail: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    watcher = Watcher(trail, state, _exports(Severity.HIGH))
    first = watcher.poll(limit=10)
    assert watcher.use(_exports(Severity.CRITICAL))
    assert not watcher.use(_exports(Severity.CRITICAL)), "it is known"
    assert watcher.poll() is first
    watcher.delivered()
    assert {one.severity for one in drain(watcher) if one.detector == "bulk_export"} == {Severity.CRITICAL}
    assert Watcher(trail, state).config == _exports(Severity.CRITICAL), "the disk knows it"


def test_a_configuration_that_cannot_be_written_down_begins_nothing(
    trail: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "state"
    watcher = Watcher(trail, state, _exports(Severity.HIGH))
    watcher.poll(limit=10)
    watcher.delivered()
    with monkeypatch.context() as full:
        full.setattr("gateway.watch.stream.write_whole", _no_space)
        for again in (lambda: watcher.use(_exports(Severity.CRITICAL)), watcher.poll):
            with pytest.raises(OSError, match="no space"):
                again()
    batch = Watcher(trail, state).poll()
    assert {one.severity for one in batch.findings if one.detector == "bulk_export"} == {Severity.HIGH}, "replayed"
    assert {one.severity for one in watcher.poll(limit=5).findings if one.detector == "bulk_export"} == {
        Severity.CRITICAL
    }


def _no_space(path: Path, data: bytes) -> None:
    raise OSError("no space")


def test_what_was_learned_stays_and_planted_customers_too(tmp_path: Path) -> None:
    trail = tmp_path / "trail"
    trail.mkdir()
    watcher = Watcher(trail, tmp_path / "state", _exports(Severity.HIGH))
    watcher.plant([4711])
    with open(trail / f"n-1-{1:015}.jsonl", "ab") as file:
        file.write(orjson.dumps({"seq": 1, **statement(at(0, 9), [1])}) + b"\n")
        file.flush()
        drain(watcher)
        learned = watcher.detectors["first_use"].dump()
        watcher.use(_exports(Severity.CRITICAL))
        assert (
            watcher.detectors["first_use"].dump() == learned != Engine(DetectorConfig()).detectors["first_use"].dump()
        )
        file.write(orjson.dumps({"seq": 2, **statement(at(0, 10), [4711])}) + b"\n")
        file.flush()
        assert "honey" in {one.detector for one in drain(watcher)}


def test_a_checkpoint_is_written_when_it_is_time(trail: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    watcher = Watcher(trail, state)
    watcher.poll(limit=10)
    watcher.delivered()
    assert (state / JOURNAL).read_bytes().count(b"\n") == 1
    watcher.poll(limit=10)
    watcher.delivered(checkpoint=True)
    assert (state / JOURNAL).read_bytes() == b""
    assert not Watcher(trail, state).replaying


def test_a_bundle_that_comes_into_force_is_told(trail: Path, tmp_path: Path) -> None:
    with open(trail / f"n-1-{1:015}.jsonl", "ab") as file:
        file.write(orjson.dumps({"seq": 51, **event(at(0, 10), "policy_loaded")}) + b"\n")
    watcher = Watcher(trail, tmp_path / "state")
    assert not watcher.poll(limit=100).new_bundle
    watcher.delivered()
    assert watcher.poll().new_bundle


def test_half_a_journal_line_was_never_begun(trail: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    watcher = Watcher(trail, state)
    watcher.poll(limit=10)
    with open(state / JOURNAL, "ab") as file:
        file.write(b'{"n":2,"to"')
    assert len([one for one in drain(Watcher(trail, state)) if one.detector == "bulk_export"]) == 100


def test_a_checkpoint_that_cannot_be_read_is_refused(trail: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    watcher = Watcher(trail, state)
    drain(watcher)
    watcher.close()
    assert (state / JOURNAL).read_bytes() == b""
    for broken in (b"{", b"[]", orjson.dumps({"format": 99})):
        (state / CHECKPOINT).write_bytes(broken)
        with pytest.raises(CheckpointUnreadable) as error:
            Watcher(trail, state)
        assert error.value.hint


def test_a_record_that_is_no_record_stops_nothing(tmp_path: Path) -> None:
    trail = tmp_path / "trail"
    write(trail, "n-1", range(3))
    with open(trail / f"n-1-{1:015}.jsonl", "ab") as file:
        file.write(b'{"seq":4,"event":"statement","at":"yesterday"}\n{"seq":5}\nno json\n')
    write(trail, "n-1", range(5, 8), first=7)
    batch = Watcher(trail, tmp_path / "state").poll()
    assert len(batch.failures) == 2
    assert len([one for one in batch.findings if one.detector == "bulk_export"]) == 6


CHILD = """
import sys
from pathlib import Path
from gateway.watch.stream import Watcher
trail, state, out = map(Path, sys.argv[1:])
watcher = Watcher(trail, state)
with open(out, "ab", buffering=0) as file:
    for _ in range(1000):
        batch = watcher.poll(limit=3)
        for one in batch.findings:
            file.write((one.id + "\\n").encode())
        watcher.delivered()
        if batch.number % 5 == 0:
            watcher.checkpoint()
        if not batch.records:
            break
        print(batch.number, flush=True)
print("done", flush=True)
"""


def test_kill_9(trail: Path, tmp_path: Path) -> None:
    state, out, chance = tmp_path / "state", tmp_path / "out", random.Random(5)
    for attempt in range(8):
        process = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(trail), str(state), str(out)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        for _ in range(chance.randrange(1, 9) if attempt < 7 else 10_000):
            if process.stdout.readline() in ("", "done\n"):
                break
        if attempt < 7:
            os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
    found = [line for line in out.read_text().splitlines() if line.startswith("bulk_export:")]
    assert len(set(found)) == 100, "none lost, and every repetition has the id that it had"
