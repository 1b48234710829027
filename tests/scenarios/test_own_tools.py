"""Reminders, facts and the search of a conversation, by the model's tools."""

import pytest

from tests.contracts.drivers import DRIVERS, SlackDriver, TelegramDriver, WebDriver, driving
from tests.harness import until
from tests.servers.tools import calling, outputs


@pytest.fixture
def driver():
    return WebDriver()


REMIND = ("remind", {"when": "in 2 hours", "text": "call Anna"})
FACT = ("memory", {"fact": "I eat no meat."})


def buttons(post, name):
    return [one for one in post.commands if one.startswith(f"{name} ")]


async def listed(driver, place):
    before = len(await driver.posts(place))
    await driver.say(place, "/remind list")
    return (await driver.posted(place, before + 1))[-1].text


@pytest.mark.parametrize("name", DRIVERS)
async def test_a_reminder_is_set_listed_and_undone_without_a_command(name, tmp_path, model):
    driver = DRIVERS[name]()
    place = driver.places[0]
    calling(model, ("", [REMIND]), ("", [("reminders", {})]))
    async with driving(driver, tmp_path, model):
        await driver.say(place, "remind me in two hours to call Anna")
        (post,) = await driver.answered(place)
        assert "I will remind you" in post.text
        set_, shown = outputs(model.requests[-1])
        assert "It is set" in set_
        assert "call Anna" in shown
        await driver.press(place, buttons(post, "remind undo")[0])
        assert "cancelled" in (await driver.posted(place, 2))[-1].text


async def test_the_model_cancels_a_reminder_and_a_retry_sets_no_second_one(driver, tmp_path, model):
    calling(model, ("", [REMIND]))
    async with driving(driver, tmp_path, model):
        await driver.say("page", "remind me")
        await driver.answered("page")
        id_ = outputs(model.requests[-1])[0].rpartition("Its id is ")[2].strip(".")
        calling(model, ("", [("remind", {"when": "in 2 hours", "text": "call Anna"})]))
        await driver.say("page", "/retry")
        await driver.answered("page", 2)
        assert (await listed(driver, "page")).count("call Anna") == 1
        calling(model, ("", [("remind", {"cancel": id_}), ("remind", {"cancel": "0"})]))
        await driver.say("page", "no need any more")
        await driver.answered("page", 3)
        assert "no reminders" in await listed(driver, "page")


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"when": "yesterday at 9", "text": "x"}, "over"),
        ({"when": "some day", "text": "x"}, "no such time"),
        ({"when": "tomorrow at 9 with sugar", "text": "x"}, "sugar"),
        ({"when": "tomorrow at 9"}, "needed"),
        ({"when": "every minute", "text": "x"}, "often"),
        ({"cancel": "nothing"}, "over"),
    ],
)
async def test_what_is_wrong_with_a_reminder_is_told_to_the_model(
    driver, tmp_path, model, given, why
):
    calling(model, ("", [("remind", given)]))
    async with driving(driver, tmp_path, model):
        await driver.say("page", "remind me")
        (post,) = await driver.answered("page")
    assert why in outputs(model.requests[-1])[0]
    assert not buttons(post, "remind")


async def test_the_bounds_and_the_zone_of_the_command_hold_for_the_tool(driver, tmp_path, model):
    first = ("remind", {"when": "tomorrow at 9:00", "text": "one"})
    second = ("remind", {"when": "every weekday at 8:30", "text": "two", "ask": True})
    calling(model, ("", [first, second]))
    async with driving(driver, tmp_path, model, reminders_per_person=1, timezone="Asia/Tokyo"):
        await driver.say("page", "/remind zone Asia/Kathmandu")
        await driver.posted("page", 1)
        await driver.say("page", "remind me")
        await driver.answered("page")
    set_, refused = outputs(model.requests[-1])
    assert "Asia/Kathmandu" in set_
    assert "09:00" in set_ or "9:00" in set_
    assert "1 reminder" in refused


