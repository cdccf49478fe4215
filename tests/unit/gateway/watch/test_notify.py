"""The queue and its senders: retry, grouping, escalation, what a death between sending and marking does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from gateway.watch.finding import Severity
from gateway.watch.incidents import Action, moment
from gateway.watch.messages import Route, plan
from gateway.watch.notify import BURST, KEY_HEADER, AppriseChannel, Notifier, SendFailed, SentNotes, Taken
from gateway.watch.store import Store
from tests.support.findings import AT, finding

START = round(moment(AT).timestamp() * 1_000_000)


class Phone:
    def __init__(self) -> None:
        self.got: list[tuple[str, str]] = []
        self.keys: list[str] = []
        self.broken = False
        self.die = ""

    async def send(self, title: str, body: str, severity: Severity, key: str, taken: Taken) -> None:
        if self.broken:
            raise SendFailed("no line")
        self.got.append((title, body))
        self.keys.append(key)
        if self.die == "before the note":
            raise asyncio.CancelledError
        taken()
        if self.die:
            raise asyncio.CancelledError


class Bench:
    """A store, a route and a clock that stands still."""

    def __init__(self, store: Store, *routes: Route, notes: Path | None = None) -> None:
        self.store, self.now, self.notes = store, START, notes
        self.phones = {route.name: Phone() for route in routes}
        self.routes = list(routes)
        self.outcomes: list[tuple[str, str]] = []
        self.notifier = self.restart()

    def restart(self) -> Notifier:
        self.notifier = Notifier(
            self.store,
            {route.name: (route, self.phones[route.name]) for route in self.routes},
            owner="me",
            notes=SentNotes(self.notes),
            done=lambda messages, outcome: self.outcomes.extend((one.id, outcome) for one in messages),
            clock=lambda: self.now,
        )
        return self.notifier

    async def breach(self, *seqs: int, **changes: Any) -> None:
        findings = [finding(n, key=f"k{n}", **changes) for n in seqs]
        await self.store.admit(findings, at=AT, now=self.now, plan=plan(self.routes, self.now))

    async def send(self) -> None:
        for sender in self.notifier._senders.values():
            while await sender.send_due():
                pass


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    made = await Store.open(tmp_path / "s")
    yield made
    await made.close()


async def test_a_message_goes_once(store: Store) -> None:
    bench = Bench(store, Route("oncall"))
    await bench.breach(1)
    await bench.send()
    await bench.send()
    assert len(bench.phones["oncall"].got) == 1
    assert bench.outcomes == [("INC-1/opened/oncall", "sent")]


async def test_a_broken_channel_is_tried_again_later_and_later(store: Store) -> None:
    bench = Bench(store, Route("oncall"))
    phone = bench.phones["oncall"]
    phone.broken = True
    await bench.breach(1)
    for _ in range(4):
        await bench.send()
        bench.now += 20_000_000
    assert len(bench.outcomes) == 4
    phone.broken = False
    bench.now += 600_000_000
    await bench.send()
    assert len(phone.got) == 1
    assert "before" not in phone.got[0][1], "a refused message was not sent, so it is no repeat"


async def test_one_route_does_not_wait_for_another(store: Store) -> None:
    bench = Bench(store, Route("dead"), Route("oncall"))
    bench.phones["dead"].broken = True
    await bench.breach(1)
    await bench.send()
    assert len(bench.phones["oncall"].got) == 1


async def test_death_before_sending_loses_nothing(store: Store) -> None:
    bench = Bench(store, Route("oncall"))
    await bench.breach(1)
    await store.claim("me", bench.now, bench.now + 60_000_000, "oncall")
    bench.restart()
    await store.orphaned("me")
    await bench.send()
    assert len(bench.phones["oncall"].got) == 1


async def test_death_between_sending_and_marking_repeats_and_says_so(store: Store) -> None:
    bench = Bench(store, Route("oncall"))
    phone = bench.phones["oncall"]
    await bench.breach(1)
    phone.die = "before the note"
    with pytest.raises(asyncio.CancelledError):
        await bench.send()
    phone.die = ""
    bench.restart()
    await store.orphaned("me")
    await bench.send()
    first, second = (text for _, text in phone.got)
    assert "INC-1/opened/oncall" in first
    assert "INC-1/opened/oncall" in second
    assert "may have reached you before" in second
    assert phone.keys == ["INC-1/opened/oncall"] * 2, "a receiver that knows the key drops the second"


async def test_death_behind_the_note_repeats_nothing(store: Store, tmp_path: Path) -> None:
    bench = Bench(store, Route("oncall"), notes=tmp_path / "sent")
    phone = bench.phones["oncall"]
    await bench.breach(1)
    phone.die = "behind the note"
    with pytest.raises(asyncio.CancelledError):
        await bench.send()
    phone.die = ""
    await bench.restart().take_up()
    await bench.send()
    assert len(phone.got) == 1
    assert (await store.messages(1))[0]["state"] == "sent"
    await bench.breach(2)
    await bench.send()
    assert len(phone.got) == 2
    assert (tmp_path / "sent").read_bytes() == b""


async def test_a_storm_is_grouped(store: Store) -> None:
    bench = Bench(store, Route("oncall"))
    phone = bench.phones["oncall"]
    for n in range(1, BURST + 1):
        await bench.breach(n)
        await bench.send()
    assert len(phone.got) == BURST
    await bench.breach(*range(100, 140))
    await bench.send()
    assert len(phone.got) == BURST, "the rest waits for a moment"
    bench.now += 31_000_000
    await bench.send()
    assert len(phone.got) == BURST + 1
    assert "40 incidents" in phone.got[-1][0]
    assert all(f"INC-{n}/opened/oncall" in phone.got[-1][1] for n in range(BURST + 1, BURST + 41))


async def test_a_call_does_not_wait_for_notices(store: Store) -> None:
    bench = Bench(store, Route("oncall"))
    await bench.breach(*range(1, BURST + 3))
    bench.now += 31_000_000
    await bench.send()
    for n in range(1, BURST + 3):
        bench.now += 1_000_000
        await store.act(n, Action.RESOLVE, who="zhou", why="over", at=AT, plan=plan(bench.routes, bench.now))
        await bench.send()
    closed = [title for title, _ in bench.phones["oncall"].got if "CLOSED" in title]
    assert len(closed) == BURST, "the rest of them waits for a moment"
    await bench.breach(50)
    await bench.send()
    assert bench.phones["oncall"].got[-1][0].startswith(f"[HIGH] INC-{BURST + 3} ")


async def test_a_grave_call_does_not_wait_for_lesser_ones(store: Store) -> None:
    bench = Bench(store, Route("oncall"))
    phone = bench.phones["oncall"]
    for n in range(1, BURST + 2):
        await bench.breach(n, severity=Severity.MEDIUM)
        await bench.send()
    assert len(phone.got) == BURST
    await bench.breach(50, severity=Severity.CRITICAL)
    await bench.send()
    assert [title.split("]")[0] for title, _ in phone.got[BURST:]] == ["[CRITICAL"]
    bench.now += 31_000_000
    await bench.send()
    assert [title.split("]")[0] for title, _ in phone.got[BURST + 1 :]] == ["[MEDIUM"]


async def test_a_storm_is_repeated_as_it_was_after_a_death(store: Store) -> None:
    bench = Bench(store, Route("oncall"))
    phone = bench.phones["oncall"]
    await bench.breach(*range(1, 10))
    phone.die = "before the note"
    with pytest.raises(asyncio.CancelledError):
        await bench.send()
    phone.die = ""
    await bench.breach(10)
    await bench.restart().take_up()
    await bench.send()
    assert phone.keys[0] == phone.keys[1]
    assert all(f"INC-{n}/opened/oncall" in text for n in range(1, 10) for _, text in phone.got[:2])
    assert phone.keys[2:] == ["INC-10/opened/oncall"]


async def test_nobody_acknowledges(store: Store) -> None:
    bench = Bench(store, Route("oncall", repeat_after_seconds=0), Route("boss", escalate_after_seconds=60))
    await bench.breach(1)
    assert await bench.notifier.remind() == 0
    bench.now += 61_000_000
    await bench.notifier.remind()
    await bench.notifier.remind()
    await bench.send()
    assert "NOBODY HAS ACKNOWLEDGED" in bench.phones["boss"].got[0][0]
    assert len(bench.phones["boss"].got) == 1


async def test_after_three_days_it_is_given_up(store: Store) -> None:
    bench = Bench(store, Route("oncall"))
    bench.phones["oncall"].broken = True
    await bench.breach(1)
    bench.now += 4 * 24 * 3600 * 1_000_000
    await bench.send()
    assert bench.outcomes == [("INC-1/opened/oncall", "given_up")]


async def test_it_runs_by_itself(store: Store) -> None:
    bench = Bench(store, Route("oncall"))
    running = asyncio.ensure_future(bench.notifier.run())
    await bench.breach(1)
    bench.notifier.wake()
    for _ in range(500):
        if bench.outcomes:
            break
        await asyncio.sleep(0.01)
    assert bench.outcomes == [("INC-1/opened/oncall", "sent")]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.mark.parametrize("url", ["", "nonsense", "nosuch://host", "json://a json://b"])
def test_an_address_that_is_none_is_refused_unseen(url: str) -> None:
    with pytest.raises(ValueError, match="not one address") as refused:
        AppriseChannel(url)
    assert "nosuch" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    ["dingtalk://tokentokentokentokentoken", "wecombot://1234567890abcdef1234567890abcdef",
     "feishu://tokentokentokentoken", "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#ops",
     "pagerduty://key@apikey", "mailto://u:p@example.com", "jsons://example.com/hook"],
)  # fmt: skip
def test_the_channels_that_we_promise_are_known(url: str) -> None:
    AppriseChannel(url)


async def test_a_dead_channel_fails_without_showing_its_address() -> None:
    with pytest.raises(SendFailed) as failed:
        await AppriseChannel("json://secretuser:secretword@127.0.0.1:9/hook").send(
            "t", "b", Severity.HIGH, "k", lambda: None
        )
    assert "secret" not in str(failed.value)


async def test_a_webhook_and_a_pager_are_given_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    requests = pytest.importorskip("requests")
    asked: list[tuple[str, dict[str, str], dict[str, Any]]] = []

    def request(url: str, **members: Any) -> Any:
        asked.append((url, members["headers"], orjson.loads(members["data"])))
        answer = requests.Response()
        answer.status_code = 202
        return answer

    monkeypatch.setattr(requests, "request", lambda method, url, **members: request(url, **members))
    monkeypatch.setattr(requests, "post", request)
    for url in ("json://127.0.0.1/hook", "pagerduty://integration@apikey"):
        channel = AppriseChannel(url)
        for key in ("INC-1/opened/值班", "INC-2/opened/a"):
            await channel.send("t", "b", Severity.HIGH, key, lambda: None)
    assert [headers.get(KEY_HEADER) for _, headers, _ in asked[:2]] == [
        "INC-1/opened/%E5%80%BC%E7%8F%AD", "INC-2/opened/a",
    ]  # fmt: skip
    assert [document["dedup_key"] for _, _, document in asked[2:]] == [
        "INC-1/opened/%E5%80%BC%E7%8F%AD", "INC-2/opened/a",
    ]  # fmt: skip
