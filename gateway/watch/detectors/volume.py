"""Rows per principal and purpose, against their own history."""

from __future__ import annotations

from collections import deque
from typing import Any

from gateway.watch.detectors.base import About, Detector, Setting, Told, share, shown
from gateway.watch.detectors.seen import PARTIAL, WEEK, Seen
from gateway.watch.detectors.state import make_room, median, spread, usual_top
from gateway.watch.finding import Finding, Severity

_KEYS = 5_000
_WEEKS = 6
_NEIGHBOURS = (-1, 1, -24, 24, -25, -23, 23, 25, -48, 48)


class Volume(Detector):
    about = About(
        "volume",
        "More rows than usual", "数据量异常",
        "A principal reads far more rows with personal data for a purpose than it ever does at this hour of the week.",
        "某账号为某目的读取的个人信息行数，远超其在每周同一时段的历史水平。",
        "Rows are added up by hour. What is usual is the median of the same hour of the last six weeks plus "
        "`deviations` times the spread (median absolute deviation, at least a quarter of the median); with fewer "
        "than three such hours, the hours beside it and on the days around it count too. It pages when the hour is "
        "also above `floor` and above `times_top` times the largest hour of a usual day (the ninth of ten) of the "
        "last four weeks; otherwise it is a note. Younger than `cold_days`, it is measured against `cold_floor` and "
        "`times_top` times its largest hour.",
        "crm_app reads 3,000 rows an hour for ticket_resolution on Monday mornings; today it is 40,000.",
        Severity.HIGH,
        (
            Setting("floor", 2000, "rows in an hour below which nothing pages", "每小时低于此行数不告警", 1),
            Setting("deviations", 8, "spreads above the median", "超出中位数的离散倍数", 1, 100),
            Setting("times_top", 2.5, "times the largest usual hour of four weeks", "四周内最大小时值的倍数", 1, 100),
            Setting("cold_days", 7, "days until a history counts", "历史数据生效所需天数", 1, 90),
            Setting("cold_floor", 20000, "rows in an hour that page without a history", "无历史时的告警行数", 1),
        ),
    )  # fmt: skip

    def prepare(self) -> None:
        self.state["cells"] = {}
        self._thresholds: dict[str, tuple[int, float, float]] = {}

    def feed(self, seen: Seen) -> list[Finding]:
        if not seen.rows:
            return []
        key = share(seen)
        cells = self.state["cells"]
        cell = cells.get(key)
        if cell is None:
            make_room(cells, _KEYS)
            cell = cells[key] = {
                "since": seen.t, "hour": seen.hour, "rows": 0, "slots": {}, "tops": {}, "refs": deque(maxlen=8),
            }  # fmt: skip
        if seen.hour > cell["hour"]:
            self._close(cell, seen)
        cell["rows"] += seen.rows
        if seen.rows * 20 >= cell["rows"]:
            cell["refs"].append(seen.place)
        known = self._thresholds.get(key)
        if known is None or known[0] != cell["hour"]:
            make_room(self._thresholds, _KEYS)
            known = self._thresholds[key] = (cell["hour"], *self._judge(cell, seen))
        return self._tell(seen, key, cell, known) if cell["rows"] > known[1] else []

    def _close(self, cell: dict[str, Any], seen: Seen) -> None:
        """The hour is over: it becomes history."""
        slot = (cell["hour"] + 72) % 168
        cell["slots"].setdefault(slot, deque(maxlen=_WEEKS)).append(cell["rows"])
        day = cell["hour"] // 24
        tops = cell["tops"]
        tops[day] = max(tops.get(day, 0), cell["rows"])
        for old in [old for old in tops if old < seen.day - 28]:
            del tops[old]
        cell["hour"], cell["rows"] = seen.hour, 0
        cell["refs"].clear()

    def _judge(self, cell: dict[str, Any], seen: Seen) -> tuple[float, float]:
        """Rows in this hour that are a note, and that are a page."""
        top = usual_top(cell["tops"].values())
        if seen.t - cell["since"] < self.number("cold_days") * 86_400:
            page = max(self.number("cold_floor"), self.number("times_top") * top)
            return page, page
        slots, slot = cell["slots"], (cell["hour"] + 72) % 168
        values = list(slots.get(slot, ()))
        if len(values) < 3:
            values += [value for near in _NEIGHBOURS for value in slots.get((slot + near) % 168, ())]
        middle = median(values)
        usual = middle + self.number("deviations") * max(spread(values, middle), middle / 4, 1)
        page = max(self.number("floor"), usual, self.number("times_top") * top)
        return max(self.number("floor"), usual), page

    def _tell(self, seen: Seen, key: str, cell: dict[str, Any], known: tuple[int, float, float]) -> list[Finding]:
        if self.excepted(seen):
            return []
        rows, page = cell["rows"], known[2]
        severity = self.options.severity if rows > page and seen.exposure >= PARTIAL else self.lower()
        purpose = seen.purpose or "no purpose"
        return self.tell(
            seen,
            Told(
                key,
                severity,
                f"{seen.principal} read {shown(rows)} rows for {purpose} this hour; up to {shown(known[1])} is usual.",
                f"{seen.principal} 本小时以“{seen.purpose}”读取 {shown(rows)} 行；通常至多 {shown(known[1])} 行。",
                cell["refs"],
                rows=rows,
                details=(("rows", rows), ("usual", round(known[1])), ("page", round(page)), ("week", seen.t // WEEK)),
            ),
        )
