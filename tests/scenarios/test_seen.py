"""What people see of an answer's steps: the line while they run, the steps, what stays of them."""

import pytest

from tests.contracts.drivers import SlackDriver, TelegramDriver, WebDriver, driving
from tests.harness import until
from tests.servers.tools import ALL, calling

UNASKED = {"tools_ask": "never"}


@pytest.fixture
def driver():
    return WebDriver()


async def shown(driver, place, part):
    """The newest post, once it shows *part*."""

    async def showing():
        posts = await driver.posts(place)
        return posts[-1] if posts and part in posts[-1].text else None

    return await until(showing)


@pytest.mark.parametrize(("make", "place"), [(TelegramDriver, "dm"), (SlackDriver, "channel")])
async def test_a_line_shows_what_runs_and_is_gone_from_the_answer(
    make, place, tmp_path, model, served
):
    driver = make()
    calling(model, ("Let me see.", [("look", {"what": "a"})]))
    served.hold.clear()
    async with driving(driver, tmp_path, model, tools=ALL, **UNASKED):
        await driver.say(place, "go")
        post = await shown(driver, place, "🔧 ")
        assert post.text.startswith("Let me see.")
        assert "look" in post.text
        served.hold.set()
        (post,) = await driver.answered(place)
    assert "🔧" not in post.text
    assert "RESULT look a number 1" in post.text


async def test_the_page_gets_the_line_and_the_steps_while_they_run(driver, tmp_path, model, served):
    calling(model, ("", [("look", {"what": "a"})]))
    served.hold.clear()
    async with driving(driver, tmp_path, model, tools=ALL, **UNASKED):
        await driver.say("page", "go")

        async def told():
            posts = await driver.sent("page")
            return posts[-1] if posts and posts[-1].get("status") else None

        post = await until(told)
        assert post["status"] == "🔧 look …"
        assert post["steps"] == ["🔧 look …"]
        served.hold.set()
        await driver.answered("page")
        (*_, post) = await driver.sent("page")
    assert "status" not in post
    assert "steps" not in post
