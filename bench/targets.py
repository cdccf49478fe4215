"""The servers that are compared: PostgreSQL itself, PgBouncer before it, Menshen before it.

All of them are children of this process and end with it. Every target asks its clients for the same SCRAM password.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from adapters.postgres.demo.embedded import EmbeddedPostgres
from gateway.commands.passwd import verifier

USER = "bench_app"
DATABASE = "bench"

MODEL = """\
[request_definition]
r = sub, purpose, obj, act
[policy_definition]
p = sub, purpose, obj, act, eft
[role_definition]
g = _, _
g2 = _, _
g3 = _, _
[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
[matchers]
m = (p.sub == "*" || g(r.sub, p.sub)) && (p.purpose == "*" || g3(r.purpose, p.purpose)) && (p.obj == "*" || g2(r.obj, p.obj)) && (p.act == "*" || r.act == p.act)
"""  # noqa: E501
CATALOG = """\
classes:
  personal: {level: 2, title: {en: Personal, zh: 个人信息}}
  account: {parent: personal, title: {en: Account, zh: 账户}}
  public: {level: 1}
tables:
  public.pgbench_accounts:
    subject: aid
    columns: {aid: public, bid: public, abalance: account, filler: account}
  public.pgbench_branches:
    columns: {bid: public, bbalance: account, filler: account}
  public.wide:
    columns: {id: public, label: account}
"""
PURPOSES = "purposes:\n  benchmark: {title: {en: Benchmark, zh: 测试}, basis: contract, departments: [it]}\n"
RULES = "p, bench, benchmark, public, clear, allow\np, bench, benchmark, account, clear, allow\ng, bench_app, bench\n"


@dataclass(frozen=True)
class Target:
    """Where pgbench connects."""

    name: str
    port: int


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int, process: subprocess.Popen[bytes], log: Path, seconds: float = 20.0) -> None:
    """Return when something listens; raise with the log's tail when the process ended first."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.5):
            return
        time.sleep(0.05)
    tail = log.read_text(errors="replace")[-2000:] if log.exists() else ""
    raise RuntimeError(f"port {port} does not answer:\n{tail}")


@contextlib.contextmanager
def child(command: list[str], log: Path, port: int, *, cwd: Path, user: str | None = None) -> Iterator[None]:
    """A server process for the time of the block."""
    with open(log, "wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, cwd=cwd, user=user, start_new_session=True)
    try:
        wait_for(port, process, log)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


@contextlib.contextmanager
def postgres(folder: Path, password: str, settings: Mapping[str, str] | None = None) -> Iterator[EmbeddedPostgres]:
    """The embedded PostgreSQL with the benchmark's login and database."""
    usual = {"max_connections": "300", "shared_buffers": "512MB"}
    server = EmbeddedPostgres(folder / "pg", settings={**usual, **(settings or {})})
    server.start()
    try:
        psql = str(server.bin / "psql")
        for database, sql in (
            ("postgres", f"CREATE ROLE {USER} LOGIN SUPERUSER PASSWORD '{password}'"),
            ("postgres", f"CREATE DATABASE {DATABASE} OWNER {USER}"),
        ):
            subprocess.run([psql, "-qX", server.dsn(database), "-c", sql], check=True)
        # The server trusts this machine otherwise, and direct clients would not pay for authentication.
        hba = server.data / "pg_hba.conf"
        hba.write_text(f"host all {USER} 127.0.0.1/32 scram-sha-256\n" + hba.read_text())
        subprocess.run([psql, "-qX", server.dsn(), "-c", "SELECT pg_reload_conf()"], check=True, capture_output=True)
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def pgbouncer(folder: Path, upstream: int, password: str) -> Iterator[Target | None]:
    """PgBouncer in session mode, or None where it is not installed."""
    program = shutil.which("pgbouncer") or shutil.which("/usr/sbin/pgbouncer")
    if program is None:
        yield None
        return
    port, work = free_port(), folder / "pgbouncer"
    work.mkdir()
    (work / "users.txt").write_text(f'"{USER}" "{password}"\n')
    (work / "pgbouncer.ini").write_text(
        f"[databases]\n{DATABASE} = host=127.0.0.1 port={upstream} dbname={DATABASE} user={USER} password={password}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nauth_type = scram-sha-256\n"
        f"auth_file = {work}/users.txt\npool_mode = session\nmax_client_conn = 300\ndefault_pool_size = 200\n"
        "unix_socket_dir =\nlog_connections = 0\nlog_disconnections = 0\n"
    )
    user = None
    if os.geteuid() == 0:  # it refuses to run as root
        user = "nobody"
        entry = pwd.getpwnam(user)
        for path in (work, *work.iterdir()):
            os.chown(path, entry.pw_uid, entry.pw_gid)
    with child([program, str(work / "pgbouncer.ini")], folder / "pgbouncer.log", port, cwd=work, user=user):
        yield Target("pgbouncer", port)


@contextlib.contextmanager
def serving(
    folder: Path,
    bundle: Mapping[str, str],
    user: str,
    password: str,
    purpose: str,
    databases: Mapping[str, tuple[str, int]],
    more: str = "",
) -> Iterator[int]:
    """A gateway with these files of a policy and one principal, where none of the files names others; gives its port.
    `databases`: DSN and pool by name. `more`: settings that come behind those."""
    port, work = free_port(), folder / "menshen"
    (work / "policies").mkdir(parents=True)
    principal = (
        f"principals:\n  {user}:\n    department: it\n    kind: job\n"
        f'    verifier: "{verifier(password)}"\n    default_purpose: {purpose}\n'
    )
    for name, text in {"model.conf": MODEL, "principals.yaml": principal, **bundle}.items():
        (work / "policies" / name).write_text(text, encoding="utf-8")
    settings = f"[http]\nport = {free_port()}\n[[listen]]\nport = {port}\n" + "".join(
        f'[databases.{name}]\ndsn = "{dsn}"\npool.size = {size}\n' for name, (dsn, size) in databases.items()
    )
    (work / "menshen.toml").write_text(settings + more, encoding="utf-8")
    command = [sys.executable, "-m", "gateway.cli", "serve", "-c", str(work / "menshen.toml")]
    with child(command, folder / "menshen.log", port, cwd=Path(__file__).parents[1]):
        yield port


@contextlib.contextmanager
def menshen(folder: Path, upstream: int, password: str) -> Iterator[Target]:
    """The gateway with policy, trail and metrics on; every column clear, so that only its own work is measured."""
    bundle = {"catalog.yaml": CATALOG, "purposes.yaml": PURPOSES, "rules.csv": RULES}
    dsn = f"postgresql://{USER}:{password}@127.0.0.1:{upstream}/{DATABASE}"
    with serving(folder, bundle, USER, password, "benchmark", {DATABASE: (dsn, 200)}) as port:
        yield Target("menshen", port)


def new_password() -> str:
    return secrets.token_hex(16)
