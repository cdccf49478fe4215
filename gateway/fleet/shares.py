"""What is promised for the gateway as a whole, divided among its workers; and the numbers that they bear."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import Final

from gateway.config import DatabaseSettings, Settings

WATCH: Final = 999
"""The number of the watch's chain in the trail; workers have smaller ones."""
WORKER_NUMBERS: Final = 512
"""Nine bits of the number that names a session to a cancel request, see `adapters.postgres.server`."""


def free_number(taken: Collection[int]) -> int:
    """The least number that no process bears: so the chains of the trail stay few. Raises RuntimeError: see
    `Supervisor`, which ends old workers long before."""
    for number in range(WORKER_NUMBERS):
        if number not in taken:
            return number
    raise RuntimeError("all numbers of workers are taken")


def share(total: int, index: int, workers: int) -> int:
    """Of `total`, what worker `index` of `workers` gets: all shares together are `total`."""
    return total // workers + (1 if index < total % workers else 0)


def settings_of(settings: Settings, index: int) -> Settings:
    """The settings as worker `index` (from 0) has them: its part of each pool is its own. Clients are not divided: the
    supervisor counts them (`gateway.net.crowd`)."""
    workers = settings.gateway.workers
    if workers == 1:
        return settings
    databases = {name: _database(each, index, workers) for name, each in settings.databases.items()}
    return dataclasses.replace(settings, databases=databases)


def _database(settings: DatabaseSettings, index: int, workers: int) -> DatabaseSettings:
    whole = settings.pool
    pool = dataclasses.replace(
        whole,
        size=share(whole.size, index, workers),
        per_principal=share(whole.per_principal, index, workers),
        idle=share(whole.idle, index, workers),
    )
    return dataclasses.replace(settings, pool=pool)


class Backoff:
    """How long to wait before a child that died is started again: at once, then longer and longer, up to `longest`.

    One that lived for `steady` seconds begins anew."""

    def __init__(self, longest: float = 30.0, steady: float = 30.0) -> None:
        self._longest, self._steady = longest, steady
        self._next = 0.0

    def after(self, lived: float) -> float:
        """Seconds to wait after a life of `lived` seconds."""
        if lived >= self._steady:
            self._next = 0.0
        wait = self._next
        self._next = min(self._longest, max(0.5, wait * 2))
        return wait
