"""The first time that a principal touches a table, a data class or a purpose."""

from __future__ import annotations

from typing import Any

from gateway.watch.detectors.base import LISTED_SUBJECTS, About, Detector, Setting, Told
from gateway.watch.detectors.seen import DAY, Seen
from gateway.watch.detectors.state import make_room
from gateway.watch.finding import Finding, Severity

_PRINCIPALS = 5_000
_PLANS = 4_000


class FirstUse(Detector):
    about = About(
        "first_use",
        "Never used before", "首次使用",
        "A principal that has been at work for a while reads a table or a data class, or declares a purpose, for the "
        "first time.",
        "已稳定运行一段时间的账号，首次读取某表、某类数据，或首次声明某个目的。",
        "After `learn_days` days of a principal, what it never did is told: a sensitive class in clear (`sensitive`: "
        "classes and those below them) pages, unless a colleague of the same department read that class within the "
        "last 28 days; everything else is a note.",
        "sales_wang, who reads orders, reads financial.card in clear for the first time in his life.",
        Severity.HIGH,
        (
            Setting("learn_days", 14, "days in which a principal's first uses are only learned", "学习期天数", 1, 365),
            Setting("sensitive", ("sensitive", "financial"), "classes (and those below) that page", "触发告警的类别"),
        ),
    )  # fmt: skip

    def prepare(self) -> None:
        self.state |= {"principals": {}, "departments": {}}

    def feed(self, seen: Seen) -> list[Finding]:
        principals = self.state["principals"]
        key = f"{seen.principal}|{seen.drill}" if seen.drill else seen.principal
        one = principals.get(key)
        if one is None:
            make_room(principals, _PRINCIPALS)
            one = principals[key] = {"since": seen.t, "used": set(), "plans": {}}
        get = seen.record.get
        plan = f"{get('fingerprint')}|{seen.purpose}|{get('bundle')}"
        plans: dict[str, int] = one["plans"]
        if plans.get(plan) == seen.day:
            return []
        make_room(plans, _PLANS)
        plans[plan] = seen.day
        return self._look(seen, one)

    def _look(self, seen: Seen, one: dict[str, Any]) -> list[Finding]:
        department = self.state["departments"].setdefault(str(seen.record.get("department", "")), {})
        used: set[str] = one["used"]
        learning = seen.t - one["since"] < self.number("learn_days") * DAY
        found: list[Finding] = []
        for what, name, clear in self._things(seen):
            thing = f"{what}:{name}"
            if thing not in used:
                used.add(thing)
                colleague = seen.day - department.get(thing, -99) <= 28
                if not learning and not self.excepted(seen) and len(used) < 10_000:
                    found += self._tell(seen, what, name, clear and not colleague)
            make_room(department, 10_000)
            department[thing] = seen.day
        return found

    def _things(self, seen: Seen) -> list[tuple[str, str, bool]]:
        things = [("table", name, False) for name in seen.relations]
        if seen.purpose:
            things.append(("purpose", seen.purpose, False))
        for name, disclosure in seen.classes.items():
            if disclosure in ("clear", "partial"):
                clear = disclosure == "clear"
                things.append(("class" if clear else "masked class", name, clear and self._sensitive(name)))
        return things

    def _sensitive(self, name: str) -> bool:
        return any(name == top or name.startswith(top + ".") for top in self.names("sensitive"))

    def _tell(self, seen: Seen, what: str, name: str, page: bool) -> list[Finding]:
        chinese = {"table": "数据表", "purpose": "目的", "class": "数据类别", "masked class": "脱敏数据类别"}[what]
        return self.tell(
            seen,
            Told(
                f"{seen.principal}:{what}:{name}",
                self.options.severity if page else self.lower(1 if what in ("purpose", "class") else 2),
                f"{seen.who} used the {what} {name} for the first time.",
                f"{seen.who} 首次使用{chinese} {name}。",
                rows=seen.rows,
                subjects=list(seen.keys[:LISTED_SUBJECTS]) if seen.keys else (),
                subject_count=len(seen.keys) if seen.keys else 0,
                details=(("what", what), ("name", name)),
            ),
        )
