"""What the shell tells becomes numbers; no client can make the series grow."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from gateway.meter import Meter
from gateway.metrics import Metrics
from gateway.model import Disclosed, Disclosure, Outcome
from gateway.net.observer import Observer


@dataclass(frozen=True)
class Look:
    data_class: str


@dataclass(frozen=True)
class Plan:
    kind: str = "SELECT"
    outcome: Outcome = Outcome.VEIL
    purpose: str | None = "billing"
    classes: tuple[Disclosed, ...] = ()
    governed: bool = True
    lookups: tuple[Look, ...] = ()


def made() -> tuple[Meter, Metrics]:
    metrics = Metrics(["crm"])
    meter = Meter(metrics)
    meter.use_bundle(["billing"], ["contact.phone", "identity.name"], ["sales"])
    return meter, metrics


def test_it_is_an_observer() -> None:
    observer: Observer = made()[0]
    assert observer


def test_a_statement_is_counted_with_its_rows_classes_and_lookups() -> None:
    meter, metrics = made()
    plan = Plan(
        classes=(Disclosed("contact.phone", Disclosure.PARTIAL), Disclosed("identity.name", Disclosure.CLEAR)),
        lookups=(Look("contact.phone"),),
    )
    meter.statement("crm", plan, 10, 900, 250, 40, "sales", "00000")
    meter.statement("crm", plan, 0, 0, 250, 40, "sales", "22012")
    assert metrics.counters["statements_total"] == {("crm", "SELECT", "billing", "veil"): 2}
    assert metrics.counters["rows_total"] == {("contact.phone", "partial"): 10, ("identity.name", "clear"): 10}
    assert metrics.counters["department_statements_total"] == {("crm", "sales", "billing", "veil"): 2}
    assert metrics.counters["disclosed_rows_total"] == {
        ("sales", "billing", "contact.phone", "partial"): 10,
        ("sales", "billing", "identity.name", "clear"): 10,
    }
    assert metrics.counters["result_rows_total"] == {("crm",): 10}
    assert metrics.counters["result_bytes_total"] == {("crm",): 900}
    assert metrics.counters["lookups_total"] == {("crm", "contact.phone"): 2}
    assert metrics.counters["errors_total"] == {("crm", "22"): 1}
    assert sum(metrics.overhead.counts) == 2
    assert metrics.stages["upstream"].sum_us == 500


def test_connections_logins_pool_and_trail() -> None:
    meter, metrics = made()
    meter.connection_opened("crm")
    meter.connection_opened("crm")
    meter.connection_closed("crm")
    meter.login_failed("", "unknown_database")
    meter.login_failed("crm", "password")
    meter.trail_failed()
    meter.denied("crm", "no_purpose")
    meter.stage("judge", 12.5)
    meter.stage("nonsense", 1.0)
    assert metrics.connections == {"crm": 1}
    assert metrics.counters["sessions_total"] == {("crm",): 2}
    assert metrics.counters["logins_failed_total"] == {("none", "unknown_database"): 1, ("crm", "password"): 1}
    assert metrics.counters["trail_failures_total"] == {(): 1}
    assert metrics.counters["denials_total"] == {("crm", "no_purpose"): 1}
    assert metrics.stages["judge"].sum_us == 12.5
    metrics.exposition()


def test_an_attack_on_every_label_ends_in_other() -> None:
    meter, metrics = made()
    for number in range(5000):
        word = f"w{number}"
        classes = (Disclosed(word, Disclosure.CLEAR),)
        meter.statement(word, Plan(word, Outcome.ALLOW, word, classes, True, (Look(word),)), 1, 1, 1, 1, word, word)
        meter.denied(word, word)
        meter.login_failed(word, word)
        meter.connection_opened(word)
    assert len(metrics.exposition().splitlines()) < 1200


def test_a_bundle_of_many_departments_and_classes_ends_in_other() -> None:
    metrics = Metrics(["crm"])
    meter = Meter(metrics)
    departments, classes = [f"d{n}" for n in range(100)], [f"c{n}" for n in range(100)]
    meter.use_bundle(["billing"], classes, departments)
    plan = Plan(classes=tuple(Disclosed(name, Disclosure.CLEAR) for name in classes))
    for department in departments:
        meter.statement("crm", plan, 1, 1, 1, 1, department, "00000")
    counted = metrics.counters["disclosed_rows_total"]
    assert len(counted) <= 4097
    assert sum(counted.values()) == 10_000
    assert counted["other", "other", "other", "clear"] == 10_000 - 4096


@given(st.text(max_size=50), st.text(max_size=50), st.text(max_size=10))
def test_no_text_makes_it_raise(database: str, word: str, sqlstate: str) -> None:
    meter, metrics = made()
    meter.statement(database, Plan(word, Outcome.DENY, word), 0, 0, 0, 0, word, sqlstate)
    meter.denied(database, word)
    assert metrics.exposition()


def test_a_new_bundle_brings_new_purposes() -> None:
    meter, metrics = made()
    meter.statement("crm", Plan(purpose="audit"), 0, 0, 0, 0, "sales", "00000")
    meter.use_bundle(["audit"], [])
    meter.statement("crm", Plan(purpose="audit"), 0, 0, 0, 0, "sales", "00000")
    assert metrics.counters["statements_total"] == {
        ("crm", "SELECT", "other", "veil"): 1,
        ("crm", "SELECT", "audit", "veil"): 1,
    }
