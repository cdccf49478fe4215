"""Normal work: departments, office hours, shifts, night jobs, holidays, campaigns, new staff, mistakes, deployments."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from bench.simulation.records import CARE, CLEAR, DAY, PSEUDONYM, Event, Who, event, read, refused

HOLIDAYS = frozenset({*range(42, 49), 91, 117, 118, 119, 164})
"""Days since the start: the Spring Festival, Qingming, May Day, Dragon Boat."""
APP_PODS = 4


@dataclass
class Agent:
    """An agent of the service desk, at work through the application."""

    name: str
    start: int
    """Hour at which the shift begins."""
    pace: float
    """Customers an hour."""
    weekends: bool
    since: int
    until: int = 10_000
    own: list[int] = field(default_factory=list)
    """Customers with open tickets."""


class Company:
    """Normal days, one after another; the same seed gives the same weeks."""

    def __init__(self, seed: int, customers: int = 20_000) -> None:
        self.random = random.Random(seed)
        self.customers = customers
        self.honey = (4_444, 9_191, 17_017)
        self.agents = [self._agent(number, 0) for number in range(30)]
        names = ("wang", "li", "zhao", "qian", "sun", "zhou", "wu", "zheng")
        self.sales = [Who(f"sales_{name}", "sales", f"10.2.0.{n}") for n, name in enumerate(names, 10)]
        self.sleepers = [Who(f"temp_{n}", "sales", f"10.2.1.{n}") for n in range(20)]
        self.job = Who("campaign_job", "marketing", "10.3.0.5")
        self.sync = Who("sync_job", "it", "10.3.0.6")
        self.erp = Who("erp_sync", "it", "10.3.0.7")
        self.bi = Who("bi_reader", "data", "10.4.0.2")
        self.dpo = Who("dpo_zhou", "legal", "10.5.0.2")
        self.dba = Who("dba_chen", "it", "10.6.0.2")
        self._pods = [Who("crm_app", "support", f"10.1.0.{n}") for n in range(APP_PODS)]
        self._deploys = 0

    def _agent(self, number: int, day: int) -> Agent:
        chance = self.random
        start = chance.choice((8, 9, 9, 9, 12))
        return Agent(f"agent{number:02}", start, chance.uniform(4, 8), number % 4 == 0, day)

    def who(self, agent: Agent) -> Who:
        return Who("crm_app", "support", "10.1.0.1", agent.name)

    def customer(self) -> int:
        """Some are heavier users than others; nobody reads a planted one."""
        while True:
            chance = self.random
            key = chance.randrange(1, self.customers if chance.random() < 0.5 else self.customers * 2 // 5)
            if key not in self.honey:
                return key

    def at_work(self, day: int) -> list[Agent]:
        weekend = day % 7 >= 5
        found = [one for one in self.agents if one.since <= day < one.until]
        if day in HOLIDAYS:
            return [one for one in found if one.weekends][:4]
        return [one for one in found if not weekend or (one.weekends and (int(one.name[5:]) // 4 + day // 7) % 2 == 0)]

    def day(self, day: int) -> list[Event]:
        self.customers += self.random.randrange(10, 30)
        if day % 21 == 20:
            self.agents.append(self._agent(len(self.agents), day + 1))
            if day % 42 == 41:
                self.agents[(day // 42) * 3].until = day
        events: list[Event] = []
        for part in (self._support, self._sales, self._campaigns, self._jobs, self._office, self._mistakes):
            events += part(day)
        return events

    def _support(self, day: int) -> Iterator[Event]:
        chance = self.random
        deploy = day % 14 == 8
        if deploy:
            self._deploys += 1
            self._pods = [Who("crm_app", "support", f"10.1.{self._deploys}.{n}") for n in range(APP_PODS)]
        for n in range(APP_PODS * 3):
            yield event(
                day * DAY + (9 * 3600 if deploy else 0) + chance.random() * 60, "login", self._pods[n % APP_PODS]
            )
        busy = chance.uniform(0.8, 1.3) * (1.4 if day % 7 == 0 else 1)
        for agent in self.at_work(day):
            hours = 8 + (chance.randrange(1, 4) if chance.random() < 0.05 else 0)
            who = self.who(agent)
            for hour in range(agent.start, agent.start + hours):
                yield from self._tickets(day, hour, agent, who, busy)
        if day % 7 in (1, 3):  # a complaint that goes from hand to hand
            key = self.customer()
            for agent in chance.sample(self.at_work(day), min(len(self.at_work(day)), chance.randrange(3, 8))):
                t = day * DAY + (agent.start + chance.random() * 8) * 3600
                yield read(t, self.who(agent), [key], purpose="ticket_resolution")

    def _tickets(self, day: int, hour: int, agent: Agent, who: Who, busy: float) -> Iterator[Event]:
        chance = self.random
        classes = {**CARE, "preferences.membership": "clear"} if day >= 60 else CARE
        for _ in range(round(chance.gauss(agent.pace * busy, 1.5))):
            t = day * DAY + hour * 3600 + chance.random() * 3600
            if agent.own and chance.random() < 0.4:
                key = chance.choice(agent.own)
            else:
                key = self.customer()
                agent.own = [*agent.own[-40:], key]
            if chance.random() < 0.2:
                phone = f"1{chance.randrange(10**10):010}" if chance.random() < 0.2 else f"phone{key}"
                hit = phone.startswith("phone")
                yield read(t, who, [key] if hit else [], purpose="ticket_resolution", shape="find", lookup=phone)
                if not hit:
                    continue
            yield read(t + 2, who, [key], purpose="ticket_resolution", classes=classes)
            if chance.random() < 0.5:
                yield read(t + 9, who, [key], purpose="ticket_resolution", table="service.tickets", rows=3)

    def _sales(self, day: int) -> Iterator[Event]:
        chance = self.random
        if day in HOLIDAYS or day % 7 >= 5:
            return
        for number, who in enumerate(self.sales):
            if chance.random() < 0.05:
                continue
            yield event(day * DAY + 8.8 * 3600 + chance.random() * 900, "login", who)
            evening = chance.random() < 0.1
            for hour in range(9, 21 if evening else 18):
                for _ in range(chance.randrange(1, 6)):
                    t = day * DAY + hour * 3600 + chance.random() * 3600
                    first = number * self.customers // 8
                    keys = {first + chance.randrange(1, self.customers // 8) for _ in range(chance.randrange(3, 25))}
                    keys -= set(self.honey)
                    yield read(t, who, keys, purpose="order_fulfilment", table="sales.orders", shape="orders")
            if evening and number < 3:  # at home, over the company's network
                yield event(day * DAY + 21 * 3600, "login", Who(who.principal, "sales", f"10.9.0.{number}"))

    def _campaigns(self, day: int) -> Iterator[Event]:
        chance = self.random
        size = int(chance.uniform(1500, 3000))
        if chance.random() < 0.25:
            size = int(chance.uniform(5000, 9000))
        if day % 35 == 12:
            size = int(self.customers * 0.6)
        yield event(day * DAY + 2 * 3600, "login", self.job)
        keys = set(chance.sample(range(1, self.customers), size)) - set(self.honey)
        yield read(day * DAY + 2 * 3600 + 60, self.job, keys, purpose="campaign", classes=CLEAR, shape="mailing")

    def _jobs(self, day: int) -> Iterator[Event]:
        jobs = [(self.sync, 3.5, 500)] + ([(self.erp, 4.2, 2000)] if day >= 84 else [])
        for who, hour, page in jobs:
            yield event(day * DAY + hour * 3600, "login", who)
            for number, first in enumerate(range(1, self.customers, page)):
                keys = set(range(first, min(first + page, self.customers))) - set(self.honey)
                t = day * DAY + hour * 3600 + 5 + number * 4
                yield read(t, who, keys, purpose="maintenance", classes=CLEAR, shape="sync")
        if day % 7 == 6:
            yield event(day * DAY + 3600, "login", self.dba)
            keys = set(range(1, self.customers)) - set(self.honey)
            yield read(
                day * DAY + 3660, self.dba, keys, purpose="maintenance", classes=CLEAR, kind="COPY", shape="dump"
            )

    def _office(self, day: int) -> Iterator[Event]:
        chance = self.random
        for hour in range(24):
            rows = chance.randrange(10, 200)
            yield read(
                day * DAY + hour * 3600 + 300, self.bi, [], purpose="analytics", classes={}, rows=rows, shape="sum"
            )
        yield read(day * DAY + 5 * 3600, self.bi, [], purpose="analytics", classes=PSEUDONYM, rows=self.customers,
                   shape="cube")  # fmt: skip
        if day < 3:
            for who in self.sleepers:
                yield event(day * DAY + 10 * 3600, "login", who)
        if day % 7 < 5 and day not in HOLIDAYS:
            everything = {**CLEAR, "sensitive.id_number": "clear", "financial.balance": "clear"}
            yield event(day * DAY + 9.2 * 3600, "login", self.dpo)
            for _ in range(chance.randrange(0, 4)):
                t = day * DAY + chance.uniform(9.5, 17.5) * 3600
                yield read(t, self.dpo, [self.customer()], purpose="rights_request", classes=everything)
            yield event(day * DAY + 9.3 * 3600, "login", self.dba)
            for _ in range(chance.randrange(0, 6)):
                t = day * DAY + chance.uniform(9.5, 18) * 3600
                yield read(t, self.dba, [self.customer()], purpose="maintenance", classes=CLEAR, shape="look")

    def _mistakes(self, day: int) -> Iterator[Event]:
        chance = self.random
        people = [*self.sales, self.bi, self.dba, *(self.who(agent) for agent in self.at_work(day))]
        for who in people:
            if chance.random() < 0.15:
                t = day * DAY + chance.uniform(9, 18) * 3600
                for n in range(chance.randrange(1, 4)):
                    yield refused(t + n * 40, who, f"wrong{chance.randrange(100)}")
            if chance.random() < 0.03 and not who.actor:
                for n in range(chance.randrange(1, 5)):
                    yield event(day * DAY + 9 * 3600 + n * 20, "login_failed", Who(who.principal, "", who.client))
        if day % 50 == 33:  # a deployment without the rule that it needs
            for n in range(600):
                yield refused(
                    day * DAY + 10 * 3600 + n * 0.9, self._pods[0], f"new{n % 3}", purpose="ticket_resolution"
                )
        if day % 60 == 40:  # an expired password
            for n in range(180):
                yield event(day * DAY + 2 * 3600 + n * 60, "login_failed", Who("report_job", "", "10.3.0.9"))
