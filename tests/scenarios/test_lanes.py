"""Several people ask in one group at once: side by side, each their own, in one history."""

import asyncio

import pytest

from core.crowd import notice_of
from core.messages import conversation_id
from core.store import keys
from tests.contracts.drivers import SlackDriver, TelegramDriver, driving
from tests.harness import until

GROUP = -1001
WORDS = "some words of an answer, " * 60


@pytest.fixture
def driver():
    return TelegramDriver()


@pytest.fixture(autouse=True)
def _told_early(monkeypatch):
    monkeypatch.setattr("core.queue_notices.TOLD_AFTER_S", 0.3)
    monkeypatch.setattr("core.queue_notices.LOOK_S", 0.1)


def held(model):
    """Each answer waits until the test lets it go, by a word of its question."""
    gates = {}
    stream = model.stream

    async def wait(request, text, **more):
        gate = gates.setdefault(next((word for word in gates if word in text), ""), asyncio.Event())
        await gate.wait()
        return await stream(request, text, **more)

    model.stream = wait

    def gate(word):
        return gates.setdefault(word, asyncio.Event())

    return gate


def ask(driver, user, text, **more):
    person = driver.server.person(user, f"Person {user}")
    return driver.server.say(GROUP, f"@palaver_bot {text}", user=person, **more)


def posts(driver):
    return [post.text for post in driver.server.posts(GROUP)]


async def test_one_person_s_answer_holds_up_nobody_else_s(driver, tmp_path, model):
    gate = held(model)
    gate("slow"), gate("quick").set(), gate("later").set()
    async with driving(driver, tmp_path, model):
        ask(driver, 1, "slow")
        await until(lambda: len(model.requests) == 1)
        ask(driver, 2, "quick")
        history = keys.history(conversation_id("telegram", str(GROUP)))
        redis = driver.app.core.redis
        await until(lambda: redis.llen(history))
        ask(driver, 3, "later")
        await until(lambda: any("before that: Person 2: quick." in text for text in posts(driver)))
        gate("slow").set()
        await until(lambda: any("slow -- before that: nothing" in text for text in posts(driver)))
        assert len(posts(driver)) == 3


async def test_one_s_own_questions_wait_for_each_other_in_a_group_too(driver, tmp_path, model):
    gate = held(model)
    gate("first"), gate("second").set()
    async with driving(driver, tmp_path, model):
        ask(driver, 1, "first")
        ask(driver, 1, "second")
        await until(lambda: model.requests)
        await asyncio.sleep(0.4)
        assert len(model.requests) == 1
        gate("first").set()
        await until(lambda: any("before that: Person 1: first" in text for text in posts(driver)))


async def test_stop_ends_one_s_own_answer_and_leaves_the_others(driver, tmp_path, model):
    model.answer, model.piece_s = lambda messages: f"{messages[-1]['content']}: {WORDS}", 0.05
    async with driving(driver, tmp_path, model):
        ask(driver, 1, "one")
        ask(driver, 2, "two")
        await until(lambda: all(any(f"n {n}" in text for text in posts(driver)) for n in (1, 2)))
        mine = next(post for post in driver.server.posts(GROUP) if "n 2" in post.text)
        driver.server.press(mine, "stop", user=driver.server.person(2))
        await until(lambda: any("(stopped)" in text for text in posts(driver)))
        (stopped,) = [text for text in posts(driver) if "(stopped)" in text]
        assert stopped.startswith("Person 2")
        await until(lambda: model.running_streams == 1)


