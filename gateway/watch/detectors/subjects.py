"""Distinct subjects that one person or principal saw in a day."""

from __future__ import annotations

from collections import deque
from typing import Any

from pyroaring import BitMap

from gateway.watch.detectors.base import LISTED_SUBJECTS, About, Detector, Setting, Told, shown
from gateway.watch.detectors.seen import PARTIAL, Seen
from gateway.watch.detectors.state import make_room, usual_top
from gateway.watch.finding import Finding, Severity

_WHO = 20_000
_DAYS = 28


class ManySubjects(Detector):
    about = About(
        "subjects",
        "Many customers seen", "接触客户数量异常",
        "One person (actor) or principal sees far more different customers in a day than on any day before, and more "
        "than its colleagues.",
        "某人员或账号一天内接触的不同客户数，远超其历史最高值和同事水平。",
        "The set of subjects of each day is kept exactly. The limit is `times` times the largest usual day (the "
        "ninth of ten) of the last 28 of this person, or of its colleagues where the person is new (fewer than "
        "`cold_days` days), and never below `floor`; without any of these it is `cold_floor`. Work of a principal "
        "without an actor is measured by purpose.",
        "Agent li.na sees 40 customers a day; today it is 190.",
        Severity.HIGH,
        (
            Setting("floor", 100, "customers in a day below which nothing is said", "每天低于此客户数不告警", 1),
            Setting("times", 2.5, "times the largest usual day", "历史最高日的倍数", 1, 100),
            Setting("cold_days", 5, "days until a history counts", "历史数据生效所需天数", 1, 90),
            Setting("cold_floor", 300, "customers in a day that page without history or colleagues",
                    "无历史且无同事可比时的告警客户数", 1),
        ),
    )  # fmt: skip

    def prepare(self) -> None:
        self.state |= {"who": {}, "peers": {}}
        self._limits: dict[str, tuple[int, float]] = {}

    def feed(self, seen: Seen) -> list[Finding]:
        if seen.keys is None or seen.exposure < PARTIAL:
            return []
        key = seen.who if seen.actor else f"{seen.principal}|{seen.purpose}"
        people = self.state["who"]
        one = people.get(key)
        if one is None:
            make_room(people, _WHO)
            one = people[key] = {
                "day": seen.day,
                "keys": BitMap(),
                "days": deque(maxlen=_DAYS),
                "refs": deque(maxlen=8),
            }
        if seen.day > one["day"]:
            self._close(one, seen)
        one["keys"] |= seen.keys
        one["refs"].append(seen.place)
        limit = self._limits.get(key)
        if limit is None or limit[0] != one["day"]:
            make_room(self._limits, _WHO)
            limit = self._limits[key] = (one["day"], self._limit(one, seen))
        count = len(one["keys"])
        return self._tell(seen, key, one, count, limit[1]) if count > limit[1] else []

    def _close(self, one: dict[str, Any], seen: Seen) -> None:
        count = len(one["keys"])
        one["days"].append(count)
        if seen.actor and not seen.drill:
            peers = self.state["peers"]
            make_room(peers, 2000)
            peers.setdefault(seen.principal, deque(maxlen=400)).append(count)
        one["day"], one["keys"] = seen.day, BitMap()
        one["refs"].clear()

    def _limit(self, one: dict[str, Any], seen: Seen) -> float:
        times, floor = self.number("times"), self.number("floor")
        if len(one["days"]) >= self.number("cold_days"):
            return max(floor, times * usual_top(one["days"]))
        peers = self.state["peers"].get(seen.principal, ()) if seen.actor else ()
        if len(peers) >= 20:
            return max(floor, times * usual_top(peers))
        return max(self.number("cold_floor"), times * float(max(one["days"], default=0)))

    def _tell(self, seen: Seen, key: str, one: dict[str, Any], count: int, limit: float) -> list[Finding]:
        if self.excepted(seen):
            return []
        return self.tell(
            seen,
            Told(
                key,
                self.options.severity,
                f"{seen.who} saw {shown(count)} different customers today; its limit is {shown(limit)}.",
                f"{seen.who} 今天接触了 {shown(count)} 位不同客户；按历史水平上限为 {shown(limit)}。",
                one["refs"],
                list(one["keys"][:LISTED_SUBJECTS]),
                count,
                period=seen.day,
                amount=count,
                details=(("subjects", count), ("limit", round(limit)), ("usual_day", usual_top(one["days"]))),
            ),
        )
