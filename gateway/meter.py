"""The observer that counts: what the shell tells (`gateway.net.observer.Observer`) becomes numbers in `Metrics`.

It stands on the path of every statement: a call adds to dictionaries and lists, and neither raises nor grows without
bounds. Label values are names of the bundle and the configuration, or words of the code. What a client could choose
freely is counted as `other`, so that no client can make the series grow.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gateway.metrics import Labels, Metrics
from gateway.net.observer import Statement

OTHER = "other"
NONE = "none"

# PostgreSQL documentation, appendix A: the classes that a client can meet. The rest counts as `other`.
_SQLSTATE_CLASSES = frozenset(
    ("02", "03", "08", "0A", "0B", "21", "22", "23", "24", "25", "26", "28", "2B", "2D", "2F", "34", "38", "39", "3B",
     "3D", "3F", "40", "42", "44", "53", "54", "55", "57", "58", "72", "F0", "HV", "P0", "XX")
)  # fmt: skip

# Kinds of statements and reasons of denials are constants of the code; a bound in case that one is not.
_MAX_WORDS = 128
_MAX_WORD = 40
# Plans whose labels are kept.
_MAX_CACHED = 4096
# Department by purpose by class by disclosure: few of them occur. A bundle where many do ends in `other`.
_MAX_SERIES = 4096


@dataclass(frozen=True, slots=True)
class _Labels:
    """The label values of one plan, worked out once: enums and bounds are too slow for every execution."""

    statement: Statement
    """Kept so that its `id` stays its own."""
    database: tuple[str]
    verdict: tuple[str, str, str, str]
    asked: Labels
    rows: tuple[tuple[str, str], ...]
    disclosed: tuple[Labels, ...]
    lookups: tuple[tuple[str, str], ...]


class Meter:
    """Counts for one gateway."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._purposes: frozenset[str] = frozenset()
        self._classes: frozenset[str] = frozenset()
        self._departments: frozenset[str] = frozenset()
        self._words: set[str] = set()
        self._combinations: set[Labels] = set()
        self._labels: dict[tuple[int, str, str], _Labels] = {}
        self._statements = metrics.counters["statements_total"]
        self._asked = metrics.counters["department_statements_total"]
        self._rows = metrics.counters["rows_total"]
        self._disclosed = metrics.counters["disclosed_rows_total"]
        self._result_rows = metrics.counters["result_rows_total"]
        self._result_bytes = metrics.counters["result_bytes_total"]
        self._lookups = metrics.counters["lookups_total"]
        self._upstream = metrics.stages["upstream"]
        self._overhead = metrics.overhead

    def use_bundle(self, purposes: Iterable[str], classes: Iterable[str], departments: Iterable[str] = ()) -> None:
        """The names that may become label values, from the bundle in force."""
        self._purposes, self._classes = frozenset(purposes), frozenset(classes)
        self._departments = frozenset(departments)
        self._labels.clear()

    # -- the observer -------------------------------------------------------------------------------------------------
    def statement(
        self,
        database: str,
        statement: Statement,
        rows: int,
        size: int,
        upstream_us: int,
        overhead_us: int,
        department: str,
        sqlstate: str,
    ) -> None:
        key = (id(statement), database, department)
        labels = self._labels.get(key) or self._bounded(key, statement)
        self._statements[labels.verdict] += 1
        self._asked[labels.asked] += 1
        self._upstream.observe(upstream_us)
        self._overhead.observe(overhead_us)
        if rows:
            self._result_rows[labels.database] += rows
            self._result_bytes[labels.database] += size
            for disclosed in labels.rows:
                self._rows[disclosed] += rows
            for got in labels.disclosed:
                self._disclosed[got] += rows
        for lookup in labels.lookups:
            self._lookups[lookup] += 1
        if sqlstate != "00000":
            group = sqlstate[:2] if sqlstate[:2] in _SQLSTATE_CLASSES else OTHER
            self._metrics.counters["errors_total"][labels.database[0], group] += 1

    def denied(self, database: str, reason: str) -> None:
        self._metrics.counters["denials_total"][self._database(database), self._word(reason)] += 1

    def stage(self, stage: str, microseconds: float) -> None:
        histogram = self._metrics.stages.get(stage)
        if histogram is not None:
            histogram.observe(microseconds)

    def connection_opened(self, database: str) -> None:
        name = self._database(database)
        self._metrics.counters["sessions_total"][name,] += 1
        self._metrics.connections[name] = self._metrics.connections.get(name, 0) + 1

    def connection_closed(self, database: str) -> None:
        name = self._database(database)
        self._metrics.connections[name] = self._metrics.connections.get(name, 0) - 1

    def login_failed(self, database: str, reason: str) -> None:
        name = self._database(database) if database else NONE
        self._metrics.counters["logins_failed_total"][name, self._word(reason)] += 1

    def trail_failed(self) -> None:
        self._metrics.counters["trail_failures_total"][()] += 1

    # -- bounded label values -----------------------------------------------------------------------------------------
    def _bounded(self, key: tuple[int, str, str], statement: Statement) -> _Labels:
        name, department = self._database(key[1]), key[2] if key[2] in self._departments else OTHER
        verdict = (name, self._word(statement.kind), self._purpose(statement.purpose), statement.outcome.value)
        rows = tuple((self._class(d.data_class), str(d.disclosure)) for d in statement.classes)
        labels = _Labels(
            statement=statement,
            database=(name,),
            verdict=verdict,
            asked=(name, department, *verdict[2:]),
            rows=rows,
            disclosed=tuple(self._disclosure((department, verdict[2], *each)) for each in rows),
            lookups=tuple((name, self._class(str(getattr(each, "data_class", "")))) for each in statement.lookups),
        )
        if len(self._labels) >= _MAX_CACHED:
            self._labels.clear()
        self._labels[key] = labels
        return labels

    def _disclosure(self, labels: tuple[str, str, str, str]) -> Labels:
        if labels not in self._combinations:
            if len(self._combinations) >= _MAX_SERIES:
                return (OTHER, OTHER, OTHER, labels[3])
            self._combinations.add(labels)
        return labels

    def _purpose(self, name: str | None) -> str:
        return NONE if name is None else name if name in self._purposes else OTHER

    def _database(self, name: str) -> str:
        return name if name in self._metrics.databases else OTHER

    def _class(self, name: str) -> str:
        return name if name in self._classes or name == "public" else OTHER

    def _word(self, word: str) -> str:
        if word in self._words:
            return word
        plain = word.isascii() and word.replace("_", "").replace(" ", "").isalnum()
        if not plain or len(word) > _MAX_WORD or len(self._words) >= _MAX_WORDS:
            return OTHER
        self._words.add(word)
        return word
