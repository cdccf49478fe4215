"""Who gets a connection: a fixed number of places, and a queue that serves principals in turn.

Sans-IO: whoever asks gets a `Ticket` at once, granted or not; a ticket that is left may grant others, which the caller
wakes. One principal's flood waits behind itself: each round serves at most one ticket of each principal that waits.
"""

from __future__ import annotations

from collections import Counter, deque
from enum import Enum


class State(Enum):
    WAITING = "waiting"
    GRANTED = "granted"
    LEFT = "left"


class Ticket:
    """One client's claim on a place."""

    __slots__ = ("principal", "state")

    def __init__(self, principal: str) -> None:
        self.principal = principal
        self.state = State.WAITING

    @property
    def granted(self) -> bool:
        return self.state is State.GRANTED


class Places:
    """`size`: places in all. `per_principal`: places that one principal may have at a time; 0: all of them."""

    def __init__(self, size: int, per_principal: int = 0) -> None:
        self.size = size
        self.per_principal = per_principal
        self.taken = 0
        self.waiting = 0
        self._held: Counter[str] = Counter()
        # The principals that wait, in the order in which they are served; each has at least one ticket.
        self._queues: dict[str, deque[Ticket]] = {}

    def held(self, principal: str) -> int:
        """Places that a principal has now."""
        return self._held[principal]

    def ask(self, principal: str) -> Ticket:
        """A ticket, granted where a place is free: then nobody who waits could use it."""
        ticket = Ticket(principal)
        if self.taken < self.size and self._below_cap(principal):
            self._grant(ticket)
        else:
            self.waiting += 1
            self._queues.setdefault(principal, deque()).append(ticket)
        return ticket

    def leave(self, ticket: Ticket) -> list[Ticket]:
        """Give a place back, or give up waiting; gives the tickets that are granted by it. Again: nothing happens."""
        state, ticket.state = ticket.state, State.LEFT
        if state is State.WAITING:
            self._forget(ticket)
        elif state is State.GRANTED:
            self.taken -= 1
            self._held[ticket.principal] -= 1
            if not self._held[ticket.principal]:
                del self._held[ticket.principal]
        return self._serve()

    def _serve(self) -> list[Ticket]:
        granted: list[Ticket] = []
        while self.taken < self.size:
            principal = next((name for name in self._queues if self._below_cap(name)), None)
            if principal is None:
                break
            queue = self._queues.pop(principal)
            granted.append(queue.popleft())
            self.waiting -= 1
            self._grant(granted[-1])
            if queue:  # to the end of the round
                self._queues[principal] = queue
        return granted

    def _grant(self, ticket: Ticket) -> None:
        ticket.state = State.GRANTED
        self.taken += 1
        self._held[ticket.principal] += 1

    def _below_cap(self, principal: str) -> bool:
        return not self.per_principal or self._held[principal] < self.per_principal

    def _forget(self, ticket: Ticket) -> None:
        queue = self._queues[ticket.principal]
        queue.remove(ticket)
        self.waiting -= 1
        if not queue:
            del self._queues[ticket.principal]
