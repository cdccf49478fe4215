"""The composition root of a worker: settings and adapters become a process that serves clients.

    secrets → policy → trail → catalogues → clients          and back in the opposite order

A bad bundle, a trail that cannot be opened or a TLS file that cannot be used stop the start. A database that is down
does not: readiness says so, clients of that database are told 57P03, and it is tried again until it comes. What the
workers of a gateway share (HTTP, the watch, reloads, suspensions) is in `gateway.fleet`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import platform
import re
import socket
import ssl
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from adapters.postgres.catalog import Snapshot
from adapters.postgres.live import DATA_PATH
from adapters.postgres.managed.login import RoleSecrets
from adapters.postgres.managed.planner import ManagedPlanner
from adapters.postgres.planner import PostgresPlanner
from adapters.postgres.pool.pool import PoolRules
from adapters.postgres.server import DatabaseTarget, Judgement, Listen, PostgresServer, ServerLimits
from adapters.postgres.session.channel import Limits
from adapters.postgres.slot import PlannerSlot
from adapters.postgres.source import PostgresSource
from adapters.postgres.sql.pseudonym import PseudonymKeys
from adapters.postgres.wire.scram import Mock
from gateway import __version__, process
from gateway.api.health import Check
from gateway.config import DatabaseMode, DatabaseSettings, ListenSettings, PoolMode, PoolSettings, Settings, TlsMode
from gateway.errors import Denied, MenshenError, Problem, StartError, TrailUnavailable
from gateway.log import event
from gateway.meter import Meter
from gateway.metrics import Metrics, TrailFigures
from gateway.model import Principal
from gateway.net.crowd import Gate
from gateway.net.listener import Turns
from gateway.net.tasks import Tasks
from gateway.net.tls import ServerTls, expiry
from gateway.policy.lookups import LookupLedger
from gateway.policy.masks import looks_masked
from gateway.policy.policy import Policy
from gateway.policy.policy import load as load_policy
from gateway.statefiles import lookup_key, make_state_dir, mock_key, node_of, pseudonym_secret
from gateway.trail.record import FieldValue, value_hash
from gateway.trail.signing import load_or_create
from gateway.trail.writer import TrailWriter
from gateway.upkeep.catalogue import CatalogueKeeper
from gateway.upkeep.policy import PolicyKeeper
from gateway.watch.containment import Containment

log = logging.getLogger(__name__)

_ROUNDS = re.compile(r"SCRAM-SHA-256\$(\d{1,9}):")
_MAINTAIN_SECONDS = 1.0
# How long the start waits for the catalogues before it lets clients in; a database that is slower is told as not ready.
_FIRST_READING_SECONDS = 15.0
_TLS_HINT = "cert and key are PEM files that belong together; special characters of a dsn are written %XX."


@dataclass(frozen=True, slots=True)
class Database:
    """What belongs to one configured database."""

    settings: DatabaseSettings
    slot: PlannerSlot
    keeper: CatalogueKeeper[Snapshot]
    source: PostgresSource


def _nobody_else(*_: object) -> None:
    """There is no other worker to tell."""


@dataclass(frozen=True, slots=True)
class Seat:
    """What a worker has of the others."""

    number: int = 0
    """Its own, in records, in the name of its chain and in the keys of its sessions."""
    sockets: tuple[tuple[socket.socket, ...], ...] = ()
    """For each [[listen]] the sockets that listen already; none: the worker makes its own."""
    turns: Turns | None = None
    gate: Gate | None = None
    """Counts clients and failed logins of all workers; none: the worker counts its own."""
    cancel: Callable[[int, bytes], None] = _nobody_else
    """Told of cancel requests (process id, key) for sessions of other workers."""
    ddl_passed: Callable[[str], None] = _nobody_else
    """Told of a database whose catalogue has changed."""
    looked_up: Callable[[str, Mapping[str, int], int], None] = _nobody_else
    """Told of raw values that were looked up (principal, class → how many, minute)."""


class Gateway:
    """One worker. `prepare`, `serve`, then `retire` or `drain`, and `stop`; `reload` at any time between."""

    def __init__(self, settings: Settings, seat: Seat | None = None) -> None:
        """Reads keys and takes the trail. Raises ProblemsFound and TrailUnavailable."""
        make_state_dir(settings.gateway.state_dir)
        secret = pseudonym_secret(settings)
        self.settings = settings
        self.seat = seat or Seat()
        self.node = node_of(settings)
        self._pseudonyms = PseudonymKeys(secret)
        self._lookup_key = lookup_key(secret)
        self._mock_key = mock_key(secret)
        self._role_secrets = RoleSecrets(secret)
        self.ledger = LookupLedger(self.seat.looked_up)
        self._tasks = Tasks()
        self._draining = False
        self.metrics = Metrics(settings.databases)
        self.meter = Meter(self.metrics)
        self.databases = {name: self._database(name, each) for name, each in settings.databases.items()}
        self.policy = PolicyKeeper(
            settings.policy.path,
            load_policy,
            self._use_policy,
            self._policy_refused,
            settings.policy.reload_interval_seconds,
        )
        signer = load_or_create(settings.trail.signing_key_file, settings.gateway.state_dir)
        self._trail: TrailWriter | None = None
        self.server: PostgresServer | None = None
        self.containment = Containment(self._end_sessions)
        self.policy.start()
        self.trail = self._trail = TrailWriter.open(
            settings.trail.path,
            self.node,
            self.seat.number,
            signer,
            durability=settings.trail.durability.value,
            segment_bytes=settings.trail.segment_bytes,
        )
        self._prepare_metrics()

    def _database(self, name: str, settings: DatabaseSettings) -> Database:
        source = PostgresSource(settings.dsn, settings.connect_timeout_seconds)
        changed = partial(self._catalogue_read, name)
        keeper = CatalogueKeeper(name, source, changed, settings.catalogue_refresh_seconds)
        return Database(settings, PlannerSlot(name, partial(self.meter.stage, "judge")), keeper, source)

    # -- life ---------------------------------------------------------------------------------------------------------
    async def prepare(self) -> None:
        """All but clients: the catalogues are read, or known to be out of reach."""
        self._record("gateway_started", version=__version__, node=self.node)
        self._record("policy_loaded", digest=self.policy.policy.digest, signed=self.policy.policy.signed)
        self._tasks.start(self._maintain(), name="trail upkeep")
        await self._first_readings()

    async def serve(self) -> None:
        """Clients can come. Raises StartError where an address or a TLS file cannot be used."""
        try:
            self.server = self._postgres_server()
            await self.server.start()
        except ssl.SSLError as error:
            raise StartError(f"a TLS file of [[listen]] cannot be used: {error.reason}", hint=_TLS_HINT) from error
        except ValueError as error:
            raise StartError(f"a dsn or a TLS file cannot be used: {error}", hint=_TLS_HINT) from error
        except OSError as error:
            raise StartError(f"a file or an address of [[listen]] cannot be used: {error.strerror}") from error

    async def retire(self) -> None:
        """No new clients; those that are in go on, until the last of them has left."""
        if self.server is not None:
            await self.server.retire()

    async def drain(self, abort: asyncio.Event) -> None:
        """No new clients; those that are in may end their transactions, until the time is over or `abort` is set."""
        self._draining = True
        if self.server is None:
            return
        draining = asyncio.ensure_future(self.server.drain(self.settings.gateway.limits.drain_timeout_seconds))
        aborting = asyncio.ensure_future(abort.wait())
        await asyncio.wait((draining, aborting), return_when=asyncio.FIRST_COMPLETED)
        for task in (draining, aborting):
            task.cancel()
        await asyncio.gather(draining, aborting, return_exceptions=True)

    async def stop(self) -> None:
        """End everything, the trail last but one, so that the last sessions' records are in it."""
        if self.server is not None:
            await self.server.stop()
        await self._tasks.cancel()
        self._record("gateway_stopped", node=self.node)
        self.trail.close()

    def own_backends(self) -> list[int]:
        """Process ids at the databases of everything that this worker has connected."""
        sources = [each.source.backend_pid for each in self.databases.values()]
        own = {pid for pid in sources if pid is not None}
        return sorted(own | self.server.backend_pids() if self.server else own)

    def _end_sessions(self, principal: str, actor: str | None, message: str) -> int:
        return self.server.end_sessions(principal, actor, message) if self.server else 0

    async def _first_readings(self) -> None:
        for name, database in self.databases.items():
            self._tasks.start(database.keeper.run(), name=f"catalogue {name}")
        readings = [asyncio.ensure_future(database.keeper.refresh()) for database in self.databases.values()]
        await asyncio.wait(readings, timeout=_FIRST_READING_SECONDS)
        for reading in readings:
            reading.cancel()
        await asyncio.gather(*readings, return_exceptions=True)

    async def _maintain(self) -> None:
        """What hangs on time passing: the trail's rotation, head and recovery."""
        while True:
            self.trail.maintain()
            await asyncio.sleep(_MAINTAIN_SECONDS)

    # -- reload -------------------------------------------------------------------------------------------------------
    async def reload(self, *, catalogues: bool = True) -> dict[str, Any]:
        """The bundle, and all catalogues, now. Raises ProblemsFound; the catalogues are read all the same."""
        readings = [database.keeper.refresh() for database in self.databases.values()] if catalogues else []
        changed, *results = await asyncio.gather(self.policy.reload(), *readings, return_exceptions=True)
        if isinstance(changed, BaseException):
            raise changed
        failed = [name for name, result in zip(self.databases, results, strict=False) if isinstance(result, Exception)]
        if not changed:
            self.metrics.counters["policy_reloads_total"]["unchanged",] += 1
        return {"policy": {"digest": self.policy.policy.digest, "changed": changed}, "catalogues_failed": failed}

    def _ddl_passed(self, database: str) -> None:
        self.refresh_soon(database)
        self.seat.ddl_passed(database)

    def refresh_soon(self, database: str) -> None:
        """Read the catalogue of a database again; whatever goes wrong is told by its keeper."""
        self._tasks.start(self._quietly(self.databases[database].keeper.refresh()), name=f"refresh {database}")

    async def _quietly(self, work: Any) -> None:
        with contextlib.suppress(MenshenError):
            await work

    def _use_policy(self, policy: Policy) -> None:
        """In force from here: planners first, then what reports about them."""
        for database in self.databases.values():
            self._plan_with(database, policy)
        self._end_sessions_without_a_place(policy)
        departments = {each.department for each in policy.principals.values()}
        self.meter.use_bundle(policy.purposes, policy.classes, departments)
        gauges = self.metrics.gauges
        gauges.policy_digest, gauges.policy_loaded = policy.digest, time.time()
        gauges.policy_warnings = len(policy.warnings)
        self.metrics.counters["policy_reloads_total"]["loaded",] += 1
        for warning in policy.warnings:
            event(log, logging.WARNING, "policy_warning", str(warning))
        if self._trail is not None:
            self._record("policy_loaded", digest=policy.digest, signed=policy.signed)

    def _end_sessions_without_a_place(self, policy: Policy) -> None:
        """Sessions whose principal is gone, or may not pursue their purpose any more, end with the old bundle."""
        for session in self.server.sessions() if self.server else ():
            principal = policy.principals.get(session.principal)
            try:
                if principal is None:
                    raise Denied(f'principal "{session.principal}" is not in the policy any more')
                policy.persona(principal, session.purpose)
            except Denied as refused:
                if self.server is not None and self.server.kill(session.session, refused.message):
                    event(
                        log, logging.WARNING, "session_ended", "a session has no place in the new bundle",
                        session=session.session, reason=refused.message,
                    )  # fmt: skip

    def _policy_refused(self, problems: tuple[Problem, ...]) -> None:
        self.metrics.counters["policy_reloads_total"]["refused",] += 1
        self._record("policy_refused", problems=len(problems), detail=problems[0].message if problems else "")

    def _catalogue_read(self, name: str, snapshot: Snapshot) -> None:
        database = self.databases[name]
        first = database.slot.snapshot
        gauges = self.metrics.gauges
        gauges.catalogue_relations[name] = len(snapshot.relations)
        self.metrics.counters["catalogue_refreshes_total"][name, "read"] += 1
        if first is not None and first.digest == snapshot.digest:
            return
        self._plan_with(database, self.policy.policy, snapshot)
        event(
            log, logging.INFO, "catalogue_read", "the catalogue of the database was read", database=name,
            relations=len(snapshot.relations), digest=snapshot.digest[:16],
        )  # fmt: skip
        self._record("catalogue_refreshed", database=name, digest=snapshot.digest, relations=len(snapshot.relations))

    def _plan_with(self, database: Database, policy: Policy, snapshot: Snapshot | None = None) -> None:
        """A new planner for what is in force; none before the catalogue was read."""
        snapshot = snapshot or database.slot.snapshot
        if snapshot is not None:
            database.slot.put(self._planner(database.settings.mode, policy, snapshot))

    def _planner(self, mode: DatabaseMode, policy: Policy, snapshot: Snapshot) -> PostgresPlanner:
        if mode is DatabaseMode.MANAGED:
            return ManagedPlanner(policy, snapshot, self._pseudonyms, self._lookup_key, self._role_secrets)
        return PostgresPlanner(policy, snapshot, self._pseudonyms, self._lookup_key)

    # -- what others ask ----------------------------------------------------------------------------------------------
    def readiness(self) -> dict[str, Check]:
        """All checks of /readyz."""
        checks = {
            "policy": Check(True, "its files are refused, an older bundle is in force" if self.policy.problems else ""),
            "trail": Check(True) if self.trail.healthy else Check(False, "records cannot be written: see the log"),
            "serving": Check(False, "stopping") if self._draining else Check(self.server is not None),
            "data_path": Check(True, "" if DATA_PATH == "compiled" else "plain Python; a wheel has it compiled"),
        }
        for name, database in self.databases.items():
            keeper = database.keeper
            stale = "" if keeper.fresh else "the catalogue has not been read for too long"
            checks[f"catalogue.{name}"] = Check(keeper.fresh, stale)
            checks[f"upstream.{name}"] = Check(not keeper.trouble, keeper.trouble)
        return checks

    def status(self) -> dict[str, Any]:
        """For the control API."""
        policy = self.policy.policy
        return {
            "number": self.seat.number,
            "policy": {
                "digest": policy.digest,
                "loaded_at": self.policy.loaded_at,
                "warnings": [str(warning) for warning in policy.warnings],
                "refused": [str(problem) for problem in self.policy.problems],
            },
            "sessions": self.load,
        }

    @property
    def load(self) -> int:
        """Clients that are in, or are coming in."""
        return self.server.load if self.server is not None else 0

    def class_titles(self) -> dict[str, dict[str, str]]:
        """Data class → language → title, of the bundle in force."""
        return {name: dict(each.title) for name, each in self.policy.policy.classes.items()}

    def _iterations(self) -> Mapping[int, int]:
        """How many of the bundle's verifiers have each number of rounds."""
        return _iterations(self.policy.policy)

    def _principal(self, name: str) -> Principal | None:
        return self.policy.policy.principals.get(name)

    # -- parts --------------------------------------------------------------------------------------------------------
    def _postgres_server(self) -> PostgresServer:
        limits = self.settings.gateway.limits
        return PostgresServer(
            _listens(self.settings.listen, self.seat.sockets),
            {name: _target(database) for name, database in self.databases.items()},
            principals=self._principal,
            trail=self.trail,
            observer=self.meter,
            judgement=Judgement(looks_masked, partial(value_hash, self._lookup_key), self.ledger),
            limits=ServerLimits(
                limits.startup_timeout_seconds,
                limits.auth_timeout_seconds,
                Limits(limits.max_message_bytes, limits.max_statement_bytes, limits.max_prepared_statements),
            ),
            node=self.node,
            worker=self.seat.number,
            catalogue_changed=self._ddl_passed,
            admission=self.containment.check,
            turns=self.seat.turns,
            cancel_elsewhere=self.seat.cancel,
            mock=Mock(self._mock_key, self._iterations),
            gate=self.seat.gate,
        )

    def _prepare_metrics(self) -> None:
        gauges = self.metrics.gauges
        gauges.build = (__version__, platform.python_version(), process.loop_factory()[0])
        gauges.ready = lambda: {name: check.ok for name, check in self.readiness().items()}
        gauges.trail = self._trail_figures
        gauges.policy_stale = lambda: bool(self.policy.problems)
        gauges.plan_cache = lambda: {name: database.slot.cache for name, database in self.databases.items()}
        gauges.catalogue_read = lambda: {
            name: database.keeper.read_at for name, database in self.databases.items() if database.keeper.read_at
        }
        gauges.catalogue_failed = lambda: {
            name: database.keeper.counts["failed"] for name, database in self.databases.items()
        }
        gauges.upstream_up = lambda: {name: not database.keeper.trouble for name, database in self.databases.items()}
        gauges.certificates = _certificates(self.settings.listen)
        gauges.pools = lambda: self.server.pools() if self.server is not None else {}

    def _trail_figures(self) -> TrailFigures:
        state = self.trail.state()
        return TrailFigures(
            state.healthy, state.records, state.refused, state.bytes, state.segments, state.unsynced, state.unsigned
        )

    def _record(self, name: str, **fields: FieldValue) -> None:
        """An event of the gateway in the trail; that it cannot be written is known to the writer and the metrics."""
        with contextlib.suppress(TrailUnavailable):
            self.trail.event(name, b"", **fields)


