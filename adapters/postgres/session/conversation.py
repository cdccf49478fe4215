"""One session between a client and the database, sans-IO: bytes of either side in, bytes for the other side out.

The face is six verbs: `from_client`, `from_server`, `take_to_server`, `take_to_client`, `take_completions`, `resume`.
The caller owns sockets, clock and trail; it makes every completion durable before it sends what `take_to_client` gives.
"""

from __future__ import annotations

from adapters.postgres.plan import Planner, SessionState
from adapters.postgres.session.channel import IDLE, Channel, Checks, Limits
from adapters.postgres.session.expected import Completion
from adapters.postgres.session.replies import Replies
from adapters.postgres.session.requests import Requests


class Conversation:
    """`parameters`: the ParameterStatus values that the database reported at its start."""

    def __init__(
        self,
        planner: Planner,
        state: SessionState,
        checks: Checks,
        limits: Limits,
        parameters: dict[str, str],
    ) -> None:
        self.channel = Channel(planner, state, checks, limits, parameters)
        self.requests = Requests(self.channel)
        self.replies = Replies(self.channel)

    def from_client(self, data: bytes, now: int) -> None:
        """Raises ProtocolViolation where the client's bytes make no sense."""
        self.requests.feed(data, now)

    def from_server(self, data: bytes, now: int) -> None:
        """Raises ProtocolViolation where the database's bytes make no sense."""
        self.replies.feed(data, now)

    def take_to_server(self) -> list[bytes]:
        out = self.requests.out
        chunks = out[:]
        out.clear()
        return chunks

    def take_to_client(self) -> list[bytes]:
        out = self.replies.out
        chunks = out[:]
        out.clear()
        return chunks

    def take_completions(self) -> list[Completion]:
        done = self.channel.completions
        self.channel.completions = []
        return done

    @property
    def stalled(self) -> bool:
        """The client must not be read: the rest of its bytes waits for replies."""
        return self.requests.stalled

    def resume(self, now: int) -> bool:
        return self.requests.resume(now)

    @property
    def in_flight(self) -> bool:
        """The database works for this session."""
        return self.channel.in_flight

    @property
    def idle(self) -> bool:
        """Nothing is under way: the session may end without harm."""
        return self.quiet and not self.requests.partial

    @property
    def quiet(self) -> bool:
        """The database answered everything, outside of a transaction, and waits for a request."""
        channel = self.channel
        return not channel.in_flight and channel.status == IDLE and not channel.discarding and not channel.copying
