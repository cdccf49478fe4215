"""Cancel requests on their way to one connection: a late one must not hit whoever uses the connection next.

The database sends the signal before it closes the cancel's own connection ("Canceling Requests in Progress"), and a
backend that waits for a command ignores it. So a connection whose cancels are all answered is safe after one more round
trip; one with a cancel of which nobody knows whether it arrived never is.
"""

from __future__ import annotations

import asyncio


class Cancels:
    """Counted from the moment at which somebody decides to cancel."""

    __slots__ = ("_pending", "_settled", "doubtful")

    def __init__(self) -> None:
        self._pending = 0
        self._settled: asyncio.Event | None = None
        self.doubtful = False
        """A cancel may still arrive at any time."""

    def begin(self) -> None:
        self._pending += 1

    def end(self, *, certain: bool) -> None:
        """`certain`: the database has answered it."""
        self._pending -= 1
        self.doubtful = self.doubtful or not certain
        if not self._pending and self._settled is not None:
            self._settled.set()

    async def settled(self) -> bool:
        """Wait until none is on its way; False where one is in doubt."""
        while self._pending:
            self._settled = asyncio.Event()
            await self._settled.wait()
        return not self.doubtful
