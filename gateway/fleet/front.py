"""What the outside sees of a gateway with several processes: one /metrics, one /readyz, one control API."""

from __future__ import annotations

import platform
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from gateway import __version__, process
from gateway.api.asked import Asked
from gateway.api.health import Check, document
from gateway.fleet.channel import PeerLost
from gateway.fleet.places import Child, Place, silent_too_long
from gateway.fleet.supervisor import Supervisor
from gateway.metrics import Labels, Snapshot, families
from gateway.statefiles import node_of

_HTTP_SECONDS = 30.0
_CPU = "process_cpu_seconds_total"
_SUMS = ("process_resident_memory_bytes", "process_virtual_memory_bytes", "process_open_fds", "process_max_fds")


class Front:
    """Satisfies `gateway.api.control.Control`."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._began = time.time()
        self._usage = Usage()

    # -- readiness ----------------------------------------------------------------------------------------------------
    async def readiness(self) -> dict[str, Check]:
        """All checks of /readyz, as fresh as the processes answer."""
        await self._supervisor.look()
        return self.checks()

    def checks(self) -> dict[str, Check]:
        """From what is known."""
        supervisor = self._supervisor
        serving = [place.child for place in supervisor.workers if place.child is not None]
        found = worst(child.known.get("checks", {}) for child in serving)
        if supervisor.draining:
            found["serving"] = Check(False, "stopping")
        elif "serving" not in found:
            found["serving"] = Check(False, "no worker serves yet")
        for place in supervisor.workers:
            found[f"worker.{place.index}"] = standing(place)
        if supervisor.watch is not None:
            found["watch"] = standing(supervisor.watch)
        return found

    # -- metrics ------------------------------------------------------------------------------------------------------
    async def metrics(self) -> bytes:
        """Of all processes, in Prometheus' text format."""
        await self._supervisor.look()
        merged = self._supervisor.figures.merged(self._own())
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Given(merged, self._usage.families(self._supervisor.processes())))
        return generate_latest(registry)

    def _own(self) -> Mapping[str, Mapping[Labels, float]]:
        supervisor = self._supervisor
        states = Counter((child.launch.kind, child.state) for child in supervisor.processes())
        build = (__version__, platform.python_version(), process.loop_factory()[0])
        return {
            "build_info": {build: 1},
            "start_timestamp_seconds": {(): self._began},
            "ready": {(name,): float(check.ok) for name, check in self.checks().items()},
            "processes": {labels: float(count) for labels, count in states.items()},
            "process_starts_total": {labels: float(count) for labels, count in supervisor.starts.items()},
        }

    # -- control ------------------------------------------------------------------------------------------------------
    async def status(self) -> dict[str, Any]:
        supervisor = self._supervisor
        known = await supervisor.ask_workers("status")
        return {
            "version": __version__,
            "node": node_of(supervisor.settings),
            **document(await self.readiness()),
            "policy": known[0]["policy"] if known else {},
            "sessions": sum(each["sessions"] for each in known),
            "processes": [
                {
                    "kind": child.launch.kind,
                    "number": child.launch.number,
                    "pid": child.process.pid,
                    "state": child.state,
                    "clients": child.known.get("load", 0),
                }
                for child in supervisor.processes()
            ],
        }

    async def sessions(self) -> list[dict[str, Any]]:
        return [one for each in await self._supervisor.ask_workers("sessions") for one in each]

    async def pools(self) -> dict[str, dict[str, int]]:
        total: dict[str, dict[str, int]] = {}
        for each in await self._supervisor.ask_workers("pools"):
            for name, figures in each.items():
                sums = total.setdefault(name, {})
                for key, value in figures.items():
                    sums[key] = sums.get(key, 0) + value
        return total

    async def kill(self, session: str, why: str) -> bool:
        return any(await self._supervisor.ask_workers("kill", session=session, message=why))

    async def reload(self) -> dict[str, Any]:
        return await self._supervisor.reload()

    async def incidents(self, route: str, asked: Asked) -> web.Response:
        """`gateway.api.asked.Forward`: the watch answers."""
        watch = self._supervisor.watch
        if watch is None or watch.child is None:
            raise PeerLost("the watch is being replaced", hint="Try again in a moment.")
        answer = await watch.child.channel.ask(
            "http", seconds=_HTTP_SECONDS, route=route, query=asked.query, match=asked.match, body=asked.body
        )
        return web.Response(
            status=answer["status"], text=answer["body"], content_type=answer["type"], charset="utf-8"
        )  # fmt: skip


def standing(place: Place) -> Check:
    """Of one process."""
    child = place.child
    if place.trouble or child is None:
        return Check(False, place.trouble or "is being replaced")
    if silent_too_long(child):
        return Check(False, "does not answer")
    return Check(True)


def worst(known: Iterable[Mapping[str, Any]]) -> dict[str, Check]:
    """The checks of several workers as one: what does not hold in one of them does not hold."""
    found: dict[str, Check] = {}
    for checks in known:
        for name, (ok, reason) in checks.items():
            before = found.get(name)
            if before is None or (before.ok and (not ok or not before.reason)):
                found[name] = Check(bool(ok), str(reason))
    return found


class _Given(Collector):
    def __init__(self, snapshot: Snapshot, more: Iterable[Metric]) -> None:
        self._snapshot, self._more = snapshot, more

    def collect(self) -> Iterator[Metric]:
        yield from families(self._snapshot)
        yield from self._more


class Usage:
    """What the processes of the gateway use, added up; the time of those that have ended stays in the sum."""

    def __init__(self) -> None:
        self._cpu: dict[str, float] = {}

    def families(self, children: Iterable[Child]) -> Iterator[Metric]:
        """As every Prometheus client spells them."""
        used = {"": process.usage(), **{child.key: child.usage for child in children}}
        sums: Counter[str] = Counter()
        for key, samples in used.items():
            self._cpu[key] = samples.get(_CPU, self._cpu.get(key, 0.0))
            sums.update({name: samples[name] for name in _SUMS if name in samples})
        yield CounterMetricFamily(_CPU, "CPU time of all processes of the gateway.", sum(self._cpu.values()))
        for name in _SUMS:
            if name in sums:
                yield GaugeMetricFamily(name, f"{name.split('_', 1)[1]} of all processes of the gateway.", sums[name])
