"""Refusals, through the whole program: what is owed is shown, as soon as it may be."""

import time

import pytest

from tests.contracts.drivers import TelegramDriver, driving
from tests.harness import until
from tests.servers.limits import loose, strict


@pytest.fixture
def driver():
    return TelegramDriver()


async def test_a_final_text_that_must_wait_for_long_frees_its_worker_and_is_written_once(
    driver, tmp_path, model, monkeypatch
):
    monkeypatch.setattr("core.turn.answer.LONGEST_WAIT_S", 1.0)
    model.piece_s = 0.1
    model.answer = lambda messages: "Some words of an answer. " * 5
    async with driving(driver, tmp_path, model, max_turns=1):
        await driver.say("dm", "the first")
        await until(lambda: driver.server.posts(77))
        driver.server.hold(77, 12)
        held_until = time.monotonic() + 12
        chat = driver.server.add_private(88, "Bob")
        driver.server.say(chat, "the second", user=driver.server.person(88, "Bob"))
        (other,) = await until(
            lambda: [p for p in driver.server.posts(88) if "▍" not in p.text], seconds=11
        )
        assert time.monotonic() < held_until, "one worker, and it was not kept waiting"
        assert other.text.count("Some words") == 5
        (post,) = await driver.answered("dm", 1)
        assert post.text.count("Some words") == 5
        assert len(model.requests) == 2, "what was written is shown, and not asked for again"


@pytest.mark.parametrize("reactions", [False, True])
async def test_five_askers_in_a_strict_group_are_whole_and_nothing_is_refused(
    driver, tmp_path, model, reactions
):
    """Reactions count there, too (hermes#107612)."""
    model.answer = lambda messages: "Yes."
    async with driving(driver, tmp_path, model, telegram_reactions=reactions):
        driver.server.world = strict()
        for user in range(5):
            person = driver.server.person(200 + user, f"P{user}")
            driver.server.say(-1001, "@palaver_bot well?", user=person)
        posts = await driver.answered("group", 5)
        assert all("Yes." in post.text for post in posts)
        assert driver.server.floods == []


async def test_a_limit_over_the_whole_bot_is_met_where_it_shows_itself(driver, tmp_path, model):
    """Nobody promises one; who has it refuses a few calls, and everything is answered."""
    model.answer = lambda messages: "Some words of an answer. " * 20
    model.piece_s = 0.02
    async with driving(driver, tmp_path, model):
        driver.server.world = loose(all_calls=(10, 1.0))
        chats = [driver.server.add_private(500 + n, f"P{n}") for n in range(20)]
        for chat in chats:
            driver.server.say(chat, "well?", user=driver.server.person(chat, "P"))
        await until(
            lambda: all(
                any("▍" not in post.text for post in driver.server.posts(chat)) for chat in chats
            ),
            seconds=40,
        )
        assert len(driver.server.floods) < 40