async def test_a_fact_is_proposed_and_kept_only_after_a_press(driver, tmp_path, model):
    calling(model, ("Sure.", [FACT, ("memory", {"fact": "Another one."})]))
    async with driving(driver, tmp_path, model):
        await driver.say("page", "remember that I eat no meat")
        (post,) = await driver.answered("page")
        assert "I eat no meat." in post.text
        assert "proposed already" in outputs(model.requests[-1])[1]
        calling(model)
        await driver.say("page", "what do I eat?")
        await driver.answered("page", 2)
        assert "no meat" not in model.requests[-1]["messages"][0]["content"]
        await driver.press("page", buttons(post, "memory keep")[0])
        await driver.posted("page", 3)
        await driver.say("page", "/new")
        await driver.posted("page", 4)
        await driver.say("page", "and now?")
        await driver.answered("page", 3)
        assert "I eat no meat." in model.requests[-1]["messages"][0]["content"]


@pytest.mark.parametrize("fact", ["My password is hunter2", "x" * 300, " "])
async def test_no_secret_and_nothing_long_is_proposed(driver, tmp_path, model, fact):
    calling(model, ("", [("memory", {"fact": fact})]))
    async with driving(driver, tmp_path, model):
        await driver.say("page", "remember that")
        (post,) = await driver.answered("page")
    assert not buttons(post, "memory")


async def test_in_a_group_no_fact_of_a_person_is_proposed(tmp_path, model):
    driver = TelegramDriver()
    calling(model, ("", [FACT]))
    async with driving(driver, tmp_path, model):
        await driver.say("group", "remember that I eat no meat")
        (post,) = await driver.answered("group")
    assert "private chats only" in post.text
    assert not buttons(post, "memory")


@pytest.mark.parametrize("name", DRIVERS)
async def test_what_was_said_here_is_found_and_nothing_of_another_place(name, tmp_path, model):
    driver = DRIVERS[name]()
    here, there = driver.places[0], driver.places[-1]
    calling(model)
    async with driving(driver, tmp_path, model, history_tokens=0):
        await driver.say(here, "The key lies under the blue stone.")
        await driver.answered(here)
        if there != here:
            await driver.say(there, "The blue secret of another place.")
            await driver.answered(there)
        calling(model, ("", [("search_here", {"query": "BLUE stone"})]))
        await driver.say(here, "where was that key?")
        await until(lambda: outputs(model.requests[-1]))
    (found,) = outputs(model.requests[-1])
    assert "under the blue stone" in found
    assert "another place" not in found


async def test_a_search_hears_what_the_place_lets_it_hear_and_taints_the_turn(tmp_path, model):
    driver = SlackDriver()
    async with driving(driver, tmp_path, model, context="recent 20"):
        driver.server.say("C01", "The lunch is at the harbour.", user="U02")
        calling(model, ("", [("search_here", {"query": "lunch"}), REMIND]))
        await driver.say("channel", "when is lunch?")
        await until(lambda: _asks(driver))


async def _asks(driver):
    posts = await driver.posts("channel")
    return any(buttons(post, "permit") for post in posts)


async def test_a_place_has_only_the_tools_that_its_operator_lets_it_have(tmp_path, model):
    driver = TelegramDriver()
    file = tmp_path / "palaver.toml"
    file.write_text('[[place]]\nid = "telegram:-1001"\ntools = ["time", "re*"]\n')
    calling(model, ("", [("image", {"prompt": "a fox"})]))
    async with driving(driver, tmp_path, model, palaver_config=file, search="native"):
        await driver.say("group", "draw me a fox")
        (post,) = await driver.answered("group")
    names = [one["function"]["name"] for one in model.requests[0]["tools"]]
    assert names == ["time", "remind", "reminders", "read_page"]
    assert "no tool of this name" in post.text
    assert not model.image_requests


async def test_people_choose_the_tools_of_a_place_among_those_of_its_operator(tmp_path, model):
    driver = TelegramDriver()
    file = tmp_path / "palaver.toml"
    file.write_text('[[place]]\nid = "telegram:-1001"\ntools = ["time", "re*"]\n')
    async with driving(
        driver, tmp_path, model, palaver_config=file, search="native", admins=("telegram:77",)
    ):
        driver.server.say(-1001, "/settings tools Teleport", user=driver.server.person())
        (post,) = await driver.posted("group", 1)
        assert "does not fit" in post.text
        for count, (chosen, names) in enumerate(
            [("time, image", ["time"]), ("off", None), ("reset", 4)], 1
        ):
            driver.server.say(-1001, f"/settings tools {chosen}", user=driver.server.person())
            await driver.posted("group", 2 * count)
            await driver.say("group", f"question {count}")
            await driver.answered("group", count)
            offered = model.requests[-1].get("tools")
            found = offered and [one["function"]["name"] for one in offered]
            assert names in (found, len(found or ()))
