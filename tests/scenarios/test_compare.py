"""Several models side by side, each in posts of its own."""

import asyncio

import pytest

from tests.contracts.drivers import DRIVERS, TelegramDriver, driving
from tests.harness import until
from tests.scenarios.test_pictures import png
from tests.servers.model import status

ASK = "/compare --models=alpha,beta why?"


@pytest.fixture(params=DRIVERS)
def driver(request):
    return DRIVERS[request.param]()


async def test_each_answers_in_a_post_of_its_own_at_the_same_time(driver, tmp_path, model):
    model.piece_s = 0.02
    model.answers = {"alpha": "the answer of one " * 10, "beta": "what the other says " * 10}
    async with driving(driver, tmp_path, model):
        await driver.say("dm", ASK)
        posts = await driver.answered("dm", 1)
        assert len(posts) == 2
        texts = sorted(post.text.strip("* ") for post in posts)
        assert texts[0].startswith("alpha")
        assert "the answer of one" in texts[0]
        assert texts[1].startswith("beta")
        assert "what the other says" in texts[1]
        assert {request["model"] for request in model.requests} == {"alpha", "beta"}
        await driver.say("dm", "and what did they say?")
        await driver.answered("dm", 2)
        assert "what the other says" in str(model.requests[-1]["messages"])


@pytest.fixture
def telegram():
    return TelegramDriver()


async def test_one_that_fails_does_not_keep_the_other_from_answering(telegram, tmp_path, model):
    async def no_alpha(request):
        if (await request.json())["model"] == "alpha":
            return await status(404)(request)
        return await model.stream(request, "fine")

    model.faults = [no_alpha] * 2
    async with driving(telegram, tmp_path, model):
        await telegram.say("dm", ASK)
        posts = await telegram.answered("dm", 1)
        texts = sorted(post.text for post in posts)
        assert "does not know this model" in texts[0]
        assert "fine" in texts[1]


async def test_a_stop_ends_all_and_keeps_what_they_said(telegram, tmp_path, model):
    model.piece_s = 0.05
    model.answers = {"alpha": "one word more " * 100, "beta": "short"}
    async with driving(telegram, tmp_path, model):
        await telegram.say("dm", ASK)
        await until(lambda: len(telegram.server.posts(77)) == 2)
        await asyncio.sleep(0.5)
        await telegram.press("dm", "stop")
        posts = await telegram.answered("dm", 1)
        by_name = {post.text.split()[0]: post.text for post in posts}
        assert "(stopped)" in by_name["alpha"]
        assert "one word more" in by_name["alpha"]
        assert by_name["beta"].split() == ["beta", "short"]
        await until(lambda: model.running_streams == 0, 5)


@pytest.mark.parametrize("text", ["/compare", "/compare why?", "/compare --models=a why?"])
async def test_a_comparison_of_less_than_two_is_explained(telegram, tmp_path, model, text):
    async with driving(telegram, tmp_path, model):
        await telegram.say("dm", text)
        (post,) = await telegram.posted("dm", 1)
        assert "/compare" in post.text
    assert model.requests == []


async def test_a_comparison_may_be_no_longer_than_a_question(
    telegram, tmp_path, model, monkeypatch
):
    monkeypatch.setattr("core.turn.commands.answers.QUESTION_CHARS", 100)
    async with driving(telegram, tmp_path, model):
        await telegram.say("dm", ASK + "x" * 100)
        (post,) = await telegram.posted("dm", 1)
        assert "too long" in post.text
    assert model.requests == []


async def test_again_compares_again_in_place_of_the_last(telegram, tmp_path, model):
    model.answers = {"alpha": "one", "beta": "two"}
    async with driving(telegram, tmp_path, model):
        await telegram.say("dm", ASK)
        await telegram.answered("dm", 1)
        await telegram.press("dm", "retry")
        await telegram.answered("dm", 2)
        assert len(model.requests) == 4
        assert "one" not in str(model.requests[-1]["messages"])


async def test_all_see_what_came_with_the_question_also_when_asked_again(telegram, tmp_path, model):
    async with driving(telegram, tmp_path, model):
        telegram.server.add_file("f1", png())
        photo = [{"file_id": "f1", "file_unique_id": "u", "width": 80, "height": 60}]
        telegram.server.say(77, "", photo=photo, caption=ASK)
        await telegram.answered("dm", 1)
        await telegram.press("dm", "retry")
        await telegram.answered("dm", 2)
        assert len(model.requests) == 4
        for request in model.requests:
            assert "data:image/" in str(request["messages"][-1])


async def test_a_killed_comparison_is_done_again_in_its_posts(server, model, replica):
    model.piece_s = 0.05
    model.answers = {"alpha": "one word more " * 30, "beta": "another word " * 30}
    first = replica()
    server.say(77, ASK)
    await until(lambda: len(server.posts(77)) == 2)
    await asyncio.sleep(1.5)
    first.kill()
    model.piece_s = 0.001
    replica()
    await until(lambda: [post for post in server.posts(77) if "retry" in str(post)])
    assert len(server.posts(77)) == 2
    assert sum("one word more" in post.text for post in server.posts(77)) == 1
