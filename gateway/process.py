"""The process around the gateway: memory that nobody else reads, the fastest event loop at hand, signals."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import importlib
import logging
import resource
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any, Final

from prometheus_client import ProcessCollector

from gateway.log import event

log = logging.getLogger(__name__)


_PR_SET_DUMPABLE: Final = 4


def protect_memory() -> None:
    """It holds rows, passwords and keys in clear: no core dump is written, and no other process of this user reads it
    with a debugger or from /proc (prctl(2), PR_SET_DUMPABLE; a limit on the size of core dumps does not bind one that
    is piped to a program, core(5))."""
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux" and ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        event(
            log, logging.WARNING, "memory_not_protected", "other processes of this user can read the gateway's memory"
        )


def usage() -> dict[str, float]:
    """What this process uses: samples of Prometheus' own process collector by name. No other process may look."""
    families = ProcessCollector(registry=None).collect()
    return {sample.name: sample.value for family in families for sample in family.samples}


def raise_file_limit(wanted: int) -> int:
    """Allow as many descriptors as `wanted` where the system lets us; gives the limit that holds."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    target = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < target:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (target, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def calm_garbage_collector() -> None:
    """Call when everything is loaded: what stands now is never searched for garbage again, and young garbage rarely.

    A full search of 20,000 kept plans stops the loop for 0.1 to 0.5 s (measured), and with Python's own thresholds it
    comes every few thousand new statements. Plans hold no cycles: they are freed by their counts, without a search.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def loop_factory() -> tuple[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The name and maker of the event loop: uvloop where it is installed."""
    try:
        uvloop = importlib.import_module("uvloop")
    except ImportError:
        return "asyncio", asyncio.new_event_loop
    return "uvloop", uvloop.new_event_loop


def run(main: Callable[[], Coroutine[Any, Any, int]]) -> int:
    """Run the gateway's coroutine on the best loop; gives its exit code."""
    name, factory = loop_factory()
    event(log, logging.INFO, "event_loop", f"event loop: {name}")
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(main())


class Signals:
    """SIGTERM and SIGINT: `stop`, and the second one `abort`. SIGHUP: `reload` is called."""

    def __init__(self, reload: Callable[[], None]) -> None:
        self.stop = asyncio.Event()
        self.abort = asyncio.Event()
        self._reload = reload

    def install(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._ended, number)
        loop.add_signal_handler(signal.SIGHUP, self._hung_up)

    def remove(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.remove_signal_handler(number)

    def _ended(self, number: signal.Signals) -> None:
        if self.stop.is_set():
            event(log, logging.WARNING, "aborting", "stopping at once", signal=number.name)
            self.abort.set()
            return
        event(log, logging.INFO, "draining", "no new clients, waiting for open ones", signal=number.name)
        self.stop.set()

    def _hung_up(self) -> None:
        event(log, logging.INFO, "reload_asked", "loading the bundle and the catalogues again", signal="SIGHUP")
        self._reload()
