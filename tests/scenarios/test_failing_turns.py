"""Turns that crash: tried again, set aside at last, and never in the way of the next."""

import asyncio
from functools import partial

import pytest

from core.live.reply import Reply
from core.store.dead_letters import DeadLetters
from core.store.inbox import Inbox
from core.turn import serve as serve_module
from tests.contracts.drivers import TelegramDriver, driving


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr("core.service.Inbox", partial(Inbox, lease_s=0.3))
    monkeypatch.setattr("core.worker.TAKE_OVER_EVERY_S", 0.1)
    monkeypatch.setattr("core.worker.CLAIM_WAIT_S", 0.1)


async def _dead_letters(driver):
    core = driver.app.core
    return await DeadLetters(core.redis, core.inbox).all()


async def test_a_turn_that_crashes_once_is_done_again(tmp_path, model, monkeypatch):
    driver, answer, crashes = TelegramDriver(), serve_module.answer, []

    async def crashing_once(*arguments, **options):
        if not crashes:
            crashes.append(1)
            raise ValueError("a fault of ours")
        return await answer(*arguments, **options)

    monkeypatch.setattr(serve_module, "answer", crashing_once)
    async with driving(driver, tmp_path, model):
        await driver.say("dm", "hello")
        (post,) = await driver.answered("dm")
        assert "Echo of hello" in post.text


async def test_a_turn_that_always_crashes_is_set_aside_and_the_next_is_answered(
    tmp_path, model, monkeypatch
):
    driver, answer = TelegramDriver(), serve_module.answer

    async def crashing(context, question, *arguments, **options):
        if "poison" in question:
            raise ValueError("a fault of ours")
        return await answer(context, question, *arguments, **options)

    monkeypatch.setattr(serve_module, "answer", crashing)
    async with driving(driver, tmp_path, model):
        await driver.say("dm", "poison")
        await driver.say("dm", "hello")
        posts = await driver.answered("dm")
        assert "set aside" in posts[0].text
        assert "Traceback" not in posts[0].text
        assert "Echo of hello" in posts[1].text
        (letter,) = await _dead_letters(driver)
        assert letter.incoming.text == "poison"


async def test_an_answer_that_is_whole_is_not_set_aside_so_soon(tmp_path, model, monkeypatch):
    """Killed again and again while it waits to be shown, it is no fault of the question's."""
    driver, finish, crashes = TelegramDriver(), Reply.finish, []

    async def crashing(reply, *arguments, **options):
        if len(crashes) < serve_module.MOST_TRIES + 2:
            # The checkpoint says that the text is whole before this.
            await asyncio.sleep(0.1)
            crashes.append(1)
            raise ValueError("as if killed here")
        await finish(reply, *arguments, **options)

    monkeypatch.setattr(Reply, "finish", crashing)
    async with driving(driver, tmp_path, model):
        await driver.say("dm", "hello")
        # Seven tries, each later than the one before.
        (post,) = await driver.answered("dm", seconds=50)
        assert "Echo of hello" in post.text
        assert await _dead_letters(driver) == []
    assert len(model.requests) == 1


async def test_a_forward_that_comes_before_a_crash_is_answered_with_its_remark(
    tmp_path, model, monkeypatch
):
    """What was kept when it died answers the remark alone, however whole it was."""
    driver, finish, crashes = TelegramDriver(), Reply.finish, []
    ben = {"id": 5, "is_bot": False, "first_name": "Ben"}

    async def crashing(reply, *arguments, **options):
        if not crashes:
            crashes.append(1)
            driver.server.say(
                77, "You won!", forward_origin={"type": "user", "date": 1, "sender_user": ben}
            )
            await asyncio.sleep(0.3)
            raise ValueError("as if killed here")
        await finish(reply, *arguments, **options)

    monkeypatch.setattr(Reply, "finish", crashing)
    async with driving(driver, tmp_path, model):
        await driver.say("dm", "Is this a scam?")
        (post,) = await driver.answered("dm")
        assert "Is this a scam?" in post.text
        assert "You won!" in post.text
        await asyncio.sleep(1.2)
        assert len(driver.server.posts(77)) == 1
