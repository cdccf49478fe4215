"""Every metric: its name, labels, buckets and help, and the counters behind it. Nothing else is exported anywhere.

The hot path adds to plain dictionaries and lists; `collect` turns them into Prometheus families when they are asked
for. `gateway.meter` adds to them while statements run; `Gauges` holds states, which the composition root keeps true.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

Labels: TypeAlias = tuple[str, ...]

STAGES = ("read", "judge", "upstream", "record")
"""Stations: taking a client's bytes apart, judging and sending them on; of that, a text whose verdict was not known;
waiting for the database; making the record durable."""

# Upper bounds in microseconds. A cached judgement takes 1 us, a first-seen text 100, a query anything.
BUCKETS_US = (
    1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 2_500_000, 5_000_000, 10_000_000, 60_000_000,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Definition:
    """One metric as it is documented and exported."""

    name: str
    kind: str
    """`counter`, `gauge` or `histogram`"""
    labels: Labels
    help: str


def _define(*rows: tuple[str, str, str, str]) -> Mapping[str, Definition]:
    return {name: Definition(f"menshen_{name}", kind, tuple(labels.split()), text) for name, kind, labels, text in rows}


DEFINITIONS: Mapping[str, Definition] = _define(
    ("build_info", "gauge", "version python loop", "Always 1; the labels tell what is running."),
    ("start_timestamp_seconds", "gauge", "", "When the gateway started, as Unix time."),
    ("ready", "gauge", "check", "Whether a readiness check holds (1) or not (0)."),
    ("statements_total", "counter", "database kind purpose verdict", "Statements judged."),
    ("denials_total", "counter", "database reason", "Statements denied, by the reason."),
    ("department_statements_total", "counter", "database department purpose verdict", "Statements, by who asked."),
    ("disclosed_rows_total", "counter", "department purpose class disclosure", "Rows sent, by who got which class."),
    ("errors_total", "counter", "database sqlstate_class", "Errors sent to clients, by SQLSTATE class."),
    ("rows_total", "counter", "class disclosure", "Rows sent, once for each data class that their statement touches."),
    ("result_rows_total", "counter", "database", "Rows sent to clients."),
    ("result_bytes_total", "counter", "database", "Bytes of results sent to clients."),
    ("lookups_total", "counter", "database class", "Raw comparisons that a lookup right allowed."),
    ("stage_duration_seconds", "histogram", "stage", "Time of a statement in each station of the gateway."),
    ("overhead_seconds", "histogram", "", "Time that the gateway adds to a statement."),
    ("plan_cache_hits_total", "counter", "database", "Texts whose verdict was known."),
    ("plan_cache_misses_total", "counter", "database", "Texts that had to be read and judged."),
    ("connections", "gauge", "database", "Client sessions that are open."),
    ("sessions_total", "counter", "database", "Client sessions that were authenticated."),
    ("logins_failed_total", "counter", "database reason", "Connections that did not become a session, by the reason."),
    ("pool_connections", "gauge", "database", "Connections to the database that are open."),
    ("pool_waiting_clients", "gauge", "database", "Clients that wait for a connection to the database."),
    ("pool_limit_connections", "gauge", "database", "Connections to the database that the pool may open."),
    ("pool_idle_connections", "gauge", "database", "Of them, those that are kept for the next session."),
    ("pool_opened_total", "counter", "database", "Connections to the database that were made."),
    ("pool_reused_total", "counter", "database", "Sessions that were given a kept connection."),
    (
        "pool_resets_total",
        "counter",
        "database verdict",
        "Connections cleaned, by what was found; only `clean` is kept.",
    ),
    ("pool_closed_total", "counter", "database reason", "Connections to the database that were closed, by the reason."),
    ("upstream_up", "gauge", "database", "Whether the database answered when it was last asked (1) or not (0)."),
    ("policy_info", "gauge", "digest", "Always 1; the digest of the bundle in force."),
    ("policy_loaded_timestamp_seconds", "gauge", "", "When the bundle in force was loaded, as Unix time."),
    ("policy_warnings", "gauge", "", "Warnings of the bundle in force."),
    ("policy_reloads_total", "counter", "result", "Attempts to load a bundle: loaded, unchanged, refused."),
    ("policy_stale", "gauge", "", "Whether the bundle's files are refused and an older bundle is in force (1)."),
    ("catalogue_age_seconds", "gauge", "database", "Time since the database's catalogue was read."),
    ("catalogue_relations", "gauge", "database", "Relations that the catalogue of the database holds."),
    ("catalogue_refreshes_total", "counter", "database result", "Readings of the catalogue: read, failed."),
    ("trail_healthy", "gauge", "", "Whether records can be written (1); at 0 governed statements are denied."),
    ("trail_failures_total", "counter", "", "Records that could not be made durable; their rows were withheld."),
    ("trail_records_total", "counter", "", "Records of the chain; it goes on over restarts."),
    ("trail_refused_records_total", "counter", "", "Records that could not be written since the start."),
    ("trail_size_bytes", "gauge", "", "Bytes of all segments of the chain."),
    ("trail_segments", "gauge", "", "Segments of the chain."),
    ("trail_unsynced_records", "gauge", "", "Records that wait for the group commit; 0 with durability write."),
    ("trail_unsigned_segments", "gauge", "", "Closed segments that wait for their signature."),
    ("certificate_expiry_timestamp_seconds", "gauge", "listen part", "When a certificate expires, as Unix time."),
    ("watch_running", "gauge", "", "Whether the watcher reads the trail (1) or not (0)."),
    ("watch_lag_seconds", "gauge", "", "How far the watcher is behind the end of the trail."),
    ("watch_records_total", "counter", "", "Records that the detectors have seen since the start."),
    ("findings_total", "counter", "detector severity drill", "What the detectors found."),
    ("incidents_opened_total", "counter", "detector severity department drill", "Incidents that were opened."),
    ("incidents", "gauge", "state severity department drill", "Incidents that are not closed, by their state."),
    ("incident_oldest_open_timestamp_seconds", "gauge", "severity drill", "When the oldest open incident began."),
    ("suspended_principals", "gauge", "department", "Principals that are suspended."),
    ("notifications_total", "counter", "channel result", "Messages to people: sent, failed (tried again), given_up."),
    ("notifications_waiting", "gauge", "channel", "Messages to people that wait to be sent."),
    ("processes", "gauge", "kind state", "Processes of the gateway: workers and the watch, by what they do now."),
    ("process_starts_total", "counter", "kind reason", "Starts of processes: first, died, silent, rolled."),
    (
        "drill_duration_seconds",
        "gauge",
        "drill step",
        "What the last drill of a kind took to detect, page and contain.",
    ),
)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The values of all metrics of one process at one moment, by their keys in DEFINITIONS."""

    values: Mapping[str, Mapping[Labels, float]] = field(default_factory=dict)
    """Of counters and gauges."""
    histograms: Mapping[str, Mapping[Labels, tuple[tuple[int, ...], float]]] = field(default_factory=dict)
    """Counts, one more than BUCKETS_US, and the sum in microseconds."""


