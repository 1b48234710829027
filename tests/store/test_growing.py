"""Posts of the page that grow: who watches sees each change, and the store gets few of them."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from core.errors import StoreError
from core.store import post_log as module
from core.store.post_log import RedisPostLog
from core.store.pubsub import PubSub
from tests.harness import until
from tests.store.words import counted


@asynccontextmanager
async def process(redis):
    async with PubSub(redis) as pubsub, RedisPostLog(redis, pubsub, 60) as post_log:
        yield post_log


async def next_of(changes, count=1):
    return [(await asyncio.wait_for(anext(changes), 3))[1] for _ in range(count)]


async def test_who_watches_in_the_process_sees_each_change_once_and_in_order(redis):
    async with process(redis) as post_log, post_log.watch("b") as changes:
        key = await post_log.put("b", b"0")
        assert await next_of(changes) == [b"0"]
        grown = [b"%d" % number for number in range(1, 50)]
        for value in grown:
            await post_log.grow("b", value, key)
            await asyncio.sleep(0.03)
        await post_log.put("b", b"whole", key)
        assert await next_of(changes, 50) == [*grown, b"whole"]
        await post_log.put("other", b"")
        assert await post_log.read("b") == [(key, b"whole")]


async def test_a_post_that_grows_costs_the_store_a_trip_a_second_whatever_it_shows(redis):
    async with process(redis) as post_log, post_log.watch("b"):
        keys = [await post_log.put("b", b"0") for _ in range(5)]
        await post_log.grow("b", b"0", keys[0])
        before = await counted(redis)
        for number in range(200):
            for key in keys:
                await post_log.grow("b", b"%d" % number, key)
        await until(lambda: not post_log._newer("palaver:{0}:board:b"))
        after = await counted(redis)
    commands, trips = (now - then for now, then in zip(after, before, strict=True))
    # An HSET and a PUBLISH for each post, all in one trip.
    assert (commands - 1, trips - 1) == (2 * len(keys), 1)


async def test_what_grew_last_is_kept_soon_and_who_comes_meanwhile_reads_it(redis):
    async with process(redis) as ours, process(redis) as theirs:
        key = await ours.put("b", b"0")
        for value in (b"1", b"2"):
            await ours.grow("b", value, key)
        assert await ours.read("b") == [(key, b"2")]
        assert await ours.get("b", key) == b"2"

        async def kept():
            return await theirs.read("b") == [(key, b"2")]

        await until(kept)


async def test_who_watches_in_another_process_sees_each_change_soon_after_it_came(redis):
    async with process(redis) as ours, process(redis) as theirs:
        key = await ours.put("b", b"0")
        await ours.grow("b", b"1", key)
        async with theirs.watch("b") as changes:
            await ours.grow("b", b"2", key)
            assert await next_of(changes) == [b"2"]  # With the next that is kept.
            seen = set()
            for number in range(10, 20):
                await ours.grow("b", b"%d" % number, key)
                seen |= set(await next_of(changes))
            await ours.put("b", b"whole", key)
            while b"whole" not in seen:
                seen |= set(await next_of(changes))
        assert {b"%d" % number for number in range(10, 20)} <= seen


async def test_what_grew_is_kept_at_the_end_of_the_process(redis):
    async with process(redis) as post_log:
        key = await post_log.put("b", b"0")
        for value in (b"1", b"2"):
            await post_log.grow("b", value, key)
    async with process(redis) as post_log:
        assert await post_log.read("b") == [(key, b"2")]


async def test_a_final_text_is_never_replaced_by_one_that_grew_before(redis):
    async with process(redis) as post_log:
        key = await post_log.put("b", b"0")
        for number in range(60):
            await post_log.grow("b", b"grows", key)
            await asyncio.gather(post_log.put("b", b"whole", key), post_log._keep_all())
            assert await post_log.read("b") == [(key, b"whole")], number
        await post_log.grow("b", b"grows", key)
        await asyncio.gather(post_log.remove("b", key), post_log._keep_all())
        assert await post_log.read("b") == []


async def test_a_process_that_was_frozen_keeps_nothing_of_before(redis, monkeypatch):
    async with process(redis) as post_log:
        key = await post_log.put("b", b"0")
        await post_log.grow("b", b"old", key)
        monkeypatch.setattr(module, "STALE_S", -1.0)
        await post_log._keep_all()
        assert await post_log.read("b") == [(key, b"0")]


async def test_what_grew_while_the_store_took_nothing_is_kept_as_soon_as_it_does(redis):
    async with process(redis) as post_log:
        key = await post_log.put("b", b"0")
        await post_log.grow("b", b"1", key)
        await redis.config_set("maxmemory", 1)
        await post_log.grow("b", b"2", key)
        with pytest.raises(StoreError):
            await post_log._keep_all()
        with pytest.raises(StoreError):
            await post_log._keep_all()
        await redis.config_set("maxmemory", 0)
        await post_log._keep_all()
        assert await post_log.read("b") == [(key, b"2")]
