"""A person's share: how many answers may run for one, whoever runs them, and who waits."""

import asyncio

import pytest

from core.messages import Incoming, Preferences, Sender, conversation_id
from tests.store.words import exchange, said, take, two_views

MOST = 2


@pytest.fixture
async def inboxes(redis):
    return await two_views(redis, most_per_person=MOST)


async def test_a_persons_answers_are_bounded_across_all_workers(inboxes):
    one, two = inboxes
    for number in range(3):
        await one.put(said(number, chat=f"chat-{number}"))
    first, running = await take(one)
    _, also_running = await take(two)
    _, third = await take(one)
    assert running
    assert also_running
    assert third is None
    assert await two.claim(["test"], 1, 0.05) == [], "who waits is not tried again and again"
    await first.commit(1, exchange(0))
    _, woken = await take(two)
    assert woken.mail[0].event_id == "event-2"


async def test_another_person_does_not_wait_behind_a_busy_one(inboxes):
    one, _ = inboxes
    for number in range(MOST + 2):
        await one.put(said(number, chat=f"chat-{number}"))
    await one.put(said(9, chat="chat-9", person="test:2"))
    turns = [(await take(one))[1] for _ in range(MOST + 3)]
    assert [turn is not None for turn in turns] == [True, True, False, False, True]


async def test_a_dead_workers_turn_counts_for_its_person_until_it_is_taken_over(inboxes):
    one, two = inboxes
    for number in range(MOST):
        await one.put(said(number, chat=f"chat-{number}"))
        await take(one)
    await asyncio.sleep(0.35)
    taken = await two.take_over(["test"], 10)
    turns = [await claim.load(10_000) for claim in taken]
    assert None not in turns, "taking over is no new answer of the person's"


async def test_the_post_that_told_to_wait_is_found_by_the_turn_and_only_by_it(inboxes):
    one, two = inboxes
    await one.put(said(1, chat="c"))
    await one.put(said(2, chat="c"))
    assert (await two.untold(conversation_id("test", "c"))).event_id == "event-1"
    assert await two.keep_placeholder(said(1, chat="c"), "post 1")
    assert await one.untold(conversation_id("test", "c")) is None, "once is enough"
    claim, turn = await take(one)
    assert turn.placeholder == "post 1"
    assert not await two.keep_placeholder(said(1, chat="c"), "post 2"), "its turn has begun"
    await claim.commit(1, exchange(1))
    _, turn = await take(one)
    assert turn.placeholder == ""


async def test_of_two_posts_that_tell_to_wait_the_first_is_kept_however_often_it_is_said(inboxes):
    one, two = inboxes
    await one.put(said(1, chat="c"))
    assert await one.keep_placeholder(said(1, chat="c"), "post 1")
    assert not await two.keep_placeholder(said(1, chat="c"), "post 2"), "who made it takes it away"
    assert await one.keep_placeholder(said(1, chat="c"), "post 1"), (
        "said again: its answer got lost"
    )
    _, turn = await take(two)
    assert turn.placeholder == "post 1"


async def test_who_waits_is_known_with_the_place_in_the_queue(inboxes):
    one, two = inboxes
    for number in range(4):
        await one.put(said(number, chat=f"chat-{number}", person=f"test:{number}"))
    await take(one)
    waiting = await two.waiting("test", 0)
    assert [(some.conversation, some.place) for some in waiting] == [
        ("test:chat-1:", 1),
        ("test:chat-2:", 2),
        ("test:chat-3:", 3),
    ]
    assert await two.waiting("test", 60) == []


async def test_a_conversation_that_moves_takes_mail_history_and_preferences_along(inboxes):
    one, two = inboxes
    old, new = conversation_id("test", "old"), conversation_id("test", "new")
    await one.put(said(1, chat="old"))
    claim, _ = await take(one)
    await claim.commit(1, exchange(1), preferences=Preferences(model="m"))
    moved = Incoming(
        event_id="moved", conversation=old, sender=Sender("", ""), text="", moved_to=new
    )
    await one.put(moved)
    await one.put(said(2, chat="old"))
    claim, turn = await take(two)
    assert turn.mail[0].moved_to == new
    await claim.move(new, said=True)
    claim, turn = await take(one)
    assert claim.conversation == new
    assert [mail.event_id for mail in turn.mail] == ["event-2"]
    assert turn.mail[0].conversation == new
    assert [past.event_id for past in turn.history] == ["event-1"]
    assert turn.preferences.model == "m"
    assert await one.claim(["test"], 1, 0.05) == []
