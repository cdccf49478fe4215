"""Bursts of refusals: someone tries what it may not do, or tries passwords."""

from __future__ import annotations

from collections import deque
from typing import Any

from gateway.watch.detectors.base import About, Detector, Setting, Told
from gateway.watch.detectors.seen import HOUR, Seen
from gateway.watch.detectors.state import make_room
from gateway.watch.finding import Finding, Severity

_KEYS = 10_000
_WINDOW = 600


class DenialBurst(Detector):
    about = About(
        "denial_burst",
        "Many refusals", "大量拒绝",
        "A person or principal is refused again and again with different statements, or logins fail in a row.",
        "某人员或账号以不同语句被反复拒绝，或登录连续失败。",
        "Within ten minutes, `statements` refused statements of different shapes page, or `slow_statements` within a "
        "day. `repeats` refusals of few shapes are a note: an application that was deployed wrongly. `logins` failed "
        "logins of one name in ten minutes page, as do failed logins under `names` names from one address in an hour.",
        "A curious developer tries table after table: 12 different statements are refused in three minutes.",
        Severity.HIGH,
        (
            Setting("statements", 8, "different refused statements in ten minutes", "十分钟内被拒绝的不同语句数", 2),
            Setting("slow_statements", 15, "different refused statements in a day", "一天内被拒绝的不同语句数", 2),
            Setting("repeats", 200, "refusals in ten minutes that are a note", "十分钟内提示的拒绝次数", 2),
            Setting("logins", 20, "failed logins of one name in ten minutes", "十分钟内同名登录失败次数", 2),
            Setting("names", 6, "names that fail from one address in an hour", "一小时内同一地址登录失败的账号数", 2),
        ),
    )  # fmt: skip
    reads, denials, events = False, True, frozenset({"login_failed"})

    def prepare(self) -> None:
        self.state |= {"who": {}, "logins": {}, "addresses": {}}

    def feed(self, seen: Seen) -> list[Finding]:
        if self.excepted(seen):
            return []
        return self._refused(seen) if seen.denied else self._failed(seen)

    def _refused(self, seen: Seen) -> list[Finding]:
        people = self.state["who"]
        one = people.get(seen.who)
        if one is None:
            make_room(people, _KEYS)
            one = people[seen.who] = {"recent": deque(maxlen=1000), "day": seen.day, "shapes": {}}
        if one["day"] != seen.day:
            one["day"], one["shapes"] = seen.day, {}
        shape = str(seen.record.get("fingerprint") or seen.record.get("reason", ""))
        recent: deque[list[Any]] = one["recent"]
        recent.append([seen.t, shape, *seen.place])
        while recent[0][0] < seen.t - _WINDOW:
            recent.popleft()
        if len(one["shapes"]) < 1000:
            one["shapes"].setdefault(shape, seen.place)
        shapes = len({entry[1] for entry in recent}) if len(one["shapes"]) >= self.number("statements") else 1
        refs = [entry[2:] for entry in list(recent)[-12:]]
        if shapes >= self.number("statements"):
            return self._tell(seen, self.options.severity, shapes, "ten minutes", "十分钟内", refs)
        if len(one["shapes"]) >= self.number("slow_statements"):
            refs = list(one["shapes"].values())[-12:]
            return self._tell(seen, self.options.severity, len(one["shapes"]), "a day", "一天内", refs)
        if len(recent) >= self.number("repeats"):
            return self._tell(seen, self.lower(), len(recent), "ten minutes", "十分钟内", refs)
        return []

    def _tell(
        self, seen: Seen, severity: Severity, count: int, when: str, when_zh: str, refs: list[Any]
    ) -> list[Finding]:
        return self.tell(
            seen,
            Told(
                seen.who,
                severity,
                f"{seen.who} was refused {count} statements within {when}.",
                f"{seen.who} 在{when_zh}有 {count} 条语句被拒绝。",
                refs,
                details=(("refused", count), ("reason", str(seen.record.get("reason", "")))),
            ),
        )

    def _failed(self, seen: Seen) -> list[Finding]:
        name = seen.principal or str(seen.record.get("user", ""))
        logins, addresses = self.state["logins"], self.state["addresses"]
        make_room(logins, _KEYS)
        times: deque[list[Any]] = logins.setdefault(name, deque(maxlen=500))
        times.append([seen.t, *seen.place])
        while times[0][0] < seen.t - _WINDOW:
            times.popleft()
        make_room(addresses, _KEYS)
        names = addresses.setdefault(seen.client, {})
        make_room(names, 200)
        names[name] = [seen.t, *seen.place]
        fresh = [entry for entry in names.values() if entry[0] > seen.t - HOUR] if len(names) > 1 else []
        if len(fresh) >= self.number("names"):
            summary = f"Logins under {len(fresh)} names failed from {seen.client} within an hour."
            chinese = f"一小时内来自 {seen.client} 的 {len(fresh)} 个账号登录失败。"
            refs = [entry[1:] for entry in fresh]
            return self.tell(seen, Told(f"address:{seen.client}", self.options.severity, summary, chinese, refs))
        if len(times) >= self.number("logins"):
            summary = f"{len(times)} logins as {name} failed within ten minutes, the last from {seen.client}."
            chinese = f"账号 {name} 十分钟内登录失败 {len(times)} 次，最近一次来自 {seen.client}。"
            refs = [entry[1:] for entry in list(times)[-12:]]
            return self.tell(seen, Told(f"login:{name}", self.options.severity, summary, chinese, refs))
        return []
