"""What replicas share besides the inbox, and the embedded server itself."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from contextlib import AsyncExitStack

import msgspec
import pytest

from core.buckets import Buckets
from core.errors import ConfigError, StoreError
from core.platform import Bucket
from core.store.connection import connect, store_errors
from core.store.embedded import embedded
from core.store.keys import level
from core.store.limits import Notices, SharedLeases
from core.store.post_log import RedisPostLog
from core.store.pubsub import PubSub
from core.store.tokens import SharedBudget


async def test_replicas_share_one_bucket(redis):
    one, two = SharedBudget(redis), SharedBudget(redis)
    bucket = (Bucket("chat", 3, 30, reserve=1),)
    assert (await one.take(bucket, "preview")).wait_s == 0
    assert (await two.take(bucket, "preview")).wait_s == 0
    assert (await one.take(bucket, "preview")).wait_s > 0
    assert (await two.take(bucket, "final")).wait_s == 0
    assert (await one.take(bucket, "final")).wait_s > 0


async def test_what_one_chat_found_is_where_another_begins_in_another_process(redis):
    here, there = (
        (Bucket(chat, 3, 30, refills=True, upto=20, like="chats"),) for chat in ("here", "there")
    )
    one, two = SharedBudget(redis), SharedBudget(redis)
    for _ in range(3):
        assert (await one.take(here, "final")).wait_s == 0
    early = await one.take(here, "first")
    assert early.wants_report
    await one.passed(here, early, 0.01)
    assert all([(await two.take(there, "first")).wait_s == 0 for _ in range(12)])


async def test_what_an_earlier_version_knew_of_a_bucket_is_read(redis):
    bucket = (Bucket("chat", 20, 60),)
    known = {"seen_at": time.time(), "used": 3, "level": 1.5, "at": 5.0, "successes": 2, "out": 1}
    known |= {"learned": 0.5, "learned_at": time.time(), "shut_until": time.time() + 60}
    await redis.set(level("chat"), msgspec.msgpack.encode(known))
    assert (await SharedBudget(redis).take(bucket, "final")).levels[0] == pytest.approx(9, abs=0.1)


async def test_all_buckets_or_none_are_taken_from(redis):
    budget = SharedBudget(redis)
    empty, full = Bucket("empty", 1, 500, reserve=0), Bucket("full", 5, 500, reserve=0)
    await budget.take((empty,), "final")
    assert (await budget.take((full, empty), "final")).wait_s > 0
    for _ in range(5):
        assert (await budget.take((full,), "final")).wait_s == 0


async def test_both_kinds_of_buckets_count_alike(redis):
    """Redis away or not, the pace is the same."""
    shared, local = SharedBudget(redis), Buckets()
    bucket = (Bucket("same", 4, 1000, reserve=1),)
    for _ in range(5):
        ours, theirs = await shared.take(bucket, "preview"), local.take(bucket, "preview", 0.0)
        assert ours.wait_s == pytest.approx(theirs.wait_s, rel=0.01)
        assert list(ours.levels) == pytest.approx(list(theirs.levels), abs=0.01)


async def test_previews_of_all_replicas_wait_while_a_final_text_does(redis):
    one, two = SharedBudget(redis), SharedBudget(redis)
    bucket = (Bucket("busy", 2, 0.3, reserve=0),)
    for _ in range(2):
        await one.take(bucket, "preview")
    assert (await one.take(bucket, "final")).wait_s > 0
    await asyncio.sleep(0.35)
    assert (await two.take(bucket, "preview")).wait_s > 0
    assert (await one.take(bucket, "final")).wait_s == 0


async def test_a_held_bucket_waits_as_long_as_the_platform_asked(redis):
    budget = SharedBudget(redis)
    bucket = Bucket("held", 5, 1)
    await budget.hold(bucket, 30)
    assert 29 < (await SharedBudget(redis).take((bucket,), "final")).wait_s <= 30


async def test_a_lease_has_one_holder_and_passes_on(redis):
    leases = SharedLeases(redis)
    async with leases.hold("poll") as first:
        assert first.held
        waiting = leases.hold("poll")
        second = asyncio.create_task(waiting.__aenter__())
        await asyncio.sleep(0.2)
        assert not second.done()
    assert (await asyncio.wait_for(second, 3)).held
    await waiting.__aexit__(None, None, None)


async def test_a_notice_is_given_once(redis):
    notices = Notices(redis)
    assert await notices.first_time("hello", 60)
    assert not await notices.first_time("hello", 60)


async def test_a_post_log_is_read_in_order_and_watched(redis):
    async with PubSub(redis) as pubsub:
        post_log = RedisPostLog(redis, pubsub, 60)
        first = await post_log.put("b", b"one")
        async with post_log.watch("b") as changes:
            second = await post_log.put("b", b"two words")
            await post_log.put("b", b"ONE", first)
            await post_log.remove("b", second)
            seen = [await asyncio.wait_for(anext(changes), 3) for _ in range(3)]
    assert seen == [(second, b"two words"), (first, b"ONE"), (second, None)]
    assert await post_log.read("b") == [(first, b"ONE")]


async def test_many_listen_over_one_connection_and_each_hears_its_own(redis):
    async with PubSub(redis) as pubsub, AsyncExitStack() as stack:
        before = len(await redis.client_list())
        heard = [await stack.enter_async_context(pubsub.listen(f"c{n % 50}")) for n in range(200)]
        assert len(await redis.client_list()) <= before + 1
        for number in range(50):
            await redis.publish(f"c{number}", str(number))
        for number, messages in enumerate(heard):
            assert await asyncio.wait_for(anext(messages), 3) == str(number % 50).encode()


async def test_who_listens_is_told_when_something_may_have_been_missed(redis):
    async with PubSub(redis) as pubsub:
        async with pubsub.listen("c") as messages:
            await redis.client_kill_filter(_type="pubsub")
            with pytest.raises(StoreError):
                await asyncio.wait_for(anext(messages), 5)
        async with pubsub.listen("c") as messages:
            await redis.publish("c", "again")
            assert await asyncio.wait_for(anext(messages), 3) == b"again"


async def test_the_embedded_store_is_shared_and_outlives_its_first_owner(tmp_path):
    """A second process on the same folder uses the same server, and inherits it."""
    async with embedded(tmp_path) as first_url:
        second = embedded(tmp_path)
        second_url = await second.__aenter__()
        assert second_url == first_url
        async with connect(first_url) as redis:
            await redis.set("kept", "1")
    for _ in range(100):
        try:
            async with connect(second_url) as redis:
                assert await redis.get("kept") == b"1"
            break
        except ConfigError:
            await asyncio.sleep(0.1)
    else:
        raise AssertionError("nobody started the server again")
    await second.__aexit__(None, None, None)


async def test_a_killed_process_leaves_no_server_and_loses_no_data(tmp_path):
    """SIGKILL: the server dies with its owner, and the next start finds what was written."""
    code = (
        "import asyncio,sys\n"
        "from pathlib import Path\n"
        "from core.store.embedded import embedded\n"
        "from core.store.connection import connect\n"
        "async def main():\n"
        "    async with embedded(Path(sys.argv[1])) as url, connect(url) as redis:\n"
        "        await redis.set('kept', 'yes')\n"
        "        print((await redis.info('server'))['process_id'], flush=True)\n"
        "        await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    try:
        server = int(await asyncio.to_thread(process.stdout.readline))
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            os.kill(server, 0)
        except ProcessLookupError:
            break
        await asyncio.sleep(0.05)
    else:
        raise AssertionError("the server is an orphan")
    async with embedded(tmp_path) as url, connect(url) as redis:
        assert await redis.get("kept") == b"yes"


async def test_a_deep_data_folder_works_although_socket_paths_are_short(tmp_path):
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    async with embedded(deep) as url, connect(url) as redis:
        assert await redis.ping()


async def test_no_redis_is_a_clear_error():
    with pytest.raises(ConfigError, match=r"no Redis answers at redis://127\.0\.0\.1:1"):
        async with connect("redis://:secret@127.0.0.1:1/0"):
            pass


async def test_a_cancellation_during_a_call_is_never_lost(redis):
    """The client alone swallows it, when it arrives while the command is sent."""
    await redis.get("connected")

    async def ask():
        async with asyncio.timeout(0):
            with store_errors():
                await redis.get("x")

    with pytest.raises(TimeoutError):
        await ask()


async def test_what_is_cleaned_up_after_a_cancellation_is_done(redis):
    async def clean_up():
        async with asyncio.timeout(0):
            try:
                await asyncio.sleep(1)
            finally:
                with store_errors():
                    await redis.set("x", "left")

    with pytest.raises(TimeoutError):
        await clean_up()
    assert await redis.get("x") == b"left"
