"""Clients are counted for all workers together, and failures by where they come from."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.net.crowd import Crowd, CrowdRules, Entry, network

HERE, THERE = "192.0.2.1", "192.0.2.2"
IN = Entry()


def test_limits_hold_over_all_workers() -> None:
    crowd = Crowd(CrowdRules(total=4, per_address=3, per_principal=2))
    assert [crowd.enter(worker, HERE, 0.0) for worker in "abab"] == [IN, IN, IN, Entry("address")]
    assert crowd.enter("a", THERE, 0.0) == IN
    assert crowd.enter("a", THERE, 0.0) == Entry("total")
    assert [crowd.admit(worker, "crm") for worker in "aba"] == [True, True, False]
    assert crowd.admit("a", "bi")
    crowd.leave("b", HERE, "crm")
    assert crowd.admit("b", "crm")
    assert crowd.enter("a", HERE, 0.0) == IN


def test_a_worker_that_dies_takes_its_clients_along() -> None:
    crowd = Crowd(CrowdRules(total=2, per_principal=1))
    assert crowd.enter("a", HERE, 0.0) == crowd.enter("a", HERE, 0.0) == IN
    assert crowd.admit("a", "crm")
    crowd.gone("a")
    assert crowd.enter("b", HERE, 0.0) == IN
    assert crowd.admit("b", "crm")
    crowd.leave("a", HERE, "crm")
    assert not crowd.admit("c", "crm"), "what it says late counts for nothing"


def test_failures_bar_a_name_from_where_they_come_for_a_minute() -> None:
    told: list[str] = []
    crowd = Crowd(CrowdRules(failures=3, failures_per_address=0), told.append)
    for second in (0.0, 1.0, 2.0):
        assert crowd.enter("a", HERE, second) == IN
        crowd.failed(HERE, "crm", second)
    assert told == [HERE]
    assert crowd.enter("a", HERE, 3.0) == Entry("", ("crm",))
    assert crowd.enter("a", THERE, 3.0) == IN
    crowd.failed(HERE, "crm", 4.0)
    assert told == [HERE], "told once"
    assert crowd.enter("a", HERE, 60.9) == Entry("", ("crm",))
    assert crowd.enter("a", HERE, 61.0) == IN, "the second of three is a minute ago"


def test_one_who_tries_many_names_is_barred_under_all() -> None:
    crowd = Crowd(CrowdRules(failures=100, failures_per_address=5))
    for number in range(5):
        crowd.failed(HERE, f"user {number}", float(number))
    assert crowd.enter("a", HERE, 5.0) == Entry("", (), True)
    assert crowd.enter("a", THERE, 5.0) == IN


def test_no_limits() -> None:
    crowd = Crowd(CrowdRules(failures=0, failures_per_address=0))
    for _ in range(500):
        crowd.failed(HERE, "crm", 0.0)
        assert crowd.enter("a", HERE, 0.0) == IN
        assert crowd.admit("a", "crm")


def test_memory_is_bounded_whoever_tries() -> None:
    crowd = Crowd(CrowdRules(failures=2))
    for number in range(20_000):
        crowd.failed(f"address {number}", "crm", 0.0)
        crowd.failed(HERE, f"user {number}", 0.0)
    assert len(crowd._failures) <= 4096
    assert len(crowd._failures[HERE].names) <= 256


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("local", "local"),
        ("a:b", "a:b"),
    ],
)
def test_an_address_of_ipv6_is_its_network(address: str, place: str) -> None:
    assert network(address) == place


STEPS = st.lists(
    st.tuples(st.sampled_from(("enter", "leave", "gone")), st.sampled_from("abc"), st.sampled_from("xy")), max_size=60
)


@given(STEPS, st.integers(1, 6), st.integers(0, 4))
def test_it_counts_as_a_list_of_clients_would(steps: list[tuple[str, str, str]], total: int, per_address: int) -> None:
    crowd = Crowd(CrowdRules(total=total, per_address=per_address))
    clients: list[tuple[str, str]] = []
    for step, worker, address in steps:
        if step == "enter":
            places = Counter(place for _, place in clients)
            want = "total" if len(clients) >= total else "address" if 0 < per_address <= places[address] else ""
            assert crowd.enter(worker, address, 0.0).refused == want
            if not want:
                clients.append((worker, address))
        elif step == "leave" and (worker, address) in clients:
            clients.remove((worker, address))
            crowd.leave(worker, address, "")
        elif step == "gone":
            clients = [one for one in clients if one[0] != worker]
            crowd.gone(worker)
