"""Places and turns: fairness, caps, giving up; and what always holds, over random histories."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.postgres.pool.queue import Places, State, Ticket


def served(places: Places, held: list[Ticket], waiting: list[Ticket]) -> str:
    """Hand back one place after the other; the principals in the order in which they are served."""
    order = []
    held = list(held)
    while held:
        for ticket in places.leave(held.pop(0)):
            order.append(ticket.principal)
            held.append(ticket)
    assert all(ticket.state is State.LEFT for ticket in waiting)
    return "".join(order)


@pytest.mark.parametrize(
    ("size", "cap", "asked", "order"),
    [
        (1, 0, "aaaab", "aba" + "a"),
        (1, 0, "aaaabbbc", "abcabab"[:7]),
        (2, 0, "aaaaaab", "abaaa"),
        (1, 0, "abcabc", "bcabc"),
        (3, 1, "aaab", "aa"),
        (2, 1, "aabb", "ab"),
    ],
)
def test_principals_are_served_in_turn(size: int, cap: int, asked: str, order: str) -> None:
    places = Places(size, cap)
    tickets = [places.ask(principal) for principal in asked]
    granted = [t for t in tickets if t.granted]
    assert served(places, granted, tickets) == order
    assert (places.taken, places.waiting) == (0, 0)


def test_a_flood_does_not_keep_another_principal_waiting() -> None:
    places = Places(2)
    flood = [places.ask("flood") for _ in range(1000)]
    quiet = places.ask("quiet")
    assert [t.principal for t in places.leave(flood[0])] == ["flood"]  # it came first in this round
    assert places.leave(flood[1]) == [quiet]


def test_a_cap_leaves_places_free_for_others() -> None:
    places = Places(5, 2)
    assert [places.ask("a").granted for _ in range(3)] == [True, True, False]
    assert places.ask("b").granted
    assert (places.taken, places.waiting, places.held("a"), places.held("b")) == (3, 1, 2, 1)


def test_who_gives_up_is_not_served_and_leaving_twice_changes_nothing() -> None:
    places = Places(1)
    first, second, third = (places.ask("a") for _ in range(3))
    assert places.leave(second) == []
    assert places.waiting == 1
    assert places.leave(first) == [third]
    assert places.leave(first) == places.leave(second) == []
    assert (places.taken, places.waiting) == (1, 0)


def test_who_gives_up_may_make_way_for_nobody_but_not_block() -> None:
    """With a cap, a place may be free while somebody waits; a third one is served at once."""
    places = Places(2, 1)
    places.ask("a")
    waiting = places.ask("a")
    assert not waiting.granted
    assert places.ask("b").granted


_STEPS = st.lists(st.one_of(st.sampled_from("abcd"), st.integers(0, 200)), max_size=120)


@given(st.integers(1, 6), st.integers(0, 3), _STEPS)
def test_what_always_holds(size: int, cap: int, steps: list[str | int]) -> None:
    places = Places(size, cap)
    alive: list[Ticket] = []
    turns: dict[str, list[str]] = {}  # who waits → who was served while it could have been
    for step in steps:
        if isinstance(step, str):
            ticket = places.ask(step)
            alive.append(ticket)
            if not ticket.granted:
                turns.setdefault(step, [])
        elif alive:
            for served_now in places.leave(alive.pop(step % len(alive))):
                others = [name for name in turns if name != served_now.principal]
                for name in others:
                    if not cap or places.held(name) < cap:
                        turns[name].append(served_now.principal)
                turns[served_now.principal] = []
        granted = [t for t in alive if t.granted]
        waiting = [t for t in alive if t.state is State.WAITING]
        assert places.taken == len(granted) <= size
        assert places.waiting == len(waiting)
        names = {t.principal for t in waiting}
        turns = {name: list_ for name, list_ in turns.items() if name in names}
        for name in "abcd":
            held = sum(t.principal == name for t in granted)
            assert places.held(name) == held
            assert not cap or held <= cap
        # Nobody waits who could be served.
        if places.taken < size:
            assert all(cap and places.held(name) >= cap for name in names)
        # Within a round, nobody is served twice while another one could have been.
        if not cap:
            for served_since in turns.values():
                assert len(served_since) == len(set(served_since))
