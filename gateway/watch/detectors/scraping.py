"""Keys read in order, one or a few at a time, however slowly."""

from __future__ import annotations

from typing import Any

from pyroaring import BitMap

from gateway.watch.detectors.base import LISTED_SUBJECTS, About, Detector, Setting, Told
from gateway.watch.detectors.seen import DAY, PSEUDONYM, Seen
from gateway.watch.detectors.state import make_room
from gateway.watch.finding import Finding, Severity

_WHO = 5_000
_MOST_RUNS = 256


class Scraping(Detector):
    about = About(
        "scraping",
        "Keys read in order", "按序遍历客户",
        "Someone walks through the customers by their numbers, upwards or downwards, with many small reads.",
        "有人按客户编号顺序（递增或递减）以大量小查询逐一遍历客户。",
        "Each read of at most `page` customers either goes on with a run (its keys lie at most `gap` beyond the "
        "run's end) or begins a new one. A run of `length` keys pages; half of it is a note. Runs have no time "
        "limit, but are forgotten when they do not go on for `quiet_days` days. The number of runs kept per person "
        "shrinks with the range of keys, so that reads in random order form none.",
        "A script reads customer 5001, then 5002, then 5003, one every ten minutes, for a day.",
        Severity.HIGH,
        (
            Setting("length", 30, "keys in order that page", "触发告警的连续编号数", 8),
            Setting("gap", 4, "numbers that may be left out between two reads", "两次读取间允许跳过的编号数", 1, 1000),
            Setting("page", 20, "customers in one read above which it is no small read", "小查询的客户数", 1, 10000),
            Setting("quiet_days", 28, "days after which a run that does not go on is forgotten", "保留天数", 1, 365),
        ),
    )  # fmt: skip

    def prepare(self) -> None:
        self.state |= {"who": {}, "low": 0, "high": 0}
        self._gap, self._page, self._length = (int(self.number(name)) for name in ("gap", "page", "length"))

    def feed(self, seen: Seen) -> list[Finding]:
        keys = seen.keys
        if keys is None or seen.exposure <= PSEUDONYM or len(keys) > self._page:
            return []
        low, high = keys.min(), keys.max()
        state = self.state
        if not state["high"] or low < state["low"]:
            state["low"] = low
        if high > state["high"]:
            state["high"] = high
        if high - low > self._page * self._gap:
            return []
        people = state["who"]
        runs = people.get(seen.who)
        if runs is None:
            make_room(people, _WHO)
            runs = people[seen.who] = {}
        run = self._join(runs, low, high, keys, seen)
        count = len(run["keys"])
        if count * 2 < self._length or self.excepted(seen):
            return []
        return self._tell(seen, run, count)

    def _join(self, runs: dict[int, dict[str, Any]], low: int, high: int, keys: BitMap, seen: Seen) -> dict[str, Any]:
        """The run that these keys go on with, or a new one. Runs are found by their open end, in buckets of `gap`."""
        gap = self._gap
        for bucket in ((low - 1) // gap, (low - gap) // gap):  # upwards: the end lies just below
            run = runs.get(bucket)
            if run is not None and run["way"] >= 0 and 0 < low - run["end"] <= gap and self._fresh(run, seen):
                return self._extend(runs, bucket, run, 1, high, keys, seen)
        for bucket in ((high + 1) // gap, (high + gap) // gap):
            run = runs.get(bucket)
            if run is not None and run["way"] <= 0 and 0 < run["end"] - high <= gap and self._fresh(run, seen):
                return self._extend(runs, bucket, run, -1, low, keys, seen)
        run = runs.get(high // gap)
        if run is not None and high in run["keys"]:
            return run  # read again: neither further nor back
        if run is not None and len(run["keys"]) > 3:
            return {"keys": keys}  # a long run is not lost to a read beside it
        self._make_room(runs)
        made = {"end": high, "way": 0, "keys": BitMap(keys), "since": seen.t, "t": seen.t, "refs": [seen.place]}
        runs[high // gap] = made
        return made

    def _extend(
        self,
        runs: dict[int, dict[str, Any]],
        bucket: int,
        run: dict[str, Any],
        way: int,
        end: int,
        keys: BitMap,
        seen: Seen,
    ) -> dict[str, Any]:
        del runs[bucket]
        run["end"], run["way"], run["t"] = end, way, seen.t
        run["keys"] |= keys
        run["refs"] = [run["refs"][0], *run["refs"][1:][-10:], seen.place]
        runs[end // self._gap] = run
        return run

    def _fresh(self, run: dict[str, Any], seen: Seen) -> bool:
        return seen.t - int(run["t"]) < self.number("quiet_days") * DAY

    def _make_room(self, runs: dict[int, dict[str, Any]]) -> None:
        """So few runs that a read at random rarely falls behind one; long runs stay longer."""
        capacity = (self.state["high"] - self.state["low"]) // (20 * self._gap)
        capacity = max(4, min(_MOST_RUNS, capacity))
        while len(runs) >= capacity:
            bucket = next(iter(runs))
            run = runs.pop(bucket)
            if len(run["keys"]) >= 8 and not run.get("spared"):
                run["spared"] = 1
                runs[bucket] = run

    def _tell(self, seen: Seen, run: dict[str, Any], count: int) -> list[Finding]:
        page = count >= self._length
        told = run.get("told", 0)
        if count < 4 * told and page == (told >= self._length):
            return []  # this run was told, as what it is
        days = (seen.t - run["since"]) / DAY
        minutes = max(1, (seen.t - run["since"]) // 60)
        took = f"{days:.1f} days" if days >= 1 else f"{minutes} minutes" if minutes > 1 else "a minute"
        took_zh = f"{days:.1f} 天" if days >= 1 else f"{minutes} 分钟"
        found = self.tell(
            seen,
            Told(
                seen.who,
                self.options.severity if page else self.lower(),
                f"{seen.who} read {count} customers in the order of their numbers within {took}.",
                f"{seen.who} 在 {took_zh}内按编号顺序读取了 {count} 位客户。",
                run["refs"],
                list(run["keys"][:LISTED_SUBJECTS]),
                count,
                details=(("length", count), ("seconds", seen.t - run["since"])),
            ),
        )
        if found:
            run["told"] = count
        return found
