"""The settings of a gateway as frozen values: what each key means, its unit and its default.

Every key of `menshen.toml` is a field here, and its metadata is the only place that describes it: the reader
(`reader.py`), the reference in `docs/configuration.md` (`markdown.py`) and the tests work from these fields.
A name that ends in `_seconds` or `_bytes` carries its unit.
"""

# ruff: noqa: RUF009 - `setting` returns a dataclass field, as `field` does
from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.errors import Problem

_REQUIRED: Any = dataclasses.MISSING


class Secret:
    """A text that must not be shown: `repr`, `str` and formatting give asterisks, only `reveal()` gives the text."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "Secret(****)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(("Secret", self._text))


def setting(
    doc: str,
    *,
    default: Any = _REQUIRED,
    factory: Any = _REQUIRED,
    unit: str = "",
    minimum: float | None = None,
    maximum: float | None = None,
    example: str = "",
) -> Any:
    """A key of the configuration. Without default and factory it is required."""
    metadata = {"doc": doc, "unit": unit, "minimum": minimum, "maximum": maximum, "example": example}
    return field(default=default, default_factory=factory, metadata=metadata)


class Durability(enum.StrEnum):
    """When a record counts as durable."""

    WRITE = "write"
    FSYNC = "fsync"


class TlsMode(enum.StrEnum):
    DISABLE = "disable"
    PREFER = "prefer"
    REQUIRE = "require"


class DatabaseMode(enum.StrEnum):
    INLINE = "inline"
    MANAGED = "managed"


class PoolMode(enum.StrEnum):
    OFF = "off"
    SESSION = "session"


class Protocol(enum.StrEnum):
    POSTGRES = "postgres"


class Least(enum.StrEnum):
    """The least severity that a route is told."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Language(enum.StrEnum):
    EN = "en"
    ZH = "zh"


class LogFormat(enum.StrEnum):
    HUMAN = "human"
    JSON = "json"


