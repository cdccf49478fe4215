"""What the supervisor makes of workers that answer, fail, end, or do not answer."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path
from typing import Any, cast

import pytest

from gateway.config import Settings
from gateway.errors import MenshenError, Problem, ProblemsFound
from gateway.fleet import supervisor as module
from gateway.fleet.channel import PeerLost
from gateway.fleet.places import Child
from gateway.fleet.supervisor import Supervisor

RELOADED = {"policy": {"digest": "d", "changed": True}, "catalogues_failed": []}


class Bus:
    """The channel of a worker that gives, or raises, the next of its answers."""

    def __init__(self, *answers: Any) -> None:
        self.closed = asyncio.Event()
        self.answers = list(answers)
        self.asked = 0

    async def ask(self, name: str, **members: Any) -> Any:
        self.asked += 1
        answer = self.answers.pop(0) if self.answers else RELOADED
        if isinstance(answer, BaseException):
            raise answer
        return answer


class Worker:
    def __init__(self, bus: Bus, state: str = "running") -> None:
        self.channel, self.state = bus, state


@pytest.fixture
async def supervisor(tmp_path: Path) -> Supervisor:
    settings = Settings()
    (tmp_path / "policies").mkdir()
    gateway = dataclasses.replace(settings.gateway, state_dir=tmp_path)
    policy = dataclasses.replace(settings.policy, path=tmp_path / "policies", reload_interval_seconds=0.01)
    return Supervisor(dataclasses.replace(settings, gateway=gateway, policy=policy), json_log=False)


def seat(supervisor: Supervisor, *workers: Worker) -> None:
    """The first has the place, all others were rolled over."""
    first, *others = (cast(Child, worker) for worker in workers)
    supervisor.workers[0].child = first
    supervisor.retired = others


@pytest.mark.parametrize("state", ["running", "retiring", "draining"])
async def test_one_that_has_ended_is_not_missed(supervisor: Supervisor, state: str) -> None:
    ended = Bus(PeerLost("has gone"))
    ended.closed.set()
    seat(supervisor, Worker(Bus("one")), Worker(ended, state))
    assert await supervisor.ask_workers("status") == ["one"]


@pytest.mark.parametrize("state", ["running", "retiring", "draining"])
async def test_one_that_does_not_answer_is_told_of(supervisor: Supervisor, state: str) -> None:
    """It has clients, and may go on with what was to be changed."""
    seat(supervisor, Worker(Bus("one")), Worker(Bus(PeerLost("does not answer")), state))
    with pytest.raises(PeerLost, match="does not answer"):
        await supervisor.ask_workers("reload")


async def look_for(supervisor: Supervisor, seconds: float) -> None:
    task = asyncio.ensure_future(supervisor._look_at_bundle())
    await asyncio.sleep(seconds)
    task.cancel()


@pytest.mark.parametrize(
    ("failure", "times"), [(PeerLost("does not answer"), 2), (ProblemsFound([Problem("rules.csv", 1, "x", "y")]), 1)]
)
async def test_a_changed_bundle_is_tried_again_until_all_have_it(
    supervisor: Supervisor, failure: MenshenError, times: int
) -> None:
    """Where its files have mistakes, not before they change again."""
    bus = Bus(failure)
    seat(supervisor, Worker(bus))
    (supervisor.settings.policy.path / "rules.csv").write_text("changed", "utf-8")
    await look_for(supervisor, 0.3)
    assert bus.asked == times


async def test_a_process_that_cannot_be_talked_to_is_ended(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = await asyncio.create_subprocess_exec("sleep", "60")

    async def start(launch: Any) -> Any:
        return process, None

    class Mute:
        def __init__(self, *_: Any) -> None: ...

        async def open(self) -> None:
            raise OSError("no such socket")

    monkeypatch.setattr(module, "start", start)
    monkeypatch.setattr(module, "Channel", Mute)
    place = supervisor.workers[0]
    with pytest.raises(OSError, match="no such socket"):
        await supervisor._spawn(place, "first")
    assert place.child is None
    assert process.returncode is not None
