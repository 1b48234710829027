"""Reminders: asked for in words, told when they are due, on each platform."""

import msgspec
import pytest

from core.store import keys
from core.store.reminders import Reminder
from tests.contracts.drivers import SlackDriver, TelegramDriver, WebDriver, driving
from tests.harness import until


@pytest.fixture(params=[TelegramDriver, SlackDriver, WebDriver], ids=lambda one: one.name)
def driver(request):
    return request.param()


async def kept(driver):
    """All reminders in the store."""
    stored = await driver.app.core.redis.hvals(keys.REMINDERS)
    return [msgspec.json.decode(one, type=Reminder) for one in stored]


async def shows(driver, place, words):
    """The posts of *place*, once one of them has *words*."""

    async def there():
        posts = await driver.posts(place)
        return posts if any(words in post.text for post in posts) else None

    return await until(there)


async def test_a_reminder_is_confirmed_told_once_and_over(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        place = driver.places[0]
        await driver.say(place, "/remind in 1 second call Anna")
        await shows(driver, place, "⏰")
        posts = await shows(driver, place, "call Anna")
        assert sum("⏰" in post.text for post in posts) == 1
        assert await kept(driver) == []
        assert model.requests == []
