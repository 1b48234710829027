"""Calls that a person must allow first: what is shown, who decides, and what a press does."""

import asyncio

import pytest

from core import scheduler
from core.messages import conversation_id
from core.store import keys
from core.store.consents import Consents
from core.turn import consent
from tests.contracts.drivers import SlackDriver, TelegramDriver, WebDriver, driving
from tests.harness import until
from tests.servers.tools import ALL, calling, outputs


@pytest.fixture
def driver():
    return WebDriver()


def buttons(post, name):
    return [one for one in post.commands if one.startswith(f"{name} ")]


async def asked(driver, place, count=1):
    """The newest post, once it asks."""

    async def asking():
        posts = await driver.posts(place)
        return posts[-1] if len(posts) >= count and buttons(posts[-1], "permit") else None

    return await until(asking)


@pytest.mark.parametrize("make", [WebDriver, TelegramDriver, SlackDriver])
async def test_an_effect_asks_first_and_after_yes_the_same_answer_goes_on(
    make, tmp_path, model, served
):
    driver = make()
    place = driver.places[0]
    calling(
        model,
        ("Let me see.", [("look", {"what": "a"}), ("make", {"what": "b"})]),
        ("One more.", [("look", {"what": "c"})]),
    )
    async with driving(driver, tmp_path, model, tools=ALL):
        await driver.say(place, "go")
        post = await asked(driver, place)
        assert "make" in post.text
        assert '"what": "b"' in post.text
        assert ("look", "a") in served.done
        assert ("make", "b") not in served.done
        assert len(model.requests) == 1
        await driver.press(place, buttons(post, "permit")[0])
        (post,) = await driver.answered(place)
    assert served.done == {("look", "a"): 1, ("make", "b"): 1, ("look", "c"): 1}
    for part in ("Let me see.", "One more.", "RESULT look a number 1 / make b number 1 / look c"):
        assert part in post.text
    assert '"what": "b"' not in post.text
    assert len(model.requests) == 3


async def test_after_no_nothing_is_done_and_the_model_is_told(driver, tmp_path, model, served):
    calling(model, ("", [("make", {"what": "a"})]), ("", [("make", {"what": "a"})]))
    async with driving(driver, tmp_path, model, tools=ALL):
        await driver.say("page", "go")
        post = await asked(driver, "page")
        await driver.press("page", buttons(post, "deny")[0])
        (post,) = await driver.answered("page")
        await driver.say("page", "/usage last")
        await driver.posted("page", 2)
    told = outputs(model.requests[-1])
    assert "said no" in told[0]
    # The model tries the same again: it is not asked again.
    assert "same call" in told[1]
    assert not served.done


async def test_only_the_first_press_counts(driver, tmp_path, model, served):
    calling(model, ("", [("make", {"what": "a"})]))
    async with driving(driver, tmp_path, model, tools=ALL):
        await driver.say("page", "go")
        post = await asked(driver, "page")
        (yes,), (no,) = buttons(post, "permit"), buttons(post, "deny")
        await asyncio.gather(*(driver.press("page", one) for one in (yes, no, yes, yes)))
        await driver.posted("page", 4)
    assert sum(served.done.values()) <= 1
    assert len(model.requests) == 2


async def test_several_effects_of_one_round_are_asked_one_after_another(
    driver, tmp_path, model, served
):
    calling(model, ("", [("make", {"what": "a"}), ("make", {"what": "b"})]))
    async with driving(driver, tmp_path, model, tools=ALL):
        await driver.say("page", "go")
        first = await asked(driver, "page")
        assert '"b"' not in first.text
        await driver.press("page", buttons(first, "permit")[0])
        second = await until(lambda: _next(driver, first))
        assert '"b"' in second.text
        assert served.order == [("make", "a")]
        await driver.press("page", buttons(second, "permit")[0])
        await driver.answered("page")
    assert served.order == [("make", "a"), ("make", "b")]


async def _next(driver, before):
    (*_, post) = await driver.posts("page")
    asks = buttons(post, "permit")
    return post if asks and asks != buttons(before, "permit") else None


async def test_a_new_question_or_the_end_of_the_time_means_not_done(
    driver, tmp_path, model, served, monkeypatch
):
    calling(model, ("", [("make", {"what": "a"})]))
    async with driving(driver, tmp_path, model, tools=ALL):
        await driver.say("page", "go")
        first = await asked(driver, "page")
        calling(model)
        await driver.say("page", "something else")
        await driver.answered("page")
        await driver.press("page", buttons(first, "permit")[0])
        assert "something else since" in (await driver.posted("page", 3))[-1].text
        # In history stands that it was asked, not that it was done.
        assert '"what": "a"' in model.requests[-1]["messages"][-2]["content"]

        monkeypatch.setattr(consent, "PRIVATE_S", -1)
        calling(model, ("", [("make", {"what": "b"})]))
        await driver.say("page", "go")
        late = await asked(driver, "page", 4)
        await driver.press("page", buttons(late, "permit")[0])
        assert "time to decide is over" in (await driver.posted("page", 5))[-1].text
    assert not served.done


