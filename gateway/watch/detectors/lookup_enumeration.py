"""Values tried one after another: is this telephone number a customer?"""

from __future__ import annotations

from collections import deque
from typing import Any

from pyroaring import BitMap

from gateway.watch.detectors.base import About, Detector, Setting, Told, shown
from gateway.watch.detectors.seen import Seen
from gateway.watch.detectors.state import make_room
from gateway.watch.finding import Finding, Severity

_WHO = 10_000


class LookupEnumeration(Detector):
    about = About(
        "lookup_enumeration",
        "Values tried out", "枚举查询",
        "Someone looks up one personal value after another (telephone, identity number), most of them in vain.",
        "有人逐个尝试查询个人信息（如手机号、身份证号），且大多查无此人。",
        "Of each person the different looked-up values (as keyed hashes) and those without a hit are counted by hour "
        "and over seven days. It pages when `misses` different values missed in an hour, or `slow_misses` in seven "
        "days, and they are at least `miss_share` percent of all tried, or when more than `values` different values "
        "were looked up in an hour and this is `times` times the largest hour before.",
        "A script tries 500 telephone numbers; 480 belong to nobody.",
        Severity.HIGH,
        (
            Setting("misses", 20, "different values without a hit in an hour", "一小时内未命中的不同值数", 2),
            Setting("slow_misses", 80, "different values without a hit in seven days", "七天内未命中的不同值数", 2),
            Setting("miss_share", 50, "misses among all tried, in percent", "未命中占比（百分比）", 1, 100),
            Setting("values", 100, "different values in an hour", "一小时内查询的不同值数", 2),
            Setting("times", 3, "times the largest hour before", "历史最大小时值的倍数", 1, 100),
        ),
    )  # fmt: skip
    personal = False

    def prepare(self) -> None:
        self.state["who"] = {}

    def feed(self, seen: Seen) -> list[Finding]:
        lookups = seen.record.get("lookups")
        if not lookups:
            return []
        hashes = [pair[1] for pair in seen.record.get("lookup_values", ())]
        hashes += [one["hash"] for one in lookups if "hash" in one]
        if not hashes:
            return []
        people = self.state["who"]
        one = people.get(seen.who)
        if one is None:
            make_room(people, _WHO)
            one = people[seen.who] = {
                "hour": seen.hour, "tried": BitMap(), "missed": BitMap(), "tops": {}, "refs": deque(maxlen=12),
                "days": {},
            }  # fmt: skip
        if one["hour"] != seen.hour:
            self._close(one, seen)
        for text in hashes:
            value = int(text[:8], 16)
            one["tried"].add(value)
            if not seen.rows:
                one["missed"].add(value)
        if not seen.rows or len(one["tried"]) > self.number("values"):
            one["refs"].append(seen.place)
            return [] if self.excepted(seen) else self._judge(seen, one)
        return []

    def _close(self, one: dict[str, Any], seen: Seen) -> None:
        day = one["hour"] // 24
        tried, missed = one["days"].get(day, (0, 0))
        one["days"][day] = [tried + len(one["tried"]), missed + len(one["missed"])]
        one["tops"][day] = max(one["tops"].get(day, 0), len(one["tried"]))
        for name, keep in (("days", 7), ("tops", 28)):
            one[name] = {day: value for day, value in one[name].items() if day > seen.day - keep}
        one["hour"], one["tried"], one["missed"] = seen.hour, BitMap(), BitMap()

    def _judge(self, seen: Seen, one: dict[str, Any]) -> list[Finding]:
        tried, missed = len(one["tried"]), len(one["missed"])
        part = self.number("miss_share") / 100
        if missed >= self.number("misses") and missed >= part * tried:
            return self._tell(seen, one, tried, missed, "an hour", "一小时内")
        days_tried = tried + sum(pair[0] for pair in one["days"].values())
        days_missed = missed + sum(pair[1] for pair in one["days"].values())
        if days_missed >= self.number("slow_misses") and days_missed >= part * days_tried:
            one["days"] = {}  # told: the count begins anew
            return self._tell(seen, one, days_tried, days_missed, "seven days", "七天内")
        top = max(one["tops"].values(), default=0)
        if tried > self.number("values") and tried > self.number("times") * top:
            return self._tell(seen, one, tried, missed, "an hour", "一小时内")
        return []

    def _tell(self, seen: Seen, one: dict[str, Any], tried: int, missed: int, when: str, zh: str) -> list[Finding]:
        return self.tell(
            seen,
            Told(
                seen.who,
                self.options.severity,
                f"{seen.who} looked up {shown(tried)} values within {when}; {shown(missed)} of them belong to nobody.",
                f"{seen.who} 在{zh}查询了 {shown(tried)} 个值，其中 {shown(missed)} 个查无此人。",
                one["refs"],
                details=(("tried", tried), ("missed", missed)),
            ),
        )
