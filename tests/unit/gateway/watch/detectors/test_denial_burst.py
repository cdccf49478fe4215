"""Bursts of refusals and of failed logins."""

from __future__ import annotations

from gateway.watch.finding import Severity
from tests.support.watching import Bench, at, event, pages, statement


def refused(second: float, shape: str, **members: object) -> dict[str, object]:
    return statement(at(0, 10, second), verdict="deny", fingerprint=shape, reason="class", **members)


def test_different_statements_page_and_few_mistakes_do_not() -> None:
    bench = Bench("denial_burst")
    assert bench.feed(*(refused(n * 10, f"s{n}") for n in range(7))) == []
    found = bench.feed(refused(80, "s7"))
    assert [one.severity for one in found] == [Severity.HIGH]
    assert len(found[0].evidence) == 8


def test_a_wrong_deployment_is_a_note() -> None:
    found = Bench("denial_burst").feed(*(refused(n, f"s{n % 3}") for n in range(300)))
    assert found
    assert pages(found) == []


def test_slow_probing_pages_within_the_day() -> None:
    assert pages(Bench("denial_burst").feed(*(refused(n * 1800, f"s{n}") for n in range(16))))
    assert Bench("denial_burst").feed(*(refused(n * 7200, f"s{n}") for n in range(16))) == [], "over two days"


def test_guessed_passwords() -> None:
    def failed(second: float, name: str, client: str) -> dict[str, object]:
        return event(at(0, 3, second), "login_failed", principal=name, client=client)

    assert pages(Bench("denial_burst").feed(*(failed(n * 5, "dba", f"203.0.113.{n}") for n in range(30))))
    assert pages(Bench("denial_burst").feed(*(failed(n * 60, f"user{n}", "203.0.113.9") for n in range(8))))
    assert Bench("denial_burst").feed(*(failed(n * 60, "report_job", "10.0.0.9") for n in range(180))) == []
