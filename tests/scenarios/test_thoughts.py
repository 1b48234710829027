"""One thought in several messages is one turn: it waits for who still writes, and begins anew."""

import asyncio

import pytest

from core.messages import conversation_id
from core.store import keys
from tests.contracts.drivers import SlackDriver, TelegramDriver, WebDriver, driving
from tests.harness import palaver, until
from tests.servers.slack import BOT_USER

QUESTION = "why is the sky blue?"


@pytest.fixture
def thinks(monkeypatch):
    """Sets for how long somebody is waited for, so that no test depends on the machine's speed."""
    return lambda seconds: monkeypatch.setattr("core.turn.bursts.THINKS_S", seconds)


def asked(model, at=-1):
    return model.requests[at]["messages"][-1]["content"]


@pytest.mark.parametrize("kind", [TelegramDriver, SlackDriver, WebDriver])
async def test_a_greeting_an_announcement_and_the_question_are_asked_once(
    kind, tmp_path, model, thinks
):
    driver = kind()
    thinks(5.0)
    async with driving(driver, tmp_path, model):
        for text in ("hey", "quick question", QUESTION):
            await driver.say("dm", text)
        posts = await driver.answered("dm", 1, 20)
        assert len(model.requests) == 1
        assert f"hey\n\nquick question\n\n{QUESTION}" in asked(model)
        assert len(posts) == 1
        await driver.say("dm", "what did I ask?")
        await driver.answered("dm", 2)
        assert len(model.requests[-1]["messages"]) == 4, "one exchange came before"


async def test_somebody_who_says_no_more_is_answered(tmp_path, model, thinks):
    driver = TelegramDriver()
    thinks(0.3)
    async with driving(driver, tmp_path, model):
        await driver.say("dm", "hey")
        (post,) = await driver.answered("dm")
        assert "Echo of hey" in post.text


async def test_a_thought_is_whole_although_no_signal_told_of_its_end(
    tmp_path, model, thinks, monkeypatch
):
    """A process that has just started may not hear the signals yet, and its renewals are late."""
    driver = TelegramDriver()
    thinks(2.0)
    monkeypatch.setattr("core.worker.Worker._poke", lambda worker, name: None)
    monkeypatch.setattr("core.turn.lease_renewer.RENEW_S", 5.0)
    async with driving(driver, tmp_path, model):
        await driver.say("dm", "hey")
        state = keys.state(conversation_id("telegram", "77"))
        await until(lambda: driver.app.core.redis.hexists(state, "tries"))
        await driver.say("dm", QUESTION)
        await driver.answered("dm", 1, 20)
    assert [asked(model, at) for at in range(len(model.requests))] == [f"hey\n\n{QUESTION}"]


@pytest.mark.parametrize("kind", [TelegramDriver, SlackDriver])
async def test_a_correction_begins_the_answer_anew_on_its_post(kind, tmp_path, model):
    driver = kind()
    model.answer = lambda messages: f"{messages[-1]['content']} is " + "a word, " * 60
    model.piece_s = 0.02
    async with driving(driver, tmp_path, model):
        await driver.say("dm", "What is the capital of Spain?")

        async def grows():
            return any("a word" in post.text for post in await driver.posts("dm"))

        await until(grows)
        await driver.say("dm", "no, I meant Italy")
        await until(lambda: len(model.requests) == 2)
        (post,) = await driver.answered("dm")
        assert "no, I meant Italy is a word" in post.text
        assert asked(model) == "What is the capital of Spain?\n\nno, I meant Italy"
        await until(lambda: not model.running_streams)


@pytest.mark.parametrize("kind", [TelegramDriver, SlackDriver])
async def test_another_question_is_answered_after_the_one_that_runs(kind, tmp_path, model):
    driver = kind()
    model.piece_s = 0.02
    async with driving(driver, tmp_path, model):
        await driver.say("dm", "What is tea?")
        await until(lambda: model.requests)
        await driver.say("dm", "What is coffee?")
        await driver.answered("dm", 2)
    assert [asked(model, at) for at in range(2)] == ["What is tea?", "What is coffee?"]


async def test_where_it_is_off_each_message_is_answered_by_itself(tmp_path, model):
    driver = TelegramDriver()
    async with driving(driver, tmp_path, model):
        await driver.say("dm", "/settings burst off")
        await driver.posted("dm")
        await driver.say("dm", "hey")
        await driver.say("dm", QUESTION)
        await driver.answered("dm", 2)
    assert len(model.requests) == 2


async def test_what_is_passed_on_or_shown_first_is_asked_with_its_question(tmp_path, model, thinks):
    driver = TelegramDriver()
    thinks(5.0)
    origin = {"type": "hidden_user", "date": 1, "sender_user_name": "Mystery"}
    async with driving(driver, tmp_path, model):
        driver.server.say(77, "You won!", forward_origin=origin)
        driver.server.say(77, "Pay first!", forward_origin=origin)
        await driver.say("dm", "Is this a scam?")
        await driver.answered("dm", 1, 20)
        texts = ("You won!", "Pay first!", "Is this a scam?")
        assert [asked(model).count(one) for one in texts] == [1, 1, 1]
        photo = [{"file_id": "p", "file_unique_id": "p", "width": 9, "height": 9}]
        for _ in range(2):
            driver.server.say(77, "", photo=photo)
        await driver.say("dm", "Which one is better?")
        await driver.answered("dm", 2, 20)
    assert str(asked(model)).count("attached image") == 2
    assert len(model.requests) == 2


