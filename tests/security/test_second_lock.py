"""Managed mode under attack: the corpus with both locks, and with the database's own lock alone.

`both`: the gateway as it is. `database`: the analysis is switched off (`unjudged.py`), every statement runs in the
database as the attacker wrote it, as the role of the persona. `database, qualified`: the same, and schemas that the
attacker names are those of the persona's views, so that the statement runs instead of being refused for its names.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from tests.security.canaries import FOLDER, Canaries
from tests.security.conftest import plant
from tests.security.corpus import load
from tests.security.runner import LIMIT, Finding, Runner, Target
from tests.support.gateway import Gateway
from tests.support.postgres import Database, Postgres

CASES = load()
CLASSES = sorted({case.cls for case in CASES})
LANES = {
    "both": ("gateway.cli", {}),
    "database": ("tests.security.unjudged", {}),
    "database, qualified": ("tests.security.unjudged", {"MENSHEN_TEST_QUALIFIED": "1"}),
}
# A session keeps its purpose: to take another one is refused (tests/system/managed), so that what is shown after the
# attempt is what the first purpose shows. The oracle knows the second one.
KEPT = (("protocol/purpose_", "leak"),)
# What only the analysis holds, since PostgreSQL has no privilege that would say it; docs/managed.md tells the same.
BEYOND = (
    ("inference/small_groups", "difference"),  # none counts the subjects of a group
    ("laundering/", "changed"),  # none follows a value that may be read to where it may be written
)
TOLD = ("leak", "difference", "changed")
"""Without the analysis nothing bounds what a statement costs, so that a session may hang or end itself."""


def among(found: Finding, exceptions: Iterable[tuple[str, str]]) -> bool:
    return any(found.case.startswith(family) and found.kind == kind for family, kind in exceptions)


@dataclass
class Lane:
    name: str
    gateway: Gateway
    runner: Runner

    def attack(self, cls: str) -> list[str]:
        able = self.runner.abilities()
        cases = [c for c in CASES if c.cls == cls and able.issuperset(c.more.get("needs", ()))]
        found = [one for case in cases for one in self.runner.run(case)]
        if self.name != "both":
            found = [one for one in found if one.kind in TOLD and not among(one, BEYOND)]
        return [str(one) for one in found if not among(one, KEPT)]


@pytest.fixture(scope="module")
def locked(postgres: Postgres, canaries: Canaries) -> Iterator[Database]:
    database = plant(postgres, canaries, "locked")
    yield database
    postgres.drop(database)


@pytest.fixture(scope="module", params=LANES)
def lane(request: pytest.FixtureRequest, locked: Database, canaries: Canaries) -> Iterator[Lane]:
    program, environment = LANES[request.param]
    settings = {"databases": {"shop": {"mode": "managed"}}}
    with tempfile.TemporaryDirectory(prefix="menshen-locked-") as folder:
        gateway = Gateway(
            Path(folder),
            {"shop": locked.dsn},
            policies=FOLDER / "bundle",
            settings=settings,
            environment=environment,
            program=program,
        )
        installed = gateway.run("install", "shop", "--yes")
        assert installed.returncode == 0, installed.stderr
        with gateway:
            target = Target(gateway.port, "shop", gateway.passwords)
            # Without the analysis statements may wait for as long as they like: that is not looked at, see TOLD.
            runner = Runner(target, canaries, locked.dsn, limit=LIMIT if request.param == "both" else 4.0)
            yield Lane(request.param, gateway, runner)
            runner.close()
        assert gateway.run("install", "shop", "--remove", "--yes").returncode == 0


@pytest.mark.parametrize("cls", CLASSES)
def test_attacks_of_a_class_find_nothing(cls: str, lane: Lane) -> None:
    found = lane.attack(cls)
    assert not found, "\n".join(found)
    assert lane.gateway.running


def test_the_analysis_is_off_where_it_shall_be(lane: Lane) -> None:
    with psycopg.connect(lane.gateway.dsn("desk_app"), autocommit=True) as session:
        if lane.name == "both":
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                session.execute("DO $$BEGIN END$$")
        else:
            session.execute("DO $$BEGIN END$$")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            session.execute("TABLE vault.people")


def test_the_exceptions_are_in_the_corpus() -> None:
    for family, _ in (*BEYOND, *KEPT):
        assert any(case.family.startswith(family) for case in CASES)
