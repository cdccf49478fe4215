"""Starting a child: a fresh interpreter, a socket pair for the bus, and over it what the child needs to begin.

The settings travel over the pair, and never over a command line, a file or the environment, since they hold secrets. A
child of another version (the package was replaced while the gateway runs) reads the configuration file itself.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import pickle
import socket
import struct
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway import __version__
from gateway.config import Settings, load

WORKER: Final = "worker"
WATCH: Final = "watch"
CHILD = "gateway.fleet.child"
"""The module that a child runs."""
_LENGTH: Final = struct.Struct(">I")
_ROOT: Final = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Launch:
    """All that a child is told before it begins."""

    kind: str
    """WORKER or WATCH"""
    number: int
    """Of its chain in the trail; a worker's also of its sessions' keys."""
    index: int
    """Of the worker among the workers that are to run, from 0: decides its share of the limits."""
    settings: Settings
    json_log: bool
    listening: tuple[tuple[int, ...], ...] = ()
    """Descriptors for each [[listen]]."""
    board: int = -1
    """Descriptor of the board of loads."""

    @property
    def descriptors(self) -> tuple[int, ...]:
        return (*(fd for each in self.listening for fd in each), *([self.board] if self.board >= 0 else []))


async def start(launch: Launch) -> tuple[asyncio.subprocess.Process, socket.socket]:
    """The process, and this end of its bus. Raises OSError."""
    ours, theirs = socket.socketpair()
    try:
        process = await asyncio.create_subprocess_exec(
            # -P: modules come from where this gateway's are, never from the folder that it was started in.
            sys.executable, "-P", "-m", CHILD, launch.kind, str(launch.number), str(theirs.fileno()),
            stdin=asyncio.subprocess.DEVNULL,
            pass_fds=(theirs.fileno(), *launch.descriptors),
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, (str(_ROOT), os.getenv("PYTHONPATH", ""))))},
        )  # fmt: skip
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    # A mapping proxy cannot be pickled.
    settings = dataclasses.replace(launch.settings, databases=dict(launch.settings.databases))
    data = pickle.dumps(dataclasses.replace(launch, settings=settings))
    head = __version__.encode()
    path = str(launch.settings.source or "").encode()
    ours.setblocking(False)
    loop = asyncio.get_running_loop()
    for part in (head, path, data):
        await loop.sock_sendall(ours, _LENGTH.pack(len(part)) + part)
    return process, ours


def receive(bus: socket.socket) -> Launch:
    """The child's side: blocking. Raises ProblemsFound, where another version has to read the file itself."""
    head, path, data = (_part(bus).decode("utf-8", "surrogateescape"), _part(bus).decode(), _part(bus))
    launch = pickle.loads(data)  # noqa: S301  (from the parent, over a socket pair that nobody else has)
    assert isinstance(launch, Launch)
    if head != __version__:
        return dataclasses.replace(launch, settings=load(Path(path) if path else None))
    return launch


def _part(bus: socket.socket) -> bytes:
    (length,) = _LENGTH.unpack(_exactly(bus, _LENGTH.size))
    return _exactly(bus, length)


def _exactly(bus: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        chunk = bus.recv(size - len(data))
        if not chunk:
            raise ConnectionResetError("the gateway's supervisor has gone")
        data += chunk
    return bytes(data)
