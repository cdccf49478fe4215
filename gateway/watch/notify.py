"""Messages leave through `apprise`: a durable queue, one sender for each route, none lost, none paged twice.

A sending (one message, or several of a storm together) gets its key and is claimed in the store, is handed over, noted
in a file, and marked in the store, in this order; each step is on the disk before the next begins. A process that dies
before the handing over loses nothing: the next life sends. One that dies behind the note repeats nothing. A death
between the two (well under a millisecond here, and the time that the answer travels) leaves it unknown, so the next
life hands the same sending over again: the same messages, under the same key. A receiver that knows keys (webhooks by
the header `Idempotency-Key`, PagerDuty by its `dedup_key`) drops the repeat, so that nobody is paged twice. No order
of steps here can do that for the others (chats, mail): there the second message says that it may be one.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol, TypeAlias
from urllib.parse import quote

from gateway.log import event
from gateway.watch.finding import Severity
from gateway.watch.messages import MAYBE_REPEATED, Route, body, grouped, overdue, title
from gateway.watch.sql import StoreUnavailable
from gateway.watch.store import CALLS, NOTICES, Message, Sending, Store

log = logging.getLogger(__name__)

_SECOND: Final = 1_000_000
_SEND_SECONDS: Final = 45.0
_LEASE_SECONDS: Final = 60
_TICK_SECONDS: Final = 1.0
_FIRST_RETRY_SECONDS: Final = 2
_LAST_RETRY_SECONDS: Final = 300
_GIVE_UP_SECONDS: Final = 3 * 24 * 3600
BURST: Final = 5
"""Calls of a severity and above, and as many notices, that a route gets one by one within `GROUP_SECONDS`; those beyond
come together."""
GROUP_SECONDS: Final = 30.0
KEY_HEADER: Final = "Idempotency-Key"
"""What webhooks (`json`, `xml`, `form`) get with each message."""


class SendFailed(Exception):
    """The channel did not take the message. The text is safe to show: it holds no address."""


Taken: TypeAlias = Callable[[], None]


class Channel(Protocol):
    """What carries a message to people."""

    async def send(self, title: str, body: str, severity: Severity, key: str, taken: Taken) -> None:
        """Calls `taken`, in whatever thread, at once when the message has gone. `key` is the same in each attempt.
        Raises SendFailed."""
        ...


class AppriseChannel:
    """One apprise address. Several would have to be sent again together where one of them fails: make more routes."""

    def __init__(self, url: str) -> None:
        """Raises ValueError where apprise does not know the address; the text does not show it."""
        import apprise

        # Its log shows addresses, which are secrets.
        apprise_log = logging.getLogger("apprise")
        apprise_log.setLevel(logging.CRITICAL)
        apprise_log.propagate = False
        self._apprise: Any = apprise.Apprise()
        self._types = (apprise.NotifyType.INFO, apprise.NotifyType.WARNING, apprise.NotifyType.FAILURE)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="notify")
        if len(url.split()) != 1 or not self._apprise.add(url.strip()) or len(self._apprise) != 1:
            raise ValueError("this is not one address that apprise knows")

    async def send(self, title: str, body: str, severity: Severity, key: str, taken: Taken) -> None:
        kind = self._types[0 if severity <= Severity.LOW else 1 if severity <= Severity.MEDIUM else 2]

        def send() -> bool:
            _give_key(self._apprise[0], key)
            good = bool(self._apprise.notify(title=title, body=body, notify_type=kind))
            if good:
                taken()
            return good

        try:
            async with asyncio.timeout(_SEND_SECONDS):
                good = await asyncio.get_running_loop().run_in_executor(self._thread, send)
        except TimeoutError:
            raise SendFailed("the channel did not answer in time") from None
        except Exception as error:
            raise SendFailed(f"the channel failed ({type(error).__name__})") from None
        if not good:
            raise SendFailed("the channel refused the message or cannot be reached")


def _give_key(plugin: Any, key: str) -> None:
    """Tell the service which sending it is, where it has a place for that. Headers hold ASCII only."""
    text = quote(key, safe="/+-._")
    if hasattr(plugin, "dedup"):
        plugin.dedup = text
    elif plugin.service_name in ("JSON", "XML", "Form"):
        plugin.headers[KEY_HEADER] = text


class SentNotes:
    """References of messages that have gone and are not marked in the store yet, in a file: one line a sending."""

    def __init__(self, path: Path | None) -> None:
        """None: nothing is noted."""
        self._path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600) if path else -1
        self._unmarked = 0
        self._lock = threading.Lock()

    def note(self, ids: Sequence[str]) -> None:
        """On the disk when this returns; in the kernel, which survives the death of the process, at once."""
        if self._file >= 0:
            with self._lock:
                self._unmarked += 1
                os.write(self._file, "\t".join(ids).encode() + b"\n")
                os.fdatasync(self._file)

    def marked(self) -> None:
        """One sending stands in the store. When all do, the file is emptied."""
        if self._file >= 0:
            with self._lock:
                self._unmarked -= 1
                if self._unmarked <= 0:
                    os.ftruncate(self._file, 0)

    def left(self) -> list[str]:
        """What the last life noted and did not mark."""
        if self._path is None:
            return []
        return [one for line in self._path.read_text("utf-8").splitlines() for one in line.split("\t") if one]

    def clear(self) -> None:
        if self._file >= 0:
            os.ftruncate(self._file, 0)


class Notifier:
    """The senders of one gateway. `run` until cancelled; `wake` when there may be something to send."""

    def __init__(
        self,
        store: Store,
        routes: Mapping[str, tuple[Route, Channel]],
        *,
        owner: str,
        notes: SentNotes | None = None,
        done: Callable[[Sequence[Message], str], None] = lambda messages, outcome: None,
        clock: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        """`done` is told what was sent (`sent`), is tried again (`failed`) or not (`given_up`)."""
        self._store = store
        self._notes = notes or SentNotes(None)
        self._senders = {name: _Sender(store, *pair, owner, self._notes, done, clock) for name, pair in routes.items()}
        self._routes = [route for route, _ in routes.values()]
        self._owner = owner
        self._clock = clock

    def wake(self) -> None:
        for sender in self._senders.values():
            sender.wake()

    async def run(self) -> None:
        if not self._senders:
            return
        await _until_it_works(self.take_up)
        await asyncio.gather(self._watch_the_clock(), *(sender.run() for sender in self._senders.values()))

    async def take_up(self) -> None:
        """What the last life left: what it had noted is sent, the rest of what it had under way is due again."""
        await self._store.sent(self._notes.left(), self._clock())
        self._notes.clear()
        await self._store.orphaned(self._owner)

    async def _watch_the_clock(self) -> None:
        while True:
            with contextlib.suppress(StoreUnavailable):
                if await self.remind():
                    self.wake()
            await asyncio.sleep(_TICK_SECONDS)

    async def remind(self) -> int:
        """Queue what is overdue; gives how many messages were considered."""
        now = self._clock()
        messages = [
            one for incident in await self._store.incidents(limit=1000) for one in overdue(incident, self._routes, now)
        ]
        if messages:
            await self._store.queue(messages)
        return len(messages)


async def _until_it_works(work: Callable[[], Any]) -> None:
    while True:
        try:
            await work()
            return
        except StoreUnavailable:
            await asyncio.sleep(_TICK_SECONDS)


class _Lately:
    """What went to a route within `GROUP_SECONDS`."""

    def __init__(self) -> None:
        self._went: list[tuple[int, Severity]] = []

    def went(self, at: int, severity: Severity) -> None:
        self._went.append((at, severity))

    def room(self, now: int) -> tuple[Severity | None, int]:
        """From which severity on messages go now, and how many one by one. What is grave waits only for what is at
        least as grave. None: all wait."""
        self._went = [one for one in self._went if now - one[0] < GROUP_SECONDS * _SECOND]
        for severity in Severity:
            room = BURST - sum(one >= severity for _, one in self._went)
            if room > 0:
                return severity, room
        return None, 0


class _Sender:
    """One route."""

    def __init__(
        self,
        store: Store,
        route: Route,
        channel: Channel,
        owner: str,
        notes: SentNotes,
        done: Callable[[Sequence[Message], str], None],
        clock: Callable[[], int],
    ) -> None:
        self.name = route.name
        self._store, self._route, self._channel = store, route, channel
        self._owner, self._notes, self._done, self._clock = owner, notes, done, clock
        self._awake = asyncio.Event()
        self._calls, self._notices = _Lately(), _Lately()

    def wake(self) -> None:
        self._awake.set()

    async def run(self) -> None:
        while True:
            self._awake.clear()
            try:
                while await self.send_due():
                    pass
            except StoreUnavailable as error:
                event(log, logging.ERROR, "notify_waits", error.message, route=self.name)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._awake.wait(), _TICK_SECONDS)

    async def send_due(self) -> int:
        """Send what is due, calls first; gives how many sendings were begun."""
        begun = 0
        for kinds, lately in ((CALLS, self._calls), (NOTICES, self._notices)):
            now = self._clock()
            severity, room = lately.room(now)
            if severity is None:
                continue
            lease = now + _LEASE_SECONDS * _SECOND
            sendings = await self._store.claim(self._owner, now, lease, self.name, room, kinds, severity)
            for one in sendings:
                if await self._send(one):
                    lately.went(self._clock(), one.severity)
            begun += len(sendings)
        return begun

    def _text(self, sending: Sending) -> tuple[str, str]:
        language = self._route.language
        if len(sending.messages) == 1:
            message, incident = sending.messages[0], sending.incidents[0]
            text = body(incident, message.kind, message.id, language, maybe_repeated=sending.repeated)
            return title(incident, message.kind, language), text
        head, text = grouped(sending.incidents, language)
        if sending.repeated:
            text += f"\n{MAYBE_REPEATED[language]}"
        return head, f"{text}\n{', '.join(message.id for message in sending.messages)}"

    async def _send(self, sending: Sending) -> bool:
        """Whether it went."""
        messages = sending.messages
        ids = [message.id for message in messages]
        note = partial(self._notes.note, ids)
        try:
            await self._channel.send(*self._text(sending), sending.severity, sending.key, note)
        except SendFailed as error:
            await self._again(messages, str(error))
            return False
        await self._store.sent(ids, self._clock())
        self._notes.marked()
        self._done(messages, "sent")
        return True

    async def _again(self, messages: Sequence[Message], error: str) -> None:
        now = self._clock()
        for message in messages:
            wait = min(_FIRST_RETRY_SECONDS * 2 ** min(message.attempts, 10), _LAST_RETRY_SECONDS)
            over = now - message.made > _GIVE_UP_SECONDS * _SECOND
            await self._store.failed([message.id], error, None if over else now + wait * _SECOND)
            self._done([message], "given_up" if over else "failed")
        event(log, logging.ERROR, "notify_failed", error, route=self.name, messages=len(messages))
