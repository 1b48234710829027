"""A smaller model gives titles, and keeps in mind what no longer fits."""

import asyncio

import pytest

from core.store import keys
from tests.contracts.drivers import SlackDriver, TelegramDriver, WebDriver, driving
from tests.harness import until
from tests.servers.model import status

# What it proposes to remember of people has its own tests, in `test_memory.py`.
SMALL = {"small_model": "small", "memory_learn": False}


@pytest.fixture
def driver():
    return TelegramDriver()


def asked_of(model, name):
    return [request for request in model.requests if request["model"] == name]


async def test_the_page_lists_a_conversation_by_its_title(tmp_path, model):
    driver = WebDriver()
    model.answers = {"small": '"The taste of tea."\nand more'}
    async with driving(driver, tmp_path, model, **SMALL):
        await driver.say("dm", "hello, what about tea?")
        await driver.answered("dm", 1)

        async def titled():
            return "The taste of tea" in [entry["title"] for entry in await driver.listed()]

        await until(titled)
        await driver.say("dm", "and coffee?")
        await driver.answered("dm", 2)
        assert len(asked_of(model, "small")) == 1, "one title is enough"


async def test_slack_shows_the_title_of_a_direct_message(tmp_path, model):
    driver = SlackDriver()
    model.answers = {"small": "The taste of tea"}
    async with driving(driver, tmp_path, model, **SMALL):
        await driver.say("channel", "hello")
        await driver.answered("channel", 1)
        await driver.say("dm", "hello")
        await driver.answered("dm", 1)
        await until(lambda: driver.server.titles)
        ((channel, _, title),) = driver.server.titles
        assert (channel, title) == ("D01", "The taste of tea")


async def test_on_slack_a_title_that_a_person_gave_is_kept(tmp_path, model):
    driver = SlackDriver()
    model.answers = {"small": "The taste of tea"}
    async with driving(driver, tmp_path, model, **SMALL):
        await driver.say("dm", "hello")
        await driver.answered("dm", 1)
        await until(lambda: driver.server.titles)
        thread = driver._threads["dm"]
        # docs.slack.dev/ai/agent-sessions: told of renames by people.
        renamed = {"type": "agent_session_title_changed", "channel": "D01", "thread_ts": thread}
        driver.server.event({**renamed, "user": "U01", "title": "Mine"})
        driver.server.say("D01", "/new", thread_ts=thread)
        driver.server.say("D01", "hello again", thread_ts=thread)
        await driver.answered("dm", 2)
        assert len(driver.server.titles) == 1
        assert len(asked_of(model, "small")) == 1


async def rested(driver):
    """Return when nothing is done beside the turns any more."""
    await until(lambda: driver.app.core.services.background.idle)


LONG = "a fact worth keeping " * 20


async def test_what_no_longer_fits_is_kept_in_mind_in_short(driver, tmp_path, model):
    model.answers = {"small": "They spoke of facts.", "scripted": LONG}
    async with driving(driver, tmp_path, model, **SMALL, history_tokens=500):
        for number in range(1, 6):
            await driver.say("dm", f"question {number} " + LONG)
            await driver.answered("dm", number)
            await rested(driver)
        told = str(asked_of(model, "small")[-1]["messages"])
        assert "question 1" not in told, "it is in the summary before"
        assert "They spoke of facts." in told
        last = asked_of(model, "scripted")[-1]["messages"]
        assert "They spoke of facts." in last[0]["content"]
        assert "question 1" not in str(last)
        await driver.say("dm", "/new")
        await driver.posted("dm", 6)
        await driver.say("dm", "hello")
        await driver.answered("dm", 6)
        assert "They spoke" not in str(asked_of(model, "scripted")[-1])


async def test_an_answer_and_the_next_question_wait_for_no_summary_and_new_forgets_it(
    driver, tmp_path, model
):
    """The small model hangs over a summary. It is dropped when what it summarises was forgotten."""
    go_on = asyncio.Event()

    async def hanging(request):
        if (await request.json())["model"] != "small":
            return await model.stream(request, LONG)
        await go_on.wait()
        return await model.stream(request, "They spoke of facts.")

    model.faults = [hanging] * 9
    async with driving(driver, tmp_path, model, **SMALL, history_tokens=100):
        for number in (1, 2):
            await driver.say("dm", f"question {number} " + LONG)
            await driver.answered("dm", number)
        await until(lambda: any("Summarise" in str(one) for one in asked_of(model, "small")))
        await driver.say("dm", "/new")
        await driver.posted("dm", 3)
        go_on.set()
        await rested(driver)
        model.faults = []
        await driver.say("dm", "hello")
        await driver.answered("dm", 3)
    assert "They spoke" not in str(asked_of(model, "scripted")[-1])


async def test_what_a_summary_costs_is_the_persons_cost(driver, tmp_path, model):
    model.answers = {"small": "They spoke of facts.", "scripted": LONG}
    async with driving(driver, tmp_path, model, **SMALL, history_tokens=100):
        for number in (1, 2):
            await driver.say("dm", LONG)
            await driver.answered("dm", number)
        await rested(driver)

        async def booked():
            spent = await driver.app.core.redis.hgetall(keys.spent("telegram:77"))
            return float(spent[b"prompt_tokens"]) == 11 * len(model.requests) and spent

        spent = await until(booked)
    assert asked_of(model, "small")
    assert float(spent[b"turns"]) == 2


async def test_without_a_small_model_nothing_else_is_asked(driver, tmp_path, model):
    model.answers = {"scripted": LONG}
    async with driving(driver, tmp_path, model, history_tokens=100):
        for number in range(1, 4):
            await driver.say("dm", LONG)
            await driver.answered("dm", number)
    assert len(model.requests) == 3


async def test_a_small_model_that_fails_costs_nobody_an_answer(driver, tmp_path, model):
    async def only_the_large(request):
        if (await request.json())["model"] == "small":
            return await status(404)(request)
        return await model.stream(request, LONG)

    model.faults = [only_the_large] * 9
    async with driving(driver, tmp_path, model, **SMALL, history_tokens=200):
        for number in range(1, 4):
            await driver.say("dm", LONG)
            await driver.answered("dm", number)
    assert asked_of(model, "small")


async def test_a_small_first_question_goes_to_the_small_model_and_no_other(driver, tmp_path, model):
    """The operator says how small it is; what follows, and what is longer, goes to the large."""
    model.answers = {"small": "from the small", "scripted": "from the large"}
    async with driving(driver, tmp_path, model, **SMALL, small_question_chars=20):
        await driver.say("dm", "what is tea?")
        posts = await driver.answered("dm", 1)
        await driver.say("dm", "and coffee?")
        posts = await driver.answered("dm", 2)
        assert [post.text for post in posts] == ["from the small", "from the large"]
        await driver.say("dm2", "what is tea, and where does it come from?")
        (post,) = await driver.answered("dm2", 1)
        assert post.text == "from the large"


@pytest.mark.parametrize("code", [500, 401, 404])
async def test_where_the_small_model_fails_the_large_one_answers(
    code, driver, tmp_path, model, monkeypatch
):
    monkeypatch.setattr("core.models.retrying.FIRST_WAIT_S", 0.001)
    model.answers = {"scripted": "from the large"}

    def strict(body):
        return (code, b"{}") if body["model"] == "small" else None

    model.strict = strict
    async with driving(driver, tmp_path, model, **SMALL, small_question_chars=20):
        await driver.say("dm", "what is tea?")
        (post,) = await driver.answered("dm", 1)
    assert post.text == "from the large"