@lru_cache(1)
def _iterations(policy: Policy) -> Mapping[int, int]:
    found = (_ROUNDS.match(principal.verifier or "") for principal in policy.principals.values())
    return Counter(int(match[1]) for match in found if match)


def _target(database: Database) -> DatabaseTarget:
    settings = database.settings
    return DatabaseTarget(
        settings.dsn.reveal(),
        database.slot,
        _pool_rules(settings.pool),
        settings.connect_timeout_seconds,
    )


def _pool_rules(pool: PoolSettings) -> PoolRules:
    return PoolRules(
        size=pool.size,
        per_principal=pool.per_principal,
        idle=0 if pool.mode is PoolMode.OFF else pool.idle,
        wait_seconds=pool.wait_seconds,
        idle_seconds=pool.idle_seconds,
        lifetime_seconds=pool.lifetime_seconds,
    )


def _certificates(listens: Iterable[ListenSettings]) -> dict[tuple[str, ...], float]:
    """(address, part) → when it expires. A file that cannot be read is left to the start, which says why it stops."""
    found: dict[tuple[str, ...], float] = {}
    for each in listens:
        for part, path in (("server", each.tls.cert), ("client_ca", each.tls.client_ca)):
            if path is not None and each.tls.mode is not TlsMode.DISABLE:
                with contextlib.suppress(OSError, ValueError):
                    found[f"{each.host}:{each.port}", part] = expiry(path)
    return found


def _listens(settings: Sequence[ListenSettings], sockets: Sequence[tuple[socket.socket, ...]]) -> tuple[Listen, ...]:
    shared = sockets or [()] * len(settings)
    return tuple(_listen(each, own) for each, own in zip(settings, shared, strict=True))


def _listen(settings: ListenSettings, sockets: tuple[socket.socket, ...]) -> Listen:
    tls = settings.tls
    if tls.mode is TlsMode.DISABLE or tls.cert is None or tls.key is None:
        return Listen(settings.host, settings.port, None, sockets)
    offered = ServerTls(tls.cert, tls.key, tls.client_ca, required=tls.mode is TlsMode.REQUIRE)
    return Listen(settings.host, settings.port, offered, sockets)
