"""search_path over transactions, against a model that keeps a whole copy for each savepoint, as PostgreSQL does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from adapters.postgres.paths import Path, PathChanges

ONE, TWO = ("one",), ("two",)
STEPS = st.tuples(
    st.sampled_from(["set", "local", "savepoint", "release", "back"]),
    st.sampled_from([None, ONE, TWO]),
    st.sampled_from("ab"),
)


@given(st.lists(STEPS, max_size=25))
def test_it_goes_as_with_copies(steps: list[tuple[str, Path, str]]) -> None:
    path: Path = None
    changes = PathChanges(None, None)
    values: tuple[Path, Path] = (None, None)  # now, and after a commit
    kept: list[tuple[str, tuple[Path, Path]]] = []
    for what, wanted, name in steps:
        found = [at for at, (known, _) in enumerate(kept) if known == name][-1:]
        if what in ("set", "local"):
            path, changes = wanted, changes.set(wanted, local=what == "local")
            values = (wanted, values[1] if what == "local" else wanted)
        elif what == "savepoint":
            changes = changes.savepoint(name, path)
            kept.append((name, values))
        elif what == "release":
            changes = changes.released(name)
            kept = kept[: found[0]] if found else kept
        else:
            path, changes = changes.back_to(name, path)
            if found:
                kept = kept[: found[0] + 1]
                values = kept[-1][1]
        assert (path, changes.lasting, changes.before) == (*values, None)


def test_a_savepoint_before_each_statement_takes_no_room() -> None:
    changes = PathChanges(None, None)
    for _ in range(1000):
        changes = changes.savepoint("auto", None)
    assert changes.top is not None
    assert (changes.top.times, changes.top.below) == (1000, None)
