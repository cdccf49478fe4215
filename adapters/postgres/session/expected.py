"""Replies that are still expected: what was forwarded, in order, and what each reply will mean.

PostgreSQL answers strictly in the order of the requests, so one queue says whose reply comes next. An entry that needs
nothing remembered is a constant; `kind` tells the reading side what to do without asking for a class.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from adapters.postgres.plan import Plan, SessionState, StatementPlan
from adapters.postgres.session.subjects import Keys
from adapters.postgres.wire import requests as wire
from gateway.model import Denial

DESCRIBE: Final = 1
CLOSE: Final = 2
SYNC: Final = 3
PARSE: Final = 4
BIND: Final = 5
EXECUTE: Final = 6
QUERY: Final = 7
CALL: Final = 8
REFUSAL: Final = 9
COPY_END: Final = 10


class Mark:
    """An entry of which only the place matters: a Describe, a Sync, the end of a COPY that the client sent early."""

    __slots__ = ("kind",)

    def __init__(self, kind: int) -> None:
        self.kind = kind


DESCRIBE_MARK: Final = Mark(DESCRIBE)
SYNC_MARK: Final = Mark(SYNC)
COPY_END_MARK: Final = Mark(COPY_END)


class Prepared:
    """A statement that the client prepared: its own text, the verdict on it, and what the database has of it."""

    __slots__ = (
        "answer", "answer_described", "batch", "confirmed", "dead", "forwarded", "name", "names", "plain", "plan",
        "portal", "statement", "text", "types",
    )  # fmt: skip

    def __init__(self, name: bytes, text: str, types: bytes, plan: Plan, batch: int, names: int) -> None:
        self.name = name
        self.text = text
        self.types = types
        self.plan = plan
        self.statement: StatementPlan | None = plan.statements[0] if plan.statements else None
        self.plain = self.statement is not None and self.statement.plain
        self.forwarded: bytes | None = plan.text
        """The text that the database prepared under this name; None: it has none (any more)."""
        self.names = names
        """`Channel.names` when it was judged: what `EXECUTE x` or `FETCH c` means hangs on it."""
        self.batch = batch
        self.confirmed = False
        """Whether ParseComplete has come; until then a Bind of a later batch must wait, see `requests.py`."""
        self.dead = False
        """Its Parse failed or was skipped: it must not come back under its name."""
        self.answer = self.answer_described = b""
        """How the last answer to a usual exchange began, without and with Describe, see `usual.py`."""
        self.portal: Portal | None = None
        """A portal of this statement that carries nothing of its own, used again and again."""

    def judged(self, plan: Plan, names: int) -> None:
        self.plan = plan
        self.names = names
        self.statement = plan.statements[0] if plan.statements else None
        self.plain = self.statement is not None and self.statement.plain
        self.portal = None


class Portal:
    """A bound statement; also the entry of its Bind."""

    __slots__ = ("bind", "lookups", "names", "plan", "prepared", "statement")
    kind: Final = BIND

    def __init__(self, prepared: Prepared, lookups: tuple[tuple[int, str], ...], bind: wire.Bind | None = None) -> None:
        self.bind = bind
        """The decoded Bind where the rows of the statement tell whose data they are."""
        self.prepared = prepared
        self.plan = prepared.plan
        self.names = prepared.names
        self.statement = prepared.statement
        self.lookups = lookups
        """Parameter number and keyed hash of each value that was looked up."""


class Parsing:
    """A Parse: `previous` comes back under the name where it fails. `injected`: the client did not send it."""

    __slots__ = ("injected", "prepared", "previous", "previous_text")
    kind: Final = PARSE

    def __init__(
        self, prepared: Prepared, previous: Prepared | None, *, injected: bool, previous_text: bytes | None
    ) -> None:
        self.prepared = prepared
        self.previous = previous
        self.injected = injected
        self.previous_text = previous_text


class Closing:
    """A Close. `injected`: its CloseComplete is swallowed."""

    __slots__ = ("injected", "name", "previous")
    kind: Final = CLOSE

    def __init__(self, name: bytes, previous: Prepared | None, *, injected: bool) -> None:
        self.name = name
        self.previous = previous
        self.injected = injected


class Refusal:
    """A statement that must fail was sent in the place of a refused message; its error is replaced by `denial`."""

    __slots__ = ("denial", "number", "received", "statement")
    kind: Final = REFUSAL

    def __init__(self, denial: Denial, statement: StatementPlan | None, number: int, received: int) -> None:
        self.denial = denial
        self.statement = statement
        self.number = number
        self.received = received


class Undo:
    """What the session was before the effects of a statement, in case that it fails."""

    __slots__ = ("forgotten", "state")

    def __init__(self, state: SessionState) -> None:
        self.state = state
        self.forgotten: list[Prepared] = []
        """Prepared statements that the effects took away."""


class Run:
    """An Execute, Query or FunctionCall under way; of a Query with several statements, `index` is the current one."""

    __slots__ = (
        "actor",
        "bind",
        "denial",
        "index",
        "keys",
        "kind",
        "lookups",
        "number",
        "opened",
        "plan",
        "received",
        "rows",
        "size",
        "undo",
        "unnamed",
    )  # fmt: skip

    def __init__(
        self,
        kind: int,
        plan: Plan,
        lookups: tuple[tuple[int, str], ...],
        number: int,
        received: int,
        denial: Denial | None = None,
    ) -> None:
        self.kind = kind
        self.plan = plan
        self.lookups = lookups
        self.number = number
        self.received = received
        self.actor: str | None = None
        """The session's actor when the request came; a later one must not appear in its record."""
        self.denial = denial
        self.index = 0
        self.rows = 0
        self.size = 0
        self.opened = False
        self.undo: Undo | None = None
        self.unnamed: Prepared | None = None
        """The unnamed statement that a Query replaces; it stays where the Query is skipped."""
        self.keys: Keys | None = None
        """Gathers the subjects of the current statement's rows."""
        self.bind: wire.Bind | None = None


Entry: TypeAlias = Mark | Portal | Parsing | Closing | Refusal | Run


class Completion:
    """A statement that is over, or whose rows begin to leave (`phase` is `open`): one record, before the bytes go."""

    __slots__ = ("actor", "denial", "lookups", "number", "phase", "received", "rows", "size", "sqlstate", "statement",
        "subjects")  # fmt: skip

    def __init__(
        self,
        statement: StatementPlan,
        phase: str,
        number: int,
        received: int,
        rows: int,
        size: int,
        sqlstate: str,
        lookups: tuple[tuple[int, str], ...],
        denial: Denial | None,
        actor: str | None,
        subjects: bytes = b"",
    ) -> None:
        self.subjects = subjects
        """Members of the record that say whose data the rows are."""
        self.statement = statement
        self.phase = phase
        self.number = number
        self.received = received
        """When the request came, in the nanoseconds of the caller's clock."""
        self.rows = rows
        self.size = size
        self.sqlstate = sqlstate
        self.lookups = lookups
        self.denial = denial
        self.actor = actor
