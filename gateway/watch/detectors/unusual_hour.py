"""Work with personal data at an hour at which this person or principal never works."""

from __future__ import annotations

from collections import deque
from typing import Any

from pyroaring import BitMap

from gateway.watch.detectors.base import LISTED_SUBJECTS, About, Detector, Setting, Told
from gateway.watch.detectors.seen import PARTIAL, Seen
from gateway.watch.detectors.state import make_room
from gateway.watch.finding import Finding, Severity

_WHO = 20_000


class UnusualHour(Detector):
    about = About(
        "unusual_hour",
        "At an unusual hour", "非常规时段访问",
        "Personal data is read at an hour of the day, or on a weekend, at which this person or principal never works.",
        "在该人员或账号从不工作的时段（或周末）读取个人信息。",
        "For each person the hours of workdays and of weekends with work on two days are remembered for 60 days, from "
        "`learn_days` active days on. An hour is unusual when no such hour lies within `distance` hours of it, and the "
        "work did not begin in usual hours and go on since (overtime). Seeing `subjects` customers or `rows` rows "
        "in one such night pages, unless three colleagues work at such hours; the first read of it is a note.",
        "Agent chen.jie, at work from 9 to 18, looks at 30 customers at 3 in the morning.",
        Severity.HIGH,
        (
            Setting("learn_days", 10, "active days until a history counts", "历史数据生效所需活跃天数", 1, 90),
            Setting("distance", 2, "hours from usual ones that still count as usual", "视为正常的小时差", 0, 11),
            Setting("subjects", 15, "customers in such hours that page", "触发告警的客户数", 1),
            Setting("rows", 200, "rows in such hours that page", "触发告警的行数", 1),
        ),
    )  # fmt: skip

    def prepare(self) -> None:
        self.state |= {"who": {}, "colleagues": {}}
        self._distance = int(self.number("distance"))
        self._subjects, self._rows = self.number("subjects"), self.number("rows")

    def feed(self, seen: Seen) -> list[Finding]:
        people = self.state["who"]
        key = f"{seen.who}|{seen.drill}" if seen.drill else seen.who
        one = people.get(key)
        if one is None:
            make_room(people, _WHO)
            one = people[key] = {"days": deque(maxlen=60), "hours": {}, "last": 0, "odd": False, "keys": BitMap(),
                                 "rows": 0, "refs": deque(maxlen=8), "pending": {}}  # fmt: skip
        if one["last"] != seen.hour:
            self._enter(one, seen)
        if not one["odd"] or seen.exposure < PARTIAL:
            return []
        if seen.keys is not None:
            one["keys"] |= seen.keys
        one["rows"] += seen.rows
        one["refs"].append(seen.place)
        return [] if self.excepted(seen) else self._tell(seen, key, one)

    def _enter(self, one: dict[str, Any], seen: Seen) -> None:
        """The first record of an hour decides whether the hour is unusual."""
        if not one["days"] or one["days"][-1] != seen.day:
            for hour, day in one["pending"].items():  # today's hours teach tomorrow
                one["hours"].setdefault(hour, deque(maxlen=2)).append(day)
            one["pending"] = {}
            one["days"].append(seen.day)
        goes_on = seen.hour - one["last"] <= 1 and not one["odd"]
        odd = len(one["days"]) > self.number("learn_days") and not goes_on and not self._usual(one, seen)
        if odd and (not one["odd"] or seen.hour - one["last"] > 8):
            one["keys"], one["rows"] = BitMap(), 0
            one["refs"].clear()
        one["odd"], one["last"] = odd, seen.hour
        hour = f"{int(seen.weekend)}:{seen.hour % 24}"
        one["pending"][hour] = seen.day
        if seen.actor and not odd and not seen.drill:
            colleagues = self.state["colleagues"]
            make_room(colleagues, 1000)
            at_work = colleagues.setdefault(seen.principal, {}).setdefault(hour, {})
            make_room(at_work, 8)
            at_work[seen.actor] = seen.day

    def _usual(self, one: dict[str, Any], seen: Seen) -> bool:
        for delta in range(-self._distance, self._distance + 1):
            days = one["hours"].get(f"{int(seen.weekend)}:{(seen.hour + delta) % 24}", ())
            if len(days) == 2 and seen.day - days[0] <= 60:
                return True
        return False

    def _with_colleagues(self, seen: Seen) -> bool:
        """Whether at least three others were at work at such an hour within the last four weeks: a new shift."""
        at_work = self.state["colleagues"].get(seen.principal, {}).get(f"{int(seen.weekend)}:{seen.hour % 24}", {})
        others = [day for name, day in at_work.items() if name != seen.actor and seen.day - day <= 28]
        return len(others) >= 3

    def _tell(self, seen: Seen, key: str, one: dict[str, Any]) -> list[Finding]:
        count, rows = len(one["keys"]), one["rows"]
        page = (count >= self._subjects or rows >= self._rows) and not self._with_colleagues(seen)
        when, when_zh = f"{seen.hour % 24:02}:00", f"{seen.hour % 24} 点"
        return self.tell(
            seen,
            Told(
                key,
                self.options.severity if page else self.lower(2),
                f"{seen.who} read {rows} rows of {count} customers around {when}, when it never works.",
                f"{seen.who} 在从不工作的时段（{when_zh}左右）读取了 {count} 位客户的 {rows} 行数据。",
                one["refs"],
                list(one["keys"][:LISTED_SUBJECTS]),
                count,
                rows,
                period=seen.day,
                details=(("hour", seen.hour % 24), ("weekend", int(seen.weekend)), ("active_days", len(one["days"]))),
            ),
        )
