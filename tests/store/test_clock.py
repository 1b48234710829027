"""The store's clock steps back an hour: nobody is silenced by what was written before."""

import asyncio
import time

import msgspec
import pytest

from core.levels import Level
from core.platform import Bucket
from core.store import keys
from core.store.claim import FAILED, START
from core.store.limits import SharedLeases
from core.store.pulse import Pulse, policies
from core.store.tokens import SharedBudget
from core.store.turns import Checkpoint
from core.turn.serve import MOST_TRIES
from tests.store.words import said, take, two_views

HOUR_S = 3600


@pytest.fixture
async def inboxes(redis):
    return await two_views(redis)


async def written_ahead(redis, bucket):
    """What is known of *bucket* was written by a clock that is an hour ahead."""
    key = keys.level(bucket.key)
    level = msgspec.msgpack.decode(await redis.get(key), type=Level)
    for name in ("seen_at", "at", "learned_at", "out_at", "held_until"):
        setattr(level, name, getattr(level, name) + HOUR_S)
    level.taken = [(at + HOUR_S, call) for at, call in level.taken]
    level.waits = {call: till + HOUR_S for call, till in level.waits.items()}
    await redis.set(key, msgspec.msgpack.encode(level))


async def test_calls_of_the_future_count_as_made_now(redis):
    bucket = Bucket("b", 2, 0.4, 0)
    budget = SharedBudget(redis)
    for _ in range(2):
        assert (await budget.take([bucket], "final")).wait_s == 0
    await written_ahead(redis, bucket)
    grant = await budget.take([bucket], "final")
    assert 0 < grant.wait_s <= 0.41
    await asyncio.sleep(0.45)
    assert (await budget.take([bucket], "final")).wait_s == 0


async def test_a_silence_asked_for_before_is_kept_no_longer_than_it_was_asked_for(redis):
    bucket = Bucket("b", 2, 0.2, 0)
    budget = SharedBudget(redis)
    await budget.hold(bucket, 5)
    await written_ahead(redis, bucket)
    assert 4 < (await budget.take([bucket], "final")).wait_s <= 5.1


async def test_a_dead_holder_of_a_lease_is_outlived(redis):
    await redis.set(keys.lease("x"), "dead", px=HOUR_S * 1000)
    waiting = asyncio.create_task(SharedLeases(redis).hold("x").__aenter__())
    await asyncio.sleep(0.2)
    assert await redis.pttl(keys.lease("x")) <= 9000
    waiting.cancel()


async def test_who_waits_since_the_future_is_told(redis, inboxes):
    await inboxes[0].put(said(1))
    await redis.delete(keys.ready("test"))
    entry = f"{int((time.time() + HOUR_S) * 1000)}-0"
    await redis.xadd(keys.ready("test"), {"c": said(1).conversation}, id=entry)
    await inboxes[0].prepare(["test"])
    assert [one.place for one in await inboxes[0].waiting("test", 3.0)] == [1]


async def test_a_dead_worker_s_turn_is_taken_over_after_the_clock_stepped_back(redis, inboxes):
    one, two = inboxes
    await one.put(said(1))
    await take(one)
    (pending,) = await redis.xpending_range(keys.ready("test"), keys.GROUP, "-", "+", 1)
    future = str(int((time.time() + HOUR_S) * 1000))
    await redis.execute_command(
        "XCLAIM", keys.ready("test"), keys.GROUP, "one", 0, pending["message_id"], "TIME", future
    )
    await redis.set(keys.PULSE, future)
    pulse = Pulse(redis, ["test"])
    assert await pulse.feel() == ""
    await asyncio.sleep(0.4)
    (claim,) = await two.take_over(["test"], 1)
    assert claim.conversation == said(1).conversation


async def test_answers_at_once_are_not_counted_for_the_past_of_a_later_clock(redis):
    one, _ = await two_views(redis, most_per_person=1)
    await redis.zadd(keys.running("test:1"), {"dead": time.time() + HOUR_S})
    await one.put(said(1))
    _, turn = await take(one)
    assert turn is not None


async def test_two_ends_of_the_process_weigh_more_than_four_errors(redis, inboxes):
    one, _ = inboxes
    assert 4 * FAILED + START <= MOST_TRIES < 2 * START + START
    await one.put(said(1))
    claim, turn = await take(one)
    assert turn.tries == START
    await claim.failed()
    turn = await claim.load(1000)
    assert turn.tries == FAILED + START
    turn = await claim.load(1000)
    assert turn.tries == FAILED + 2 * START


async def test_who_ends_at_another_place_each_time_was_killed_by_something_else(redis, inboxes):
    """Two ends at one place are the question's fault; a neighbour's kills come anywhere."""
    one, _ = inboxes
    await one.put(said(1))
    claim, turn = await take(one)
    for at in (5_000, 900, 2_400, 300):
        await claim.renew(Checkpoint("event-1", "x" * 9_000, at=at))
        turn = await claim.load(1000)
        assert turn.tries <= MOST_TRIES
    await claim.renew(Checkpoint("event-1", "x" * 9_000, at=330))
    turn = await claim.load(1000)
    assert turn.tries > MOST_TRIES


async def test_an_error_that_was_told_is_no_end_of_the_process(redis, inboxes):
    one, _ = inboxes
    await one.put(said(1))
    claim, _ = await take(one)
    for at in (1_000, 1_001, 1_002):
        await claim.renew(Checkpoint("event-1", "x", at=at))
        await claim.failed()
        turn = await claim.load(1000)
    assert turn.tries == 3 * FAILED + START


@pytest.mark.parametrize(
    ("setting", "said_of_it"),
    [
        (("maxmemory-policy", "allkeys-lru"), "noeviction"),
        (("appendonly", "no"), "restart"),
    ],
)
async def test_what_puts_the_data_at_risk_is_a_warning(redis, setting, said_of_it):
    assert await policies(redis) == []
    await redis.config_set(*setting)
    (warning,) = await policies(redis)
    assert said_of_it in warning
