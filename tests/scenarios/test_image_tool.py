"""Pictures without a command: the model paints them with the tool `image`."""

import asyncio
import json
from functools import partial

import pytest

from core.messages import conversation_id
from core.people.rights import Rights
from core.store import keys
from core.store.connection import connect
from core.tools.of_turn import IMAGE
from tests.contracts.drivers import DRIVERS, TelegramDriver, WebDriver, driving
from tests.harness import at_rest, until
from tests.scenarios.test_pictures import BLUE, GPT, GREY, RED, colour, png
from tests.servers.model import status
from tests.servers.tools import calling, outputs

FOX = ("Here it comes.", [("image", {"prompt": "a red fox in the snow"})])
WARMER = ("", [("image", {"prompt": "warmer light", "change": True})])


@pytest.fixture
def driver():
    return WebDriver()


async def pictures(driver, place):
    return [colour(data) for post in await driver.posts(place) for data in post.pictures]


@pytest.mark.parametrize("name", ["telegram", "slack", "web"])
async def test_a_picture_is_drawn_and_changed_without_a_command(name, tmp_path, model):
    driver = DRIVERS[name]()
    place = driver.places[0]
    calling(model, FOX)
    async with driving(driver, tmp_path, model):
        await driver.say(place, "draw me a fox")
        await driver.answered(place)
        assert await pictures(driver, place) == [RED]
        assert model.image_requests[0]["prompt"] == "a red fox in the snow"
        calling(model, WARMER)
        await driver.say(place, "make it warmer")
        await until(lambda: model.edits)
        await until(lambda: _are(driver, place, [RED, BLUE]))
    ((fields, files),) = model.edits
    assert fields["prompt"] == "warmer light"
    assert colour(files[0])[0] > 150
    assert "painted and posted" in outputs(model.requests[-1])[0]


@pytest.mark.parametrize(("name", "stopped"), [("telegram", False), ("web", True)])
async def test_the_tool_shows_the_unfinished_picture_in_the_place_of_the_finished_one(
    name, stopped, tmp_path, model, monkeypatch
):
    monkeypatch.setattr("core.turn.steps.LAST_WORDS_S", 0.1)
    driver = DRIVERS[name]()
    place = driver.places[0]
    model.partial_images = asyncio.Semaphore(0)
    calling(model, FOX)
    async with driving(driver, tmp_path, model, **GPT):
        await driver.say(place, "draw me a fox")
        await until(lambda: _are(driver, place, [GREY]))
        if stopped:
            await driver.press(place, "stop")
            await until(lambda: _are(driver, place, []))
        else:
            model.partial_images.release()
            model.partial_images.release()
            await until(lambda: _are(driver, place, [RED]))
        await at_rest(driver.app.core)
        assert await pictures(driver, place) == ([] if stopped else [RED])


async def _are(driver, place, colours):
    return await pictures(driver, place) == colours


@pytest.mark.parametrize("name", ["telegram", "slack"])
async def test_a_picture_of_the_tool_has_the_buttons_of_any_picture(name, tmp_path, model):
    driver = DRIVERS[name]()
    place = driver.places[0]

    async def buttons(begin):
        commands = [one for post in await driver.posts(place) for one in post.commands]
        return [one for one in commands if one.startswith(f"{begin} ")]

    async def pressable(count):
        found = await buttons("again")
        return found if len(found) == count else None

    calling(model, FOX)
    async with driving(driver, tmp_path, model):
        await driver.say(place, "draw me a fox")
        (another,) = await until(partial(buttons, "another"))
        await at_rest(driver.app.core)
        calling(model, WARMER)
        await driver.say(place, "make it warmer")
        *_, again = await until(partial(pressable, 2))
        await at_rest(driver.app.core)
        await driver.press(place, another)
        await until(lambda: _are(driver, place, [RED, BLUE, RED]))
        assert model.image_requests[-1]["prompt"].startswith("a red fox in the snow (")
        # What was made from a picture is made from the same one again.
        await driver.press(place, again)
        await until(lambda: _are(driver, place, [RED, BLUE, RED, BLUE]))
    assert [fields["prompt"] for fields, _ in model.edits] == ["warmer light"] * 2
    assert all(colour(files[0])[0] > 150 for _, files in model.edits)


async def test_the_picture_that_is_replied_to_is_changed_and_not_the_last_one(tmp_path, model):
    driver = TelegramDriver()
    calling(model, FOX)
    async with driving(driver, tmp_path, model):
        await driver.say("dm", "draw me a fox")
        await driver.answered("dm")
        (first,) = [post for post in driver.server.posts(77) if post.photo]
        driver.server.say(77, "/image a house")
        await until(lambda: _are(driver, "dm", [RED, RED]))
        calling(model, WARMER)
        driver.server.say(77, "make it warmer", reply_to=first.id)
        await until(lambda: model.edits)
        await until(lambda: _are(driver, "dm", [RED, RED, BLUE]))


async def test_a_picture_that_the_person_sends_is_changed(tmp_path, model):
    driver = TelegramDriver()
    calling(model, WARMER)
    async with driving(driver, tmp_path, model):
        driver.server.add_file("f1", png())
        photo = [{"file_id": "f1", "file_unique_id": "u", "width": 80, "height": 60}]
        driver.server.say(77, "", photo=photo, caption="make it warmer")
        await until(lambda: _are(driver, "dm", [BLUE]))


