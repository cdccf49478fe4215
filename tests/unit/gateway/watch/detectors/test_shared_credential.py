"""Credentials in other hands."""

from __future__ import annotations

from tests.support.watching import Bench, at, event, pages


def login(day: float, hour: float, client: str, second: float = 0, **members: object) -> dict[str, object]:
    return event(at(day, hour, second), "login", principal="sales_wang", client=client, **members)


def settled() -> Bench:
    bench = Bench("shared_credential")
    for day in range(12):
        assert bench.feed(login(day, 9, "10.2.0.7:4000"), login(day, 14, "10.2.0.7:4001")) == []
    return bench


def test_an_unknown_address_while_a_known_one_is_at_work() -> None:
    found = settled().feed(login(12, 9, "10.2.0.7"), login(12, 10, "203.0.113.5"))
    assert len(pages(found)) == 1
    assert "at work elsewhere" in found[0].summary


def test_an_unknown_address_alone_is_a_note() -> None:
    found = settled().feed(login(12, 22, "10.9.0.1"))
    assert found
    assert pages(found) == []


def test_many_addresses_in_an_hour_even_after_an_earlier_breach() -> None:
    bench = settled()
    assert pages(bench.feed(*(login(12, 22, f"203.0.113.{n}", n * 60) for n in range(6))))
    assert pages(bench.feed(*(login(14, 22, f"198.51.100.{n}", n * 60) for n in range(6))))


def test_an_application_with_many_pods_is_silent() -> None:
    bench = Bench("shared_credential")
    for day in range(20):
        assert bench.feed(*(login(day, 9, f"10.1.{day}.{n}", n) for n in range(12))) == []


def test_a_sleeper_wakes() -> None:
    assert settled().feed(login(30, 9, "10.2.0.7")) == []
    found = settled().feed(login(60, 9, "10.2.0.7"))
    assert [one.key for one in pages(found)] == ["shared_credential:sales_wang:silent"]


def test_a_drill_is_found_and_teaches_nothing() -> None:
    bench = settled()
    found = bench.feed(*(login(12, 22, f"127.0.0.{n + 2}", n, actor="drill:7") for n in range(8)))
    assert pages(found)
    assert all(one.drill for one in found)
    assert pages(bench.feed(*(login(12, 23, f"203.0.113.{n}", n) for n in range(6))))