async def test_retry_is_about_one_s_own_question(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        ask(driver, 1, "mine")
        await until(lambda: any("mine --" in text for text in posts(driver)))
        ask(driver, 2, "theirs")
        await until(lambda: any("theirs --" in text for text in posts(driver)))
        model.requests.clear()
        driver.server.say(GROUP, "/retry@palaver_bot", user=driver.server.person(1, "Person 1"))
        await until(lambda: model.requests)
        assert model.requests[0]["messages"][-1]["content"] == "Person 1: mine"
        history = keys.history(conversation_id("telegram", str(GROUP)))
        redis = driver.app.core.redis

        async def replaced():
            kept = await redis.lrange(history, 0, -1)
            return [b'"theirs"' in kept[0], b'"mine"' in kept[-1], len(kept)] == [True, True, 2]

        await until(replaced)


async def test_an_edit_in_the_middle_of_an_answer_replaces_it_on_its_post(driver, tmp_path, model):
    model.answer = lambda messages: f"{messages[-1]['content']}: {WORDS}"
    model.piece_s = 0.05
    async with driving(driver, tmp_path, model):
        question = ask(driver, 1, "how far is the mon?")
        (growing,) = await until(lambda: driver.server.posts(GROUP))
        model.piece_s = 0.002
        driver.server.edit(question, text="@palaver_bot how far is the moon?")
        await until(
            lambda: "moon?" in posts(driver)[0] and "retry" in str(driver.server.posts(GROUP))
        )
        assert [post.id for post in driver.server.posts(GROUP)] == [growing.id]
        assert not any("mon?" in text for text in posts(driver))
        history = keys.history(conversation_id("telegram", str(GROUP)))
        await until(lambda: driver.app.core.redis.llen(history))
        (kept,) = await driver.app.core.redis.lrange(history, 0, -1)
        assert b"moon?" in kept


async def test_a_question_taken_back_in_the_middle_of_its_answer_takes_the_answer_away(
    tmp_path, model
):
    driver = SlackDriver()
    model.answer, model.piece_s = lambda messages: WORDS, 0.05
    async with driving(driver, tmp_path, model):
        driver.server.dms["D901"] = "U01"
        ts = driver.server.say("D901", "what is this?")
        await until(lambda: driver.server.answers("D901", ts))
        driver.server.take_back("D901", ts)
        await until(lambda: not driver.server.answers("D901", ts))
        await until(lambda: model.running_streams == 0)
        assert not await driver.app.core.redis.exists(
            keys.history(conversation_id("slack", "D901", ts))
        )


async def test_who_waits_in_a_group_is_told_in_one_post_for_all(driver, tmp_path, model):
    gate = held(model)
    async with driving(driver, tmp_path, model, max_per_place=1):
        for user in range(1, 6):
            ask(driver, user, f"question {user}")
        await until(lambda: driver.server.posts(GROUP))
        await asyncio.sleep(1)
        (told,) = posts(driver)
        assert told.startswith("Waiting for an answer here: ")
        gate("")
        gate("").set()
        await until(lambda: sum("Echo of" in text for text in posts(driver)) == 5, 60)
        await until(lambda: len(posts(driver)) == 5, 30)


async def test_a_group_hears_at_most_one_notice_a_minute_whatever_there_is_to_say(
    driver, tmp_path, model
):
    async with driving(driver, tmp_path, model, allowed_users="telegram:999"):
        for user in range(1, 9):
            ask(driver, user, "may I?")
        await until(lambda: driver.server.posts(GROUP))
        await asyncio.sleep(0.5)
        assert len(posts(driver)) == 1


async def test_nor_more_notices_by_strangers_who_type_the_command_of_a_home_tab(
    driver, tmp_path, model
):
    async with driving(driver, tmp_path, model, allowed_users="telegram:999"):
        for user in range(1, 6):
            driver.server.say(
                GROUP, "/home@palaver_bot", user=driver.server.person(user, f"Person {user}")
            )
        await until(lambda: driver.server.posts(GROUP))
        ask(driver, 999, "still there?")
        await until(lambda: any("still there?" in text for text in posts(driver)))
        (told,) = [text for text in posts(driver) if "Echo of" not in text]
        assert "operator's list" in told


async def test_a_stranger_who_was_told_before_takes_the_next_one_s_notice_from_nobody(
    driver, tmp_path, model
):
    async with driving(driver, tmp_path, model, allowed_users="telegram:999"):
        ask(driver, 1, "hello")
        await until(lambda: posts(driver))
        # A minute later.
        place = notice_of(conversation_id("telegram", str(GROUP)))
        await driver.app.core.redis.delete(keys.told(place))
        for user in (1, 2):
            ask(driver, user, "hello again")
        await until(lambda: len(posts(driver)) == 2)
