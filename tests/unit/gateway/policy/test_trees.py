from __future__ import annotations

from casbin.rbac.default_role_manager import RoleManager
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.trees import MAX_LEVELS, Forest


def chain(length: int) -> Forest:
    return Forest.of((f"n{at}", f"n{at + 1}") for at in range(length - 1))


def test_above_is_the_name_and_all_over_it() -> None:
    forest = Forest.of([("a", "b"), ("b", "c"), ("a", "d")])
    assert forest.above("a") == {"a", "b", "c", "d"}
    assert forest.above("unknown") == {"unknown"}
    assert forest.edges() == [("a", "b"), ("a", "d"), ("b", "c")]


def test_an_edge_may_be_added_below() -> None:
    forest = Forest.of([("a", "b")])
    assert forest.above("x") == {"x"}
    forest.add("x", "a")
    forest.add("x", "c")
    assert forest.above("x") == {"x", "a", "b", "c"}


def test_each_cycle_is_told_once() -> None:
    forest = Forest.of([("x", "a"), ("a", "b"), ("b", "a"), ("c", "c"), ("d", "e")])
    assert forest.cycles() == [("a", "b"), ("c",)]
    assert forest.above("x") == {"x", "a", "b"}


def test_a_long_chain_needs_no_stack() -> None:
    assert chain(100_000).cycles() == []


def test_two_ways_up_are_no_cycle() -> None:
    assert Forest.of([("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")]).cycles() == []


def test_the_limit_is_where_casbin_stops_following() -> None:
    for length in (MAX_LEVELS, MAX_LEVELS + 1):
        manager = RoleManager(10)
        for edge in chain(length).edges():
            manager.add_link(*edge)
        follows = manager.has_link("n0", f"n{length - 1}")
        assert follows == (not chain(length).too_deep())


@given(st.lists(st.tuples(st.sampled_from("abcdefg"), st.sampled_from("abcdefg")), max_size=12))
def test_what_lies_above_is_what_casbin_links(edges: list[tuple[str, str]]) -> None:
    forest, manager = Forest.of(edges), RoleManager(10)
    for edge in edges:
        manager.add_link(*edge)
    for name in "abcdefg":
        for other in "abcdefg":
            assert (other in forest.above(name)) == manager.has_link(name, other)
