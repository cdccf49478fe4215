"""Killed again and again during a storm of breaches: no finding is lost, none is paged twice.

Paged twice is what a person would be: the receiver drops what comes again under a key that it has, as the
documentation asks of receivers, and then each message must have reached it exactly once. What it dropped is counted:
such a repeat is right only for a message that a kill caught between the handing over and its note, so it carries
the key and the very messages of the first, and says that it may be one.

`MENSHEN_STORM_KILLS` sets the number of kills (5; the release ran 50).
"""

from __future__ import annotations

import collections
import contextlib
import os
import random
import re
import sqlite3
import threading
import time
from pathlib import Path

import psycopg

from gateway.watch.detector_config import load_detectors
from gateway.watch.stream import Watcher
from tests.support.gateway import Gateway
from tests.system.watch.conftest import Receiver

KILLS = int(os.environ.get("MENSHEN_STORM_KILLS", "5"))
_REFERENCE = re.compile(r"INC-\d+/[a-z]+(?:-\w+)?/oncall")


def _storm(gateway: Gateway, stop: threading.Event) -> None:
    """Breaches by ever new end users: each is a finding with a key of its own."""
    number = 0
    while not stop.is_set():
        number += 1
        with contextlib.suppress(psycopg.Error):
            dsn = gateway.dsn("desk_app", options=f"-c menshen.actor=agent{number}")
            with psycopg.connect(dsn, autocommit=True, connect_timeout=3) as session:
                session.execute("SELECT id, name, phone FROM app.people").fetchall()
        time.sleep(0.02)


def test_kills_lose_no_finding_and_page_none_twice(gateway: Gateway, receiver: Receiver, tmp_path: Path) -> None:
    rng = random.Random(4)
    stop = threading.Event()
    storms = [threading.Thread(target=_storm, args=(gateway, stop), daemon=True) for _ in range(2)]
    for storm in storms:
        storm.start()
    for _ in range(KILLS):
        time.sleep(rng.uniform(0.2, 1.2))
        gateway.kill()
        gateway.start()
    stop.set()
    for storm in storms:
        storm.join(10)
    # What a watcher finds that reads the whole trail in one go is what must be in the store.
    with contextlib.closing(Watcher(gateway.trail, tmp_path / "fresh", load_detectors(gateway.policies))) as fresh:
        expected = _until_quiet(gateway, fresh)
    store = sqlite3.connect(gateway.folder / "state" / "incidents.sqlite3")
    found = {row[0] for row in store.execute("SELECT id FROM findings")}
    incidents = {row[0] for row in store.execute("SELECT number FROM incidents WHERE severity >= 2")}
    assert expected
    assert found == expected, f"lost {sorted(expected - found)[:5]}, too many {sorted(found - expected)[:5]}"

    paged: collections.Counter[str] = collections.Counter()
    for _, page in receiver.pages:
        paged.update(set(_REFERENCE.findall(page["message"])))
    sent = {row[0] for row in store.execute("SELECT id FROM messages WHERE state = 'sent'")}
    print(
        f"{KILLS} kills, {len(found)} findings, {len(incidents)} incidents, {len(receiver.pages)} sendings with "
        f"{len(paged)} messages, {len(receiver.repeats)} repeats dropped"
    )
    assert {f"INC-{number}/opened/oncall" for number in incidents} <= sent
    assert set(paged) == sent
    assert {reference: count for reference, count in paged.items() if count > 1} == {}
    # A kill has one chance in each life, since a route sends one thing at a time.
    assert len(receiver.repeats) <= KILLS
    for key, page in receiver.repeats:
        assert "may have reached you" in page["message"]
        references = set(_REFERENCE.findall(page["message"]))
        first = next(one for _, one in receiver.pages if key.partition("+")[0] in _REFERENCE.findall(one["message"]))
        assert references == set(_REFERENCE.findall(first["message"]))


def _until_quiet(gateway: Gateway, fresh: Watcher) -> set[str]:
    """Wait until the store holds what the trail says and all messages have gone; gives the ids of the findings that
    are expected. What is still missing after two minutes is for the caller to complain about."""
    expected: set[str] = set()
    end = time.monotonic() + 120
    while True:
        while (batch := fresh.poll()).records:
            expected |= {finding.id for finding in batch.findings}
            fresh.delivered()
        with contextlib.closing(sqlite3.connect(gateway.folder / "state" / "incidents.sqlite3")) as store:
            waiting = store.execute("SELECT count(*) FROM messages WHERE state IN ('queued', 'sending')").fetchone()[0]
            found = {row[0] for row in store.execute("SELECT id FROM findings")}
        if (not waiting and expected <= found) or time.monotonic() > end:
            return expected
        time.sleep(1)
