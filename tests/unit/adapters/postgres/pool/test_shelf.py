"""Which idle connection is taken, and which is given up."""

from __future__ import annotations

from adapters.postgres.pool.shelf import Key, Shelf

ONE: Key = ("app", (("application_name", "one"),))
OTHER: Key = ("app", (("application_name", "other"),))
SOMEBODY: Key = ("else", (("application_name", "one"),))


def filled() -> Shelf[str]:
    shelf: Shelf[str] = Shelf()
    for now, (name, key) in enumerate([("a", ONE), ("b", OTHER), ("c", ONE), ("d", SOMEBODY)]):
        shelf.put(name, key, float(now))
    return shelf


def test_only_the_same_principal_with_the_same_parameters_gets_it_newest_first() -> None:
    shelf = filled()
    taken = [shelf.take(ONE) for _ in range(3)]
    assert [parked and (parked.connection, parked.since) for parked in taken] == [("c", 2.0), ("a", 0.0), None]
    assert shelf.take(("nobody", ())) is None
    assert [parked.connection for parked in shelf] == ["b", "d"]


def test_the_oldest_of_all_is_given_up_first() -> None:
    shelf = filled()
    assert shelf.remove("a") is not None
    assert shelf.remove("a") is None
    order = []
    while (parked := shelf.take_oldest()) is not None:
        order.append(parked.connection)
    assert order == ["b", "c", "d"]
    assert len(shelf) == 0
