"""`/memory`: what a person wants remembered is theirs, shown, and used where they asked."""

import pytest

from tests.contracts.drivers import SlackDriver, TelegramDriver, WebDriver, driving
from tests.harness import until
from tests.servers.model import said

SMALL = {"small_model": "small"}
TEA = "drinks only green tea"
SELF = "I drink only green tea, and I live by the sea."


def asked_of(model, name):
    return [str(one["messages"]) for one in model.requests if one["model"] == name]


def say_to(driver, text):
    return "!" + text[1:] if driver.name == "slack" else text


async def rested(driver):
    await until(lambda: driver.app.core.services.background.idle)


async def told(driver, place, text, count):
    """The newest post, after *text* was said and there are *count* posts."""
    await driver.say(place, say_to(driver, text))
    return (await driver.posted(place, count))[-1]


@pytest.mark.parametrize("make", [TelegramDriver, SlackDriver, WebDriver])
async def test_what_a_person_adds_is_used_in_their_private_chat_and_shown_and_removed(
    make, tmp_path, model
):
    driver = make()
    place, other = driver.places[0], driver.other
    async with driving(driver, tmp_path, model):
        await told(driver, place, f"/memory add {TEA}", 1)
        shown = await told(driver, place, "/memory", 2)
        assert TEA in shown.text
        assert shown.commands == ("memory remove 1",)
        await driver.say(place, "what do I drink?")
        await driver.posted(place, 3)
        await driver.say(other, "what do I drink?")
        await driver.posted(other, 1)
        await driver.press(place, "memory remove 1")
        await driver.posted(place, 4)
        await driver.say(place, "and now?")
        await driver.posted(place, 5)
    mine, theirs, later = asked_of(model, "scripted")
    assert TEA in mine
    # The page's other conversation is the same visitor's.
    assert (TEA in theirs) is (driver.name == "web")
    assert TEA not in later


async def test_in_a_group_it_is_neither_shown_nor_used_until_the_person_says_so_there(
    tmp_path, model
):
    driver = TelegramDriver()
    async with driving(driver, tmp_path, model):
        await told(driver, "dm", f"/memory add {TEA}", 1)
        post = await told(driver, "group", "/memory", 1)
        assert TEA not in post.text
        await driver.say("group", "what do I drink?")
        await driver.posted("group", 2)
        await told(driver, "group", "/memory here", 3)
        await driver.say("group", "what do I drink?")
        await driver.posted("group", 4)
        driver.server.say(-1001, "@palaver_bot and I?", user=driver.server.person(78, "Ann"))
        await driver.posted("group", 5)
        await told(driver, "group", "/memory here off", 6)
        await driver.say("group", "what do I drink now?")
        await driver.posted("group", 7)
    used = [TEA in one for one in asked_of(model, "scripted")]
    # The third one is another person, of the same name.
    assert used == [False, True, False, False]


async def test_who_writes_in_the_name_of_a_group_has_no_memory(tmp_path, model):
    driver = TelegramDriver()
    async with driving(driver, tmp_path, model):
        anonymous = driver.server.person(1087968824, "Group")
        chat = driver.server.chats[-1001]
        text = f"/memory add {TEA}"
        driver.server.say(-1001, text, user={**anonymous, "is_bot": True}, sender_chat=chat)
        (post,) = await driver.posted("group", 1)
        assert "in the name of a group" in post.text
        assert await driver.app.core.redis.keys("*:memory:*") == []


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("/memory add", "Tell me what to remember"),
        ("/memory add " + "x " * 200, "too long"),
        ("/memory add my password is hunter2", "looks like a password"),
        ("/memory remove 7", "nothing about you with the number 7"),
        ("/memory remove ⁷", "nothing about you with the number 0"),
        ("/memory keep 7", "nothing to keep here"),
    ],
)
async def test_what_cannot_be_done_is_said(text, sentence, tmp_path, model):
    driver = TelegramDriver()
    async with driving(driver, tmp_path, model):
        assert sentence in (await told(driver, "dm", text, 1)).text


async def test_what_a_model_proposes_is_kept_when_the_person_agrees(tmp_path, model):
    driver = TelegramDriver()
    model.answers = {"small": TEA}
    async with driving(driver, tmp_path, model, **SMALL):
        await driver.say("dm", SELF)
        posts = await driver.posted("dm", 2)
        assert TEA in posts[1].text
        assert posts[1].commands == ("memory keep 1", "memory drop 1")
        await driver.say("dm", "what do I drink?")
        await driver.posted("dm", 3)
        # A forged button of somebody else's, and then the person's own.
        driver.server.say(78, "/memory keep 1", user=driver.server.person(78, "Bob"))
        (theirs,) = await driver.posted("dm2", 1)
        assert "nothing to keep" in theirs.text
        await driver.press("dm", "memory keep 1")
        await driver.posted("dm", 4)
        await driver.say("dm", "what do I drink?")
        await driver.posted("dm", 5)
    before, after = asked_of(model, "scripted")[1:]
    assert TEA not in before
    assert TEA in after


@pytest.mark.parametrize("how", ["quote", "forward", "group", "off", "setting", "secret", "none"])
async def test_what_others_wrote_or_nobody_wants_is_not_proposed(how, tmp_path, model):
    driver = TelegramDriver()
    answers = {"secret": "the password is hunter2", "none": "NONE."}
    model.answers = {"small": answers.get(how, TEA)}
    more = {"memory_learn": False} if how == "setting" else {}
    async with driving(driver, tmp_path, model, **SMALL, **more):
        if how == "quote":
            driver.server.say(77, f"Remember that {SELF}")
            driver.server.updates.clear()
            first = max(at for _, at in driver.server.messages)
            driver.server.say(77, "What does she mean by that?", reply_to=first)
        elif how == "forward":
            await driver.forward("dm", f"Remember that {SELF}", "Mallory")
        else:
            if how == "off":
                await told(driver, "dm", "/memory off", 1)
            await driver.say("group" if how == "group" else "dm", SELF)
        place = "group" if how == "group" else "dm"
        count = len(await driver.answered(place, 1))
        # The next turn begins when the first one is wholly over.
        await told(driver, place, "/usage" if place == "dm" else "@palaver_bot /usage", count + 1)
        await rested(driver)
        assert await driver.app.core.redis.keys("*:memory:*") == [] or how == "off"
        assert not any("memory keep" in post.commands for post in await driver.posts(place))
    judged = [one for one in model.requests if "NONE" in said(one["messages"][0])]
    assert bool(judged) is (how in ("secret", "none"))
    assert all(said(one["messages"][-1]) == SELF for one in judged)
