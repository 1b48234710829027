"""Tokens that a process takes ahead: never more than a place allows, whoever dies or comes."""

import asyncio
import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis import Redis

from core.buckets import CLOCK_S, Buckets
from core.budget import Grant
from core.levels import EARLY_TOKENS, Level
from core.platform import Bucket
from core.store import ahead, keys, shared_levels
from core.store.ahead import AHEAD_S, Ahead
from core.store.tokens import SharedBudget
from tests.harness import until
from tests.store.words import counted

WIDE = (Bucket("workspace", 60, 60.0), Bucket("workspace:burst", 30, 10.0, refills=True))
CHAT = (
    Bucket("chat", 20, 60.0, like="chats", own=True),
    Bucket("chat:burst", 3, 3.0, refills=True, fastest=5.0, like="chats:burst", own=True),
    Bucket("bot", 0, 1.0),
)


@pytest.fixture
def slow(monkeypatch):
    """The machine may be as slow as it likes."""
    monkeypatch.setattr(ahead, "AHEAD_S", 60.0)


async def taken(budget, buckets, call="preview", most=100):
    """How many tokens *budget* gives for *call* at once."""
    for given_ in range(most):
        if (await budget.take(buckets, call)).wait_s:
            return given_
    return most


async def test_most_updates_of_an_answer_ask_redis_for_nothing(redis, slow):
    budget = SharedBudget(redis)
    await budget.take(WIDE, "first")
    before = await counted(redis)
    for _ in range(18):
        assert (await budget.take(WIDE, "preview")).wait_s == 0
    commands, trips = (now - then for now, then in zip(await counted(redis), before, strict=True))
    assert trips - 1 <= 3
    assert commands - 1 <= 3 * 4 + 1


async def test_what_is_taken_ahead_is_given_to_nobody_else(redis):
    one, two = SharedBudget(redis), SharedBudget(redis)
    bucket = (Bucket("b", 20, 60.0, reserve=0),)
    assert (await one.take(bucket, "preview")).wait_s == 0
    others = await taken(two, bucket, "final")
    assert 0 < others < 19
    assert others + await taken(one, bucket) + 1 <= 20


async def test_what_is_not_used_is_given_back(redis, monkeypatch):
    monkeypatch.setattr(ahead, "AHEAD_S", 0.1)
    monkeypatch.setattr(ahead, "BACK_S", 0.1)
    one, bucket = SharedBudget(redis), (Bucket("b", 20, 60.0, reserve=0),)
    await one.take(bucket, "preview")
    (levels,) = one._levels.values()
    await until(lambda: levels._giving_back is None)
    assert await taken(SharedBudget(redis), bucket, "final") == 19


async def test_a_process_that_ends_gives_back_what_it_took_ahead(redis):
    one, bucket = SharedBudget(redis), (Bucket("b", 20, 60.0, reserve=0),)
    await one.take(bucket, "preview")
    await one.aclose()
    assert await taken(SharedBudget(redis), bucket, "final") == 19


async def test_a_process_that_is_killed_loses_only_what_it_took_ahead(redis):
    killed, bucket = SharedBudget(redis), (Bucket("b", 40, 60.0, reserve=0),)
    await killed.take(bucket, "preview")
    left = await taken(SharedBudget(redis), bucket, "final")
    assert 39 - ahead.MOST_AHEAD <= left < 39


async def test_where_others_speak_too_nothing_is_taken_ahead(redis):
    one, two = SharedBudget(redis), SharedBudget(redis)
    bucket = (Bucket("b", 60, 60.0, reserve=0),)
    for budget in (one, two, one, two):
        await budget.take(bucket, "final")
    before = await counted(redis)
    for _ in range(4):
        await one.take(bucket, "preview")
    # One more, because the other one was there before.
    assert (await counted(redis))[1] - before[1] - 1 == 4 + 1
    assert await taken(two, bucket, "final") == 52


async def test_a_call_that_is_cut_after_its_write_leaves_no_token_to_two(redis, slow):
    one, two = SharedBudget(redis), SharedBudget(redis)
    bucket = (Bucket("b", 20, 60.0, reserve=0),)
    await one.take(bucket, "preview")
    with Redis(unix_socket_path=redis.connection_pool.connection_kwargs["path"]) as beside:
        before = beside.get(keys.level("b"))
        cut = asyncio.create_task(one.take(bucket, "final"))
        # This client blocks the loop, so the answer is not read before the cut.
        while beside.get(keys.level("b")) == before:
            await asyncio.sleep(0)
    cut.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cut
    others = await taken(two, bucket, "final")
    assert 1 + others + await taken(one, bucket) <= 20


