"""A question that names others as elsewhere has the history of its own branch."""

import asyncio

import pytest
from msgspec.structs import replace

from core.messages import Summary, conversation_id
from core.store import keys
from core.store.archive import Archive
from tests.store.words import exchange, said, take, two_views

CHAT = conversation_id("test", "chat")


@pytest.fixture
async def inboxes(redis):
    return await two_views(redis)


async def answered(inbox, number, **more):
    """The turn of the question with *number*, which is answered now."""
    await inbox.put(said(number, message=f"m{number}", **more))
    claim, turn = await take(inbox)
    await claim.commit(1, replace(exchange(number), at=float(number), message=f"m{number}"))
    return turn


def history(turn):
    return [one.message for one in turn.history]


async def test_each_branch_has_its_own_history_and_keeps_it_while_others_go_on(inboxes):
    inbox = inboxes[0]
    for number in (1, 2, 3):
        await answered(inbox, number)
    other = await answered(inbox, 4, elsewhere=("m2", "m3"), instead="m2")
    assert history(other) == ["m1"]
    assert other.reworded.message == "m2"
    assert history(await answered(inbox, 5, elsewhere=("m2", "m3"))) == ["m1", "m4"]
    back = await answered(inbox, 6, elsewhere=("m4", "m5"))
    assert history(back) == ["m1", "m2", "m3"]
    assert back.reworded is None
    assert history(await answered(inbox, 7, elsewhere=("m2", "m3", "m6"))) == ["m1", "m4", "m5"]


async def test_history_is_that_of_the_branch_also_if_the_worker_died_behind_its_first_step(inboxes):
    one, two = inboxes
    for number in (1, 2):
        await answered(one, number)
    await one.put(said(3, message="m3", elsewhere=("m2",), instead="m2"))
    _, turn = await take(one)
    assert history(turn) == ["m1"]
    await asyncio.sleep(0.4)  # Its lease runs out.
    (claim,) = await two.take_over(["test"], 5)
    turn = await claim.load(10_000)
    assert history(turn) == ["m1"]
    assert turn.reworded.message == "m2"
    await claim.commit(1, replace(exchange(3), at=3.0, message="m3"))
    assert history(await answered(two, 4, elsewhere=("m3",))) == ["m1", "m2"]


async def test_a_question_that_names_none_goes_on_from_the_branch_of_the_last_one(inboxes):
    inbox = inboxes[0]
    for number in (1, 2):
        await answered(inbox, number)
    await answered(inbox, 3, elsewhere=("m2",))
    assert history(await answered(inbox, 4)) == ["m1", "m3"]


async def test_exchanges_of_earlier_versions_can_be_set_aside_and_come_back(inboxes, redis):
    inbox = inboxes[0]
    for number in (1, 2):
        await answered(inbox, number)
    for at, raw in enumerate(await redis.lrange(keys.history(CHAT), 0, -1)):
        await redis.lset(keys.history(CHAT), at, raw.replace(b',"aside":false}', b"}"))
    assert history(await answered(inbox, 3, elsewhere=("m1", "m2"))) == []
    assert history(await answered(inbox, 4, elsewhere=("m3",))) == ["m1", "m2"]


async def test_words_that_look_like_our_marks_change_nothing(inboxes):
    inbox = inboxes[0]
    text = ',"message":"m9","aside":true}'
    await inbox.put(said(1, message="m1"))
    claim, _ = await take(inbox)
    await claim.commit(1, replace(exchange(1), at=1.0, message="m1", question=text, answer=text))
    (kept,) = (await answered(inbox, 2, elsewhere=("m9",))).history
    assert (kept.question, kept.answer) == (text, text)


async def test_a_summary_of_what_is_set_aside_is_dropped_and_none_comes_later(inboxes):
    inbox = inboxes[0]
    for number in (1, 2):
        await answered(inbox, number)
    await inbox.put(said(3, message="m3"))
    claim, _ = await take(inbox)
    assert await claim.past.summarise(Summary("of one", 1.0), await claim.past.look())
    await claim.commit(1, None)
    # It is of nothing that is set aside, so it stays.
    assert (await answered(inbox, 4, elsewhere=("m2",))).summary.text == "of one"
    seen = await claim.past.look()
    assert [one.message for one in seen.history] == ["m1", "m4"]
    assert (await answered(inbox, 5, elsewhere=("m1", "m4"))).summary == Summary()
    assert not await claim.past.summarise(Summary("of both", 4.0), seen)


async def test_all_branches_are_told_to_who_asks_what_is_kept_and_forgotten_together(
    inboxes, redis
):
    inbox = inboxes[0]
    for number in (1, 2):
        await answered(inbox, number)
    await answered(inbox, 3, elsewhere=("m1", "m2"))
    archive = Archive(redis)
    assert [one.message async for one in archive.exchanges(CHAT)] == ["m1", "m2", "m3"]
    await inbox.put(said(4, message="m4"))
    claim, _ = await take(inbox)
    await claim.commit(1, None, forget_all=True)
    assert await redis.exists(keys.history(CHAT)) == 0


async def test_a_long_branch_that_is_set_aside_takes_no_room_from_the_one_that_goes_on(inboxes):
    inbox = inboxes[0]
    await answered(inbox, 1)
    for number in range(2, 40):
        await inbox.put(said(number, message=f"m{number}"))
        claim, _ = await take(inbox)
        long = replace(exchange(number), at=float(number), message=f"m{number}", answer="x" * 2_000)
        await claim.commit(1, long)
    elsewhere = tuple(f"m{number}" for number in range(2, 40))
    assert history(await answered(inbox, 40, elsewhere=elsewhere)) == ["m1"]
