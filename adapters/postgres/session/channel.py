"""What the two directions of a conversation share: who asks, the names in use, and the replies still expected."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Final

from adapters.postgres import plan as plans
from adapters.postgres.plan import (
    CatalogueChanged,
    CursorDeclared,
    Deallocated,
    Discarded,
    Planner,
    SessionState,
    SetSearchPath,
    StatementPlan,
    Transaction,
    Verb,
)
from adapters.postgres.session.expected import (
    CALL,
    EXECUTE,
    QUERY,
    SYNC,
    Closing,
    Completion,
    Entry,
    Parsing,
    Portal,
    Prepared,
    Run,
    Undo,
)
from adapters.postgres.session.startup import split_search_path
from adapters.postgres.session.subjects import KEY_HASH_DIGITS, SUBJECT_CLASS, KeyHashes, Keys
from adapters.postgres.session.usual import Usual
from gateway.model import Mask
from gateway.policy.lookups import Exhausted

IDLE: Final = ord("I")


"""Some 4 MB in each worker."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one session may ask for; sizes in bytes."""

    message: int = 64 * 1024 * 1024
    """Longest message that is held in memory to be looked at; CopyData is streamed and not bound by it."""
    statement: int = 1024 * 1024
    """Longest text that is analysed."""
    prepared: int = 10_000
    """Prepared statements at the same time."""


@dataclass(frozen=True, slots=True)
class Checks:
    """What the session asks of others while it judges a message."""

    healthy: Callable[[], bool]
    """Whether records can be written now."""
    looks_masked: Callable[[Mask | None, str], bool]
    lookup_hash: Callable[[str, str], str]
    """Keyed hash of (data class, value)."""
    broke: Callable[[Exception], None] = lambda exc: None
    """Told of an exception that nobody expects; the statement is refused."""

    look_up: Callable[[str, Mapping[str, tuple[int, int]], int], Exhausted | None] = lambda principal, wanted, now: None
    """Counts lookups (`gateway.policy.lookups.LookupLedger.spend`), or says which limit they would exceed."""

    subject_hashes: KeyHashes = field(init=False)
    """What stands in records for a subject's key that is no whole number (`gateway.trail.subjects.key_hash`)."""

    def __post_init__(self) -> None:
        hashed = self.lookup_hash
        hashes = KeyHashes(lambda key: hashed(SUBJECT_CLASS, key)[:KEY_HASH_DIGITS])
        object.__setattr__(self, "subject_hashes", hashes)


