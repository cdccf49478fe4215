"""`python -m tests.fuzz.coverage.record`: sessions of real drivers with a real PostgreSQL, written down as seeds.

Run it when a driver or the recorded work changes. Nothing secret is in them: the server is thrown away, and trusts everybody.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pg8000.dbapi
import psycopg

from tests.fuzz.coverage.seeds import RECORDED
from tests.fuzz.coverage.targets import CLIENT, SERVER, packed
from tests.support.postgres import Postgres

SETUP = "CREATE TABLE t (id int PRIMARY KEY, a text, b bytea); INSERT INTO t SELECT i, 'n' || i, '\\x00ff' FROM generate_series(1, 5) i"


class Tap:
    """A port that leads to another one, and remembers what is said over the first connection."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.said: list[tuple[int, bytes]] = []
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        client, _ = self._listener.accept()
        server = socket.create_connection(("127.0.0.1", self._to))
        back = threading.Thread(target=self._pump, args=(server, client, SERVER), daemon=True)
        back.start()
        self._pump(client, server, CLIENT)
        back.join()

    def _pump(self, one: socket.socket, other: socket.socket, who: int) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                with self._lock:
                    self.said.append((who, data))
                other.sendall(data)
        with contextlib.suppress(OSError):
            other.shutdown(socket.SHUT_WR)

    def dialogue(self) -> list[tuple[int, bytes]]:
        self._thread.join(10)
        return self.said


def _psycopg(port: int) -> None:
    dsn = f"host=127.0.0.1 port={port} user=postgres dbname=postgres sslmode=disable"
    with psycopg.connect(dsn) as connection:
        connection.execute("SELECT id, a FROM t WHERE id = %s", [2], prepare=True).fetchall()
        connection.execute("SELECT id, b FROM t WHERE a = %s", ["n3"], binary=True).fetchall()
        with connection.pipeline():
            for number in range(3):
                connection.execute("SELECT %s::int, a FROM t", [number], prepare=True)
        with connection.cursor() as cursor, cursor.copy("COPY t (id, a) FROM STDIN") as copy:
            copy.write_row((10, "ten"))
        with connection.cursor() as cursor, cursor.copy("COPY t TO STDOUT (FORMAT binary)") as copy:
            list(copy)
        with connection.cursor(name="c") as cursor:
            cursor.execute("SELECT * FROM t")
            cursor.fetchmany(2)


def _psycopg_simple(port: int) -> None:
    dsn = f"host=127.0.0.1 port={port} user=postgres dbname=postgres sslmode=disable application_name=report"
    with psycopg.connect(dsn, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
        connection.execute("LISTEN x; SELECT 1; SELECT a FROM t; NOTIFY x, 'hello'")
        with contextlib.suppress(psycopg.Error):
            connection.execute("SELECT 1/0")
        connection.execute("BEGIN; SAVEPOINT s; UPDATE t SET a = 'x' WHERE id = 1; ROLLBACK")


def _asyncpg(port: int) -> None:
    async def work() -> None:
        connection = await asyncpg.connect(f"postgresql://postgres@127.0.0.1:{port}/postgres", ssl=False)
        await connection.fetch("SELECT * FROM t WHERE id = any($1::int[])", [1, 2])
        statement = await connection.prepare("SELECT a FROM t WHERE id > $1")
        for number in (1, 2, 3):
            await statement.fetchval(number)
        async with connection.transaction():
            async for _ in connection.cursor("SELECT id FROM t", prefetch=2):
                pass
        await connection.executemany("UPDATE t SET a = $2 WHERE id = $1", [(1, "p"), (2, None)])
        with contextlib.suppress(asyncpg.PostgresError):
            await connection.execute("SELECT nothing")
        await connection.close()

    asyncio.run(work())


def _pg8000(port: int) -> None:
    connection = pg8000.dbapi.connect(user="postgres", host="127.0.0.1", port=port, database="postgres")
    cursor = connection.cursor()
    cursor.execute("SELECT id, a, b FROM t WHERE id < %s", (4,))
    cursor.fetchall()
    connection.rollback()
    connection.close()


def _psql(port: int) -> None:
    script = "\\d t\nSELECT * FROM t \\gdesc\nSELECT a FROM t WHERE id = $1 \\bind 2 \\g\nSELECT $$x$$;\n"
    psql = ["psql", "-X", "-q", f"host=127.0.0.1 port={port} user=postgres dbname=postgres sslmode=disable"]
    subprocess.run(psql, input=script.encode(), capture_output=True, check=False)


DRIVERS: dict[str, Callable[[int], None]] = {
    "psycopg": _psycopg,
    "psycopg-simple": _psycopg_simple,
    "asyncpg": _asyncpg,
    "pg8000": _pg8000,
    "psql": _psql,
}


def main() -> None:
    RECORDED.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        postgres = Postgres(Path(folder))
        postgres.start()
        try:
            with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
                connection.execute(SETUP)
            for name, work in DRIVERS.items():
                if name == "psql" and shutil.which("psql") is None:
                    continue
                tap = Tap(postgres.port)
                work(tap.port)
                said = tap.dialogue()
                (RECORDED / name).write_bytes(packed(said))
                print(f"{name}: {len(said)} turns, {sum(len(data) for _, data in said)} bytes")
        finally:
            postgres.stop()


if __name__ == "__main__":
    main()
