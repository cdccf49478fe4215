"""detectors.yaml follows the bundle while the gateway runs; what is wrong in it changes nothing."""

from __future__ import annotations

import json

from tests.support.gateway import Gateway
from tests.system.gateway.conftest import connect
from tests.system.gateway.test_life import until
from tests.system.watch.conftest import DETECTORS, Receiver
from tests.system.watch.test_commands import run

LENIENT = DETECTORS.replace("100", "100000")


def export(gateway: Gateway) -> None:
    with connect(gateway, "desk_app") as session:
        session.execute("SELECT id, name, phone FROM app.people").fetchall()


def events(gateway: Gateway) -> list[str]:
    return [record["event"] for record in gateway.records()]


def exports(gateway: Gateway) -> int:
    listed = json.loads(run(gateway, "incident", "list", "--all", "--json"))
    return sum(one["findings"] for one in listed if one["detector"] == "bulk_export")


def test_detectors_follow_the_bundle(gateway: Gateway, receiver: Receiver) -> None:
    file = gateway.policies / "detectors.yaml"
    file.write_text(LENIENT)
    until(lambda: "detectors_loaded" in events(gateway))
    export(gateway)
    file.write_text("detectors:\n  bulk_exprot: {rows: 1}\n")
    until(lambda: "detectors_refused" in events(gateway))
    export(gateway)
    gateway.kill()
    file.write_text(LENIENT)
    gateway.start()
    export(gateway)
    assert exports(gateway) == 0
    file.write_text(DETECTORS)
    until(lambda: events(gateway).count("detectors_loaded") == 2)
    export(gateway)
    until(lambda: exports(gateway) == 1)
    assert receiver.titles()
    refused = [record for record in gateway.records() if record["event"] == "detectors_refused"]
    assert refused[0]["detail"] == "there is no detector `bulk_exprot`"


def test_every_bundle_says_whether_it_is_signed(gateway: Gateway) -> None:
    assert [record["signed"] for record in gateway.records() if record["event"] == "policy_loaded"] == [False]


def test_a_bundle_without_a_signature_pages_where_it_must_have_one(gateway: Gateway, receiver: Receiver) -> None:
    (gateway.policies / "detectors.yaml").write_text(DETECTORS + "  health: {signed: true}\n")
    until(lambda: "detectors_loaded" in events(gateway))
    (gateway.policies / "rules.csv").write_text((gateway.policies / "rules.csv").read_text() + "# a comment\n")
    receiver.wait(1)
    assert "A policy without a signature is in force" in receiver.titles()[0]
