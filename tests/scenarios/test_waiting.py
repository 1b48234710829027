"""Who has to wait is told so, on the post that becomes the answer; nothing is dropped."""

import asyncio

import pytest

from core.messages import conversation_id
from core.store import keys
from tests.contracts.drivers import TelegramDriver, driving, started
from tests.harness import until


@pytest.fixture
def driver():
    return TelegramDriver()


@pytest.fixture(autouse=True)
def _told_early(monkeypatch):
    monkeypatch.setattr("core.queue_notices.TOLD_AFTER_S", 0.2)
    monkeypatch.setattr("core.queue_notices.LOOK_S", 0.1)


def slow(model):
    """A model that answers when the test says so."""
    go = asyncio.Event()
    stream = model.stream

    async def held(request, text, **more):
        await go.wait()
        return await stream(request, text, **more)

    model.stream = held
    return go


async def ask(driver, *users):
    for user in users:
        driver.server.add_private(user)
        driver.server.say(user, f"question of {user}", user=driver.server.person(user))


async def test_who_waits_for_a_free_worker_is_told_the_place_on_the_post_of_the_answer(
    driver, tmp_path, model
):
    go = slow(model)
    async with driving(driver, tmp_path, model, max_turns=1):
        await ask(driver, 501)
        await until(lambda: model.requests)
        await ask(driver, 502, 503)
        (second,) = await until(lambda: driver.server.posts(502))
        (third,) = await until(lambda: driver.server.posts(503))
        assert "1" in second.text
        assert "2" in third.text
        go.set()
        for user in (501, 502, 503):
            await until(lambda: "Echo" in str([p.text for p in driver.server.posts(user)]))  # noqa: B023
            assert len(driver.server.posts(user)) == 1
        assert driver.server.posts(502)[0].id == second.id


async def test_a_queue_notice_gives_way_to_the_picture(driver, tmp_path, model):
    go = slow(model)
    async with driving(driver, tmp_path, model, max_turns=1):
        await ask(driver, 501)
        await until(lambda: model.requests)
        driver.server.add_private(502)
        driver.server.say(502, "/image a fox", user=driver.server.person(502))
        await until(lambda: driver.server.posts(502))
        go.set()
        await until(lambda: [p.photo is not None for p in driver.server.posts(502)] == [True])


async def test_a_question_that_waits_may_be_taken_back(driver, tmp_path, model):
    go = slow(model)
    async with driving(driver, tmp_path, model, max_turns=1):
        await ask(driver, 501)
        await until(lambda: model.requests)
        await ask(driver, 502)
        (post,) = await until(lambda: driver.server.posts(502))
        driver.server.press(post, "stop", user=driver.server.person(502))
        state = keys.state(conversation_id("telegram", "502"))
        await until(lambda: driver.app.core.redis.hexists(state, "stop"))
        go.set()
        await until(lambda: "topped" in driver.server.posts(502)[0].text)
        assert len(driver.server.posts(502)) == 1


async def test_a_person_has_so_many_answers_at_once_and_the_others_wait_their_turn(
    driver, tmp_path, model
):
    go = slow(model)
    async with driving(driver, tmp_path, model, max_per_person=1):
        ann, bob = driver.server.person(77), driver.server.person(78, "Bob")
        driver.server.say(77, "first", user=ann)
        await until(lambda: model.requests)
        driver.server.say(-1001, "@palaver_bot second", user=ann)
        (told,) = await until(lambda: driver.server.posts(-1001))
        driver.server.say(78, "mine", user=bob)
        await until(lambda: len(model.requests) == 2)
        assert "mine" in str(model.requests[1]), "another person does not wait"
        go.set()
        # What told the group is for all who wait there, and goes with the last of them.
        await until(lambda: ["Echo of" in p.text for p in driver.server.posts(-1001)] == [True])
        assert driver.server.posts(-1001)[0].id != told.id


async def test_a_full_mailbox_is_said_once_and_keeps_what_it_holds(driver, tmp_path, model):
    go = slow(model)
    async with driving(driver, tmp_path, model, max_waiting=3):
        for number in range(6):
            driver.server.say(77, f"question {number}")
        (post,) = await until(lambda: driver.server.posts(77))
        assert "3" in post.text
        await asyncio.sleep(0.3)
        assert len(driver.server.posts(77)) == 1
        go.set()
        posts = await driver.answered("dm", 3)
        assert len(posts) == 4
        assert len(model.requests) == 3


async def test_a_long_flood_limit_is_waited_for_and_survives_a_restart(driver, tmp_path, model):
    """Five minutes: nothing is sent meanwhile, by nobody, and the answer is not lost."""
    async with driver.running():
        async with started(driver, tmp_path, model, grace_s=0.5):
            driver.server.hold(77, 300)
            await driver.say("dm", "I wait")
            await until(lambda: driver.server.floods)
            await driver.say("dm2", "I do not")
            await driver.answered("dm2")
        refused = len(driver.server.floods)
        async with started(driver, tmp_path, model, grace_s=0.5) as app:
            await asyncio.sleep(1)
            assert len(driver.server.floods) == refused
            mail = keys.mail(conversation_id("telegram", "77"))
            assert await app.core.redis.llen(mail) == 1


async def test_a_group_that_becomes_a_supergroup_takes_its_history_along(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        await driver.say("group", "we like tea")
        await driver.answered("group", 1)
        driver.server.add_group(-2002)
        driver.server.say(-1001, "", migrate_to_chat_id=-2002)
        await asyncio.sleep(0.3)
        driver.server.say(-2002, "@palaver_bot what do we like?")
        (post,) = await until(lambda: driver.server.posts(-2002))
        await until(lambda: "we like tea" in post.text.partition("before that:")[2])