async def test_calls_of_many_chats_at_once_share_trips(redis):
    budget = SharedBudget(redis)
    chats = [
        (Bucket(f"chat {number}", 3, 60.0, like="chats"), Bucket("bot", 0, 1.0))
        for number in range(30)
    ]
    before = await counted(redis)
    grants = await asyncio.gather(*(budget.take(chat, "final") for chat in chats))
    assert {grant.wait_s for grant in grants} == {0}
    # The first two may find that others have another time, and load the script.
    assert (await counted(redis))[1] - before[1] - 1 <= 4
    assert await taken(SharedBudget(redis), chats[0], "final") == 2


async def test_of_many_calls_at_once_in_one_chat_each_takes_a_token_of_its_own(redis):
    budget, bucket = SharedBudget(redis), (Bucket("b", 20, 60.0, reserve=0),)
    calls = [budget.take(bucket, call) for call in ("final", "preview", "nicety") * 10]
    grants = await asyncio.gather(*calls)
    left = await taken(SharedBudget(redis), bucket, "final")
    assert sum(not grant.wait_s for grant in grants) + left <= 20


async def test_who_leaves_before_the_trip_takes_no_token(redis):
    budget, bucket = SharedBudget(redis), (Bucket("b", 3, 60.0, reserve=0),)
    calls = [asyncio.create_task(budget.take(bucket, "final")) for _ in range(3)]
    await asyncio.sleep(0)
    for call in calls[1:]:
        call.cancel()
    await asyncio.wait(calls)
    assert await taken(budget, bucket, "final") == 2


async def test_who_waits_for_a_token_while_the_process_ends_gets_one_of_its_own(redis):
    budget, bucket = SharedBudget(redis), (Bucket("b", 3, 60.0, reserve=0),)
    calls = [asyncio.create_task(budget.take(bucket, "final")) for _ in range(4)]
    await asyncio.sleep(0)
    await budget.aclose()
    async with asyncio.timeout(10):
        grants = await asyncio.gather(*calls)
    assert sum(not grant.wait_s for grant in grants) == 3


async def test_a_refusal_ends_what_was_taken_ahead(redis):
    one, two = SharedBudget(redis), SharedBudget(redis)
    bucket = (Bucket("b", 60, 60.0, reserve=0),)
    grant = await one.take(bucket, "preview")
    await one.refused(bucket, grant, 30)
    for budget in (one, two):
        assert (await budget.take(bucket, "preview")).wait_s > 29


async def test_what_a_try_taught_is_known_to_all_at_once(redis):
    one, two = SharedBudget(redis), SharedBudget(redis)
    here, there = (
        (Bucket(chat, 3, 30, refills=True, upto=20, like="chats"),) for chat in ("here", "there")
    )
    while not (grant := await one.take(here, "preview")).early:
        assert grant.wait_s == 0
    await one.passed(here, grant, 0.01)
    assert (await two.take(there, "preview")).levels[0] > 3


async def test_tries_that_follow_each_other_are_told_together(redis, slow):
    budget = SharedBudget(redis)
    bucket = (Bucket("b", 3, 30, refills=True, upto=60),)
    before = await counted(redis)
    for _ in range(18):
        grant = await budget.take(bucket, "preview")
        assert grant.wait_s == 0
        await budget.passed(bucket, grant, 0.01)
    # One after the other, as the law wants it: 3 that were promised, one that taught, and the rest.
    assert (await counted(redis))[1] - before[1] - 1 <= 3 + 2 + 4


async def test_a_private_chat_s_seconds_are_taken_ahead_whole(redis):
    one, two = SharedBudget(redis), SharedBudget(redis)
    assert (await one.take(CHAT, "first")).wait_s == 0
    assert (await one.take(CHAT, "preview")).wait_s == 0
    before = await counted(redis)
    wait_s = (await one.take(CHAT, "preview")).wait_s
    assert (await counted(redis))[1] - before[1] - 1 <= (1 if wait_s else 0)
    assert (await two.take(CHAT, "final")).wait_s > 0


