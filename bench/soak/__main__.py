"""Mixed load from four drivers while clients, backends, workers and the database itself are killed.

    python -m bench.soak                         three minutes
    python -m bench.soak --minutes 30 --json soak.json

Every answer is compared with what the key must give; changes that were committed are counted in the table; each
statement that was answered must be in the trail, and none that was not sent; nobody may wait for ever; when all have
left no connection to the database may be busy, and when the gateway has ended none may be there. Exits with 1 where one
of these does not hold.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from adapters.postgres.demo.embedded import EmbeddedPostgres
from bench.soak.clients import GOVERNED, KEYS, Client, Tally
from bench.soak.drivers import Place, Psycopg, drivers
from bench.targets import DATABASE, PURPOSES, USER, new_password, postgres, serving
from bench.turns import owners

SCHEMA = f"""
CREATE SCHEMA app;
CREATE TABLE app.soak AS SELECT n AS key, md5(n::text) AS value FROM generate_series(1, {KEYS}) n;
ALTER TABLE app.soak ADD PRIMARY KEY (key);
CREATE TABLE app.tally AS SELECT n AS key, 0 AS n FROM generate_series(1, {KEYS}) n;
ALTER TABLE app.tally ADD PRIMARY KEY (key);
CREATE ROLE gate LOGIN PASSWORD '{{password}}';
GRANT USAGE ON SCHEMA app TO gate; GRANT SELECT ON app.soak TO gate; GRANT SELECT, UPDATE ON app.tally TO gate;
VACUUM ANALYZE app.soak, app.tally;
"""
CATALOG = """\
classes:
  personal: {level: 2}
  value: {parent: personal}
  public: {level: 1}
tables:
  app.soak: {subject: key, columns: {key: public, value: value}}
  app.tally: {columns: {key: public, n: public}}
"""
RULES = "p, *, *, public, clear, allow\np, soak, benchmark, value, clear, allow\n"
RULES += f"p, soak, benchmark, app.tally, update, allow\ng, {USER}, soak\n"
EVERY = {"backend": 3.0, "pause": 5.0, "worker": 20.0, "database": 60.0}
"""Seconds between two deaths of each kind, on average; a pause is a worker that stands still. Clients die by
themselves."""
_GRACE_SECONDS = 100.0
_START_SECONDS = 30.0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--clients", type=int, default=4, help="of each driver")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--pool", choices=("off", "session", "transaction"), default="session")
    parser.add_argument("--hurry", type=float, default=1.0, help="deaths are so many times as frequent")
    parser.add_argument("--json", type=Path, help="save the figures here")
    return parser.parse_args()


@dataclass(slots=True)
class Scene:
    """What runs."""

    server: EmbeddedPostgres
    port: int
    folder: Path
    password: str
    supervisor: int
    tally: Tally = field(default_factory=Tally)
    deaths: Counter[str] = field(default_factory=Counter)

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """The database itself."""
        with psycopg.connect(self.server.dsn(DATABASE), autocommit=True) as connection:
            return connection.execute(sql.encode()).fetchall()

    def workers(self) -> list[int]:
        found = []
        for child in _children(self.supervisor):
            command = Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
            if b"worker" in command:
                found.append(child)
        return found


def _children(pid: int) -> list[int]:
    return [int(one) for file in Path(f"/proc/{pid}/task").glob("*/children") for one in file.read_text().split()]


BACKENDS = "SELECT pid FROM pg_stat_activity WHERE usename = 'gate' AND backend_type = 'client backend'"


def kill(scene: Scene, what: str, dice: random.Random) -> None:
    """One death. What has gone by itself meanwhile is none."""
    match what:
        case "backend":
            if not scene.ask(f"SELECT pg_terminate_backend(pid) FROM ({BACKENDS} ORDER BY random() LIMIT 1) one"):
                return
        case "pause":
            found = scene.workers()
            if not found:
                return
            pid = dice.choice(found)
            os.kill(pid, signal.SIGSTOP)
            time.sleep(dice.uniform(0.05, 0.5))
            os.kill(pid, signal.SIGCONT)
        case "worker":
            found = scene.workers()
            if not found:
                return
            os.kill(dice.choice(found), signal.SIGKILL)
        case "database":
            scene.server.stop()
            time.sleep(dice.uniform(0.2, 2.0))
            scene.server.start()
    scene.deaths[what] += 1


def torment(scene: Scene, clients: list[Client], options: argparse.Namespace) -> None:
    """Until the time is over, or somebody is stuck."""
    dice = random.Random(7)
    end, said = time.monotonic() + options.minutes * 60, time.monotonic()
    due = {what: time.monotonic() + seconds / options.hurry for what, seconds in EVERY.items()}
    while time.monotonic() < end and not any(client.stuck for client in clients):
        time.sleep(0.05)
        for what, at in due.items():
            if time.monotonic() >= at:
                with contextlib.suppress(psycopg.Error, ProcessLookupError, FileNotFoundError):
                    kill(scene, what, dice)
                due[what] = time.monotonic() + EVERY[what] / options.hurry * dice.uniform(0.5, 1.5)
        if time.monotonic() - said >= 10:
            said = time.monotonic()
            left = max(0, end - said)
            say(f"  {left:5.0f} s left, {sum(scene.tally.answered.values()):,} answered, deaths {dict(scene.deaths)}")


def say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def recorded(scene: Scene) -> Counter[str]:
    """Statements on the two tables that the trail tells to be over, by actor."""
    found: Counter[str] = Counter()
    for file in sorted(scene.folder.rglob("*.jsonl")):
        for line in file.read_bytes().split(b"\n"):
            if not line.endswith(b"}"):
                continue  # torn by a kill
            record = json.loads(line)
            if record.get("event") != "statement" or record.get("phase") == "open":
                continue
            if GOVERNED & set(record.get("relations", ())):
                found[record.get("actor") or ""] += 1
    return found


def judge(scene: Scene, clients: list[Client]) -> list[str]:
    """What does not hold."""
    tally, wrong = scene.tally, []
    wrong += [f"{driver} got no answer" for driver in drivers() if not tally.total(driver)]
    wrong += [f"wrong rows: {one}" for one in tally.wrong[:5]]
    wrong += [f"stuck in {client.doing}: {client.name}" for client in clients if client.is_alive()]
    trail = recorded(scene)
    for actor, count in tally.answered.items():
        if trail[actor] < count:
            wrong.append(f"{actor}: {count} answered, {trail[actor]} recorded")
    for actor, count in trail.items():
        if count > tally.sent[actor]:
            wrong.append(f"{actor!r}: {tally.sent[actor]} sent, {count} recorded")
    changed = int(scene.ask("SELECT coalesce(sum(n), 0) FROM app.tally")[0][0])
    if not tally.changed <= changed <= tally.changed + tally.perhaps:
        wrong.append(f"{tally.changed} changes committed, {tally.perhaps} perhaps, {changed} in the table")
    return wrong


def leaked(scene: Scene, seconds: float = 20.0) -> list[str]:
    """Connections of the gateway's that nobody uses and no pool keeps, after all clients have left."""
    end = time.monotonic() + seconds
    sql = f"SELECT pid, state, left(query, 60) FROM pg_stat_activity WHERE pid IN ({BACKENDS}) AND state <> 'idle'"
    while found := scene.ask(sql):
        if time.monotonic() > end:
            return [f"a backend is left: {row}" for row in found]
        time.sleep(0.2)
    return []


