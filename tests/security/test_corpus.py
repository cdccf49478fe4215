"""Nothing gets past the veil: every attack of the corpus, over every protocol, against a gateway of its own process."""

from __future__ import annotations

import pytest

from tests.security.corpus import load
from tests.security.runner import Runner

CASES = load()
CLASSES = sorted({case.cls for case in CASES})


@pytest.mark.parametrize("cls", CLASSES)
def test_attacks_of_a_class_find_nothing(cls: str, attacker: Runner) -> None:
    able = attacker.abilities()
    found = []
    for case in CASES:
        if case.cls == cls and able.issuperset(case.more.get("needs", ())):
            found.extend(attacker.run(case))
    assert not found, "\n".join(map(str, found))


@pytest.mark.parametrize("cls", CLASSES)
def test_the_oracle_sees_the_same_attacks_on_the_bare_database(cls: str, bare: Runner) -> None:
    able = bare.abilities()
    unseen = []
    for case in CASES:
        needs = {*case.more.get("needs", ()), *case.more["since"]}
        if case.cls == cls and not case.more.get("blind") and able.issuperset(needs):
            seen = [f for f in bare.run(case) if f.kind in ("leak", "difference", "changed")]
            if not seen:
                unseen.append(f"{case.id} {bare.codes.get((case.id, case.protocols[0]))}")
    assert not unseen, "the oracle is blind to: " + "\n".join(unseen)


def test_the_corpus_is_as_large_as_promised() -> None:
    assert len(CASES) >= 1000
    assert sum(not case.more["blind"] for case in CASES) >= 800, "most must be proven to be seen"