class LogLevel(enum.StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSettings:
    """What one client, and all of them together, may ask of the gateway."""

    max_message_bytes: int = setting(
        "Longest protocol message that a client may send; a longer one ends its connection (08P01).",
        default=64 * 1024 * 1024,
        unit="bytes",
        minimum=1024,
        maximum=1024**3,
    )
    max_statement_bytes: int = setting(
        "Longest SQL text that is analysed; a longer one is refused (54000) and the session goes on.",
        default=1024 * 1024,
        unit="bytes",
        minimum=256,
        maximum=1024**3,
    )
    startup_timeout_seconds: float = setting(
        "Time from the TCP connection to a complete startup message, TLS included.",
        default=10.0,
        unit="seconds",
        minimum=0.1,
    )
    auth_timeout_seconds: float = setting(
        "Time for the client to authenticate after its startup message.", default=15.0, unit="seconds", minimum=0.1
    )
    max_connections: int = setting(
        "Client connections at the same time; the next one is told 53300.", default=1000, unit="connections", minimum=1
    )
    max_connections_per_address: int = setting(
        "The same from one address (of IPv6, one network of 64 bits); 0: no limit of its own. A pooler or a NAT "
        "gateway is one address.",
        default=0,
        unit="connections",
        minimum=0,
    )
    max_connections_per_principal: int = setting(
        "The same of one principal; 0: no limit of its own.", default=0, unit="connections", minimum=0
    )
    failed_logins_per_minute: int = setting(
        "Failed logins from one address under one name within a minute; the next one is refused unheard (28000), also "
        "with the right password. Other addresses are not concerned. 0: no limit.",
        default=100,
        unit="logins",
        minimum=0,
    )
    failed_logins_per_minute_per_address: int = setting(
        "The same under any name: against one who tries many names.", default=1000, unit="logins", minimum=0
    )
    max_prepared_statements: int = setting(
        "Prepared statements of one session at the same time; the next one is refused (53400).",
        default=10_000,
        unit="statements",
        minimum=1,
    )
    drain_timeout_seconds: float = setting(
        "After SIGTERM, how long open transactions may go on before they are ended with 57P01.",
        default=30.0,
        unit="seconds",
        minimum=0,
    )
    retire_timeout_seconds: float = setting(
        "After SIGHUP, how long clients of the workers before may go on in them; then these drain as after SIGTERM.",
        default=3600.0,
        unit="seconds",
        minimum=0,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewaySettings:
    workers: int = setting(
        "Worker processes that share the addresses; pools are divided among them.",
        default=1,
        unit="processes",
        minimum=1,
        maximum=256,
    )
    state_dir: Path = setting("Folder for what the gateway keeps itself, such as its keys.", default=Path("var"))
    node: str = setting("Name of this gateway in records; empty: the host's name.", default="")
    limits: LimitSettings = setting("Limits.", factory=LimitSettings)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    format: LogFormat = setting(
        "`human` for a terminal, `json` for a collector: one object on each line.", default=LogFormat.HUMAN
    )
    level: LogLevel = setting("Least severity that is logged.", default=LogLevel.INFO)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySettings:
    path: Path = setting("Folder of the policy bundle.", default=Path("policies"))
    public_key: str = setting(
        "Ed25519 public key that signs the bundle. Not in this version: must be empty.", default=""
    )
    shadow: str = setting(
        "Folder of a second bundle that is judged and recorded, never enforced. Not in this version: must be empty.",
        default="",
    )
    reload_interval_seconds: float = setting(
        "How often the bundle's files are looked at for changes; 0: only on SIGHUP.",
        default=2.0,
        unit="seconds",
        minimum=0,
    )
    pseudonym_key: Secret | None = setting(
        "Secret from which pseudonyms are derived, at least 32 characters. A change of it changes every pseudonym. "
        "Without it a random one is made at the first start and kept in `state_dir`.",
        default=None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailSettings:
    path: Path = setting("Folder of the trail's segments.", default=Path("var/trail"))
    durability: Durability = setting(
        "`write`: a record is with the kernel before its rows leave (survives the death of the process); "
        "`fsync`: it is on the disk (survives the death of the machine).",
        default=Durability.WRITE,
    )
    signing_key_file: Path | None = setting(
        "File with the Ed25519 private key (PEM) that signs closed segments. Without it one is made at the first start "
        "and kept in `state_dir`.",
        default=None,
        example="/run/secrets/trail-key.pem",
    )
    segment_bytes: int = setting(
        "Size at which a segment is closed, signed and followed by a new one.",
        default=64 * 1024 * 1024,
        unit="bytes",
        minimum=64 * 1024,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    host: str = setting("Address of metrics, health and control.", default="127.0.0.1")
    port: int = setting("Port of metrics, health and control.", default=8080, minimum=0, maximum=65535)
    control_token: Secret | None = setting(
        "Bearer token of the control API, at least 16 characters. Without it the control API is off.", default=None
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsSettings:
    mode: TlsMode = setting(
        "`disable`, `prefer` (offered where there is a certificate) or `require` (others are refused).",
        default=TlsMode.PREFER,
    )
    cert: Path | None = setting("Certificate chain of the gateway (PEM).", default=None, example="tls/server.crt")
    key: Path | None = setting("Private key of the certificate (PEM).", default=None, example="tls/server.key")
    client_ca: Path | None = setting(
        "Authorities whose client certificates are accepted (PEM).", default=None, example="tls/clients.crt"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenSettings:
    protocol: Protocol = setting("Wire protocol of the clients.", default=Protocol.POSTGRES)
    host: str = setting("Address to listen on.", default="127.0.0.1")
    port: int = setting("Port to listen on.", default=6432, minimum=0, maximum=65535)
    tls: TlsSettings = setting("TLS towards the clients.", factory=TlsSettings)


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSettings:
    size: int = setting(
        "Connections to the database at the same time; a client beyond them waits, and is then told 53300.",
        default=100,
        unit="connections",
        minimum=1,
    )
    wait_seconds: float = setting(
        "How long a client waits for a free connection.", default=10.0, unit="seconds", minimum=0
    )
    mode: PoolMode = setting(
        "A client has its connection to the database for itself as long as it stays. `off`: the connection ends with "
        "it. `session`: it is cleaned, that is verified, and the same principal's next client with the same startup "
        "parameters gets it (docs/operations.md, Pooling).",
        default=PoolMode.OFF,
    )
    per_principal: int = setting(
        "Connections that one principal may have at the same time; 0: all of them.",
        default=0,
        unit="connections",
        minimum=0,
    )
    idle: int = setting(
        "Mode `session`: connections that are kept without a client, of all principals together.",
        default=20,
        unit="connections",
        minimum=1,
    )
    idle_seconds: float = setting(
        "Mode `session`: how long a connection is kept without a client.", default=300.0, unit="seconds", minimum=1
    )
    lifetime_seconds: float = setting(
        "Mode `session`: the age at which a connection is not given to another client.",
        default=3600.0,
        unit="seconds",
        minimum=1,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSettings:
    dsn: Secret = setting(
        "Where the database is and who the gateway is there; it never reaches a client.",
        example="postgresql://menshen:…@db.example:5432/crm",
    )
    mode: DatabaseMode = setting(
        "`inline`: the veils live in the statements. `managed`: in views and roles of the database as well, which "
        "`menshen install` makes (docs/managed.md).",
        default=DatabaseMode.INLINE,
    )
    pool: PoolSettings = setting("Connections to the database.", factory=PoolSettings)
    connect_timeout_seconds: float = setting(
        "Time to connect and log in to the database.", default=10.0, unit="seconds", minimum=0.1
    )
    catalogue_refresh_seconds: float = setting(
        "How often the database's catalogue is read again; 0: only on SIGHUP and after DDL that passes through.",
        default=60.0,
        unit="seconds",
        minimum=0,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchSettings:
    enabled: bool = setting("Whether this gateway runs detectors, opens incidents and sends messages.", default=True)
    store_dsn: Secret | None = setting(
        "PostgreSQL database of the incidents, which several gateways may share. Without it they are kept in "
        "`state_dir` (SQLite).",
        default=None,
    )
    interval_seconds: float = setting(
        "How often the detectors look for new records.", default=0.2, unit="seconds", minimum=0.02, maximum=60
    )
    join_window_seconds: float = setting(
        "Findings about the same that are no further apart than this are one incident.",
        default=3600.0,
        unit="seconds",
        minimum=1,
    )
    contain: bool = setting(
        "Whether a detector that is set to `contain` may suspend an account by itself.", default=True
    )
    bypass_interval_seconds: float = setting(
        "How often the databases are asked for connections that are not the gateway's; 0: never.",
        default=5.0,
        unit="seconds",
        minimum=0,
    )
    bypass_allowed: tuple[str, ...] = setting(
        "Users of the databases whose own connections are known and wanted, such as that of backups.", default=()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifySettings:
    name: str = setting("Name of the route, in records and metrics.", example="oncall")
    url: Secret = setting(
        "One apprise address: DingTalk, WeCom, Feishu, Slack, PagerDuty, mail, a webhook "
        "(https://appriseit.com/services/).",
        example="dingtalk://…/…",
    )
    severity: Least = setting("Least severity that is told.", default=Least.MEDIUM)
    departments: tuple[str, ...] = setting(
        "Departments whose incidents are told; none: those of every department.", default=()
    )
    escalate_after_seconds: float = setting(
        "Above 0: told only when nobody has acknowledged the incident for so long.",
        default=0.0,
        unit="seconds",
        minimum=0,
    )
    repeat_after_seconds: float = setting(
        "How often an incident that nobody has acknowledged is told again; 0: never.",
        default=3600.0,
        unit="seconds",
        minimum=0,
    )
    language: Language = setting("Language of the messages.", default=Language.EN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All of `menshen.toml`, with defaults, environment and secret files taken into account."""

    gateway: GatewaySettings = setting("The gateway itself.", factory=GatewaySettings)
    log: LogSettings = setting("Logging, to standard error.", factory=LogSettings)
    policy: PolicySettings = setting("The policy bundle.", factory=PolicySettings)
    trail: TrailSettings = setting("The trail of records.", factory=TrailSettings)
    http: HttpSettings = setting("Metrics, health and control.", factory=HttpSettings)
    watch: WatchSettings = setting("Detectors, incidents and containment.", factory=WatchSettings)
    notify: tuple[NotifySettings, ...] = setting("Whom incidents are told; one table for each route.", default=())
    listen: tuple[ListenSettings, ...] = setting("Where clients connect; one table for each address.", default=())
    databases: Mapping[str, DatabaseSettings] = setting(
        "The databases, by the name that clients connect to.", factory=dict
    )
    # What is no key: where the settings came from, and what is doubtful about them.
    source: Path | None = None
    warnings: tuple[Problem, ...] = ()
