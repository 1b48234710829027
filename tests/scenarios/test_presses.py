"""In a group a button is the asker's and the admins'. Others are told so, and nobody else is."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from core.store import keys
from core.store.claim import Claim
from tests.contracts.drivers import SlackDriver, TelegramDriver, driving, started
from tests.harness import at_rest, until

BOB = {"telegram": (78, "Bob"), "slack": "U02"}
HERE = {"telegram": "group", "slack": "channel"}


@pytest.fixture(params=[TelegramDriver, SlackDriver], ids=lambda one: one.name)
def driver(request):
    return request.param()


@asynccontextmanager
async def group(driver, tmp_path, model, **more):
    async with driving(driver, tmp_path, model, **more):
        yield HERE[driver.name]


def post_with(driver, command):
    """The newest post of ours with the button *command*."""
    if driver.name == "telegram":
        return next(
            one for one in reversed(driver.server.posts(-1001)) if command in buttons(one.markup)
        )
    return next(
        one
        for one in reversed(list(driver.server.posts.values()))
        if any(command in values(block) for block in one.blocks)
    )


def buttons(markup):
    rows = (markup or {}).get("inline_keyboard", [])
    return [button["callback_data"] for row in rows for button in row]


def values(block):
    return [one.get("value") for one in block.get("elements", ()) if isinstance(one, dict)]


def press(driver, post, command, *, bob=True):
    if driver.name == "telegram":
        user = driver.server.person(*BOB["telegram"]) if bob else driver.server.person()
        driver.server.press(post, command, user=user)
    else:
        driver.server.press(post, command, user="U02" if bob else "U01")


def refusals(driver):
    """What Bob was told alone."""
    if driver.name == "telegram":
        return driver.server.alerts
    return [post.shown for who, post in driver.server.ephemerals if who == "U02"]


async def asked(driver, model, place, text="why?"):
    """Ann's question in the group is answered."""
    count = len(model.requests)
    await driver.say(place, text)
    await driver.answered(place)
    return count + 1


async def test_another_person_s_press_is_refused_alone_and_the_asker_s_is_done(
    driver, tmp_path, model
):
    async with group(driver, tmp_path, model) as place:
        count = await asked(driver, model, place)
        post = post_with(driver, "retry")
        shown = len(await driver.posts(place))
        press(driver, post, "retry")
        (told,) = await until(lambda: refusals(driver))
        assert told.startswith("Only the person who asked")
        press(driver, post, "retry", bob=False)
        await until(lambda: len(model.requests) > count)
        await driver.answered(place)
        assert len(await driver.posts(place)) == shown
        assert len(refusals(driver)) == 1


async def test_who_stops_anothers_answer_is_refused_and_it_goes_on(driver, tmp_path, model):
    async with group(driver, tmp_path, model) as place:
        model.answer, model.piece_s = lambda _: "word " * 300, 0.01
        await driver.say(place, "a long one")
        await until(lambda: shows(driver, "stop"))
        press(driver, post_with(driver, "stop"), "stop")
        await until(lambda: refusals(driver))
        assert "word " * 280 in (await driver.answered(place))[-1].text + " "


def shows(driver, command):
    try:
        return post_with(driver, command)
    except StopIteration:
        return None


async def test_an_admin_presses_for_others(driver, tmp_path, model):
    bob = {"telegram": "telegram:78", "slack": "slack:U02"}[driver.name]
    async with group(driver, tmp_path, model, admins=bob) as place:
        count = await asked(driver, model, place)
        press(driver, post_with(driver, "retry"), "retry")
        await until(lambda: len(model.requests) > count)
        await driver.answered(place)
        assert refusals(driver) == []


async def test_an_admin_of_the_place_presses_for_others_unless_that_is_switched_off(
    driver, tmp_path, model
):
    async with driver.running():
        if driver.name == "telegram":
            driver.server.chat_admins[-1001] = {78}
        else:
            driver.server.about["U02"] = {"is_admin": True}
        async with started(driver, tmp_path, model):
            count = await asked(driver, model, HERE[driver.name])
            press(driver, post_with(driver, "retry"), "retry")
            await until(lambda: len(model.requests) > count)
            await driver.answered(HERE[driver.name])
        async with started(driver, tmp_path, model, place_admins=False):
            press(driver, post_with(driver, "retry"), "retry")
            assert "admin of the bot" in (await until(lambda: refusals(driver)))[0]


async def test_the_buttons_under_a_picture_are_the_asker_s_too(
    driver, tmp_path, model, monkeypatch
):
    """Also before its turn is committed."""
    goes_on, commit = asyncio.Event(), Claim.commit

    async def late(self, *arguments, **ending):
        await goes_on.wait()
        return await commit(self, *arguments, **ending)

    monkeypatch.setattr(Claim, "commit", late)
    async with group(driver, tmp_path, model) as place:
        await driver.say(place, "/image a fox")
        await until(lambda: shows(driver, "another"))
        redis = driver.app.core.redis

        async def noted():
            return [one async for one in redis.scan_iter(f"{keys.TAG}:askers:*")]

        await until(noted)
        painted = len(model.image_requests)
        press(driver, post_with(driver, "another"), "another")
        await until(lambda: refusals(driver))
        assert len(model.image_requests) == painted
        goes_on.set()
        press(driver, post_with(driver, "another"), "another", bob=False)
        await until(lambda: len(model.image_requests) == painted + 1)


async def test_another_process_knows_whose_a_post_is(driver, tmp_path, model):
    async with driver.running():
        async with started(driver, tmp_path, model):
            await asked(driver, model, HERE[driver.name])
        async with started(driver, tmp_path, model):
            press(driver, post_with(driver, "retry"), "retry")
            await until(lambda: refusals(driver))


async def test_a_press_on_a_post_that_nobody_noted_is_decided_by_its_history(
    driver, tmp_path, model
):
    async with group(driver, tmp_path, model) as place:
        count = await asked(driver, model, place)
        redis = driver.app.core.redis
        # The answer is shown before its history is kept.
        await at_rest(driver.app.core)
        noted = [one async for one in redis.scan_iter(f"{keys.TAG}:askers:*")]
        assert noted
        await redis.delete(*noted)
        press(driver, post_with(driver, "retry"), "retry")
        await until(lambda: told_anyhow(driver))
        assert len(model.requests) == count


def told_anyhow(driver):
    """The turn tells Bob, alone where the platform can do that."""
    if driver.name == "slack":
        return refusals(driver)
    return any("Only the person" in one.text for one in driver.server.posts(-1001)) or any(
        "Only the person" in str(parameters.get("text", ""))
        for _, method, parameters in driver.server.calls
        if method == "sendMessage"
    )


async def test_nobody_is_asked_for_in_private(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        await driver.say("dm", "why?")
        await driver.answered("dm")
        redis = driver.app.core.redis
        assert [one async for one in redis.scan_iter(f"{keys.TAG}:askers:*")] == []


async def test_who_presses_again_and_again_is_told_seldom(driver, tmp_path, model):
    async with group(driver, tmp_path, model) as place:
        count = await asked(driver, model, place)
        post = post_with(driver, "retry")
        for _ in range(10):
            press(driver, post, "retry")
        await until(lambda: refusals(driver))
        await driver.say(place, "the next")
        await driver.answered(place, 2)
        assert len(refusals(driver)) == 1
        assert len(model.requests) == count + 1
