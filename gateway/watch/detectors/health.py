"""Conditions under which watching itself cannot be trusted."""

from __future__ import annotations

from gateway.watch.detectors.base import About, Detector, Setting, Told
from gateway.watch.detectors.seen import Seen
from gateway.watch.detectors.state import make_room
from gateway.watch.finding import Finding, Severity

_EVENTS: dict[str, tuple[int, str, str]] = {
    "trail_damaged": (0, "Records of the trail are missing or do not fit", "审计记录缺失或不连续"),
    "trail_recovered": (0, "For a while no records could be written, and statements were denied", "审计一度无法写入"),
    "trail_key_changed": (1, "The trail is signed with another key from now on", "审计签名密钥已更换"),
    "trail_torn": (2, "Half a record was put aside at the start", "启动时移除了半条记录"),
    "policy_refused": (1, "A policy bundle was refused; the last good one is in force", "策略包被拒绝"),
    "clock_jumped": (0, "The clock of the gateway jumped", "网关时钟发生跳变"),
}  # fmt: skip


class Health(Detector):
    about = About(
        "health",
        "Watching is impaired", "监控能力受损",
        "The trail was damaged or could not be written, detectors are behind, the clock jumped, or the policy is not "
        "signed.",
        "审计链受损或无法写入、检测滞后、时钟跳变，或策略未签名。",
        "`trail_damaged`, `trail_recovered` and `clock_jumped` page, as does a clock that goes back by more than "
        "`clock_seconds` between two records of a chain, `watch_behind` from `behind_seconds` on, and (where `signed` "
        "is true) a policy that is not signed. A refused policy, refused detectors, a new signing key and half a "
        "record are notes.",
        "The machine's clock is set back by an hour: records of that hour cannot be told apart by time.",
        Severity.HIGH,
        (
            Setting("clock_seconds", 60, "seconds that the clock may go back", "允许时钟回拨的秒数", 1, 86400),
            Setting("behind_seconds", 60, "seconds that detectors may be behind", "允许检测滞后的秒数", 1, 86400),
            Setting("signed", False, "every policy must be signed", "要求策略必须签名"),
        ),
    )  # fmt: skip
    personal, denials = False, True
    events = frozenset({*_EVENTS, "watch_behind", "policy_loaded", "login", "gateway_started", "trail_opened"})

    def prepare(self) -> None:
        self.state["clocks"] = {}
        self._back = int(self.number("clock_seconds"))

    def feed(self, seen: Seen) -> list[Finding]:
        clocks = self.state["clocks"]
        last = clocks.get(seen.chain)
        if last is None:
            make_room(clocks, 1000)
        found: list[Finding] = []
        if last is not None and seen.t < last - self._back:
            seconds = last - seen.t
            found = self._tell(seen, "clock", 0, f"The clock went back by {seconds} seconds", f"时钟回拨 {seconds} 秒")
            last = None
        if last is None or seen.t > last:
            clocks[seen.chain] = seen.t
        return found if seen.event == "statement" else found + self._event(seen)

    def _event(self, seen: Seen) -> list[Finding]:
        known = _EVENTS.get(seen.event)
        if known is not None:
            return self._tell(seen, seen.event, *known)
        if seen.event == "watch_behind" and int(seen.record.get("seconds", 0)) >= self.number("behind_seconds"):
            seconds = seen.record["seconds"]
            return self._tell(seen, "behind", 0, f"Detectors are {seconds} seconds behind", f"检测滞后 {seconds} 秒")
        if seen.event == "policy_loaded" and self.settings["signed"] is True and seen.record.get("signed") is not True:
            return self._tell(seen, "unsigned", 0, "A policy without a signature is in force", "生效的策略没有签名")
        return []

    def _tell(self, seen: Seen, what: str, steps: int, english: str, chinese: str) -> list[Finding]:
        severity = self.options.severity if not steps else self.lower(steps)
        detail = (("event", seen.event),)
        place = f"（{seen.chain}）"
        return self.tell(
            seen,
            Told(f"{what}:{seen.chain}", severity, f"{english} ({seen.chain}).", f"{chinese}{place}。", details=detail),
        )
