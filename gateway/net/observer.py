"""What the shell tells about its work while it works: the face that metrics implement.

Every call stands on or near the hot path: an implementation adds to counters and returns; it does not block, raise,
log or allocate without bounds. Labels are bounded words: database names, statement kinds, reasons, SQLSTATEs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from gateway.model import Disclosed, Outcome


class Statement(Protocol):
    """The part of an adapter's plan of one statement that is counted."""

    @property
    def kind(self) -> str: ...
    @property
    def outcome(self) -> Outcome: ...
    @property
    def purpose(self) -> str | None: ...
    @property
    def classes(self) -> tuple[Disclosed, ...]: ...
    @property
    def governed(self) -> bool: ...
    @property
    def lookups(self) -> Sequence[object]: ...


class Observer(Protocol):
    """Told by the shell; implemented by `gateway.metrics`. Times are in microseconds, sizes in bytes."""

    def connection_opened(self, database: str) -> None:
        """A client logged in and has its connection to the database."""
        ...

    def connection_closed(self, database: str) -> None: ...

    def login_failed(self, database: str, reason: str) -> None:
        """`reason`: `password`, `protocol`, `timeout`, `tls_required`, `unknown_database`, `startup_parameter`,
        `purpose`, `upstream`, `limit`. `database` is empty where it is unknown to the configuration."""
        ...

    def statement(
        self,
        database: str,
        statement: Statement,
        rows: int,
        size: int,
        upstream_us: int,
        overhead_us: int,
        department: str,
        sqlstate: str,
    ) -> None:
        """A statement is over, `sqlstate` is `00000` where it succeeded; its record is durable when this is called.
        `size`: bytes of its rows. `upstream_us`: from its last byte out to its last byte in.
        `department`: the principal's."""
        ...

    def denied(self, database: str, reason: str) -> None:
        """A statement was refused by the gateway; `reason` is that of the `Denial`. `statement` is called too."""
        ...

    def stage(self, stage: str, microseconds: float) -> None:
        """`read`: a client's bytes were taken apart, judged and sent on; `judge`: of that, a text whose verdict was not
        known; `record`: one record was made durable."""
        ...

    def trail_failed(self) -> None:
        """A record could not be made durable; the statement's rows were withheld."""
        ...


class Silent:
    """An observer that does not look: for tests and tools."""

    def connection_opened(self, database: str) -> None:
        pass

    def connection_closed(self, database: str) -> None:
        pass

    def login_failed(self, database: str, reason: str) -> None:
        pass

    def statement(
        self,
        database: str,
        statement: Statement,
        rows: int,
        size: int,
        upstream_us: int,
        overhead_us: int,
        department: str,
        sqlstate: str,
    ) -> None:
        pass

    def denied(self, database: str, reason: str) -> None:
        pass

    def stage(self, stage: str, microseconds: float) -> None:
        pass

    def trail_failed(self) -> None:
        pass