@pytest.mark.parametrize("seed", range(3))
async def test_replicas_that_come_and_die_never_call_too_often(redis, monkeypatch, seed):
    monkeypatch.setattr(ahead, "AHEAD_S", 0.3)
    monkeypatch.setattr(ahead, "BACK_S", 0.1)
    monkeypatch.setattr(ahead, "SHARED_S", 0.3)
    monkeypatch.setattr(ahead, "LATELY_S", 0.2)
    monkeypatch.setattr(shared_levels, "CLOCK_HOLDS_S", 1e6)
    rng, made = random.Random(seed), []
    window, burst = Bucket("b", 18, 0.8), Bucket("b:burst", 12, 0.4, refills=True)
    apart_s = time.time() - time.monotonic()

    async def answer(budget, calls):
        for _ in range(calls):
            call = rng.choice(("preview", "preview", "preview", "final", "first", "nicety"))
            began = time.monotonic()
            if not (await budget.take((window, burst), call)).wait_s:
                made.append((began, time.monotonic()))
            await asyncio.sleep(rng.random() * 0.02)

    async def replica():
        budget = SharedBudget(redis)
        (levels,) = budget._levels.values()
        # All have the same clock: a slow answer of Redis, or a wait between the two clocks of a
        # process, would let them differ.
        levels._looked_at, levels._ahead_s = time.monotonic(), apart_s
        answers = rng.randrange(1, 4)
        calls = rng.randrange(5, 60) // answers
        await asyncio.gather(*(answer(budget, calls) for _ in range(answers)))
        if rng.random() < 0.5:
            await budget.aclose()
        elif levels._giving_back is not None:
            levels._giving_back.cancel()

    async def seat():
        for _ in range(5):  # Longer than the window.
            await replica()

    await asyncio.gather(*(seat() for _ in range(3)))
    assert len(made) > 18
    for _, end in made:
        # A call counts from when its token was given, at some moment between begin and end. The law
        # gives a token out as early as its clock can be wrong.
        since = end - window.seconds + CLOCK_S
        assert sum(since < began and ended <= end for began, ended in made) <= 18


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, AHEAD_S), st.sampled_from(("preview", "nicety"))), max_size=40),
    st.floats(0.0, 6.0),
    st.sampled_from([WIDE, CHAT]),
)
def test_what_others_see_is_never_wider_than_what_is_true(uses, looked_s, buckets):
    """Whenever another process asks, it gets no token that the true levels would not give."""
    began, known = 1_000_000.0, {}
    Buckets(known).take(buckets, "first", began)
    grant = Buckets(known).take(buckets, "preview", began)
    ours = Ahead()
    taken_ahead = ours.plan(buckets, known, grant, began)
    assert taken_ahead.tokens
    lasts_s = dict.fromkeys([*known, *(one.key for one in buckets)], 60.0)
    sized = {one.key for one in buckets if one.most}
    ours.note(lasts_s, sized, known, taken_ahead, time.monotonic())
    seen = {key: taken_ahead.levels.get(key, level) for key, level in known.items()}
    for at, call in sorted(uses):
        if at <= looked_s:
            ours.apply(
                lasts_s,
                lambda all_, now, call=call: all_.take(buckets, call, now),
                began + at,
            )
    true = {key: ahead.decode(ours.truth(key)) for key in lasts_s}
    now = began + looked_s
    theirs = Buckets({key: ahead.decode(ahead.encode(one)) for key, one in seen.items()})
    if not theirs.take(buckets, "final", now).wait_s:
        assert not Buckets(true).take(buckets, "final", now).wait_s


def test_nothing_is_taken_ahead_where_somebody_waits():
    level, now = Level(waits={"final": 1_000_001.0}), 1_000_000.0
    grant = Grant(0.0, [50.0], [0.0])
    assert not Ahead().plan((Bucket("b", 60, 60.0),), {"b": level}, grant, now).tokens


async def test_what_a_killed_process_took_ahead_in_a_private_chat_is_back_soon(redis):
    """However fast that process thought that tokens come back there."""
    killed = SharedBudget(redis)
    chat = (Bucket("chat:burst", 3, 3.0, refills=True, fastest=5.0, own=True),)
    assert (await killed.take(chat, "first")).speeds[0] == pytest.approx(5.0)
    wait_s = (await SharedBudget(redis).take(chat, "final")).wait_s
    assert 0 < wait_s <= AHEAD_S + EARLY_TOKENS + 1