def families(snapshot: Snapshot) -> Iterator[Metric]:
    """Every definition as a family, in the order of DEFINITIONS."""
    for key, definition in DEFINITIONS.items():
        if definition.kind == "histogram":
            yield _histogram_family(definition, snapshot.histograms.get(key, {}))
            continue
        family: CounterMetricFamily | GaugeMetricFamily
        if definition.kind == "counter":
            family = CounterMetricFamily(definition.name, definition.help, labels=definition.labels)
        else:
            family = GaugeMetricFamily(definition.name, definition.help, labels=definition.labels)
        for labels, value in snapshot.values.get(key, {}).items():
            family.add_metric(labels, value)
        yield family


def _histogram_family(definition: Definition, series: Mapping[Labels, tuple[tuple[int, ...], float]]) -> Metric:
    family = HistogramMetricFamily(definition.name, definition.help, labels=definition.labels)
    for labels, (counts, sum_us) in series.items():
        buckets: list[tuple[str, float]] = []
        total = 0
        for bound, count in zip(BUCKETS_US, counts, strict=False):
            total += count
            buckets.append((repr(bound / 1e6), total))
        buckets.append(("+Inf", total + counts[-1]))
        family.add_metric(labels, buckets, sum_us / 1e6)
    return family


class Histogram:
    """Counts in fixed buckets of microseconds."""

    __slots__ = ("counts", "sum_us")

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS_US) + 1)
        self.sum_us = 0.0

    def observe(self, microseconds: float) -> None:
        self.counts[bisect_left(BUCKETS_US, microseconds)] += 1
        self.sum_us += microseconds