class Channel:
    """State of one session between a client and the database. Changed by `Requests` and `Replies` only."""

    def __init__(
        self, planner: Planner, state: SessionState, checks: Checks, limits: Limits, parameters: dict[str, str]
    ) -> None:
        self.planner = planner
        self.state = state
        self.checks = checks
        self.limits = limits
        self.parameters = parameters
        """Last ParameterStatus of each name."""
        self.default_search_path = parameters.get("search_path", "")
        self.queue: deque[Entry] = deque()
        self.usual: Usual | None = None
        """All that is expected, the queue being empty: the answer to a usual exchange."""
        self.prepared: dict[bytes, Prepared] = {}
        self.portals: dict[bytes, Portal] = {}
        self.status = IDLE
        """Transaction status of the last ReadyForQuery: I, T or E."""
        self.batch = 0
        """Number of Syncs, Queries and FunctionCalls forwarded: what an error cannot reach across."""
        self.unsettled = 0
        self.path_unsettled = False
        """Until ReadyForQuery, which tells how a transaction ended that nobody ended; counts in `unsettled`."""
        self.failed = False
        """An error came since the last ReadyForQuery."""
        """Statements with effects whose outcome is not known yet."""
        self.effect_batch = 0
        self.discarding = False
        """An extended-protocol message failed and its Sync has not come: the database ignores all until then."""
        self.copying = False
        """COPY FROM STDIN is under way: the database ignores Sync and Flush."""
        self.scrubbing = False
        """A statement of this transaction may put values into errors that belong to none (deferred constraints)."""
        self.token: Hashable | None = None
        """The planner's token of this moment; None: ask again."""
        self.names = 0
        """Changes with every SQL-level name (PREPARE, DECLARE, DEALLOCATE, DISCARD): others may mean it."""
        self.numbers = 0
        self.now = 0
        """Caller's clock at the bytes that are being worked on, in nanoseconds."""
        self.completions: list[Completion] = []
        self.catalogue_changed = False
        self.application_changed = False
        """The application's name may be another one: records must say so. Reset by the caller."""
        self.refresh_due = False
        """DDL was committed: the catalogue must be read again. Reset by the caller."""

    @property
    def unrestricted(self) -> bool:
        return self.planner.is_unrestricted(self.state)

    def number(self) -> int:
        self.numbers += 1
        return self.numbers

    @property
    def in_flight(self) -> bool:
        """The database works for this session."""
        return self.usual is not None or bool(self.queue)

    def spread(self) -> Usual | None:
        """A usual exchange is none after all: it becomes what the walk over messages knows. Answers what it was."""
        usual = self.usual
        if usual is not None:
            self.usual = None
            self.queue.extend(usual.entries())
        return usual

    def may_come_back(self, name: bytes) -> bool:
        """Whether the statement of this name was dropped by a request of an earlier batch whose reply has not come: if
        that request was skipped, because one before it failed, the statement is still there."""
        dropped = False
        for entry in self.queue:
            if entry.kind == SYNC:
                if dropped:
                    return True
            elif isinstance(entry, Run | Closing):
                previous = entry.unnamed if isinstance(entry, Run) else entry.previous
                dropped = dropped or (previous is not None and previous.name == name)
        return False

    # -- effects ------------------------------------------------------------------------------------------------------
    def apply(self, run: Run) -> None:
        """Take the effects of what was just forwarded; `settle` or `fail` follows when the reply comes."""
        effects = [effect for statement in run.plan.statements for effect in statement.effects]
        follows = any(isinstance(effect, SetSearchPath | Transaction | Discarded) for effect in effects)
        if self.state.path_changes is None and all(_ends(effect) for effect in effects):
            return  # of a transaction that did nothing to what is followed
        if follows and not self.path_unsettled:
            self.path_unsettled = True
            self.unsettled += 1
        run.undo = undo = Undo(self.state.copy())
        for statement in run.plan.statements:
            self._apply(statement, undo.forgotten)
        self.unsettled += 1
        self.effect_batch = self.batch
        self.token = None

    def _apply(self, statement: StatementPlan, forgotten: list[Prepared]) -> None:
        for effect in statement.effects:
            self.state.apply(effect)
            if isinstance(effect, plans.Prepared | CursorDeclared | Deallocated | Discarded):
                self.names += 1
            match effect:
                case Deallocated(None) | Discarded(everything=True):
                    # The unnamed statement is not among them.
                    for known in [known for known in self.prepared if known]:
                        forgotten.append(self.prepared.pop(known))
                    self.portals.clear()
                case Deallocated(str() as statement_name):
                    found = self.prepared.pop(statement_name.encode(), None)
                    forgotten += [] if found is None else [found]
                case CursorDeclared(cursor_name):
                    self.portals.pop(cursor_name.encode(), None)

    def transaction_state(self, status: int) -> None:
        """ReadyForQuery: what search_path is after a transaction that is over, with or without COMMIT and ROLLBACK."""
        failed, self.failed = self.failed, False
        self.status = status
        if self.path_unsettled and self.unsettled == 1:
            self.path_unsettled, self.unsettled = False, 0
            if status == IDLE:
                self.state.transaction_over(committed=not failed)
                self.token = None

    def rolled_back(self, run: Run) -> None:
        """A COMMIT was answered by ROLLBACK: the transaction had failed."""
        statement = run.plan.statements[run.index] if run.index < len(run.plan.statements) else None
        commits = statement is not None and Transaction(Verb.COMMIT) in statement.effects
        if commits and run.undo is not None and run.index == 0:
            self.state.search_path, self.state.path_changes = run.undo.state.search_path, run.undo.state.path_changes
            self.state.transaction_over(committed=False)
            self.token = None

    def settle(self, run: Run) -> None:
        """All of `run` succeeded."""
        if run.undo is not None:
            run.undo = None
            self.unsettled -= 1

    def note_success(self, statement: StatementPlan) -> None:
        for effect in statement.effects:
            if isinstance(effect, CatalogueChanged):
                self.catalogue_changed = True

    def fail(self, entry: Entry, *, dropped: bool) -> None:
        """`entry` failed, or was `dropped` because one before it failed: its effects did not happen. What came later
        must have been undone before."""
        if isinstance(entry, Run):
            self._undo_run(entry)
            if dropped:
                self._bring_back(entry.unnamed)
        elif isinstance(entry, Parsing):
            self._undo_parse(entry, dropped=dropped)
        elif isinstance(entry, Closing) and not entry.injected:
            self._bring_back(entry.previous)

    def _bring_back(self, prepared: Prepared | None) -> None:
        if prepared is not None and not prepared.dead:
            self.prepared.setdefault(prepared.name, prepared)

    def _undo_run(self, run: Run) -> None:
        undo = run.undo
        if undo is None:
            return
        state = self.state
        state.purpose, state.actor, state.search_path = undo.state.purpose, undo.state.actor, undo.state.search_path
        state.path_changes = undo.state.path_changes
        state.prepared, state.cursors = undo.state.prepared, undo.state.cursors
        self.names += 1
        for prepared in undo.forgotten:
            self._bring_back(prepared)
        # Of a Query, the statements before the one that failed did run.
        for statement in run.plan.statements[: run.index]:
            self._apply(statement, [])
        self.token = None
        self.settle(run)

    def _undo_parse(self, entry: Parsing, *, dropped: bool) -> None:
        prepared = entry.prepared
        if entry.injected:
            # Where the Close before it was carried out, the database has nothing under this name any more.
            prepared.forwarded = entry.previous_text if dropped else None
            prepared.confirmed = True
            return
        prepared.dead = True
        if self.prepared.get(prepared.name) is prepared:
            del self.prepared[prepared.name]
            # A failed Parse of the unnamed statement has dropped the one before it, PostgreSQL's exec_parse_message.
            if dropped or prepared.name:
                self._bring_back(entry.previous)

    def search_path_reported(self, value: str) -> None:
        """PostgreSQL 18 reports search_path: so is known what no statement said, such as a function that sets it."""
        state = self.state
        usual = value == self.default_search_path
        path = state.initial_search_path if usual else split_search_path(value)
        if path != state.search_path:
            if state.path_changes is not None and state.path_changes.lasting == state.search_path:
                state.path_changes = state.path_changes.set(path, local=False)
            state.search_path = path
            self.token = None

    # -- records ------------------------------------------------------------------------------------------------------
    def complete(self, run: Run, rows: int, sqlstate: str) -> None:
        """The current statement of `run` is over."""
        statements = run.plan.statements
        if run.index < len(statements):
            statement = statements[run.index]
            phase = "close" if run.opened else "single"
            self.completions.append(
                Completion(
                    statement,
                    phase,
                    run.number,
                    run.received,
                    rows,
                    run.size,
                    sqlstate,
                    run.lookups,
                    run.denial,
                    run.actor,
                    self._subjects(run, statement, rows),
                )
            )
            if statement.effects and sqlstate == "00000":
                self.note_success(statement)
        if run.kind == EXECUTE:
            if run.undo is not None and sqlstate == "00000":
                self.settle(run)
            return
        run.index = run.index + 1 if sqlstate == "00000" else len(statements)
        run.rows = run.size = 0
        run.keys = None
        if run.opened:
            run.opened = False
        run.number = self.number()

    def cut_off(self, sqlstate: str) -> None:
        """The session is over: so is all that was sent and not answered, as far as it came."""
        runs = [entry for entry in self.queue if isinstance(entry, Run) and entry.kind in (EXECUTE, QUERY, CALL)]
        for run in runs if self.usual is None else (*runs, self.usual.run):
            self.complete(run, run.rows, sqlstate)

    def open(self, run: Run) -> None:
        """Rows of the current statement of `run` are about to leave before it is over."""
        if run.opened or run.index >= len(run.plan.statements):
            return
        run.opened = True
        statement = run.plan.statements[run.index]
        self.completions.append(
            Completion(
                statement,
                "open",
                run.number,
                run.received,
                0,
                0,
                "00000",
                run.lookups,
                None,
                run.actor,
                self._subjects(run, statement, 0),
            )
        )

    def gather(self, run: Run) -> Keys | None:
        """Who gathers the subjects of the rows of `run`'s current statement; None where they tell none."""
        statements = run.plan.statements
        if run.keys is None and run.index < len(statements):
            statement = statements[run.index]
            if statement.subjects or statement.unattributed:
                bind = run.bind
                run.keys = Keys(
                    statement,
                    self.checks.subject_hashes,
                    bind.values if bind else (),
                    bind.result_formats if bind else (),
                    bind.formats if bind else (),
                )
        return run.keys

    def _subjects(self, run: Run, statement: StatementPlan, rows: int) -> bytes:
        if not (statement.subjects or statement.unattributed):
            return b""
        keys = self.gather(run)
        return keys.members(rows) if keys is not None else b""

    @property
    def running(self) -> Run | None:
        """The statement whose replies come now."""
        head = self.queue[0] if self.queue else None
        return head if isinstance(head, Run) and head.kind in (EXECUTE, QUERY, CALL) else None


def _ends(effect: plans.Effect) -> bool:
    """Whether it only says what becomes of changes that were made before."""
    return isinstance(effect, Transaction) and effect.verb is not Verb.SAVEPOINT
