"""The metrics of several processes as those of one gateway, without loss when a process is replaced.

    figures.take("worker-0", snapshot)      as often as one is at hand
    figures.gone("worker-0")                its counters stay, its gauges go
    figures.merged()

Counters and histograms are added up, and what a process that is gone had counted stays in the sums, so that they never
fall. Gauges are added, or the worst or latest of them is taken, as each means.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from gateway.metrics import DEFINITIONS, Labels, Snapshot

_CHAIN: Final = "trail_records_total"
"""The number of a chain's last record: it goes on where another process goes on with the chain."""
_LEAST: Final = frozenset(("trail_healthy", "upstream_up"))
_ADDED: Final = frozenset(("connections", "trail_size_bytes", "trail_segments", "trail_unsynced_records", "trail_unsigned_segments"))  # fmt: skip  # noqa: E501
_ADDED_PREFIX: Final = "pool_"
_GATEWAY: Final = frozenset(("build_info", "start_timestamp_seconds", "ready", "processes"))
"""What the supervisor knows better."""
_KEPT: Final = frozenset(("incidents", "incident_oldest_open_timestamp_seconds", "suspended_principals", "notifications_waiting", "drill_duration_seconds"))  # fmt: skip  # noqa: E501
"""Gauges of the watch that stay true while it is being replaced: an alert must not end because it died."""
_WATCH: Final = frozenset((*_KEPT, "watch_running", "watch_lag_seconds"))

Values = dict[Labels, float]
Counts = dict[Labels, tuple[tuple[int, ...], float]]


class Figures:
    """What is known of all processes of a gateway."""

    def __init__(self) -> None:
        self._now: dict[str, Snapshot] = {}
        self._past: dict[str, Values] = {}
        self._past_counts: dict[str, Counts] = {}
        self._chains: dict[str, float] = {}
        self._kept: dict[str, Mapping[Labels, float]] = {}

    def take(self, process: str, snapshot: Snapshot) -> None:
        """The latest of a process."""
        self._now[process] = snapshot
        self._chains[process] = snapshot.values.get(_CHAIN, {}).get((), 0.0)
        if process == "watch":
            self._kept = {key: snapshot.values[key] for key in _KEPT if key in snapshot.values}

    def gone(self, process: str) -> None:
        """It has ended; another may come under the same name."""
        last = self._now.pop(process, None)
        if last is None:
            return
        for key, values in last.values.items():
            if DEFINITIONS[key].kind == "counter" and key != _CHAIN:
                _add(self._past.setdefault(key, {}), values)
        for key, series in last.histograms.items():
            _add_counts(self._past_counts.setdefault(key, {}), series)

    def merged(self, own: Mapping[str, Mapping[Labels, float]]) -> Snapshot:
        """One snapshot of the gateway; `own`: values that the supervisor knows itself."""
        values: dict[str, Mapping[Labels, float]] = {}
        histograms: dict[str, Counts] = {}
        for key, definition in DEFINITIONS.items():
            if key in own:
                values[key] = own[key]
            elif key == _CHAIN:
                values[key] = {(): sum(self._chains.values())}
            elif definition.kind == "counter":
                total = dict(self._past.get(key, {}))
                for each in self._series(key):
                    _add(total, each)
                values[key] = total
            elif definition.kind == "gauge":
                values[key] = self._gauge(key)
            else:
                counts = dict(self._past_counts.get(key, {}))
                for snapshot in self._now.values():
                    _add_counts(counts, snapshot.histograms.get(key, {}))
                histograms[key] = counts
        return Snapshot(values, histograms)

    def _series(self, key: str) -> Iterable[Mapping[Labels, float]]:
        return [snapshot.values.get(key, {}) for snapshot in self._now.values()]

    def _gauge(self, key: str) -> Mapping[Labels, float]:
        if key in _WATCH:
            watch = self._now.get("watch")
            if watch is None:
                return {(): 0.0} if key == "watch_running" else self._kept.get(key, {})
            return watch.values.get(key, {})
        total: Values = {}
        for process, snapshot in self._now.items():
            if process == "watch" and not key.startswith("trail_"):
                continue  # it has no clients, no bundle and no databases
            for labels, value in snapshot.values.get(key, {}).items():
                total[labels] = value if labels not in total else _joined(key, total[labels], value)
        return total


def _joined(key: str, one: float, other: float) -> float:
    if key in _ADDED or key.startswith(_ADDED_PREFIX):
        return one + other
    return min(one, other) if key in _LEAST else max(one, other)


def _add(total: Values, more: Mapping[Labels, float]) -> None:
    for labels, value in more.items():
        total[labels] = total.get(labels, 0) + value


def _add_counts(total: Counts, more: Mapping[Labels, tuple[tuple[int, ...], float]]) -> None:
    for labels, (counts, sum_us) in more.items():
        before, before_us = total.get(labels, ((0,) * len(counts), 0.0))
        total[labels] = (tuple(a + b for a, b in zip(before, counts, strict=True)), before_us + sum_us)


# -- over the bus -----------------------------------------------------------------------------------------------------
def to_json(snapshot: Snapshot) -> dict[str, Any]:
    """Labels are no keys of JSON: each series becomes a list of pairs."""
    return {
        "values": {key: [*series.items()] for key, series in snapshot.values.items()},
        "histograms": {key: [*series.items()] for key, series in snapshot.histograms.items()},
    }


def from_json(document: Mapping[str, Any]) -> Snapshot:
    """What `to_json` made. Keys that this version does not know are left out."""
    return Snapshot(
        {
            key: {tuple(labels): value for labels, value in pairs}
            for key, pairs in document["values"].items()
            if key in DEFINITIONS
        },
        {
            key: {tuple(labels): (tuple(counts), sum_us) for labels, (counts, sum_us) in pairs}
            for key, pairs in document["histograms"].items()
            if key in DEFINITIONS
        },
    )
