"""What a claim takes, what a repetition hands over, and what is dropped."""

from __future__ import annotations

from gateway.watch.finding import Severity
from gateway.watch.incidents import Action
from gateway.watch.store import Message, Store
from tests.support.findings import AT
from tests.support.incidents import NOW, admit


async def test_a_claimed_message_is_nobody_elses_until_its_lease_is_over(store: Store) -> None:
    await admit(store, 1)
    [one] = await store.claim("me", NOW, NOW + 60, "a")
    message = one.messages[0]
    assert (one.key, message.id, one.incidents[0].number) == ("INC-1/opened/a", "INC-1/opened/a", 1)
    assert not one.repeated
    assert await store.claim("other", NOW + 30, NOW + 90, "a") == []
    [again] = await store.claim("other", NOW + 61, NOW + 120, "a")
    assert again.repeated, "it may have been sent by the one whose lease ended"
    assert again.key == one.key
    await store.sent([message.id], NOW)
    assert await store.claim("other", NOW + 999, NOW + 1999, "a") == []
    assert [(one["state"], one["finished"]) for one in await store.messages(1)] == [("sent", NOW)]


async def test_a_restart_takes_up_its_own_messages_at_once(store: Store) -> None:
    await admit(store, 1)
    await store.claim("me", NOW, NOW + 60_000_000, "a")
    await store.orphaned("other")
    assert await store.claim("me", NOW + 1, NOW + 60, "a") == []
    await store.orphaned("me")
    assert len(await store.claim("me", NOW + 1, NOW + 60, "a")) == 1


async def test_a_failed_message_is_due_later_and_a_known_id_is_queued_once(store: Store) -> None:
    await admit(store, 1)
    message = (await store.claim("me", NOW, NOW + 60, "a"))[0].messages[0]
    await store.failed([message.id], "no answer", NOW + 500)
    assert await store.claim("me", NOW + 499, NOW + 999, "a") == []
    [again] = await store.claim("me", NOW + 500, NOW + 999, "a")
    assert (again.messages[0].attempts, again.repeated) == (1, False)
    await store.queue([message])
    assert len(await store.messages(1)) == 1
    await store.failed([message.id], "no answer", None)
    assert await store.claim("me", NOW + 9999, NOW + 99999, "a") == []


async def test_acknowledging_drops_reminders_that_were_not_sent(store: Store) -> None:
    await admit(store, 1)
    await store.queue([Message("INC-1/again-1/a", 1, "a", "again", Severity.HIGH, NOW, NOW)])
    await store.act(1, Action.ACKNOWLEDGE, who="zhou", why="", at=AT)
    assert [one.messages[0].kind for one in await store.claim("me", NOW, NOW + 60, "a")] == ["opened"]


async def test_a_storm_goes_together_and_comes_again_as_it_was(store: Store) -> None:
    for n in (1, 2, 3):
        await admit(store, n, key=f"k{n}")
    [one] = await store.claim("me", NOW, NOW + 60, "a", room=2)
    ids = [message.id for message in one.messages]
    assert ids == ["INC-1/opened/a", "INC-2/opened/a", "INC-3/opened/a"]
    await admit(store, 4, key="k4")
    [again] = await store.claim("other", NOW + 61, NOW + 120, "a", room=1)
    assert (again.key, [message.id for message in again.messages], again.repeated) == (one.key, ids, True)
    [fresh] = await store.claim("other", NOW + 61, NOW + 120, "a", room=1)
    assert (fresh.key, fresh.repeated) == ("INC-4/opened/a", False)


async def test_what_was_not_taken_is_tried_again_under_its_key(store: Store) -> None:
    """The receiver may have taken it all the same: an answer that came too late looks like none."""
    for n in (1, 2):
        await admit(store, n, key=f"k{n}")
    [one] = await store.claim("me", NOW, NOW + 60, "a", room=1)
    await store.failed([message.id for message in one.messages], "no answer", NOW + 5)
    await admit(store, 3, key="k3")
    [again] = await store.claim("me", NOW + 5, NOW + 60, "a", room=9)
    assert (again.key, len(again.messages)) == (one.key, 2)


async def test_new_messages_that_fit_go_one_by_one(store: Store) -> None:
    for n in (1, 2, 3):
        await admit(store, n, key=f"k{n}")
    assert [one.key for one in await store.claim("me", NOW, NOW + 60, "a", room=3)] == [
        "INC-1/opened/a", "INC-2/opened/a", "INC-3/opened/a",
    ]  # fmt: skip
