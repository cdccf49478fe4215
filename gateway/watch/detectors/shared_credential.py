"""A credential in other hands: new or many addresses, or a name that slept for months."""

from __future__ import annotations

from collections import deque
from typing import Any

from gateway.watch.detectors.base import About, Detector, Setting, Told
from gateway.watch.detectors.seen import DAY, HOUR, Seen
from gateway.watch.detectors.state import make_room
from gateway.watch.finding import Finding, Severity

_KEYS = 5_000


class SharedCredential(Detector):
    about = About(
        "shared_credential",
        "A shared or stolen credential", "账号共用或被盗",
        "A principal is used from more addresses than ever, from an unknown one while a known one is at work, or "
        "after months of silence.",
        "账号的来源地址数超过以往，或在已知地址使用期间出现未知地址，或沉寂数月后重新启用。",
        "Logins are looked at. More than `addresses` addresses within an hour pages when this is also more than "
        "twice the largest number in any hour before. A principal with at most `few` known addresses (used on two "
        "days of the last 60, after `learn_days`) that logs in from a new one pages when a known one logged in "
        "within the last `overlap_hours` hours; otherwise this is a note. A login after `silent_days` days of "
        "silence pages.",
        "sales_wang is logged in at his desk; half an hour later his password is used from a network in another city.",
        Severity.HIGH,
        (
            Setting("addresses", 4, "addresses within an hour", "一小时内的地址数", 1),
            Setting("few", 4, "known addresses up to which a new one matters", "关注新地址的已知地址数上限", 0),
            Setting("learn_days", 7, "days in which addresses are only learned", "学习期天数", 0, 90),
            Setting("overlap_hours", 3, "hours within which two addresses contradict each other", "冲突小时数", 1, 72),
            Setting("silent_days", 45, "days of silence after which a login pages", "沉寂多少天后登录即告警", 7, 3650),
        ),
    )  # fmt: skip
    reads, events = False, frozenset({"login"})

    def prepare(self) -> None:
        self.state["principals"] = {}

    def feed(self, seen: Seen) -> list[Finding]:
        principals = self.state["principals"]
        key = f"{seen.principal}|{seen.drill}" if seen.drill else seen.principal
        one = principals.get(key)
        if one is None:
            make_room(principals, _KEYS)
            one = principals[key] = {
                "since": seen.t,
                "last": seen.t,
                "known": {},
                "recent": deque(maxlen=500),
                "tops": [],
                "hour": [seen.hour, 0, False],
            }
        found: list[Finding] = []
        if not self.excepted(seen):
            found = self._silent(seen, one) + self._new(seen, one)
        one["last"] = seen.t
        known = one["known"]
        make_room(known, 500)
        known.setdefault(seen.client, [seen.t, seen.t])[1] = seen.t
        return found + self._many(seen, one)

    def _silent(self, seen: Seen, one: dict[str, Any]) -> list[Finding]:
        days = (seen.t - one["last"]) // DAY
        if days < self.number("silent_days"):
            return []
        summary = f"{seen.principal} logged in after {days} days of silence, from {seen.client}."
        chinese = f"{seen.principal} 沉寂 {days} 天后从 {seen.client} 登录。"
        return self._tell(seen, "silent", self.options.severity, summary, chinese, [], ("days", days))

    def _new(self, seen: Seen, one: dict[str, Any]) -> list[Finding]:
        known: dict[str, list[int]] = one["known"]
        if seen.client in known or seen.t - one["since"] < self.number("learn_days") * DAY:
            return []
        for old in [name for name, times in known.items() if seen.t - times[1] > 60 * DAY]:
            del known[old]
        established = [times[1] for times in known.values() if times[1] - times[0] > DAY]
        if not 0 < len(established) <= self.number("few"):
            return []
        last = max(established)
        page = seen.t - last < self.number("overlap_hours") * HOUR
        refs = [entry[2:] for entry in one["recent"]][-3:]
        summary = f"{seen.principal} logged in from {seen.client} for the first time"
        chinese = f"{seen.principal} 首次从 {seen.client} 登录"
        if page:
            summary += ", while it is at work elsewhere"
            chinese += "，而此时它正在其他地址使用"
        severity = self.options.severity if page else self.lower()
        return self._tell(seen, "new", severity, summary + ".", chinese + "。", refs, ("known", len(known)))

    def _many(self, seen: Seen, one: dict[str, Any]) -> list[Finding]:
        recent: deque[list[Any]] = one["recent"]
        while recent and recent[0][0] < seen.t - HOUR:
            recent.popleft()
        if not any(entry[1] == seen.client for entry in recent):
            recent.append([seen.t, seen.client, *seen.place])
        count = len(recent)
        if one["hour"][0] != seen.hour:
            one["tops"] = [*one["tops"], one["hour"]][-500:] if not one["hour"][2] else one["tops"]
            one["hour"] = [seen.hour, 0, False]
        before = max((top[1] for top in one["tops"] if top[0] > seen.hour - 60 * 24), default=0)
        young = seen.t - one["since"] < self.number("learn_days") * DAY and not seen.drill
        page = count > self.number("addresses") and count > 2 * before and not young
        one["hour"] = [seen.hour, max(one["hour"][1], count), one["hour"][2] or page]
        if not page or self.excepted(seen):
            return []
        summary = f"{seen.principal} logged in from {count} addresses within an hour; {before} was the most so far."
        chinese = f"{seen.principal} 一小时内从 {count} 个地址登录；此前最多 {before} 个。"
        refs = [entry[2:] for entry in recent]
        return self._tell(seen, "many", self.options.severity, summary, chinese, refs, ("addresses", count))

    def _tell(
        self, seen: Seen, what: str, severity: Severity, summary: str, chinese: str, refs: list[Any],
        detail: tuple[str, int],
    ) -> list[Finding]:  # fmt: skip
        return self.tell(seen, Told(f"{seen.principal}:{what}", severity, summary, chinese, refs, details=(detail,)))
