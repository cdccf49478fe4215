"""One customer read by many people, or customers read outside any ticket."""

from __future__ import annotations

from typing import Any

from pyroaring import BitMap

from gateway.watch.detectors.base import LISTED_SUBJECTS, About, Detector, Setting, Told
from gateway.watch.detectors.seen import HOUR, PARTIAL, WEEK, Seen
from gateway.watch.detectors.state import make_room
from gateway.watch.finding import Finding, Severity

_SUBJECTS = 200_000
_SMALL = 3


class OneSubjectMany(Detector):
    about = About(
        "one_subject_many",
        "One customer, many readers", "同一客户被多人查看",
        "Many different people look at the same customer (curiosity about a celebrity), or customers are read without "
        "an actor by an application that always names one.",
        "许多不同人员查看同一客户（如围观名人），或一贯注明经办人的应用在未注明经办人的情况下读取客户。",
        "Reads of at most three customers count as looking somebody up. The different people who looked at a customer "
        "within one to two weeks are counted; the limit is `people`, or one and a half times the largest count of the "
        "weeks before. Where 95 percent of at least `learn_reads` reads of a principal name an actor, "
        "`without_actor` different customers read without one within an hour page.",
        "Sixteen agents look at the same film star; crm_app reads eight customers, and nobody says for whom.",
        Severity.HIGH,
        (
            Setting("people", 10, "people who look at one customer", "查看同一客户的人数", 2),
            Setting("without_actor", 5, "customers read without an actor in an hour", "一小时内无经办人的客户数", 1),
            Setting("learn_reads", 500, "reads of a principal before an actor is expected", "最少读取次数", 20),
        ),
    )  # fmt: skip

    def prepare(self) -> None:
        self.state |= {"week": 0, "now": {}, "before": {}, "tops": [], "names": {}, "actors": {}}

    def feed(self, seen: Seen) -> list[Finding]:
        if seen.keys is None or seen.exposure < PARTIAL or self.excepted(seen):
            return []
        found = self._outside(seen)
        if len(seen.keys) <= _SMALL:
            found += self._looked_up(seen)
        return found

    def _looked_up(self, seen: Seen) -> list[Finding]:
        state = self.state
        week = seen.local // WEEK
        if week > state["week"]:
            counts = [len(one["who"]) for one in state["now"].values()]
            state["tops"] = [*state["tops"], self._usual(counts)][-4:] if counts else state["tops"]
            state["before"] = state["now"] if week == state["week"] + 1 else {}
            state["week"], state["now"] = week, {}
        number = self._number(seen.who)
        found: list[Finding] = []
        for key in seen.keys or ():
            one = state["now"].get(key)
            if one is None:
                make_room(state["now"], _SUBJECTS)
                one = state["now"][key] = {"who": [], "refs": []}
            if number in one["who"]:
                continue
            one["who"].append(number)
            one["refs"] = [*one["refs"][-11:], seen.place]
            before = state["before"].get(key)
            people = len(set(one["who"]).union(before["who"])) if before else len(one["who"])
            if people >= self._limit():
                found += self._many(seen, key, people, (before["refs"] if before else []) + one["refs"])
        return found

    def _number(self, who: str) -> int:
        """People by small numbers, given in the order of their appearance."""
        names: dict[str, int] = self.state["names"]
        number = names.get(who)
        if number is None:
            make_room(names, 20_000)
            number = names[who] = self.state["next"] = self.state.get("next", 0) + 1
        return number

    def _usual(self, counts: list[int]) -> int:
        """The largest count of a week, without the three most watched customers: they may be what we look for."""
        return sorted(counts)[:-3][-1] if len(counts) > 3 else 0

    def _limit(self) -> float:
        return max(self.number("people"), 1.5 * max(self.state["tops"], default=0))

    def _many(self, seen: Seen, key: int, people: int, refs: list[Any]) -> list[Finding]:
        return self.tell(
            seen,
            Told(
                f"subject:{key}",
                self.options.severity,
                f"{people} different people looked at the same customer within two weeks.",
                f"两周内有 {people} 人查看了同一位客户。",
                refs,
                [key],
                1,
                period=seen.local // WEEK,
                amount=people,
                details=(("people", people), ("limit", round(self._limit()))),
            ),
        )

    def _outside(self, seen: Seen) -> list[Finding]:
        actors = self.state["actors"]
        one = actors.get(seen.principal)
        if one is None:
            make_room(actors, 2000)
            one = actors[seen.principal] = {"with": 0, "without": 0, "hour": 0, "keys": BitMap(), "refs": []}
        if seen.actor:
            one["with"] += 1
            return []
        expected = one["with"] >= self.number("learn_reads") and one["without"] * 19 <= one["with"]
        one["without"] += 1
        if not expected or seen.keys is None:
            return []
        if one["hour"] != seen.hour:
            one["hour"], one["keys"], one["refs"] = seen.hour, BitMap(), []
        one["keys"] |= seen.keys
        one["refs"] = [*one["refs"][-11:], seen.place]
        count = len(one["keys"])
        if count < self.number("without_actor"):
            return []
        return self.tell(
            seen,
            Told(
                f"outside:{seen.principal}",
                self.options.severity,
                f"{seen.principal} read {count} customers in this hour without naming for whom; it always does.",
                f"{seen.principal} 本小时读取了 {count} 位客户但未注明经办人；以往均会注明。",
                one["refs"],
                list(one["keys"][:LISTED_SUBJECTS]),
                count,
                details=(("subjects", count), ("hour", seen.t // HOUR)),
            ),
        )