@contextlib.contextmanager
def database(folder: Path, password: str) -> Iterator[EmbeddedPostgres]:
    """With the tables, and the gateway's login."""
    with postgres(folder, password) as server:
        psql = [str(server.bin / "psql"), "-qX", server.dsn(DATABASE), "-v", "ON_ERROR_STOP=1"]
        subprocess.run(psql, input=SCHEMA.format(password=password), text=True, check=True)
        hba = server.data / "pg_hba.conf"
        hba.write_text("host all gate 127.0.0.1/32 scram-sha-256\n" + hba.read_text())
        subprocess.run([*psql, "-c", "SELECT pg_reload_conf()"], check=True, capture_output=True)
        yield server


def load(scene: Scene, options: argparse.Namespace) -> list[str]:
    """Clients come, are tormented and leave; what does not hold."""
    place = Place(scene.port, USER, scene.password, DATABASE)
    clients = [Client(driver, number, place, scene.tally) for driver in drivers() for number in range(options.clients)]
    end = time.monotonic() + _START_SECONDS
    while True:  # a gateway whose worker dies while it starts does not start
        with contextlib.suppress(Exception):
            Psycopg(place).close()
            break
        if time.monotonic() > end:
            return ["the gateway does not serve"]
        time.sleep(0.2)
    for client in clients:
        client.start()
    torment(scene, clients, options)
    for client in clients:
        client.stopping.set()
    end = time.monotonic() + _GRACE_SECONDS
    for client in clients:
        client.join(max(0.0, end - time.monotonic()))
    return leaked(scene) + judge(scene, clients)


def run(options: argparse.Namespace) -> tuple[list[str], dict[str, Any]]:
    """What does not hold, and the figures."""
    password = new_password()
    with tempfile.TemporaryDirectory(prefix="menshen-soak-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        with database(folder, password) as server:
            dsn = f"postgresql://gate:{password}@127.0.0.1:{server.port}/{DATABASE}"
            more = f'pool.mode = "{options.pool}"\n[gateway]\nworkers = {options.workers}\n'
            bundle = {"catalog.yaml": CATALOG, "purposes.yaml": PURPOSES, "rules.csv": RULES}
            with serving(folder, bundle, USER, password, "benchmark", {DATABASE: (dsn, 60)}, more) as port:
                scene = Scene(server, port, folder / "menshen", password, owners(port)[0])
                wrong = load(scene, options)
            wrong += [f"the gateway has ended, its backend {pid} has not" for (pid,) in scene.ask(BACKENDS)]
        tally = scene.tally
        figures = {
            "answered": {driver: tally.total(driver) for driver in drivers()},
            "connections": len(tally.sent),
            "changes": tally.changed,
            "deaths": dict(scene.deaths),
            "errors": dict(sorted(tally.errors.items())),
        }
    return wrong, figures


def main() -> int:
    options = arguments()
    wrong, figures = run(options)
    sys.stdout.write(json.dumps(figures, indent=1, ensure_ascii=False) + "\n")
    for one in wrong:
        sys.stdout.write(f"DOES NOT HOLD: {one}\n")
    if not wrong:
        sys.stdout.write("every answer right, every statement recorded, nobody stuck, no connection left\n")
    if options.json:
        options.json.write_text(json.dumps({"wrong": wrong, **figures}, indent=1) + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
