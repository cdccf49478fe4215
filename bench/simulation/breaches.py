"""Breaches of all kinds, at three strengths each; every record of one carries its label."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from bench.simulation.company import HOLIDAYS, Agent, Company
from bench.simulation.records import CLEAR, DAY, Event, Who, event, read, refused

STRENGTHS = ("weak", "medium", "strong")


@dataclass(slots=True)
class Breach:
    """One breach: what it is, which detector is meant for it, when it happened."""

    number: int
    kind: str
    detector: str
    strength: int
    who: str = ""
    start: float = 0.0
    end: float = 0.0
    events: list[Event] = field(default_factory=list)


Make = Callable[["Plan", Breach, int], Iterator[Event]]


class Plan:
    """Breaches spread over the days; nobody commits two within two weeks."""

    def __init__(self, company: Company, seed: int) -> None:
        self.company = company
        self.random = random.Random(seed * 7919 + 1)
        self.breaches: list[Breach] = []
        self._busy: dict[str, int] = {}
        self._fresh = 0
        self._novel: set[tuple[str, str]] = set()
        self._asleep = list(company.sleepers)

    def make(self, day: int, kind: str, strength: int) -> Breach | None:
        """A breach that begins on this day; None where nobody is free for it."""
        detector, build = KINDS[kind]
        breach = Breach(len(self.breaches) + 1, kind, detector, strength)
        events = list(build(self, breach, day))
        if not events:
            return None
        for one in events:
            one.breach = breach.number
        breach.events = events
        breach.start, breach.end = min(one.t for one in events), max(one.t for one in events)
        self.breaches.append(breach)
        return breach

    def free(self, name: str, day: int) -> bool:
        if self._busy.get(name, -99) > day - 14:
            return False
        self._busy[name] = day
        return True

    def agent(self, day: int) -> Agent | None:
        """Somebody who is at work and has been for two weeks."""
        agents = [one for one in self.company.at_work(day) if one.since <= max(0, day - 14)]
        self.random.shuffle(agents)
        return next((one for one in agents if self.free(one.name, day)), None)

    def sales(self, day: int) -> Who | None:
        people = [*self.company.sales]
        self.random.shuffle(people)
        return next((one for one in people if self.free(one.principal, day)), None)

    def one_address(self) -> str:
        self._fresh += 1
        return f"203.0.{self._fresh // 250}.{self._fresh % 250}"

    def keys(self, count: int) -> list[int]:
        return [self.company.customer() for _ in range(count)]

    def novelty(self, day: int) -> tuple[Who, str] | None:
        people = list(self.company.sales)
        self.random.shuffle(people)
        for who in people:
            for name in ("sensitive.id_number", "sensitive.passport", "sensitive.free_text", "financial.card"):
                if (who.department, name) not in self._novel and self.free(who.principal, day):
                    self._novel.add((who.department, name))
                    return who, name
        return None

    def sleeper(self) -> Who | None:
        return self._asleep.pop() if self._asleep else None


def _hour(plan: Plan, low: float = 10, high: float = 16) -> float:
    return plan.random.uniform(low, high) * 3600


def _export(plan: Plan, breach: Breach, day: int) -> Iterator[Event]:
    who = plan.sales(day)
    if who:
        rows = (700, 3000, 15000)[breach.strength]
        kind = "COPY" if breach.strength == 0 or plan.random.random() < 0.5 else "SELECT"
        keys = plan.random.sample(range(1, plan.company.customers), rows)
        yield read(
            day * DAY + _hour(plan), who, keys, purpose="order_fulfilment", classes=CLEAR, kind=kind, shape="all"
        )


def _scrape(plan: Plan, breach: Breach, day: int) -> Iterator[Event]:
    agent = plan.agent(day)
    if not agent:
        return
    length = (40, 90, 400)[breach.strength]
    pause = plan.random.choice((3, 60, 600))
    step = plan.random.choice((1, 1, 2, -1))
    key = plan.random.randrange(2000, plan.company.customers - 2000)
    t = day * DAY + agent.start * 3600 + 600
    for _ in range(length):
        if (t % DAY) > (agent.start + 8) * 3600:
            t = (t // DAY + 1) * DAY + agent.start * 3600 + 300  # goes on the next day
        if key not in plan.company.honey:
            yield read(t, plan.company.who(agent), [key], purpose="ticket_resolution")
        key += step
        t += pause * plan.random.uniform(0.7, 1.3)


def _insider(plan: Plan, breach: Breach, day: int) -> Iterator[Event]:
    agent = plan.agent(day)
    if agent:
        for key in plan.keys((220, 350, 900)[breach.strength]):
            t = day * DAY + agent.start * 3600 + plan.random.random() * 7.5 * 3600
            yield read(t, plan.company.who(agent), [key], purpose="ticket_resolution")


def _volume(plan: Plan, breach: Breach, day: int) -> Iterator[Event]:
    who = plan.sales(day)
    if who:
        start = day * DAY + int(_hour(plan) // 3600) * 3600
        for n in range((12, 40, 150)[breach.strength]):
            yield read(start + 60 + n * 20, who, plan.keys(300), purpose="order_fulfilment", table="sales.orders",
                       shape="orders")  # fmt: skip


def _night(plan: Plan, breach: Breach, day: int) -> Iterator[Event]:
    agent = plan.agent(day)
    if agent:
        t = day * DAY + plan.random.uniform(1, 4) * 3600
        for key in plan.keys((20, 50, 150)[breach.strength]):
            yield read(t, plan.company.who(agent), [key], purpose="ticket_resolution")
            t += plan.random.uniform(5, 40)


def _probe(plan: Plan, breach: Breach, day: int) -> Iterator[Event]:
    who = plan.sales(day)
    if who:
        count, pause = ((20, 900), (10, 30), (60, 5))[breach.strength]
        t = day * DAY + 9.5 * 3600
        for n in range(count):
            yield refused(t + n * pause, who, f"probe{breach.number}-{n}", purpose="order_fulfilment")


def _guess(plan: Plan, breach: Breach, day: int) -> Iterator[Event]:
    address, t = plan.one_address(), day * DAY + _hour(plan, 0, 23)
    if breach.strength == 0:
        for n in range(8):
            yield event(t + n * 120, "login_failed", Who(f"guess{n}", "", address))
    else:
        for n in range((0, 40, 400)[breach.strength]):
            yield event(t + n * 4, "login_failed", Who("dba_chen", "", address))


def _enumerate(plan: Plan, breach: Breach, day: int) -> Iterator[Event]:
    agent = plan.agent(day)
    if agent:
        count, pause = ((110, 240), (60, 20), (600, 3))[breach.strength]
        t = day * DAY + agent.start * 3600 + 300
        for n in range(count):
            hit = plan.random.random() < 0.05
            yield read(t + n * pause, plan.company.who(agent), plan.keys(1) if hit else [], purpose="ticket_resolution",
                       shape="find", lookup=f"guess{breach.number}-{n}")  # fmt: skip


def _celebrity(plan: Plan, breach: Breach, day: int) -> Iterator[Event]:
    key = plan.company.customer()
    agents = plan.company.at_work(day)
    plan.random.shuffle(agents)
    for agent in agents[: (11, 16, 25)[breach.strength]]:
        t = day * DAY + agent.start * 3600 + plan.random.random() * 7 * 3600
        yield read(t, plan.company.who(agent), [key], purpose="ticket_resolution")


def _no_actor(plan: Plan, breach: Breach, day: int) -> Iterator[Event]:
    if plan.free("crm_app", day):
        start = day * DAY + int(_hour(plan, 0, 22) // 3600) * 3600
        for n, key in enumerate(plan.keys((7, 25, 120)[breach.strength])):
            yield read(start + 60 + n * 25, Who("crm_app", "support", "10.1.0.2"), [key], purpose="ticket_resolution")


def _honey(plan: Plan, breach: Breach, day: int) -> Iterator[Event]:
    agent = plan.agent(day)
    if agent:
        key = plan.random.choice(plan.company.honey)
        keys = [key] if breach.strength == 0 else [key, *plan.keys((0, 4, 15)[breach.strength])]
        yield read(day * DAY + (agent.start + 2) * 3600, plan.company.who(agent), keys, purpose="ticket_resolution")


def _novel(plan: Plan, breach: Breach, day: int) -> Iterator[Event]:
    found = plan.novelty(day)
    if found:
        who, name = found
        yield read(day * DAY + _hour(plan), who, plan.keys((1, 5, 20)[breach.strength]), purpose="order_fulfilment",
                   classes={name: "clear"}, shape=name)  # fmt: skip


def _stolen(plan: Plan, breach: Breach, day: int) -> Iterator[Event]:
    who = plan.sales(day)
    if who:
        t = day * DAY + _hour(plan, 9.6, 11.5)
        for n in range((1, 6, 15)[breach.strength]):
            yield event(t + n * 60, "login", Who(who.principal, who.department, plan.one_address()))


def _old(plan: Plan, breach: Breach, day: int) -> Iterator[Event]:
    who = plan.sleeper() if day > 50 else None
    if who:
        yield event(day * DAY + _hour(plan), "login", who)


def _drip(plan: Plan, breach: Breach, day: int) -> Iterator[Event]:
    agent = plan.agent(day)
    if not agent:
        return
    for later in range(day, day + 18):
        if later % 7 >= 5 or later in HOLIDAYS:
            continue
        for key in plan.keys((110, 160, 240)[breach.strength]):
            t = later * DAY + agent.start * 3600 + plan.random.random() * 7.5 * 3600
            yield read(t, plan.company.who(agent), [key], purpose="ticket_resolution")


def _bypass(plan: Plan, breach: Breach, day: int) -> Iterator[Event]:
    who = Who("", "", plan.one_address())
    yield event(day * DAY + _hour(plan, 0, 23), "backend_seen", who, backend_role=f"role{breach.number}", backend_pid=7,
                application="psql")  # fmt: skip


def _damage(plan: Plan, breach: Breach, day: int) -> Iterator[Event]:
    name = ("trail_recovered", "clock_jumped", "trail_damaged")[breach.strength]
    yield event(day * DAY + _hour(plan, 0, 23), name, Who("", "", ""), detail="simulated")


KINDS: dict[str, tuple[str, Make]] = {
    "bulk export": ("bulk_export", _export),
    "scraping": ("scraping", _scrape),
    "curious insider": ("subjects", _insider),
    "many pages": ("volume", _volume),
    "at night": ("unusual_hour", _night),
    "probing": ("denial_burst", _probe),
    "guessed passwords": ("denial_burst", _guess),
    "enumeration": ("lookup_enumeration", _enumerate),
    "celebrity": ("one_subject_many", _celebrity),
    "outside tickets": ("one_subject_many", _no_actor),
    "canary": ("honey", _honey),
    "new class": ("first_use", _novel),
    "stolen credential": ("shared_credential", _stolen),
    "old credential": ("shared_credential", _old),
    "slow drip": ("slow_drip", _drip),
    "bypass": ("bypass", _bypass),
    "trail harmed": ("health", _damage),
}
WORKDAYS_ONLY = frozenset({"curious insider", "many pages", "bulk export", "probing", "celebrity", "stolen credential",
                           "slow drip", "scraping", "enumeration", "new class", "canary"})  # fmt: skip
