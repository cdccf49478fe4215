"""Who may come in: how many clients are in, from one address and of one principal, and who failed to log in too often.

Pure: the caller says what happens and what time it is. One `Crowd` counts for all workers of a gateway (the supervisor
has it); what a worker that is gone had let in is taken back by its name. An IPv6 address counts as its network of 64
bits, all of which one machine may use.
"""

from __future__ import annotations

import ipaddress
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from gateway.errors import MenshenError

WINDOW_SECONDS: Final = 60.0
_ADDRESSES: Final = 4096
"""So many have their failures remembered; the one that failed longest ago goes first."""
_NAMES: Final = 256
"""The same for names, of one address."""


@dataclass(frozen=True, slots=True)
class CrowdRules:
    """Limits; 0: none."""

    total: int = 1000
    per_address: int = 0
    per_principal: int = 0
    failures: int = 100
    """Failed logins within `WINDOW_SECONDS` from one address under one name; the next one is refused unheard."""
    failures_per_address: int = 1000
    """The same under any name."""


class TooManyError(MenshenError):
    """One client more than there may be."""

    sqlstate = "53300"


class BarredError(MenshenError):
    """Too many logins have failed: the next one is not tried."""

    sqlstate = "28000"


@dataclass(frozen=True, slots=True)
class Entry:
    """What a client that knocks is told; it counts unless `refused`."""

    refused: str = ""
    """`total` or `address`; empty: it is let in."""
    barred: tuple[str, ...] = ()
    """Names under which nobody may log in from its address for now."""
    barred_all: bool = False
    """Nobody may under any name."""


class Gate(Protocol):
    """A `Crowd` as a server sees it, perhaps in another process. Where a call raises MenshenError nobody is let in."""

    async def enter(self, address: str) -> Entry:
        """A client has come. It counts until `leave`, unless it is refused."""
        ...

    async def admit(self, principal: str) -> bool:
        """It has logged in, and counts until `leave`; False: the principal has as many as it may."""
        ...

    def leave(self, address: str, principal: str) -> None:
        """A client that entered is gone. `principal`: empty where it was not admitted."""
        ...

    def failed(self, address: str, name: str) -> None:
        """It did not prove who it is."""
        ...


class Crowd:
    """`worker` is the name of the process that a client came to; `now` is in seconds."""

    def __init__(self, rules: CrowdRules, barred: Callable[[str], None] = lambda address: None) -> None:
        """`barred`: told of an address as soon as too many logins from it have failed."""
        self.rules = rules
        self._addresses: dict[str, Counter[str]] = {}
        self._principals: dict[str, Counter[str]] = {}
        self._failures: OrderedDict[str, _Failures] = OrderedDict()
        self._told = barred

    def enter(self, worker: str, address: str, now: float) -> Entry:
        rules, place = self.rules, network(address)
        if sum(each.total() for each in self._addresses.values()) >= rules.total:
            return Entry("total")
        if rules.per_address and _count(self._addresses, place) >= rules.per_address:
            return Entry("address")
        self._addresses.setdefault(worker, Counter())[place] += 1
        found = self._failures.get(place)
        if found is None:
            return Entry()
        names = tuple(name for name, times in found.names.items() if _too_many(times, rules.failures, now))
        return Entry("", names, _too_many(found.all, rules.failures_per_address, now))

    def admit(self, worker: str, principal: str) -> bool:
        limit = self.rules.per_principal
        if limit and _count(self._principals, principal) >= limit:
            return False
        self._principals.setdefault(worker, Counter())[principal] += 1
        return True

    def leave(self, worker: str, address: str, principal: str) -> None:
        _less(self._addresses.get(worker), network(address))
        if principal:
            _less(self._principals.get(worker), principal)

    def failed(self, address: str, name: str, now: float) -> None:
        rules, place = self.rules, network(address)
        found = self._failures.get(place) or _Failures(rules)
        self._failures[place] = found
        self._failures.move_to_end(place)
        if len(self._failures) > _ADDRESSES:
            self._failures.popitem(last=False)
        if found.note(name, now):
            self._told(place)

    def gone(self, worker: str) -> None:
        """With all its clients."""
        self._addresses.pop(worker, None)
        self._principals.pop(worker, None)


class _Failures:
    """Times of the last failures from one address."""

    def __init__(self, rules: CrowdRules) -> None:
        self._rules = rules
        self.all: deque[float] = deque(maxlen=rules.failures_per_address)
        self.names: OrderedDict[str, deque[float]] = OrderedDict()

    def note(self, name: str, now: float) -> bool:
        """Whether it is the one that makes too many."""
        rules = self._rules
        times = self.names.get(name) or deque(maxlen=rules.failures)
        self.names[name] = times
        self.names.move_to_end(name)
        if len(self.names) > _NAMES:
            self.names.popitem(last=False)
        return _add(times, rules.failures, now) | _add(self.all, rules.failures_per_address, now)


class Local:
    """The `Gate` of a worker that is alone."""

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd

    async def enter(self, address: str) -> Entry:
        return self._crowd.enter("", address, time.monotonic())

    async def admit(self, principal: str) -> bool:
        return self._crowd.admit("", principal)

    def leave(self, address: str, principal: str) -> None:
        self._crowd.leave("", address, principal)

    def failed(self, address: str, name: str) -> None:
        self._crowd.failed(address, name, time.monotonic())


def network(address: str) -> str:
    """The address, of IPv6 its network of 64 bits (RFC 6177: a site has at least one of them)."""
    if ":" not in address:
        return address
    try:
        return str(ipaddress.IPv6Network((address.partition("%")[0], 64), strict=False))
    except ValueError:
        return address


def _add(times: deque[float], limit: int, now: float) -> bool:
    was = _too_many(times, limit, now)
    times.append(now)
    return not was and _too_many(times, limit, now)


def _too_many(times: deque[float], limit: int, now: float) -> bool:
    return 0 < limit == len(times) and now - times[0] < WINDOW_SECONDS


def _count(by_worker: dict[str, Counter[str]], key: str) -> int:
    return sum(each[key] for each in by_worker.values())


def _less(counts: Counter[str] | None, key: str) -> None:
    if counts is not None and counts[key] > 0:
        counts[key] -= 1
        if not counts[key]:
            del counts[key]
