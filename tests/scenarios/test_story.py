"""A story: a new workspace, from the owner code to the day when somebody wants to be forgotten."""

import time

from tests.contracts.drivers import SlackDriver, TelegramDriver, driving
from tests.harness import until
from tests.scenarios.test_requests import code_in_store, press, private_posts, text_of, wait_for
from tests.scenarios.test_slack_history import posted, thread_of
from tests.servers.model import said
from tests.servers.slack import BOT_USER

ANN, BOB = "U01", "U02"


class Workspace:
    """A Slack workspace with Ann, Bob, and our app."""

    def __init__(self, driver, model):
        self.driver, self.server, self.model = driver, driver.server, model

    async def mention(self, channel, text, user=ANN, thread=""):
        """*user* mentions us; the posts of ours in that thread, once there is a new one."""
        before = len(self.server.answers(channel, thread)) if thread else 0
        ts = self.server.say(channel, f"<@{BOT_USER}> {text}", user=user, thread=thread)

        def answered():
            posts = self.server.answers(channel, thread or ts)
            growing = any(one.streaming or "▍" in one.shown for one in posts)
            return posts if len(posts) > before and not growing else None

        return (await until(answered))[-1].shown

    async def command(self, channel, text, user=ANN):
        """What *user* alone is shown after `/palaver text`."""
        before = len(self.server.ephemerals)
        self.server.slash("/palaver", text, channel, user)
        who, post = (await until(lambda: self.server.ephemerals[before:]))[-1]
        assert who == user
        return post.shown

    async def summarised(self, channel, root):
        """Ann uses the shortcut. If Slack refuses it, she uses it again, as people do.

        The shortcut's own post takes no token of the shared budget. So Slack may refuse it within
        a second after another post of ours there (docs.slack.dev/apis/web-api/rate-limits).
        """
        count = len(self.model.requests)
        while len(self.model.requests) == count:
            self.server.unacked.clear()
            self.server.shortcut("summarise_thread", self.server.posts[channel, root])
            await until(lambda: len(self.model.requests) > count or self.server.unacked)

    @property
    def asked(self):
        """All that the model was asked last."""
        return str([said(one) for one in self.model.requests[-1]["messages"]])


async def test_a_workspace_from_the_owner_code_to_an_empty_export(tmp_path, model):
    driver = SlackDriver()
    async with driving(driver, tmp_path, model, open=False):
        place = Workspace(driver, model)
        server = place.server
        # A new workspace: nobody is answered, until Ann sends the code of the log.
        code = await code_in_store(driver)
        assert "no owner yet" in await place.mention("C01", "hello?")
        await driver.say("dm", code)
        await wait_for(driver, "my owner")
        assert model.requests == []
        # Two channels, and each has its own purpose.
        await place.mention("C01", "/settings about tea")
        await place.mention("C02", "/settings about bridges")
        await place.mention("C01", "what is good?")
        assert "tea" in place.asked
        await place.mention("C02", "what is good?")
        assert "bridges" in place.asked
        assert "tea" not in place.asked
        # Bob is a stranger. Ann lets him in with a button.
        count = len(model.requests)
        server.say("C01", f"<@{BOT_USER}> may I?", user=BOB)
        request = await wait_for(driver, "wants to use me")
        press(driver, request, f"allow slack:{BOB}")
        await wait_for(driver, "may use me now")
        assert len(model.requests) == count
        await place.mention("C01", "why is tea green?", user=BOB)
        assert "why is tea green?" in place.asked
        # A thread that people wrote is summarised.
        server._clock = time.time() - 600
        root, _ = thread_of(server, 4)
        await driver_quiet(driver)
        await place.summarised("C01", root)
        assert "reply 1" in place.asked
        # Bob's budget is reached, he may not lift it, and Ann grants him more.
        await place.mention("C02", f"/budget person slack:{BOB} 1 tokens/day")
        await place.mention("C02", "how long?", user=BOB)
        assert "used up" in await place.mention("C02", "and bridges?", user=BOB)
        grant = f"/budget grant person slack:{BOB} 1m tokens"
        assert "admins may" in await place.mention("C02", grant, user=BOB)
        assert "Granted" in await place.mention("C02", grant)
        assert "Echo" in await place.mention("C02", "and which bridges?", user=BOB)
        # Ann was away, and catches up.
        server._clock = time.time() + 10
        posted(server, "the kettle is broken", user=BOB)
        await place.command("C01", "catchup 5")
        assert "the kettle is broken" in place.asked
        # Bob wants to be forgotten everywhere. Then nothing is left to export.
        await driver.say("dm2", "!forget everything")
        sure = await wait_for(driver, "erases all", "bob")
        await until(lambda: buttons_of(sure))
        press(driver, sure, next(iter(buttons_of(sure))), BOB)
        await wait_for(driver, "Erased", "bob")
        await driver.say("dm2", "!export")
        await wait_for(driver, "I keep nothing of you", "bob")


def buttons_of(post):
    found = [one.get("value", "") for block in post.blocks for one in block.get("elements", ())]
    return [one for one in found if one.startswith("forget yes")]


async def driver_quiet(driver):
    """What was delivered is read."""
    await until(lambda: not driver.server._deliveries)


async def test_a_telegram_bot_from_the_owner_code_to_an_empty_export(tmp_path, model):
    driver = TelegramDriver()
    async with driving(driver, tmp_path, model, open=False):
        code = await code_in_store(driver)
        await driver.say("dm", code)
        await wait_for(driver, "my owner")
        await driver.say("dm2", "may I?")
        press(driver, await wait_for(driver, "wants to use me"), "allow telegram:78")
        await wait_for(driver, "go ahead", "bob")
        await driver.say("dm2", "why is the sky blue?")
        await driver.answered("dm2", 1)
        await driver.say("dm", "/budget person telegram:78 1 tokens/day")
        await wait_for(driver, "From now on")
        await driver.say("dm2", "and the sea?")
        await driver.answered("dm2", 2)
        await driver.say("dm2", "and the moon?")
        await wait_for(driver, "used up", "bob")
        await driver.say("dm", "/budget grant person telegram:78 1m tokens")
        await wait_for(driver, "Granted")
        await driver.say("dm2", "and the lake?")
        # What one says soon after may be one thought with what was refused.
        await driver.answered("dm2", 3)
        await wait_for(driver, "and the lake?", "bob")
        await driver.say("dm2", "/forget everything")
        await wait_for(driver, "erases all", "bob")
        sure = private_posts(driver, "bob")[-1]
        rows = sure.markup["inline_keyboard"]
        yes = next(one["callback_data"] for row in rows for one in row if "yes" in str(one))
        press(driver, sure, yes, (78, "Bob"))
        await wait_for(driver, "Erased", "bob")
        await driver.say("dm2", "/export")
        assert "I keep nothing" in text_of(await wait_for(driver, "I keep nothing of you", "bob"))
