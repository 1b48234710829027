"""How many trips to Redis, and how many commands in them, an answer costs."""

import time

from core.platform import Bucket
from core.store import ahead, shared_levels
from core.store.crowds import Crowds
from core.store.tokens import SharedBudget
from core.store.turns import Checkpoint
from tests.store.words import counted, exchange, said, take, two_views

UPDATES, SECONDS = 12, 10
"""An answer of 500 tokens at 50 tokens/s, as Telegram lets it be shown."""
BUCKETS = (
    Bucket("chat", 20, 60.0, upto=30, like="chats"),
    Bucket("chat:burst", 20, 5.0, refills=True, upto=20, like="chats:burst"),
    Bucket("bot", 0, 1.0),
)
"""As those of a private chat on Telegram."""


async def answered(inbox, budget, number):
    await inbox.put(said(number))
    claim, _ = await take(inbox)
    for at in range(UPDATES):
        grant = await budget.take(BUCKETS, "preview" if at else "first")
        assert grant.wait_s == 0
    for second in range(SECONDS):
        await claim.renew(Checkpoint(f"event-{number}", "text " * second))
    await claim.commit(1, exchange(number))


async def test_an_answer_with_twelve_updates_costs_few_trips_and_commands(redis, monkeypatch):
    monkeypatch.setattr(ahead, "AHEAD_S", 60.0)  # However slow this machine is.
    inbox, _ = await two_views(redis)
    budget = SharedBudget(redis)
    # The scripts are known to the server after their first use.
    await answered(inbox, budget, 1)
    await redis.flushdb()
    await inbox.prepare(["test"])
    before = await counted(redis)
    await answered(inbox, SharedBudget(redis), 2)
    commands, trips = (now - then for now, then in zip(await counted(redis), before, strict=True))
    # Accept 1, claim and load 2, commit 1, one for each renewal, and 4 for the tokens: the first
    # text's, and what is taken ahead for the updates. What a process does not know yet costs one.
    assert trips - 1 <= 5 + 4 + SECONDS
    # Accept 6, claim 1, load 14, commit 18, tokens 5 each time, a renewal 4, the scripts' own
    # included; and what a process does not know yet of the time.
    assert commands - 1 <= 39 + 3 + 5 * 4 + 4 * SECONDS


async def test_a_token_costs_one_trip_and_one_more_if_another_process_was_there(redis):
    ours, theirs = SharedBudget(redis), SharedBudget(redis)
    for budget in (ours, theirs):
        await budget.take(BUCKETS, "final")
    before = await counted(redis)
    await theirs.take(BUCKETS, "preview")
    alone = await counted(redis)
    await ours.take(BUCKETS, "preview")
    shared = await counted(redis)
    # Each count of ours is a trip too.
    assert alone[1] - before[1] - 1 == 1
    assert shared[1] - alone[1] - 1 == 2


async def test_who_reckons_the_time_of_redis_wrongly_asks_again(redis, monkeypatch):
    budget, bucket = SharedBudget(redis), (Bucket("b", 2, 100.0, reserve=0),)
    monkeypatch.setattr(shared_levels, "CLOCK_HOLDS_S", 0.0)
    for _ in range(2):
        assert (await budget.take(bucket, "final")).wait_s == 0
    (levels,) = budget._levels.values()
    monkeypatch.setattr(levels, "_ahead_s", levels._ahead_s + 3600)
    assert 99 < (await budget.take(bucket, "final")).wait_s <= 100


async def test_the_time_of_redis_is_asked_for_seldom_however_many_tokens_are_taken(redis):
    budget, bucket = SharedBudget(redis), (Bucket("b", 200, 100.0, reserve=0),)
    await budget.take(bucket, "final")

    async def asked():
        return (await redis.info("commandstats"))["cmdstat_time"]["calls"]

    before, began = await asked(), time.monotonic()
    for _ in range(100):
        await budget.take(bucket, "final")
    assert await asked() - before <= 1 + (time.monotonic() - began) / shared_levels.CLOCK_HOLDS_S


async def test_what_says_nothing_new_of_a_bucket_is_not_written(redis):
    budget, bucket = SharedBudget(redis), (Bucket("b", 5, 100.0, like="all of them"),)
    await budget.take(bucket, "final")
    assert [key async for key in redis.scan_iter("*level*")] != []
    assert not [key async for key in redis.scan_iter("*all of them*")]


async def test_looking_for_who_waits_costs_six_commands_while_nobody_does(redis):
    inbox, _ = await two_views(redis)
    crowds = Crowds(redis, inbox)
    await inbox.put(said(1))
    claim, _ = await take(inbox)
    await claim.commit(1, exchange(1))
    before = await counted(redis)
    assert not await inbox.waiting("test", 0)
    assert not await crowds.waiting("test", 0)
    assert not await crowds.posts("test")
    commands, _ = (now - then for now, then in zip(await counted(redis), before, strict=True))
    assert commands - 1 <= 6