async def test_a_picture_by_the_command_is_changed_without_one(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        await driver.say("page", "/image a fox")
        await until(lambda: _are(driver, "page", [RED]))
        calling(model, WARMER)
        await driver.say("page", "make it warmer")
        await until(lambda: _are(driver, "page", [RED, BLUE]))


async def test_a_failed_picture_is_told_to_the_model_and_not_paid(driver, tmp_path, model):
    policy = {"error": {"code": "content_policy_violation", "message": "no"}}
    model.image_faults.append(status(400, json.dumps(policy)))
    calling(model, FOX)
    async with driving(driver, tmp_path, model, image_price=1.0):
        await driver.say("page", "draw me a fox")
        (post,) = await driver.answered("page")
        await driver.say("page", "/usage")
        usage = (await driver.posted("page", 2))[-1].text
    assert "content rules" in post.text
    assert "may have been done" not in post.text
    assert " 0 pictures" in usage
    assert "$1" not in usage


@pytest.mark.parametrize(
    "rounds", [(FOX, FOX, FOX), (("", [("image", {"prompt": f"fox {at}"}) for at in range(3)]),)]
)
async def test_pictures_count_for_the_bound_of_money_of_an_answer(driver, tmp_path, model, rounds):
    calling(model, *rounds)
    async with driving(driver, tmp_path, model, image_price=0.2, tool_usd=0.1):
        await driver.say(driver.places[0], "draw foxes")
        await driver.answered(driver.places[0])
    assert len(model.image_requests) == 1
    assert len(model.requests) == 2


async def test_pictures_an_hour_bound_the_tool_too_and_the_model_says_so(driver, tmp_path, model):
    calling(model, FOX, ("", [("image", {"prompt": "a second one"})]))
    async with driving(driver, tmp_path, model, pictures_per_hour=1, image_price=0.5):
        await driver.say("page", "draw me two foxes")
        text, _ = await driver.answered("page")
        await driver.say("page", "/usage")
        usage = (await driver.posted("page", 3))[-1].text
    assert len(model.image_requests) == 1
    assert "1 picture" in text.text
    assert "$0.50" in usage


async def test_who_may_paint_none_is_told_who_may(driver, tmp_path, model, monkeypatch):
    may = Rights.may

    async def no_pictures(self, platform, incoming, act, role):
        return act != "image" and await may(self, platform, incoming, act, role)

    monkeypatch.setattr(Rights, "may", no_pictures)
    calling(model, FOX)
    async with driving(driver, tmp_path, model):
        await driver.say("page", "draw me a fox")
        (post,) = await driver.answered("page")
    assert "admin" in post.text
    assert not model.image_requests


def ended(post):
    return "RESULT" in post.text and "retry" in str(post.markup)


@pytest.mark.parametrize("moment", ["painting", "posted"])
async def test_a_kill_paints_no_second_picture_and_it_is_told_and_paid(
    moment, server, model, replica, redis
):
    calling(model, FOX)
    start = {"image_base_url": model.url, "image_price": "0.5", **GPT}
    first, lane = replica(**start), keys.state(conversation_id("telegram", "77"))

    async def unfinished_is_saved():
        return json.loads(await store.hget(lane, "checkpoint") or "{}").get("picture")

    if moment == "painting":
        model.partial_images = asyncio.Semaphore(0)
        server.say(77, "draw me a fox")
        async with connect(redis.url) as store:
            await until(unfinished_is_saved)
        assert [one for one in server.posts(77) if one.photo]
    else:
        # The text is slow, so the kill comes when the picture stands there.
        model.piece_s = 0.5
        server.say(77, "draw me a fox")
        await until(lambda: len(model.requests) == 2)
    first.kill()
    model.piece_s = 0.0
    model.partial_images.release()
    replica(**start)
    (post,) = await until(lambda: [one for one in server.posts(77) if ended(one)], 30)
    assert len(model.image_requests) == 1
    assert len([one for one in server.posts(77) if one.photo]) == (moment == "posted")
    assert ("may have been done" in post.text) == (moment == "painting")
    server.say(77, "/usage")
    await until(lambda: [one for one in server.posts(77) if "1 picture" in one.text])


@pytest.mark.parametrize("tools", [(), ("time",)])
async def test_the_operator_may_switch_the_tool_off(driver, tmp_path, model, tools):
    calling(model, FOX)
    async with driving(driver, tmp_path, model, tools=tools):
        await driver.say("page", "draw me a fox")
        await driver.answered("page")
    assert not model.image_requests
    assert IMAGE.name not in str(model.requests[0].get("tools"))


async def test_retry_paints_another_one(driver, tmp_path, model):
    calling(model, FOX)
    async with driving(driver, tmp_path, model):
        await driver.say("page", "draw me a fox")
        await driver.answered("page")
        await driver.say("page", "/retry")
        await until(lambda: len(model.image_requests) == 2)
        await until(lambda: _are(driver, "page", [RED, RED]))
    assert "Done already" not in str(model.requests[-1]["messages"])
