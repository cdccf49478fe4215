"""The process: loop, limits and signals."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import subprocess
import sys

import pytest

from gateway import process

PR_GET_DUMPABLE = 3


def test_no_core_dumps_and_no_debuggers() -> None:
    code = "from gateway import process; import ctypes, resource; process.protect_memory(); "
    code += f"print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl({PR_GET_DUMPABLE}))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "(0, 0) 0"


def test_a_process_tells_what_it_uses() -> None:
    used = process.usage()
    assert used["process_resident_memory_bytes"] > 1e6
    assert used["process_open_fds"] > 2
    assert used["process_cpu_seconds_total"] > 0


def test_the_loop_without_uvloop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    name, factory = process.loop_factory()
    assert name == "asyncio"
    factory().close()


def test_run_gives_the_exit_code() -> None:
    async def main() -> int:
        return 7

    assert process.run(main) == 7


def test_the_file_limit_never_falls() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    assert process.raise_file_limit(10) == before


async def test_signals() -> None:
    reloads: list[int] = []
    signals = process.Signals(lambda: reloads.append(1))
    signals.install()
    try:
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.sleep(0.02)
        assert reloads == [1]
        assert not signals.stop.is_set()
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(signals.stop.wait(), 1)
        assert not signals.abort.is_set()
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.wait_for(signals.abort.wait(), 1)
    finally:
        signals.remove()


def test_what_is_loaded_is_not_searched_for_garbage() -> None:
    code = "import gc; from gateway import process; process.calm_garbage_collector(); "
    code += "print(gc.get_freeze_count() > 1000, gc.get_threshold()[0], gc.isenabled())"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "True 50000 True"
