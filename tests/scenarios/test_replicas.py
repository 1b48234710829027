"""Several processes on one Redis: they share the work, and take over from each other."""

import asyncio
import signal

import pytest

from bench.chaos import run
from core.messages import conversation_id
from core.store import keys
from core.store.connection import connect
from tests.contracts.drivers import TelegramDriver, started
from tests.harness import until
from tests.servers import telegram

WORDS = "Some words of the answer. " * 40


def answered(server, chat, text):
    return [post for post in server.posts(chat) if text in post.text and "retry" in str(post)]


async def replaced_and_woken(frozen, server, replica):
    """Another process answers in a post of its own; the one that wakes takes away what it made."""
    replica()
    await until(lambda: answered(server, 77, "Echo of hello"), 40)
    assert len(server.posts(77)) == 2
    frozen.thaw()
    await until(lambda: len(server.posts(77)) == 1, 40)
    assert answered(server, 77, "Echo of hello")


async def test_stop_reaches_the_answer_on_whichever_process_it_runs(redis, tmp_path, model):
    driver = TelegramDriver()
    model.answer, model.piece_s = lambda messages: WORDS, 0.05
    async with (
        driver.running(),
        started(driver, tmp_path / "a", model, redis_url=redis.url, max_turns=1),
    ):
        await driver.say("dm", "the poller's only answer")
        await until(lambda: driver.server.posts(77))
        async with started(driver, tmp_path / "b", model, redis_url=redis.url):
            await driver.say("dm2", "the other's")
            await until(lambda: driver.server.posts(78))
            await driver.press("dm2", "stop")
            await until(lambda: model.running_streams == 1, 5)
            (post,) = await driver.answered("dm2", seconds=5)
            assert "(stopped)" in post.text
            assert post.text.startswith("Some words")


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
async def test_polling_passes_to_another_process(server, redis, replica, end):
    first = replica()
    await until(lambda: [call for call in server.calls if call[1] == "getUpdates"])
    replica()
    server.say(77, "one")
    await until(lambda: answered(server, 77, "Echo of one"))
    async with connect(redis.url) as client:
        # Killed between the answer and its commit it would be shown again: another promise.
        history = keys.history(conversation_id("telegram", "77"))
        await until(lambda: client.llen(history))
    first.kill(end)
    server.say(77, "two")
    await until(lambda: answered(server, 77, "Echo of two"))
    assert len(server.posts(77)) == 2


async def test_a_process_frozen_while_it_posts_takes_its_post_away_when_it_wakes(
    server, model, replica
):
    """Another took over without knowing of that post, so it says nothing any more."""
    taken, go = asyncio.Event(), asyncio.Event()

    async def slowly(request):
        form = await telegram.sent(request)
        result = await server.do_sendMessage({"chat_id": form["chat_id"], "text": form["text"]}, {})
        taken.set()
        await go.wait()
        return telegram.web.json_response({"ok": True, "result": result})

    frozen = replica()
    await until(lambda: [call for call in server.calls if call[1] == "getUpdates"])
    server.fail_next("sendMessage", slowly)
    server.say(77, "hello")
    await asyncio.wait_for(taken.wait(), 20)
    frozen.freeze()
    go.set()
    await replaced_and_woken(frozen, server, replica)


async def test_who_posted_while_redis_was_away_and_froze_takes_its_post_away_when_it_wakes(
    server, model, replica, redis
):
    """It tried to have the post kept, and could not know whether it was."""
    model.piece_s = 0.4

    async def without_redis(request):
        form = await telegram.sent(request)
        redis.kill()
        result = await server.do_sendMessage({"chat_id": form["chat_id"], "text": form["text"]}, {})
        return telegram.web.json_response({"ok": True, "result": result})

    frozen = replica()
    await until(lambda: [call for call in server.calls if call[1] == "getUpdates"])
    server.fail_next("sendMessage", without_redis)
    server.say(77, "hello")
    await until(lambda: [call for call in server.calls if call[1] == "editMessageText"])
    frozen.freeze()
    redis.start()
    await until(redis.answers)
    await replaced_and_woken(frozen, server, replica)


async def test_a_restart_in_the_moment_of_the_only_post_waits_for_it(server, model, replica):
    """The whole of a short answer is one call: cut off, its post would stand beside the next."""
    taken = asyncio.Event()

    async def slowly(request):
        form = await telegram.sent(request)
        fields = {"chat_id": form["chat_id"], "text": form["text"]}
        result = await server.do_sendMessage(fields, {})
        taken.set()
        await asyncio.sleep(1)
        return telegram.web.json_response({"ok": True, "result": result})

    model.answer = lambda messages: "Short."
    restarted = replica(grace_s=0)
    await until(lambda: [call for call in server.calls if call[1] == "getUpdates"])
    server.fail_next("sendMessage", slowly)
    server.say(77, "hello")
    await asyncio.wait_for(taken.wait(), 20)
    await asyncio.to_thread(restarted.kill, signal.SIGTERM)
    replica()
    await until(lambda: answered(server, 77, "Short."))
    assert len(server.posts(77)) == 1
    assert len(model.requests) == 1, "the answer was whole already"


@pytest.mark.timeout(120)
async def test_a_rolling_restart_under_load_loses_and_repeats_nothing():
    result = await run(seed=5, questions=40, seconds=12, faults=["restart_gently"])
    assert result.good, result.table()
    assert result.doubled_by_a_kill == []
    assert result.faults["restart gently"] >= 3
