"""Summaries are made beside the turns: what was forgotten meanwhile does not come back in them."""

import time

import pytest
from msgspec.structs import replace

from core.messages import Preferences, Summary, conversation_id
from core.store import keys
from core.store.inbox import Inbox
from core.store.past import SUMMARISING_S
from tests.store.words import exchange, said, take, two_views

CHAT = conversation_id("test", "chat")
DAY = Preferences(retention="1d")


@pytest.fixture
async def inboxes(redis):
    return await two_views(redis)


async def answered(inbox, number, **ending):
    """The claim of a turn that has answered the question with *number*."""
    await inbox.put(said(number))
    claim, turn = await take(inbox)
    await claim.commit(1, replace(exchange(number), at=float(number)), **ending)
    return claim, turn


async def test_a_summary_is_there_for_the_next_turn_and_says_since_when(inboxes):
    claim, _ = await answered(inboxes[0], 1)
    summary = Summary("talk", 1.0, since=1.0)
    assert await claim.past.summarise(summary, await claim.past.look())
    _, turn = await answered(inboxes[1], 2)
    assert turn.summary == summary


@pytest.mark.parametrize(
    "ending", [{"forget_all": True}, {"replaces": "event-1"}], ids=["new", "retry or edit"]
)
async def test_a_summary_of_what_left_history_meanwhile_does_not_come_back(inboxes, ending):
    claim, _ = await answered(inboxes[0], 1)
    seen = await claim.past.look()
    await answered(inboxes[1], 2, **ending)
    assert not await claim.past.summarise(Summary("old talk", 5.0), seen)
    assert (await claim.past.look()).summary == Summary()


async def test_of_two_summaries_that_of_more_stays(inboxes):
    claim, _ = await answered(inboxes[0], 1)
    seen = await claim.past.look()
    assert await claim.past.summarise(Summary("more", 9.0), seen)
    assert not await claim.past.summarise(Summary("less", 5.0), seen)
    assert (await claim.past.look()).summary == Summary("more", 9.0)


async def test_a_conversation_that_moved_takes_no_summary_any_more(inboxes):
    claim, _ = await answered(inboxes[0], 1)
    seen = await claim.past.look()
    await inboxes[0].put(said(2))
    moving, _ = await take(inboxes[0])
    await moving.move(conversation_id("test", "new"), said=True)
    assert not await claim.past.summarise(Summary("old talk", 5.0), seen)


async def test_one_process_summarises_at_a_time_and_a_dead_one_is_not_waited_for(inboxes, redis):
    one, _ = await answered(inboxes[0], 1)
    two, _ = await answered(inboxes[1], 2)
    assert await one.past.take_summary()
    assert not await two.past.take_summary()
    assert 0 < await redis.ttl(keys.lease(f"summary:{CHAT}")) <= SUMMARISING_S
    await one.past.give_summary()
    assert await two.past.take_summary()


async def test_an_answer_to_what_was_erased_while_it_was_written_does_not_come_back(inboxes, redis):
    """The mark of the erasing is that of `erase.lua`: the server's time."""
    await inboxes[0].put(said(1))
    claim, _ = await take(inboxes[0])
    seconds, micros = await redis.time()
    await redis.hset(keys.state(CHAT), "erased", seconds + micros / 1e6)
    await claim.commit(1, exchange(1))
    assert await redis.exists(keys.history(CHAT)) == 0
    await answered(inboxes[0], 2)
    assert await redis.llen(keys.history(CHAT)) == 1


async def test_a_place_that_keeps_less_drops_what_is_older_and_has_no_summary(inboxes, redis):
    claim, _ = await answered(inboxes[0], 1)
    assert await claim.past.summarise(Summary("talk", 1.0), await claim.past.look())
    short = Inbox(redis, "short", history_ttl_s=10**9, most_waiting=5)
    await short.put(said(2))
    claim, _ = await take(short)
    await claim.commit(1, replace(exchange(2), at=time.time()), preferences=DAY)
    await short.put(said(3))
    claim, turn = await take(short)
    assert [one.event_id for one in turn.history] == ["event-2"]
    assert turn.summary == Summary()
    await claim.commit(1, replace(exchange(3), at=time.time()))
    assert await redis.llen(keys.history(CHAT)) == 2
    assert await redis.ttl(keys.history(CHAT)) <= 24 * 3600
    assert await redis.hget(keys.state(CHAT), "summary") is None