@pytest.mark.parametrize(
    ("make", "place"), [(WebDriver, "page"), (TelegramDriver, "group"), (SlackDriver, "dm")]
)
async def test_a_question_that_nobody_decides_ends_by_itself_and_the_model_is_told(
    make, place, tmp_path, model, served, monkeypatch
):
    monkeypatch.setattr(consent, "PRIVATE_S", 0.2)
    monkeypatch.setattr(consent, "GROUP_S", 0.2)
    monkeypatch.setattr(scheduler, "LOOK_S", 0.2)
    driver = make()
    # What stands behind it in the same message is not asked for either.
    calling(model, ("", [("make", {"what": "a"}), ("make", {"what": "b"})]))
    async with driving(driver, tmp_path, model, tools=ALL):
        await driver.say(place, "go")
        (post,) = await driver.answered(place)
        assert "time to decide is over" in post.text
        assert not buttons(post, "permit")
        if make is SlackDriver:
            channel, threads = driver._channels[place], driver._threads
            sessions = driver.server.sessions
            await until(lambda: sessions.get((channel, threads[place])) == "active")
        assert not await driver.app.core.redis.exists(keys.LAPSES)
    assert not served.done
    assert outputs(model.requests[-1]) == [consent.NOBODY] * 2


async def test_an_admin_allows_a_tool_for_good_in_a_place_but_not_after_foreign_text(
    tmp_path, model, served
):
    driver = TelegramDriver()
    calling(model, ("", [("make", {"what": "a"})]))
    admins = {"admins": "telegram:77"}
    async with driving(driver, tmp_path, model, tools=ALL, **admins):
        await driver.say("dm", "go")
        post = await asked(driver, "dm")
        await driver.press("dm", buttons(post, "always")[0])
        await driver.answered("dm")
        # The same tool is not asked any more.
        calling(model, ("", [("make", {"what": "b"})]))
        await driver.say("dm", "go")
        await driver.answered("dm", 2)
        assert served.done == {("make", "a"): 1, ("make", "b"): 1}
        # What is replied to may be of others.
        await driver.reply("dm", 1, "now that")
        post = await asked(driver, "dm", 3)
        assert not buttons(post, "always")
        assert "text of others" in post.text
    assert ("make", "b") in served.done
    assert len(served.order) == 2


@pytest.mark.parametrize("make", [WebDriver, TelegramDriver, SlackDriver])
async def test_what_was_allowed_for_good_is_shown_by_tools_and_taken_back_there(
    make, tmp_path, model, served
):
    driver = make()
    place = driver.places[0]
    calling(model, ("", [("make", {"what": "a"})]))
    admins = {"admins": "telegram:77,slack:U01"}
    async with driving(driver, tmp_path, model, tools=ALL, **admins):
        await driver.say(place, "go")
        post = await asked(driver, place)
        await driver.press(place, buttons(post, "always")[0])
        await driver.answered(place)
        await driver.say(place, "/tools")
        shown = await until(lambda: _with_button(driver, place, "tools ask make"))
        assert "without asking" in shown.text
        await driver.press(place, "tools ask make")
        await until(lambda: _said(driver, place, "asks first here again"))
        await driver.say(place, "/tools ask make")
        await until(lambda: _said(driver, place, "was not allowed for good"))
        calling(model, ("", [("make", {"what": "b"})]))
        await driver.say(place, "go")
        await asked(driver, place, 4)
    assert served.order == [("make", "a")]


async def _with_button(driver, place, command):
    posts = await driver.posts(place)
    return next((one for one in posts if command in one.commands), None)


async def _said(driver, place, text):
    return [one for one in await driver.posts(place) if text in one.text]


async def test_who_is_no_admin_cannot_take_back_what_one_allowed(tmp_path, model, served):
    driver = TelegramDriver()
    async with driving(driver, tmp_path, model, tools=ALL):
        consents = Consents(driver.app.core.redis)
        place = conversation_id("telegram", "-1001")
        await consents.allow(place, "make")
        await driver.say("group", "/tools")
        await until(lambda: _answers(driver, "without asking"))
        assert "tools ask make" not in str(driver.server.calls)
        await driver.say("group", "/tools ask make")
        await until(lambda: _answers(driver, "admin"))
        assert await consents.allowed(place) == {"make"}


async def test_somebody_else_cannot_decide_and_an_admin_can(tmp_path, model, served):
    driver = TelegramDriver()
    calling(model, ("", [("make", {"what": "a"})]))
    async with driving(driver, tmp_path, model, tools=ALL):
        driver.server.chat_admins[-1001] = {79}
        await driver.say("group", "go")
        post = await asked(driver, "group")
        assert not buttons(post, "always")
        (yes,) = buttons(post, "permit")
        (shown,) = driver.server.posts(-1001, None)
        driver.server.press(shown, yes, user=driver.server.person(78, "Bob"))
        await until(lambda: _answers(driver, "Only the person"))
        assert not served.done
        driver.server.press(shown, yes, user=driver.server.person(79, "Cid"))
        await until(lambda: served.done)
        await driver.answered("group")
    assert served.done == {("make", "a"): 1}


async def _answers(driver, text):
    said = [str(parameters) for _, _, parameters in driver.server.calls]
    return any(text in one for one in said)
