"""Clients that check every answer, and count of each connection what they sent and what was answered.

Each connection is an actor of its own (`SET menshen.actor`), so that the trail tells how many of its statements it has.
"""

from __future__ import annotations

import contextlib
import hashlib
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from bench.soak.drivers import Place, Session, drivers, sqlstate

KEYS = 5000
STUCK_SECONDS = 90.0
"""Without a sign of life for so long a client counts as stuck; each answer has 60."""
ONE = "SELECT key, value FROM app.soak WHERE key = $1"
SOME = "SELECT key, value FROM app.soak WHERE key BETWEEN $1 AND $2 ORDER BY key"
CHANGE = "UPDATE app.tally SET n = n + 1 WHERE key = $1 RETURNING key"
GOVERNED = frozenset(("app.soak", "app.tally"))


def value_of(key: int) -> str:
    return hashlib.md5(str(key).encode(), usedforsecurity=False).hexdigest()


@dataclass(slots=True)
class Tally:
    """What all clients saw. Counts of statements are by actor."""

    sent: Counter[str] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)
    changed: int = 0
    """Changes whose COMMIT was answered; `perhaps`: those whose was not."""
    perhaps: int = 0
    wrong: list[str] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def total(self, driver: str) -> int:
        return sum(count for actor, count in self.answered.items() if actor.startswith(driver + " "))


class Client(threading.Thread):
    """Connects, works for a while, leaves in one of several ways, and begins again, until `stopping`."""

    def __init__(self, driver: str, number: int, place: Place, tally: Tally) -> None:
        super().__init__(daemon=True, name=f"{driver} {number}")
        self.driver, self.place, self.tally = driver, place, tally
        self.stopping = threading.Event()
        self.alive_at = time.monotonic()
        self.doing = ""
        self._lives = 0
        self._random = random.Random(self.name)

    def run(self) -> None:
        while not self.stopping.is_set():
            self._lives += 1
            self.doing, self.alive_at = "connect", time.monotonic()
            try:
                session: Session = drivers()[self.driver](self.place)
            except Exception as error:
                self._failed(error)
                continue
            try:
                self._life(session, f"{self.name} {self._lives}")
            except Exception as error:
                self._failed(error)
                with contextlib.suppress(Exception):
                    session.vanish()

    def _failed(self, error: Exception) -> None:
        with self.tally.lock:
            self.tally.errors[f"{self.driver} {sqlstate(error)}"] += 1
        time.sleep(0.1)

    @property
    def stuck(self) -> bool:
        return self.is_alive() and time.monotonic() - self.alive_at > STUCK_SECONDS

    def _life(self, session: Session, actor: str) -> None:
        session.execute(f"SET menshen.actor = '{actor}'")
        for _ in range(self._random.randint(5, 80)):
            if self.stopping.is_set():
                break
            key = self._random.randint(1, KEYS - 400)
            kind = self._random.choices(("one", "some", "change", "undo"), (10, 3, 2, 1))[0]
            self.doing, self.alive_at = kind, time.monotonic()
            if kind == "one":
                self._read(session, actor, ONE, (key,), key, key)
            elif kind == "some":
                last = key + self._random.randint(0, 400)
                self._read(session, actor, SOME, (key, last), key, last)
            else:
                self._change(session, actor, key, commit=kind == "change")
        if self._random.random() < 0.3:
            self.doing, self.alive_at = "vanish", time.monotonic()
            session.execute("BEGIN")
            self._governed(session, actor, CHANGE, (1,))
            session.vanish()  # in the middle of a transaction
        else:
            session.close()

    def _governed(self, session: Session, actor: str, sql: str, values: tuple[int, ...]) -> list[tuple[object, ...]]:
        with self.tally.lock:
            self.tally.sent[actor] += 1
        rows = session.execute(sql, values)
        with self.tally.lock:
            self.tally.answered[actor] += 1
        return rows

    def _read(self, session: Session, actor: str, sql: str, values: tuple[int, ...], first: int, last: int) -> None:
        rows = self._governed(session, actor, sql, values)
        if rows != [(key, value_of(key)) for key in range(first, last + 1)]:
            with self.tally.lock:
                self.tally.wrong.append(f"{actor}: keys {first} to {last} gave {rows[:2]}…, {len(rows)} rows")

    def _change(self, session: Session, actor: str, key: int, *, commit: bool) -> None:
        session.execute("BEGIN")
        rows = self._governed(session, actor, CHANGE, (key,))
        if rows != [(key,)]:
            with self.tally.lock:
                self.tally.wrong.append(f"{actor}: a change of key {key} gave {rows[:2]}")
        if not commit:
            session.execute("ROLLBACK")
            return
        with self.tally.lock:
            self.tally.perhaps += 1
        session.execute("COMMIT")
        with self.tally.lock:
            self.tally.perhaps -= 1
            self.tally.changed += 1
