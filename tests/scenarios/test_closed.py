"""Telegram and Slack are closed until somebody says who may use them."""

import re
from contextlib import asynccontextmanager
from functools import partial

import pytest

from bots.check import _store
from core.people.roles import Member, Role
from core.store import keys
from core.store.connection import connect
from core.store.embedded import embedded
from core.store.members import SharedMembers
from tests.contracts.drivers import SlackDriver, TelegramDriver, driving, started
from tests.harness import settings_for, until

CODE = re.compile(r"own(?:-[a-z2-7]{4}){5}")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr("core.owner_codes.LOOK_S", 0.05)


@pytest.fixture(params=[TelegramDriver, SlackDriver], ids=lambda one: one.name)
def driver(request):
    return request.param()


@asynccontextmanager
async def closed(driver, tmp_path, model, **more):
    async with driving(driver, tmp_path, model, open=False, **more):
        yield driver.app.core


async def code_of(core, driver):
    """The code as it stands in the store."""

    async def found():
        return await core.redis.get(keys.owner_code(driver.name))

    return (await until(found)).decode()


async def role_of(core, person):
    found = await core.services.requests.members.look(person.partition(":")[0], [person])
    return found[0] and found[0].role


def person_of(driver):
    return {"telegram": "telegram:77", "slack": "slack:U01"}[driver.name]


async def said(driver, place, words, count=1):
    async def there():
        posts = await driver.posts(place)
        return sum(words in post.text for post in posts) >= count

    await until(there)


async def test_nobody_is_answered_until_the_owner_sends_the_code_of_the_log(
    driver, tmp_path, model, capsys
):
    async with closed(driver, tmp_path, model) as core:
        code = await code_of(core, driver)
        await driver.say("dm", "hello")
        await said(driver, "dm", "")
        assert model.requests == []
        driver.begin_anew()
        await driver.say("dm", code)
        await said(driver, "dm", "my owner")
        driver.begin_anew()
        await driver.say("dm", "why is the sky blue?")
        await driver.answered("dm")
        assert await role_of(core, person_of(driver)) is Role.OWNER
        assert len(model.requests) == 1
    assert code in capsys.readouterr().out


async def test_a_code_makes_one_owner_and_is_dead_then(driver, tmp_path, model):
    async with closed(driver, tmp_path, model) as core:
        code = await code_of(core, driver)
        await driver.say("dm", f"`{code}`")
        await said(driver, "dm", "my owner")
        await driver.say("dm2", code)
        await said(driver, "dm2", "not good")
        assert await core.services.requests.members.owner_code(driver.name, "own-new") == ""
        assert await core.redis.exists(keys.owner_code(driver.name)) == 0
        driver.begin_anew()
        await driver.say("dm", code)
        await said(driver, "dm", "my owner")
        assert await role_of(core, person_of(driver)) is Role.OWNER
        assert model.requests == []


async def test_a_code_that_was_written_in_a_group_is_replaced(driver, tmp_path, model, capsys):
    """To the bot, as a command of it, or to nobody: without a mention in a Slack channel, or as a
    command that no bot has in a Telegram group."""
    async with closed(driver, tmp_path, model) as core:

        async def replaced(code):
            return await code_of(core, driver) != code

        for text in ("is it {}?", "/allow {}", "to nobody"):
            code = await code_of(core, driver)
            driver.begin_anew()
            if text != "to nobody":
                await driver.say(driver.places[1], text.format(code))
            elif driver.name == "telegram":
                driver.server.say(-1001, f"/{code}")
            else:
                driver.server.say("C01", f"is {code} for me?")
            await until(partial(replaced, code))
            assert "is good no more" in capsys.readouterr().out
            driver.begin_anew()
            await driver.say("dm", code)
            await said(driver, "dm", "not good")
            assert await role_of(core, person_of(driver)) is None
        driver.begin_anew()
        new = await code_of(core, driver)
        await driver.say("dm", f"/{new}" if driver.name == "telegram" else new)
        await said(driver, "dm", "my owner")
        assert model.requests == []


async def test_a_forwarded_or_edited_message_makes_nobody_an_owner(tmp_path, model):
    driver = TelegramDriver()
    async with closed(driver, tmp_path, model) as core:
        code = await code_of(core, driver)
        await driver.forward("dm", code, "Mallory")
        await said(driver, "dm", "")
        message = driver.server.say(77, "hm")
        driver.server.edit(message, code)
        await said(driver, "dm", "not good")
        assert await role_of(core, "telegram:77") is None
        assert await code_of(core, driver) == code


async def test_wrong_codes_are_answered_a_few_times_and_then_not_even_the_right_one(
    tmp_path, model
):
    driver = TelegramDriver()
    async with closed(driver, tmp_path, model) as core:
        code = await code_of(core, driver)
        for number in range(5):
            driver.server.say(77, f"own-{'abc2-' * 4}aaa{'abcde'[number]}")
        await said(driver, "dm", "not good", 5)
        driver.server.say(77, code)
        driver.server.say(78, f"/start {code}", user=driver.server.person(78, "Bob"))
        await said(driver, "dm2", "my owner")
        assert len(await driver.posts("dm")) == 5
        assert await role_of(core, "telegram:77") is None


async def test_the_code_is_the_same_after_a_restart_and_the_owner_stays(driver, tmp_path, model):
    async with driver.running():
        async with started(driver, tmp_path, model, open=False) as running:
            code = await code_of(running.core, driver)
        async with started(driver, tmp_path, model, open=False) as running:
            assert await code_of(running.core, driver) == code
            await driver.say("dm", code)
            await said(driver, "dm", "my owner")
        async with started(driver, tmp_path, model, open=False) as running:
            await driver.say("dm", "a question")
            await driver.answered("dm")
            assert await running.core.redis.exists(keys.owner_code(driver.name)) == 0


@pytest.mark.parametrize("more", [{"owners": "{}"}, {"admins": "{}"}, {"allowed_users": "{}"}])
async def test_there_is_no_code_where_the_settings_name_somebody(driver, tmp_path, model, more):
    listed = {name: value.format(person_of(driver)) for name, value in more.items()}
    async with closed(driver, tmp_path, model, **listed) as core:
        await driver.say("dm", "a question")
        await driver.answered("dm")
        assert await core.redis.exists(keys.owner_code(driver.name)) == 0


async def test_the_start_tells_loudly_what_is_closed(tmp_path, model, capsys):
    driver = TelegramDriver()
    async with closed(driver, tmp_path, model) as core:
        await code_of(core, driver)
    assert "OPEN=true" in capsys.readouterr().out


async def test_check_says_whether_there_is_an_owner_and_who(tmp_path):
    driver = TelegramDriver()
    async with (
        driver.running(),
        embedded(tmp_path / "store") as url,
        connect(url) as redis,
    ):
        settings = settings_for(tmp_path, open=False, redis_url=url, **driver.settings())
        assert "no owner yet" in str([one async for one in _store(settings, {})])
        member = Member(Role.OWNER, "Ann")
        members = SharedMembers(redis)
        await members.decide("telegram", "telegram:77", member, by_owner=True, owned=False)
        assert "owned by telegram:77" in str([one async for one in _store(settings, {})])


async def test_a_stranger_who_is_quicker_than_the_watch_is_told_of_the_code(
    tmp_path, model, monkeypatch
):
    monkeypatch.setattr("core.owner_codes.LOOK_S", 3600.0)
    driver = TelegramDriver()
    async with closed(driver, tmp_path, model) as core:
        await driver.say("dm", "hello")
        await said(driver, "dm", "no owner yet")
        assert await core.redis.exists(keys.owner_code("telegram"))
