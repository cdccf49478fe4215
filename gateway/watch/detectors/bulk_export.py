"""One answer that carries a large part of the customers away."""

from __future__ import annotations

from typing import Any

from pyroaring import BitMap

from gateway.watch.detectors.base import LISTED_SUBJECTS, About, Detector, Setting, Told, shown
from gateway.watch.detectors.seen import NONE, PARTIAL, Seen
from gateway.watch.detectors.state import make_room
from gateway.watch.finding import Finding, Severity

_KEYS = 10_000


class BulkExport(Detector):
    about = About(
        "bulk_export",
        "Bulk export", "批量导出",
        "One result or COPY holds very many rows, or a large share of all known customers.",
        "单次查询结果或 COPY 包含大量行，或占全部已知客户的较大比例。",
        "An answer is large from `rows` rows on (COPY: `copy_rows`), or when it holds `share` percent of all customers "
        "seen so far and at least a tenth of `rows`. It pages unless the same principal and purpose did it before: at "
        "least as much, divided by `times`, on `habit_days` days of the last 60. Pseudonyms alone are a note.",
        "dba_chen copies 48,000 customers to a file.",
        Severity.HIGH,
        (
            Setting("rows", 2000, "rows of one answer", "单次结果行数", 1),
            Setting("copy_rows", 500, "rows of one COPY", "单次 COPY 行数", 1),
            Setting("share", 20, "percent of all known customers", "占全部已知客户的百分比", 1, 100),
            Setting("times", 2, "times what is habit", "习惯规模的倍数", 1, 100),
            Setting("habit_days", 2, "days that make a habit", "形成习惯所需天数", 1, 60),
        ),
    )  # fmt: skip

    def prepare(self) -> None:
        self.state |= {"habits": {}, "known": BitMap()}
        self._rows, self._copy, self._share = self.number("rows"), self.number("copy_rows"), self.number("share")
        self._count = 0

    def load(self, state: Any) -> None:
        super().load(state)
        self._count = len(self.state["known"])

    def feed(self, seen: Seen) -> list[Finding]:
        size = seen.rows
        if seen.keys is not None:
            self.state["known"] |= seen.keys
            if len(seen.keys) > 50 or not self._count:
                self._count = len(self.state["known"])
        if size < self._copy and size < self._rows / 10:
            return []
        large = size >= (self._copy if seen.record.get("kind") == "COPY" else self._rows)
        part = 100 * len(seen.keys) / max(1, self._count) if seen.keys is not None else 0.0
        large = large or (part >= self._share and size >= self._rows / 10)
        if not large or seen.exposure == NONE:
            return []
        return self._judge(seen, size, part)

    def _judge(self, seen: Seen, size: int, part: float) -> list[Finding]:
        habits = self.state["habits"]
        key = f"{seen.who}|{seen.purpose}|{seen.drill}" if seen.drill else f"{seen.principal}|{seen.purpose}"
        if key not in habits:
            make_room(habits, _KEYS)
        days: dict[int, int] = habits.setdefault(key, {})
        for old in [day for day in days if day < seen.day - 60]:
            del days[old]
        before = sum(rows * self.number("times") >= size for day, rows in days.items() if day < seen.day)
        days[seen.day] = max(days.get(seen.day, 0), size)
        if before >= self.number("habit_days") or self.excepted(seen):
            return []
        severity = self.options.severity if seen.exposure >= PARTIAL else self.lower()
        copied = seen.record.get("kind") == "COPY"
        word, chinese = ("COPY", " COPY ") if copied else ("one answer", "查询")
        return self.tell(
            seen,
            Told(
                key,
                severity,
                f"{seen.who} took {shown(size)} rows in {word}; it never took so many for this purpose.",
                f"{seen.who} 通过一次{chinese}取走 {shown(size)} 行；此前从未为该目的取过这么多。",
                subjects=list(seen.keys[:LISTED_SUBJECTS]) if seen.keys else (),
                subject_count=len(seen.keys) if seen.keys else 0,
                rows=size,
                details=(("rows", size), ("percent", round(part, 1)), ("days_before", before)),
            ),
        )
