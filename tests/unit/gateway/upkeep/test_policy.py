"""The last good bundle stays in force until a newer one has loaded whole."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.errors import Problem, ProblemsFound
from gateway.upkeep import policy as module
from gateway.upkeep.policy import PolicyKeeper, fingerprint


@dataclass(frozen=True)
class Fake:
    digest: str


def load(folder: Path) -> Fake:
    text = (folder / "rules.csv").read_text()
    if "bad" in text:
        raise ProblemsFound([Problem("rules.csv", 1, "bad rule")])
    return Fake(hashlib.sha256(text.encode()).hexdigest())


@dataclass
class Heard:
    loaded: list[str]
    refused: list[tuple[Problem, ...]]


@pytest.fixture(autouse=True)
def quick() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "SETTLE_SECONDS", 0.01)
        yield


def keeper(folder: Path, interval: float = 0.0) -> tuple[PolicyKeeper[Fake], Heard]:
    heard = Heard([], [])
    made = PolicyKeeper(folder, load, lambda p: heard.loaded.append(p.digest), heard.refused.append, interval)
    return made, heard


async def test_a_bad_bundle_does_not_start(tmp_path: Path) -> None:
    (tmp_path / "rules.csv").write_text("bad")
    made, heard = keeper(tmp_path)
    with pytest.raises(ProblemsFound):
        made.start()
    assert heard.loaded == []


async def test_a_bad_bundle_does_not_replace_a_good_one(tmp_path: Path) -> None:
    rules = tmp_path / "rules.csv"
    rules.write_text("good")
    made, heard = keeper(tmp_path)
    first = made.start()
    rules.write_text("bad")
    with pytest.raises(ProblemsFound):
        await made.reload()
    assert made.policy is first
    assert made.problems == (Problem("rules.csv", 1, "bad rule"),)
    assert heard.refused == [made.problems]
    rules.write_text("better")
    assert await made.reload() is True
    assert made.policy is not first
    assert made.problems == ()
    assert len(heard.loaded) == 2


async def test_the_same_files_are_no_news_and_end_the_trouble(tmp_path: Path) -> None:
    rules = tmp_path / "rules.csv"
    rules.write_text("good")
    made, heard = keeper(tmp_path)
    made.start()
    rules.write_text("bad")
    with pytest.raises(ProblemsFound):
        await made.reload()
    rules.write_text("good")
    assert await made.reload() is False
    assert made.problems == ()
    assert len(heard.loaded) == 1


async def test_the_watch_takes_a_change_once_it_is_still(tmp_path: Path) -> None:
    rules = tmp_path / "rules.csv"
    rules.write_text("good")
    made, heard = keeper(tmp_path, 0.01)
    made.start()
    watch = asyncio.create_task(made.watch())
    rules.write_text("bad")
    while not heard.refused:  # noqa: ASYNC110 - what is waited for has no event
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    assert len(heard.refused) == 1, "a bad bundle is told once, not at every look"
    rules.write_text("better")
    while len(heard.loaded) < 2:  # noqa: ASYNC110 - what is waited for has no event
        await asyncio.sleep(0.01)
    watch.cancel()
    assert made.policy.digest == hashlib.sha256(b"better").hexdigest()


def test_the_fingerprint_sees_every_kind_of_change(tmp_path: Path) -> None:
    seen = {fingerprint(tmp_path)}
    (tmp_path / "a").write_text("1")
    seen.add(fingerprint(tmp_path))
    (tmp_path / "a").write_text("22")
    seen.add(fingerprint(tmp_path))
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "b").write_text("1")
    seen.add(fingerprint(tmp_path))
    (tmp_path / "a").unlink()
    seen.add(fingerprint(tmp_path))
    assert len(seen) == 5
    assert fingerprint(tmp_path / "gone") == ()
