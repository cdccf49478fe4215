"""What changed at the database while the client asked for nothing reaches it as PostgreSQL tells it."""

from __future__ import annotations

import struct
import time

from tests.support.postgres import Database
from tests.support.rawpg import query
from tests.system.wire.conftest import GatewayThread


def test_a_notification_of_another_session_arrives_while_idle(gateway: GatewayThread) -> None:
    with gateway.raw() as listener, gateway.raw() as sender:
        listener.talk(query("LISTEN doors"), "C Z:I")
        sender.talk(query("NOTIFY doors, '门神'"), "C Z:I")
        found = listener.receive()
        assert found == ("A", struct.pack("!I", sender.key[0]) + "doors\0门神\0".encode())
        listener.talk(query("SELECT 1"), "T D:1 C Z:I")


def test_a_parameter_that_a_reload_changed_is_told_with_the_next_answer(
    gateway: GatewayThread, database: Database
) -> None:
    with gateway.raw() as client:
        client.talk(query("SELECT 1"), "T D:1 C Z:I")
        try:
            database.execute("ALTER SYSTEM SET datestyle = 'German, DMY'")
            database.execute("SELECT pg_reload_conf()")
            until = time.monotonic() + 10
            told: list[tuple[str, bytes]] = []
            while not told and time.monotonic() < until:  # the backend hears of the reload when the signal reaches it
                client.send(query("SELECT DATE '2026-03-01'"))
                while (message := client.receive()) is not None and message[0] != "Z":
                    told += [message] if message[0] == "S" else []
            assert told == [("S", b"DateStyle\0German, DMY\0")]
            client.talk(query("SELECT DATE '2026-03-01'"), "T D:01.03.2026 C Z:I")
        finally:
            database.execute("ALTER SYSTEM RESET datestyle")
            database.execute("SELECT pg_reload_conf()")
