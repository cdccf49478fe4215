"""Keeps the policy fresh: the last good bundle is in force until a newer one has loaded whole.

The files are compared by name, size and time on every look, and read only after they have been still for a moment,
so that a bundle is not taken in the middle of being copied. Loading happens in a thread; the exchange is one
assignment in the event loop.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, Protocol, TypeAlias, TypeVar

from gateway.errors import Problem, ProblemsFound
from gateway.log import event

log = logging.getLogger(__name__)

SETTLE_SECONDS = 0.2
_SETTLE_TRIES = 25

Fingerprint: TypeAlias = tuple[tuple[str, int, int, int], ...]


class Bundle(Protocol):
    """What is needed of `gateway.policy.policy.Policy`."""

    @property
    def digest(self) -> str: ...


P = TypeVar("P", bound=Bundle)


def fingerprint(folder: Path) -> Fingerprint:
    """Names, sizes, times and inodes of the bundle's files; changes when one of them does. Cheap: reads no file."""
    found: list[tuple[str, int, int, int]] = []
    for path in sorted(folder.rglob("*")):
        try:
            state = path.stat()
        except OSError:
            continue  # gone between the listing and the look; the next look sees the truth
        found.append((str(path.relative_to(folder)), state.st_size, state.st_mtime_ns, state.st_ino))
    return tuple(found)


class PolicyKeeper(Generic[P]):
    """The bundle in force. `loaded` is called in the event loop with each new one before it counts as in force."""

    def __init__(
        self,
        folder: Path,
        load: Callable[[Path], P],
        loaded: Callable[[P], None],
        refused: Callable[[tuple[Problem, ...]], None],
        interval: float,
    ) -> None:
        self._folder = folder
        self._load = load
        self._loaded = loaded
        self._refused = refused
        self._interval = interval
        self._seen: Fingerprint = ()
        self._lock = asyncio.Lock()
        self.problems: tuple[Problem, ...] = ()
        """Why the files on disk are not in force; empty when they are."""
        self._policy: P | None = None
        self.loaded_at = 0.0

    @property
    def policy(self) -> P:
        """The bundle in force."""
        if self._policy is None:
            raise RuntimeError("start() has not loaded a bundle")
        return self._policy

    def start(self) -> P:
        """Load the first bundle; raises ProblemsFound: a gateway does not start with a bad one."""
        self._seen = fingerprint(self._folder)
        self._use(self._load(self._folder))
        return self.policy

    async def reload(self) -> bool:
        """Load the files now. True: a new bundle is in force; False: they are the same. Raises ProblemsFound."""
        async with self._lock:
            return await self._read()

    async def watch(self) -> None:
        """Look at the files every `interval` seconds, for ever; return at once where it is 0."""
        while self._interval > 0:
            await asyncio.sleep(self._interval)
            if await asyncio.to_thread(fingerprint, self._folder) == self._seen:
                continue
            try:
                await self.reload()
            except ProblemsFound:
                continue  # told by _read, and told again only when the files change again
            except Exception:  # an outermost edge: a defect in loading must not end the watch
                event(log, logging.ERROR, "policy_watch_failed", "the bundle could not be looked at", exc_info=True)

    async def _read(self) -> bool:
        self._seen = await self._still()
        try:
            policy = await asyncio.to_thread(self._load, self._folder)
            if self._policy is not None and policy.digest == self._policy.digest:
                self.problems = ()
                return False
            self._use(policy)
        except ProblemsFound as found:
            self.problems = found.problems
            self._refused(found.problems)
            event(
                log, logging.ERROR, "policy_refused", "the bundle was refused, the last good one stays in force",
                problems=[str(problem) for problem in found.problems],
            )  # fmt: skip
            raise
        return True

    async def _still(self) -> Fingerprint:
        """The files' fingerprint once it has not changed for a moment."""
        seen = await asyncio.to_thread(fingerprint, self._folder)
        for _ in range(_SETTLE_TRIES):
            await asyncio.sleep(SETTLE_SECONDS)
            again = await asyncio.to_thread(fingerprint, self._folder)
            if again == seen:
                break
            seen = again
        return seen

    def _use(self, policy: P) -> None:
        self._loaded(policy)
        self._policy = policy
        self.problems = ()
        self.loaded_at = time.time()
        event(log, logging.INFO, "policy_loaded", "a policy bundle is in force", digest=policy.digest[:16])
