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
import urllib.request
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
  phone: {parent: personal, mask: phone}
  email: {parent: personal, mask: email}
  public: {level: 1}
tables:
  public.pgbench_accounts:
    subject: aid
    columns: {aid: public, bid: public, abalance: account, filler: account}
  public.pgbench_branches:
    columns: {bid: public, bbalance: account, filler: account}
  public.pgbench_tellers:
    columns: {tid: public, bid: public, tbalance: account, filler: account}
  public.pgbench_history:
    columns: {tid: public, bid: public, aid: public, delta: account, mtime: public, filler: account}
  public.wide:
    columns: {id: public, label: account}
  public.people:
    subject: id
    columns: {id: public, phone: phone, email: email}
"""
PURPOSES = "purposes:\n  benchmark: {title: {en: Benchmark, zh: 测试}, basis: contract, departments: [it]}\n"
RULES = """\
p, *, benchmark, public, clear, allow
p, bench, benchmark, account, clear, allow
p, bench, benchmark, public.pgbench_accounts, update, allow
p, bench, benchmark, public.pgbench_branches, update, allow
p, bench, benchmark, public.pgbench_tellers, update, allow
p, bench, benchmark, public.pgbench_history, insert, allow
p, masked, benchmark, phone, partial, allow
p, masked, benchmark, email, partial, allow
g, bench_app, bench
g, masked_app, masked
"""


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
    tree: Path | None = None,
) -> Iterator[int]:
    """A gateway with these files of a policy and one principal, where none of the files names others; gives its port.
    `databases`: DSN and pool by name. `more`: settings behind those. `tree`: the source to run; None: this one."""
    port, work = free_port(), folder / "menshen"
    (work / "policies").mkdir(parents=True)
    principal = (
        f"principals:\n  {user}:\n    department: it\n    kind: job\n"
        f'    verifier: "{verifier(password)}"\n    default_purpose: {purpose}\n'
    )
    for name, text in {"model.conf": MODEL, "principals.yaml": principal, **bundle}.items():
        (work / "policies" / name).write_text(text, encoding="utf-8")
    http = free_port()
    settings = f"[http]\nport = {http}\n[[listen]]\nport = {port}\n" + "".join(
        f'[databases.{name}]\ndsn = "{dsn}"\npool.size = {size}\n' for name, (dsn, size) in databases.items()
    )
    (work / "menshen.toml").write_text(settings + more, encoding="utf-8")
    command = [sys.executable, "-m", "gateway.cli", "serve", "-c", str(work / "menshen.toml")]
    with child(command, folder / "menshen.log", port, cwd=tree or Path(__file__).parents[1]):
        _until_ready(http, folder / "menshen.log")
        yield port


def _until_ready(port: int, log: Path, seconds: float = 60.0) -> None:
    """The addresses are there before the workers are."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
            return
        time.sleep(0.1)
    raise RuntimeError(f"the gateway does not become ready:\n{log.read_text(errors='replace')[-2000:]}")


@contextlib.contextmanager
def menshen(folder: Path, upstream: int, password: str, workers: int = 1, tree: Path | None = None) -> Iterator[Target]:
    """The gateway with policy, trail, metrics and watch on; `bench_app` sees all in clear, `masked_app` masks. `tree`:
    the source to run; None: this one."""
    name = "menshen" if workers == 1 else f"menshen x{workers}"
    verified = f'default_purpose: benchmark, verifier: "{verifier(password)}"'
    principals = "".join(f"  {user}: {{department: it, kind: job, {verified}}}\n" for user in (USER, "masked_app"))
    bundle = {
        "catalog.yaml": CATALOG,
        "purposes.yaml": PURPOSES,
        "rules.csv": RULES,
        "principals.yaml": f"principals:\n{principals}",
    }
    dsn = f"postgresql://{USER}:{password}@127.0.0.1:{upstream}/{DATABASE}"
    work = folder / name.replace(" ", "-")
    work.mkdir()
    more = f"[gateway]\nworkers = {workers}\n"
    with serving(work, bundle, USER, password, "benchmark", {DATABASE: (dsn, 200)}, more, tree) as port:
        yield Target(name, port)


def new_password() -> str:
    return secrets.token_hex(16)
