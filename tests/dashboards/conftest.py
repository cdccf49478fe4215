"""A gateway over the small company of the statements' tests, with a certificate, and people who work through it."""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from tests.support.certificates import self_signed
from tests.support.gateway import Gateway
from tests.support.monitoring import Receiver
from tests.support.postgres import Postgres

CASES = Path(__file__).parents[1] / "cases" / "sql"

# Principal, purpose and what they run: veiled, plain, looked up, denied, wrong, and written.
WORK = (
    ("support_app", None, "SELECT * FROM crm.customers"),
    ("support_app", None, "SELECT id, full_name, phone FROM crm.customers WHERE phone = '13800138000'"),
    ("support_app", None, "UPDATE crm.customers SET status = status WHERE id = 1"),
    ("support_app", None, "SELECT balance FROM crm.customers"),
    ("support_app", None, "SELECT 1/0"),
    ("analyst", None, "SELECT id, full_name, phone FROM crm.customers"),
    ("analyst", None, "SELECT region, count(*) FROM crm.customers GROUP BY region"),
    ("campaign_job", None, "SELECT id, email FROM crm.customers"),
    ("auditor", None, "SELECT * FROM crm.customers"),
    ("auditor", "disposal", "SELECT id, phone FROM crm.customers"),
)


class Workload:
    """Threads that run WORK again and again until the end of the context."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=each, daemon=True) for each in WORK]
        self._threads.append(threading.Thread(target=self._guess, daemon=True))

    def __enter__(self) -> Workload:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(10)

    def _run(self, principal: str, purpose: str | None, sql: str) -> None:
        while not self._over.is_set():
            with contextlib.suppress(psycopg.OperationalError):
                dsn = self._gateway.dsn(principal, purpose=purpose)
                with psycopg.connect(dsn, autocommit=True) as connection:
                    for _ in range(20):
                        with contextlib.suppress(psycopg.Error):
                            connection.execute(sql.encode())
                        if self._over.wait(random.uniform(0.02, 0.2)):
                            return

    def _guess(self) -> None:
        while not self._over.wait(2):
            with contextlib.suppress(psycopg.OperationalError):
                psycopg.connect(self._gateway.dsn("nobody"), password="a guess").close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Takes the gateway's own messages at `page`, and those of an Alertmanager at the names of its receivers."""
    with Receiver() as receiver:
        yield receiver


# Ten customers are all that the small company has.
DETECTORS = "detectors:\n  bulk_export: {rows: 8, copy_rows: 8}\n"


@pytest.fixture
def gateway(tmp_path: Path, postgres: Postgres, receiver: Receiver) -> Iterator[Gateway]:
    """Running and watching, with a certificate that expires in ten days."""
    database = postgres.create()
    database.execute((CASES / "schema.sql").read_text("utf-8"))
    cert, key = self_signed(tmp_path, "server", datetime.now(UTC) + timedelta(days=10))
    notify = {"name": "oncall", "url": f"json://{receiver.url.removeprefix('http://')}/page", "severity": "medium"}
    made = Gateway(tmp_path / "gw", {"crm": database.dsn}, policies=CASES / "bundle", settings={"notify": [notify]})
    (made.policies / "detectors.yaml").write_text(DETECTORS, "utf-8")
    text = made.config.read_text("utf-8")
    made.config.write_text(text + f'\n[listen.tls]\nmode = "prefer"\ncert = "{cert}"\nkey = "{key}"\n', "utf-8")
    try:
        with made:
            yield made
    finally:
        postgres.drop(database)
