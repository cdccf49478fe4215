"""A whole table over weeks, never much on one day."""

from __future__ import annotations

from typing import Any

from pyroaring import BitMap

from gateway.watch.detectors.base import LISTED_SUBJECTS, About, Detector, Setting, Told, shown
from gateway.watch.detectors.seen import PARTIAL, Seen
from gateway.watch.detectors.state import make_room, median
from gateway.watch.finding import Finding, Severity

_WHO = 10_000
_WEEKS = 5


class SlowDrip(Detector):
    about = About(
        "slow_drip",
        "A slow drip", "缓慢渗漏",
        "Over weeks somebody collects a large part of all customers, a little every day.",
        "某人在数周内每天少量、累计获取了大部分客户的数据。",
        "The set of customers that a person (or a principal and purpose, where no actor is named) saw is kept by "
        "week, for five weeks; reads of more than `page` customers belong to `bulk_export` and do not count. It "
        "pages when this set holds `share` percent of all customers seen so far and at least `floor`, and is `times` "
        "times what is usual: the median of the colleagues' sets, or, where there are no colleagues, the median of "
        "its own weeks times five (after `learn_weeks`). It is told again when it has grown by half.",
        "An agent reads 120 additional customers a day; after three weeks he has a quarter of them all.",
        Severity.HIGH,
        (
            Setting("share", 8, "percent of all customers", "占全部客户的百分比", 1, 100),
            Setting("floor", 500, "customers below which nothing is said", "低于此客户数不告警", 1),
            Setting("times", 2.0, "times what is usual", "常规水平的倍数", 1, 100),
            Setting("learn_weeks", 4, "weeks before somebody without colleagues is judged", "学习周数", 1, 10),
            Setting("page", 100, "customers in one read above which it is no drip", "单次读取超过此客户数不计入", 1),
        ),
    )  # fmt: skip

    def prepare(self) -> None:
        self.state |= {"who": {}, "known": BitMap()}
        self._page = int(self.number("page"))

    def feed(self, seen: Seen) -> list[Finding]:
        if seen.keys is None or seen.exposure < PARTIAL or len(seen.keys) > self._page:
            return []
        people = self.state["who"]
        key = seen.who if seen.actor else f"{seen.principal}|{seen.purpose}"
        one = people.get(key)
        week = (seen.day + 3) // 7
        if one is None:
            make_room(people, _WHO)
            one = people[key] = {"weeks": {week: BitMap()}, "day": seen.day, "largest": [], "total": 0, "told": 0,
                                 "refs": [], "principal": seen.principal if seen.actor else ""}  # fmt: skip
        if week not in one["weeks"]:
            self._close(one, week)
        one["weeks"][week] |= seen.keys
        if one["day"] == seen.day:
            return []
        one["day"] = seen.day  # once a day, at the first read of the next one
        one["refs"] = [*one["refs"], seen.place][-12:]
        self.state["known"] |= one["weeks"][week]
        gathered = BitMap.union(*one["weeks"].values())
        one["total"] = len(gathered)
        return self._judge(seen, key, one, gathered)

    def _close(self, one: dict[str, Any], week: int) -> None:
        """A week is over: its size is history, and weeks beyond the window are forgotten."""
        weeks: dict[int, BitMap] = one["weeks"]
        one["largest"] = [*one["largest"], len(weeks[max(weeks)])][-12:]
        self.state["known"] |= weeks[max(weeks)]
        for old in [old for old in weeks if old <= week - _WEEKS]:
            del weeks[old]
        weeks[week] = BitMap()

    def _judge(self, seen: Seen, key: str, one: dict[str, Any], gathered: BitMap) -> list[Finding]:
        total, known, times = len(gathered), len(self.state["known"]), self.number("times")
        percent = 100 * total / max(1, known)
        if total < self.number("floor") or percent < self.number("share") or self.excepted(seen):
            return []
        principal = one["principal"]
        peers = [float(other["total"]) for name, other in self.state["who"].items()
                 if principal and other["principal"] == principal and name != key and other["total"]]  # fmt: skip
        usual = median(peers) if len(peers) >= 3 else 0.0
        if not usual:  # nobody to compare with: its own weeks, if there are enough of them
            if len(one["largest"]) < self.number("learn_weeks"):
                return []
            usual = median(one["largest"]) * len(one["weeks"])
        if total < times * usual or total < 1.5 * one["told"]:
            return []
        one["told"] = total
        return self.tell(
            seen,
            Told(
                key,
                self.options.severity,
                f"{seen.who} has gathered {shown(total)} customers in five weeks, {percent:.0f}% of all known ones.",
                f"{seen.who} 五周内累计接触 {shown(total)} 位客户，占全部已知客户的 {percent:.0f}%。",
                one["refs"],
                list(gathered[:LISTED_SUBJECTS]),
                total,
                details=(("subjects", total), ("percent", round(percent, 1)), ("colleagues", round(usual))),
            ),
        )
