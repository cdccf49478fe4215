"""What the settings must fulfil together, after each value has been read: combinations, addresses, files.

Every check notes problems in the source; none raises, so that all mistakes are reported at once.
"""

from __future__ import annotations

import ipaddress
from pathlib import Path
from urllib.parse import urlsplit

from gateway.config.lines import Path as KeyPath
from gateway.config.reader import Source, name_of
from gateway.config.settings import (
    DatabaseSettings,
    HttpSettings,
    ListenSettings,
    PolicySettings,
    Settings,
    TlsMode,
    TlsSettings,
)


def check(settings: Settings, source: Source) -> None:
    """Note every problem of the settings as a whole."""
    _check_workers(settings, source)
    _check_policy(settings.policy, source)
    _check_http(settings.http, source)
    key = settings.trail.signing_key_file
    if key is not None and not key.is_file():
        source.problem(
            ("trail", "signing_key_file"), f"trail.signing_key_file: there is no file {key}", "check the path"
        )
    _check_watch(settings, source)
    if not settings.listen:
        source.problem(("listen",), "no [[listen]] table: no client could connect", "add [[listen]] with a port")
    if not settings.databases:
        source.problem(("databases",), "no [databases.NAME] table", "add [databases.crm] with a dsn")
    seen: dict[tuple[str, int], KeyPath] = {}
    _claim(seen, settings.http.host, settings.http.port, ("http", "port"), source)
    for index, listen in enumerate(settings.listen):
        _claim(seen, listen.host, listen.port, ("listen", index, "port"), source)
        _check_listen(listen, ("listen", index), source)
    for name, database in settings.databases.items():
        _check_database(database, ("databases", name), source)


def is_loopback(host: str) -> bool:
    """Whether only this machine can connect to the address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _claim(seen: dict[tuple[str, int], KeyPath], host: str, port: int, path: KeyPath, source: Source) -> None:
    if port and (host, port) in seen:
        source.problem(path, f"{host}:{port} is already used by {name_of(seen[host, port])}", "choose another port")
    seen.setdefault((host, port), path)


def _check_workers(settings: Settings, source: Source) -> None:
    workers = settings.gateway.workers
    for name, database in settings.databases.items():
        for key, number in (("size", database.pool.size), ("per_principal", database.pool.per_principal)):
            if 0 < number < workers:
                source.problem(
                    ("databases", name, "pool", key),
                    f"databases.{name}.pool.{key} is {number}, which {workers} workers cannot divide: each needs one",
                    f"set {key} to {workers} or more, or gateway.workers to {number}",
                )


def _check_policy(policy: PolicySettings, source: Source) -> None:
    # A key that were read and ignored would promise a protection that is not there.
    for key in ("public_key", "shadow"):
        if getattr(policy, key):
            source.problem(
                ("policy", key), f"policy.{key} is not in this version", f"remove {key}; bundles are not verified yet"
            )
    if policy.pseudonym_key is not None and len(policy.pseudonym_key.reveal()) < 32:
        source.problem(
            ("policy", "pseudonym_key"),
            "policy.pseudonym_key is shorter than 32 characters",
            "make one: openssl rand -hex 32",
        )


def _check_watch(settings: Settings, source: Source) -> None:
    dsn = settings.watch.store_dsn
    if dsn is not None and not dsn.reveal().startswith(("postgresql://", "postgres://")):
        source.problem(
            ("watch", "store_dsn"),
            "watch.store_dsn is no PostgreSQL address",
            "write postgresql://user:password@host/db",
        )
    names: set[str] = set()
    for index, route in enumerate(settings.notify):
        path: KeyPath = ("notify", index)
        if route.name in names:
            source.problem(
                (*path, "name"), f"there are two routes named {route.name!r}", "names are told apart in records"
            )
        names.add(route.name)
        if not route.name or not route.name.replace("-", "").replace("_", "").isalnum():
            source.problem((*path, "name"), f"{name_of(path)}.name must be letters, digits, - and _", 'name = "oncall"')
        # Never quote the address: it holds a token.
        if "://" not in route.url.reveal() or len(route.url.reveal().split()) != 1:
            source.problem(
                (*path, "url"),
                f"{name_of(path)}.url is not one apprise address",
                "one address; several need several routes",
            )
    if settings.watch.enabled and settings.notify and all(one.escalate_after_seconds > 0 for one in settings.notify):
        source.problem(
            ("notify",), "every [[notify]] waits for escalation: nobody is told at once",
            "leave escalate_after_seconds out of one of them", "warning",
        )  # fmt: skip


def _check_http(http: HttpSettings, source: Source) -> None:
    if http.control_token is not None and len(http.control_token.reveal()) < 16:
        source.problem(
            ("http", "control_token"), "http.control_token is shorter than 16 characters", "openssl rand -hex 16"
        )


def _check_listen(listen: ListenSettings, path: KeyPath, source: Source) -> None:
    tls = listen.tls
    if not listen.host:
        source.problem((*path, "host"), f"{name_of(path)}.host is empty", "0.0.0.0 or :: stands for every address")
    _check_tls(tls, (*path, "tls"), source)
    if tls.mode is not TlsMode.REQUIRE and not is_loopback(listen.host):
        source.problem(
            (*path, "host"),
            f"{name_of(path)} accepts connections without TLS from other machines",
            'set tls = {cert = …, key = …, mode = "require"}',
            "warning",
        )


def _check_tls(tls: TlsSettings, path: KeyPath, source: Source) -> None:
    name = name_of(path)
    if (tls.cert is None) != (tls.key is None):
        source.problem(path, f"{name} has one of cert and key", "give both")
    if tls.mode is TlsMode.REQUIRE and tls.cert is None:
        source.problem(path, f'{name} has mode = "require" and no certificate', "give cert and key")
    if tls.client_ca is not None and tls.cert is None:
        source.problem(path, f"{name} has client_ca and no certificate", "give cert and key")
    for key in ("cert", "key", "client_ca"):
        file: Path | None = getattr(tls, key)
        if file is not None and not file.is_file():
            source.problem((*path, key), f"{name}.{key}: there is no file {file}", "check the path")


def _check_database(database: DatabaseSettings, path: KeyPath, source: Source) -> None:
    # Never quote the DSN: it holds a password.
    try:
        parts = urlsplit(database.dsn.reveal())
        # Several hosts stand apart by commas, each with a port of its own.
        _ = [urlsplit(f"//{place}").port for place in parts.netloc.rpartition("@")[2].split(",")]
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("postgresql", "postgres"):
        source.problem(
            (*path, "dsn"),
            f"{name_of(path)}.dsn is no PostgreSQL address",
            "write postgresql://user:password@host:5432/database (special characters of the password as %XX)",
        )
