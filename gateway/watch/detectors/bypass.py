"""Connections of the database that are not the gateway's.

The poller reads pg_stat_activity, gives its rows to `strangers`, and appends what comes back to the trail as events
`backend_seen`. The detector reads these: so a finding has its record, and a restart neither loses nor repeats one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gateway.watch.detectors.base import About, Detector, Setting, Told
from gateway.watch.detectors.seen import Seen
from gateway.watch.detectors.state import make_room
from gateway.watch.finding import Finding, Severity


@dataclass(frozen=True, slots=True)
class Backend:
    """A row of pg_stat_activity with backend_type `client backend`."""

    pid: int
    started: str
    """`backend_start` as text: with the pid it is unique."""
    role: str
    database: str
    address: str
    """`client_addr`; empty for a Unix socket."""
    application: str

    def members(self) -> dict[str, str | int | bool | list[str] | None]:
        """The members of the event `backend_seen`, for `TrailWriter.event`."""
        return {
            "backend_pid": self.pid, "backend_start": self.started, "backend_role": self.role,
            "database": self.database, "client": self.address or "local", "application": self.application or None,
        }  # fmt: skip


def strangers(
    backends: Iterable[Backend], own: Iterable[int], known: Mapping[tuple[int, str], Backend]
) -> list[Backend]:
    """Backends that are neither the gateway's nor were told before.

    `own`: pids of the backends that the gateway opened itself (BackendKeyData of its connections, the pool's and the
    introspection's, on all workers). `known`: what earlier polls gave; the caller keeps it and drops what has gone.
    """
    ours = frozenset(own)
    return [one for one in backends if one.pid not in ours and (one.pid, one.started) not in known]


class Bypass(Detector):
    about = About(
        "bypass",
        "Around the gateway", "绕过网关",
        "Somebody is connected to the database without the gateway: nothing of what he reads is masked or recorded.",
        "有人绕过网关直接连接数据库：其读取的内容既未脱敏也无记录。",
        "The gateway looks at pg_stat_activity every few seconds and records each client backend that is not its "
        "own. Every role, address and application that is not listed in `roles`, `addresses` or `applications` "
        "pages.",
        "A developer connects with psql and the password of an old backup script.",
        Severity.CRITICAL,
        (
            Setting("roles", (), "roles that may connect directly (replication, backup)", "允许直连的角色"),
            Setting("addresses", (), "addresses that may", "允许直连的地址"),
            Setting("applications", (), "application names that may; anybody can claim one", "允许直连的应用名"),
        ),
    )  # fmt: skip
    reads, events = False, frozenset({"backend_seen"})

    def prepare(self) -> None:
        self.state["strangers"] = {}

    def feed(self, seen: Seen) -> list[Finding]:
        get = seen.record.get
        role, application = str(get("backend_role", "")), str(get("application", ""))
        allowed = (role in self.names("roles"), seen.client in self.names("addresses"),
                   application in self.names("applications"))  # fmt: skip
        if any(allowed):
            return []
        who = f"{role}@{seen.client}:{application}"
        strangers = self.state["strangers"]
        make_room(strangers, 5000)
        strangers[who] = strangers.get(who, 0) + 1
        database = str(get("database", ""))
        return self.tell(
            seen,
            Told(
                f"{database}:{who}",
                self.options.severity,
                f"{role} is connected to the database {database} from {seen.client} without the gateway.",
                f"角色 {role} 从 {seen.client} 绕过网关直接连接数据库 {database}。",
                details=(("role", role), ("connections", strangers[who])),
            ),
        )
