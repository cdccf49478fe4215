"""A connection string taken apart: `postgresql://user:password@host:port,host:port/database?sslmode=…`.

The parameters are libpq's (PostgreSQL documentation, "Connection Strings" and "Parameter Key Words"); one that would go
unheeded is a mistake, so that nobody believes in a setting that does nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from adapters.postgres.wire.startup import PROTOCOL_3_0, PROTOCOL_3_2

_SSLMODES: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_PROTOCOLS: Final[Mapping[str, int]] = {"3.0": PROTOCOL_3_0, "3.2": PROTOCOL_3_2, "latest": PROTOCOL_3_2}
_KNOWN: Final = frozenset(
    ("host", "port", "user", "password", "dbname", "sslmode", "sslrootcert", "target_session_attrs")
)
_OURS: Final = frozenset(("max_protocol_version",))
"""What asyncpg would take for a run-time setting of the database."""


class Attrs(StrEnum):
    """Which of several servers will do (`target_session_attrs`)."""

    ANY = "any"
    READ_WRITE = "read-write"
    READ_ONLY = "read-only"
    PRIMARY = "primary"
    STANDBY = "standby"
    PREFER_STANDBY = "prefer-standby"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Another login than the DSN's own."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Dsn:
    """Where a database is and how to log in. `hosts`: in the order in which they are tried."""

    hosts: tuple[tuple[str, int], ...]
    user: str
    database: str
    password: str = field(default="", repr=False)
    sslmode: str = "prefer"
    root: Path | None = None
    attrs: Attrs = Attrs.ANY
    protocol: int = PROTOCOL_3_0
    """Newest version that is asked for (`max_protocol_version`): 3.2 has cancel keys that cannot be guessed, and some
    poolers and older servers refuse it, so that libpq asks for 3.0 too where nobody says otherwise."""


def parse_dsn(text: str) -> Dsn:
    """Raises ValueError with a message that does not repeat the DSN."""
    parts = urlsplit(text)
    if parts.scheme not in ("postgresql", "postgres"):
        raise ValueError("the DSN must begin with postgresql://")
    credentials, _, places = parts.netloc.rpartition("@")
    user, _, password = credentials.partition(":")
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := sorted(set(query) - _KNOWN - _OURS):
        raise ValueError(f"the DSN's parameter {unknown[0]} is not one that the gateway knows")
    name = unquote(user) or query.get("user", "") or "postgres"
    root = query.get("sslrootcert")
    return Dsn(
        _hosts(places, query),
        name,
        unquote(parts.path.lstrip("/")) or query.get("dbname", "") or name,
        unquote(password) or query.get("password", ""),
        _one_of("sslmode", query.get("sslmode", "prefer"), _SSLMODES),
        Path(root) if root and root != "system" else None,
        Attrs(_one_of("target_session_attrs", query.get("target_session_attrs", "any"), tuple(Attrs))),
        _PROTOCOLS[_one_of("max_protocol_version", query.get("max_protocol_version", "3.0"), tuple(_PROTOCOLS))],
    )


def for_asyncpg(text: str) -> str:
    """The same DSN without the parameters that asyncpg would send on as settings."""
    parts = urlsplit(text)
    given = parse_qsl(parts.query, keep_blank_values=True)
    kept = [(name, value) for name, value in given if name not in _OURS]
    return text if kept == given else urlunsplit(parts._replace(query=urlencode(kept)))


def _one_of(name: str, value: str, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise ValueError(f"the DSN's {name} must be one of {', '.join(choices)}")
    return value


def _hosts(places: str, query: Mapping[str, str]) -> tuple[tuple[str, int], ...]:
    """The places of the address; without one those of the parameters `host` and `port`, whose lists go in step."""
    given = places.split(",") if places else query.get("host", "localhost").split(",")
    ports = query.get("port", "5432").split(",")
    if len(ports) not in (1, len(given)):
        raise ValueError("the DSN names another number of ports than of hosts")
    hosts = []
    for number, place in enumerate(given):
        host, port = _place(unquote(place) if places else place, ports[number % len(ports)])
        hosts.append((host or query.get("host", "localhost"), port))
    return tuple(hosts)


def _place(text: str, default_port: str) -> tuple[str, int]:
    host, port = text, default_port
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        port = rest.lstrip(":") or default_port
    elif ":" in text:
        host, _, port = text.rpartition(":")
        port = port or default_port
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError("the DSN's port is not a number from 1 to 65535")
    return host, int(port)