async def test_in_a_group_only_the_same_person_goes_on(tmp_path, model, thinks):
    driver = TelegramDriver()
    thinks(5.0)
    async with driving(driver, tmp_path, model):
        bob = driver.server.person(78, "Bob")
        driver.server.say(-1001, "@palaver_bot hey")
        driver.server.say(-1001, "@palaver_bot what is tea?", user=bob)
        driver.server.say(-1001, f"@palaver_bot {QUESTION}")
        await driver.answered("group", 2, 20)
    questions = sorted(asked(model, at) for at in range(len(model.requests)))
    assert questions == [f"Ann: hey\n\n{QUESTION}", "Bob: what is tea?"]


async def test_in_a_thread_of_several_people_what_follows_a_mention_needs_none(
    tmp_path, model, thinks
):
    driver = SlackDriver()
    thinks(5.0)
    async with driving(driver, tmp_path, model):
        thread = driver._threads["thread"]
        for user in ("U01", "U02"):
            driver.server.say("C02", f"<@{BOT_USER}> what is tea?", user=user, thread=thread)
        await driver.answered("thread", 2)
        driver.server.say("C02", f"<@{BOT_USER}> hey, quick question:", thread=thread)
        driver.server.say("C02", "the sky, blue or grey", thread=thread)
        driver.server.say("C02", "nice weather", user="U02", thread=thread)
        await driver.answered("thread", 3, 20)
    assert asked(model) == "Ann: hey, quick question:\n\nthe sky, blue or grey"
    assert len(model.requests) == 3


async def test_slack_messages_that_each_begin_a_thread_are_answered_in_the_first(
    tmp_path, model, thinks
):
    driver = SlackDriver()
    thinks(5.0)
    async with driving(driver, tmp_path, model):
        server = driver.server
        for channel, at in (("D01", ""), ("C01", f"<@{BOT_USER}> ")):
            first = server.say(channel, f"{at}hey")
            second = server.say(channel, f"{at}{QUESTION}")
            await until(lambda c=channel, t=first: server.answers(c, t), 20)
            driver._threads["dm" if channel == "D01" else "channel"] = first
            await driver.answered("dm" if channel == "D01" else "channel")
            assert not server.answers(channel, second)
            # A question behind an answer is a new one.
            third = server.say(channel, f"{at}what is tea?")
            await until(lambda c=channel, t=third: server.answers(c, t), 20)
            # The edit of a part is found in the thread where it was answered.
            server.edit(channel, second, f"{at}why is the sea blue?")
            await until(lambda: "why is the sea blue?" in str(asked(model)), 20)
            assert "hey\n\nwhy is the sea blue?" in asked(model)
            await until(lambda: not model.running_streams)


async def test_a_part_that_is_edited_is_answered_anew(tmp_path, model, thinks):
    driver = TelegramDriver()
    thinks(5.0)
    async with driving(driver, tmp_path, model):
        await driver.say("dm", "hey")
        part = driver.server.say(77, QUESTION)
        await driver.answered("dm", 1, 20)
        for wording in ("why is the sea blue?", "why is the sea green?"):
            driver.server.edit(part, wording)
            await until(lambda w=wording: asked(model) == f"hey\n\n{w}")
            await driver.answered("dm")
        model.answer, model.piece_s = lambda messages: "long " * 200, 0.02
        hey = driver.server.say(77, "hello")
        driver.server.say(77, "what is tea?")
        await until(lambda: "what is tea?" in asked(model))
        driver.server.edit(hey, "hello, my friend")
        await until(lambda: asked(model) == "hello, my friend\n\nwhat is tea?")


async def test_a_thought_survives_the_process_that_waits_for_its_end_or_answers(
    tmp_path, model, thinks, redis
):
    """The next process finds what came meanwhile, asks all of it once, and uses the same post."""
    driver = TelegramDriver()
    more = {"redis_url": redis.url, "llm_base_url": model.url, "llm_model": "scripted"}
    thinks(9.0)
    async with driver.running():
        settings = {**driver.settings(), **more, "grace_s": 0.0}
        async with palaver(tmp_path, **settings):
            await driver.say("dm", "I have the following problem:")
            await until(lambda: not driver.server.updates)
        await driver.say("dm", "my tea is cold. What now?")
        model.answer, model.piece_s = lambda messages: "word " * 100, 0.1
        async with palaver(tmp_path, **settings):
            await until(lambda: driver.server.posts(77))
            whole = "I have the following problem:\n\nmy tea is cold. What now?"
            assert [asked(model, at) for at in range(len(model.requests))] == [whole]
        await driver.say("dm", "sorry, I meant coffee")
        model.piece_s = 0.002
        async with palaver(tmp_path, **settings):
            await driver.answered("dm")
            assert asked(model) == f"{whole}\n\nsorry, I meant coffee"
            assert len(driver.server.posts(77)) == 1


async def test_what_restarts_an_answer_is_bounded(tmp_path, model):
    """Who corrects again and again waits for the next answer in the end."""
    driver = TelegramDriver()
    model.piece_s = 0.05
    async with driving(driver, tmp_path, model):
        await driver.say("dm", "What is the capital of Spain?")
        for number in range(1, 8):
            await until(lambda n=number: len(model.requests) >= min(n, 6))
            driver.server.say(77, f"no, I meant country {number}")
            await asyncio.sleep(0)
        await until(lambda: "country 7" in asked(model), 30)
        await driver.answered("dm", 2)
        where = conversation_id("telegram", "77")
    assert where
    assert 7 <= len(model.requests) <= 8