class Counter(dict[Labels, int]):
    """Counts by label values; a missing one is 0."""

    def __missing__(self, key: Labels) -> int:
        return 0


@dataclass(frozen=True, slots=True)
class TrailFigures:
    """What the trail's writer says of itself."""

    healthy: bool = False
    records: int = 0
    refused: int = 0
    bytes: int = 0
    segments: int = 0
    unsynced: int = 0
    unsigned: int = 0


@dataclass(frozen=True, slots=True)
class WatchFigures:
    """What the watch says of itself. Every label value is a word of the code, the bundle or the configuration."""

    running: bool = False
    lag_seconds: float = 0.0
    records: int = 0
    incidents: Mapping[Labels, int] = field(default_factory=dict)
    """(state, severity, department, drill) → incidents that are not closed; `drill` is `yes` or `no`."""
    oldest_open: Mapping[Labels, float] = field(default_factory=dict)
    """(severity, drill) → Unix time at which the oldest incident in state `open` was opened"""
    suspended: Mapping[Labels, int] = field(default_factory=dict)
    """(department,) → suspended principals"""
    waiting: Mapping[Labels, int] = field(default_factory=dict)
    """(channel,) → messages in the queue"""


class PoolFigures(Protocol):
    """The connections to one database at this moment, and their counts since the start."""

    @property
    def limit(self) -> int: ...
    @property
    def open(self) -> int: ...
    @property
    def idle(self) -> int: ...
    @property
    def waiting(self) -> int: ...
    @property
    def opened(self) -> int: ...
    @property
    def reused(self) -> int: ...
    @property
    def resets(self) -> Mapping[str, int]:
        """Verdict → resets; a small set of words."""
        ...

    @property
    def closed(self) -> Mapping[str, int]:
        """Reason → connections; a small set of words."""
        ...


@dataclass(slots=True)
class Gauges:
    """States that the composition root keeps true; read when metrics are asked for."""

    build: Labels = ("", "", "")
    started: float = 0.0
    ready: Callable[[], Mapping[str, bool]] = dict
    pools: Callable[[], Mapping[str, PoolFigures]] = dict
    """database → its connections"""
    trail: Callable[[], TrailFigures] = TrailFigures
    plan_cache: Callable[[], Mapping[str, tuple[int, int]]] = dict
    """database → (hits, misses)"""
    policy_digest: str = ""
    policy_loaded: float = 0.0
    policy_warnings: int = 0
    policy_stale: Callable[[], bool] = bool
    catalogue_read: Callable[[], Mapping[str, float]] = dict
    """database → Unix time"""
    catalogue_failed: Callable[[], Mapping[str, int]] = dict
    """database → readings that failed"""
    catalogue_relations: dict[str, int] = field(default_factory=dict)
    upstream_up: Callable[[], Mapping[str, bool]] = dict
    drills: dict[Labels, float] = field(default_factory=dict)
    """(drill, step) → seconds"""
    certificates: Mapping[Labels, float] = field(default_factory=dict)
    """(address of the listener, `server` or `client_ca`) → Unix time"""
    watch: Callable[[], WatchFigures] | None = None
    """None: nothing watches; the gauges of the watch are then left out, but for `watch_running`."""


