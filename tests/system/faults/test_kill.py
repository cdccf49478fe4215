"""kill -9 of the gateway under load: no client has a row of governed data whose record is not in the trail.

Each statement carries a mark in its comment's actor, which its record keeps. The clients note a mark as soon as a row
of its answer has come; after each kill every noted mark is looked for in the trail, and the chain is verified.
"""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path

import psycopg

from tests.support.gateway import Gateway
from tests.support.postgres import Database
from tests.system.sql.company import CASES

KILLS = int(os.environ.get("MENSHEN_KILLS", "20"))
CLIENTS = 6


class Client(threading.Thread):
    """Asks until the gateway is gone; `seen` holds the marks of the statements of which a row came."""

    def __init__(self, gateway: Gateway, name: str) -> None:
        super().__init__(daemon=True)
        self.seen: list[str] = []
        self._dsn = gateway.dsn("support_app")
        self._name = name

    def run(self) -> None:
        try:
            with psycopg.connect(self._dsn, autocommit=True) as connection:
                for number in range(1_000_000):
                    mark = f"{self._name}-{number}"
                    sql = f"/*actor='{mark}'*/ SELECT id, phone FROM crm.customers WHERE id > %s"
                    cursor = connection.cursor()
                    for _ in cursor.stream(sql.encode(), [number % 3]):  # row by row, as the bytes come
                        if not self.seen or self.seen[-1] != mark:
                            self.seen.append(mark)
        except psycopg.Error:
            pass


def test_no_row_without_its_record_over_twenty_kills(company_database: Database, tmp_path: Path) -> None:
    gateway = Gateway(tmp_path, {"crm": company_database.dsn}, policies=CASES / "bundle")
    seen: list[str] = []
    for kill in range(KILLS):
        gateway.start()
        clients = [Client(gateway, f"k{kill}c{n}") for n in range(CLIENTS)]
        for client in clients:
            client.start()
        time.sleep(0.15 + 0.02 * (kill % 7))
        gateway.kill()
        for client in clients:
            client.join(10)
            assert not client.is_alive()
            seen += client.seen
    assert len(seen) > KILLS
    recorded = {record.get("statement_actor") for record in gateway.records()}
    missing = [mark for mark in seen if mark not in recorded]
    assert not missing, f"{len(missing)} of {len(seen)} statements gave rows and are not in the trail: {missing[:5]}"

    print(f"{len(seen)} statements gave rows over {KILLS} kills; {len(gateway.records())} records")
    gateway.start()
    assert gateway.stop() == 0
    verdict = gateway.run("trail", "verify", "--json")
    report = json.loads(verdict.stdout)
    # a record that was being written when the process died is told by name; nothing else may be wrong
    kinds = {finding["kind"] for finding in report["findings"]}
    assert kinds <= {"torn_tail"}, report["findings"]
