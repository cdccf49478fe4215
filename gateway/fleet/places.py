"""The processes of a gateway and their places, as the supervisor knows them; and who may be the supervisor."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import time
from typing import Any, Final

from gateway.config import Settings
from gateway.errors import MenshenError, StartError
from gateway.fleet.channel import Channel
from gateway.fleet.launch import WATCH, WORKER, Launch
from gateway.fleet.shares import Backoff

_SILENT_SECONDS: Final = 5.0
"""A process that has not answered for so long is not ready."""


class Child:
    """One process."""

    def __init__(self, launch: Launch, process: asyncio.subprocess.Process) -> None:
        self.launch, self.process = launch, process
        self.name = launch.kind if launch.kind == WATCH else f"{WORKER}-{launch.number}"
        self.key = str(process.pid)
        """Unlike the name, no other process ever bears it."""
        self.channel: Channel
        self.state = "starting"
        """`starting`, `running`, `retiring` (its clients go on, new ones go elsewhere) or `draining`"""
        self.began = self.heard = time.monotonic()
        self.prepared: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.failure: MenshenError | None = None
        self.told = False
        """It was told what it has to know of the past, and hears what comes after."""
        self.known: dict[str, Any] = {}
        """What it last said of itself, see `Worker._state`."""
        self.usage: dict[str, float] = {}
        """See `gateway.process.usage`."""

    @property
    def silent(self) -> float:
        """Seconds since it last answered."""
        return time.monotonic() - self.heard

    def kill(self) -> None:
        """At once; harmless where it has ended."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()


class Place:
    """A place that one process has, and another after it."""

    def __init__(self, kind: str, index: int) -> None:
        self.kind, self.index = kind, index
        self.child: Child | None = None
        self.backoff = Backoff()
        self.trouble = "is starting"
        """Why nobody runs here."""


def silent_too_long(child: Child) -> bool:
    """Whether it may not be called ready."""
    return child.silent > _SILENT_SECONDS


def lock(settings: Settings) -> int:
    """One gateway for a state folder. Raises StartError."""
    path = settings.gateway.state_dir / "gateway.lock"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StartError(f"{path} cannot be made: {error.strerror}", hint="Set gateway.state_dir.") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise StartError(
            f"another gateway holds {path}: another process writes the trail",
            hint="Stop it, or give this gateway a state_dir and a trail.path of its own.",
        ) from None
    return descriptor