class Metrics(Collector):
    """The counters of one gateway, and their export."""

    def __init__(self, databases: Iterable[str], clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self.databases = frozenset(databases)
        self.gauges = Gauges(started=clock())
        self.counters = {key: Counter() for key, d in DEFINITIONS.items() if d.kind == "counter"}
        self.statements = self.counters["statements_total"]
        self.stages = {stage: Histogram() for stage in STAGES}
        self.overhead = Histogram()
        self.connections: dict[str, int] = dict.fromkeys(self.databases, 0)
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    # -- export ---------------------------------------------------------------------------------------------------
    def exposition(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Every definition as a family, in the order of DEFINITIONS."""
        return families(self.snapshot())

    def snapshot(self) -> Snapshot:
        """All values of this moment."""
        gauges = self._gauge_values()
        values: dict[str, Mapping[Labels, float]] = {}
        for key, definition in DEFINITIONS.items():
            if definition.kind == "counter":
                values[key] = self._counter_values(key)
            elif definition.kind == "gauge":
                values[key] = gauges[key]
        stages: Mapping[Labels, Histogram] = {(stage,): histogram for stage, histogram in self.stages.items()}
        histograms: Mapping[str, Mapping[Labels, Histogram]] = {
            "stage_duration_seconds": stages,
            "overhead_seconds": {(): self.overhead},
        }
        return Snapshot(
            values,
            {
                key: {labels: (tuple(one.counts), one.sum_us) for labels, one in series.items()}
                for key, series in histograms.items()
            },
        )

    def _pool_values(self, key: str) -> Mapping[Labels, int]:
        pools = self.gauges.pools()
        if key == "pool_resets_total":
            return {(name, verdict): n for name, pool in pools.items() for verdict, n in pool.resets.items()}
        if key == "pool_closed_total":
            return {(name, reason): n for name, pool in pools.items() for reason, n in pool.closed.items()}
        return {(name,): pool.opened if "opened" in key else pool.reused for name, pool in pools.items()}

    def _counter_values(self, key: str) -> Mapping[Labels, float]:
        values: Mapping[Labels, int] = self.counters[key]
        if key.startswith("plan_cache_"):
            index = 0 if "hits" in key else 1
            values = {(name,): pair[index] for name, pair in self.gauges.plan_cache().items()}
        elif key.startswith("pool_"):
            values = self._pool_values(key)
        elif key in ("trail_records_total", "trail_refused_records_total"):
            trail = self.gauges.trail()
            values = {(): trail.refused if "refused" in key else trail.records}
        elif key == "watch_records_total":
            values = {(): self._watch().records}
        elif key == "catalogue_refreshes_total":
            failed: dict[Labels, int] = {
                (name, "failed"): count for name, count in self.gauges.catalogue_failed().items()
            }
            values = {**values, **failed}
        return dict(values)

    def _watch(self) -> WatchFigures:
        return self.gauges.watch() if self.gauges.watch is not None else WatchFigures()

    def _watch_values(self) -> Mapping[str, Mapping[Labels, float]]:
        watch = self._watch()
        return {
            "watch_running": {(): float(watch.running)},
            "watch_lag_seconds": {(): watch.lag_seconds} if self.gauges.watch is not None else {},
            "incidents": watch.incidents,
            "incident_oldest_open_timestamp_seconds": watch.oldest_open,
            "suspended_principals": watch.suspended,
            "notifications_waiting": watch.waiting,
        }

    def _gauge_values(self) -> Mapping[str, Mapping[Labels, float]]:
        gauges, now, trail, pools = self.gauges, self._clock(), self.gauges.trail(), self.gauges.pools()
        return {
            "build_info": {gauges.build: 1},
            "start_timestamp_seconds": {(): gauges.started},
            "ready": {(check,): float(good) for check, good in gauges.ready().items()},
            "connections": {(name,): count for name, count in self.connections.items()},
            "pool_connections": {(name,): pool.open for name, pool in pools.items()},
            "pool_idle_connections": {(name,): pool.idle for name, pool in pools.items()},
            "pool_waiting_clients": {(name,): pool.waiting for name, pool in pools.items()},
            "pool_limit_connections": {(name,): pool.limit for name, pool in pools.items()},
            "upstream_up": {(name,): float(up) for name, up in gauges.upstream_up().items()},
            "policy_info": {(gauges.policy_digest,): 1} if gauges.policy_digest else {},
            "policy_loaded_timestamp_seconds": {(): gauges.policy_loaded},
            "policy_warnings": {(): gauges.policy_warnings},
            "policy_stale": {(): float(gauges.policy_stale())},
            "catalogue_age_seconds": {(name,): max(0.0, now - at) for name, at in gauges.catalogue_read().items()},
            "catalogue_relations": {(name,): count for name, count in gauges.catalogue_relations.items()},
            "trail_healthy": {(): float(trail.healthy)},
            "trail_segments": {(): trail.segments},
            "trail_size_bytes": {(): trail.bytes},
            "trail_unsynced_records": {(): trail.unsynced},
            "trail_unsigned_segments": {(): trail.unsigned},
            "drill_duration_seconds": gauges.drills,
            "processes": {},
            "certificate_expiry_timestamp_seconds": gauges.certificates,
            **self._watch_values(),
        }
