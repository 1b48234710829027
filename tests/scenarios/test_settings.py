"""`/settings`: what holds where, who may change it, and its menu of buttons."""

import itertools
from contextlib import asynccontextmanager

import pytest

from core.store import keys
from tests.contracts.drivers import TelegramDriver, WebDriver, driving, started
from tests.harness import until

ANN, BOB, CAT = 77, 78, 79
"""Ann is an admin of the group, Bob is not, and Cat is an admin of the bot."""
GROUP = -1001
TOML = """
[[place]]
id = "telegram:-1001"
about = "A club of gardeners."
timezone = "Asia/Tokyo"

[[persona]]
name = "pirate"
text = "Speak like a pirate."
"""


@asynccontextmanager
async def running(driver, tmp_path, model, toml=TOML):
    config = tmp_path / "palaver.toml"
    config.write_text(toml)
    async with started(driver, tmp_path, model, palaver_config=config, admins=f"telegram:{CAT}"):
        yield


@pytest.fixture
async def telegram(tmp_path, model):
    driver = TelegramDriver()
    async with driver.running(), running(driver, tmp_path, model):
        driver.server.chat_admins[GROUP] = {ANN}
        driver.server.add_private(CAT, "Cat")
        yield driver


class Chat:
    """What people say and press in one chat, and what stands there then."""

    def __init__(self, driver, chat=GROUP, topic=None):
        self.server, self.chat, self.topic = driver.server, chat, topic

    @property
    def posts(self):
        return self.server.posts(self.chat, self.topic)

    def _state(self):
        alone = [*(one[2] for one in self.server.asides), *self.server.alerts]
        return [(post.id, post.text, post.edits) for post in self.posts], alone

    async def _new(self, before):
        await until(lambda: self._state() != before)
        posts, alone = self._state()
        if alone != before[1]:
            return alone[-1]
        return next(one[1] for one in reversed(posts) if one not in before[0])

    async def say(self, text, user=ANN):
        before = self._state()
        self.server.say(self.chat, text, topic=self.topic, user=self.server.person(user))
        return await self._new(before)

    async def press(self, command, user=ANN):
        before = self._state()
        post = next(one for one in reversed(self.posts) if f'"{command}"' in str_of(one))
        self.server.press(post, command, user=self.server.person(user))
        return await self._new(before)


def str_of(post):
    return str(post.markup).replace("'", '"')


def buttons(post):
    return [one["callback_data"] for row in post.markup["inline_keyboard"] for one in row]


async def asked(model, chat, text="@palaver_bot why?"):
    """What the model is told when somebody asks in *chat*."""
    before = len(model.requests)
    await chat.say(text)
    await until(lambda: len(model.requests) > before)
    return model.requests[-1]["messages"][0]["content"]


async def test_settings_show_what_holds_and_who_chose_it(telegram):
    group = Chat(telegram)
    await group.say("/settings everywhere persona pirate", CAT)
    await group.say("/settings context off")
    shown = await group.say("/settings", BOB)
    for line in (
        "persona: pirate (chosen for everywhere)",
        "context: off (chosen here)",
        "about: A club of gardeners. (from my operator)",
        "timezone: Asia/Tokyo (from my operator)",
        "name: Friends (default)",
    ):
        assert line in shown
    assert "voice" not in shown
    assert "burst: on (default)" in shown
    assert "when: mention (default)" in shown
    assert "follow" not in shown


async def test_the_model_knows_the_place_its_purpose_and_its_time(telegram, model):
    group = Chat(telegram)
    told = await asked(model, group)
    assert 'The place where you are is called "Friends".' in told
    assert "This is the place where you are: A club of gardeners." in told
    await group.say("/settings about Support for our shop.\nBe polite.")
    await group.say("/settings name The Shop")
    told = await asked(model, group)
    assert 'called "The Shop"' in told
    assert "Support for our shop.\nBe polite." in told
    assert "gardeners" not in told
    await group.say("/settings about reset")
    assert "gardeners" in await asked(model, group)
    assert "The Shop" not in await asked(model, Chat(telegram, ANN), "why?")


async def test_a_group_is_changed_by_its_admins_and_everything_by_the_bots(telegram, model):
    group = Chat(telegram)
    for text, user, may in (
        ("/settings about Ours.", BOB, False),
        ("/settings timezone UTC", BOB, False),
        ("/settings about", BOB, False),
        ("/settings everywhere about Ours.", ANN, False),
        ("/settings everywhere", ANN, False),
        ("/settings everywhere when always", CAT, True),
        ("/settings timezone UTC", ANN, True),
        ("/settings timezone UTC", CAT, True),
    ):
        said = await group.say(text, user)
        assert ("Only" not in said) is may, text
    private = Chat(telegram, BOB)
    assert "chosen here" in await private.say("/settings about My notes.", BOB)
    assert "Only" in await private.say("/settings everywhere about My notes.", BOB)
    assert "My notes" not in await asked(model, group)


async def test_the_menu_is_one_message_and_asks_again_who_presses(telegram):
    group = Chat(telegram)
    await group.say("/settings")
    assert {"settings model", "settings about", "settings retention"} <= set(
        buttons(group.posts[-1])
    )
    assert "7d" in await group.press("settings retention")
    assert "or an admin of this group" in await group.press("settings retention 7d", BOB)
    assert "retention" in await group.press("settings retention 7d")
    post = group.posts[-1]
    assert "7d (chosen here)" in post.text
    assert "settings retention reset" in buttons(post)
    assert "30d (default)" in await group.press("settings retention reset")
    assert "persona" in await group.press("settings")
    assert len(group.posts) == 1
    assert len(group.server.alerts) == 1
    assert group.server.asides == []


async def test_a_button_works_after_a_restart(tmp_path, model):
    driver = TelegramDriver()
    async with driver.running():
        driver.server.chat_admins[GROUP] = {ANN}
        group = Chat(driver)
        async with running(driver, tmp_path, model):
            await group.say("/settings persona")
        async with running(driver, tmp_path, model):
            assert "pirate (chosen here)" in await group.press("settings persona pirate")
            assert len(group.posts) == 1


async def test_a_choice_that_is_gone_counts_no_more_and_is_said_to_be_gone(tmp_path, model):
    driver = TelegramDriver()
    async with driver.running():
        driver.server.chat_admins[GROUP] = {ANN}
        group = Chat(driver)
        async with running(driver, tmp_path, model):
            await group.say("/settings persona pirate")
        async with running(driver, tmp_path, model, toml=""):
            shown = await group.say("/settings")
            assert "persona: pirate (chosen here, not available any more)" in shown
            assert "pirate" not in await asked(model, group)


VALUES = (
    ("timezone europe/berlin", "Europe/Berlin (chosen here)"),
    ("timezone Berlin", "Europe/Berlin (chosen here)"),
    ("timezone new york", "America/New_York (chosen here)"),
    ("tz utc", "UTC (chosen here)"),
    ("timezone Europe/Berln", "Europe/Berlin"),
    ("timezone ../../etc/passwd", "does not fit"),
    ("timezone ``", "… does not fit"),
    ("timezone " + "x" * 4000, "does not fit"),
    ("about " + "a" * 2001, "2001 characters"),
    ("name " + "a" * 101, "101 characters"),
    ('name a"b\u202ec', "a'b c (chosen here)"),
    ("model", "scripted (default)"),
    ("colour red", "no setting colour"),
    ("when sometimes", "mention, reply, always, useful"),
    ("context recent 500", "does not fit"),
    ("context RECENT 7", "recent 7 (chosen here)"),
    ("burst off", "off (chosen here)"),
    ("persona nobody", "pirate"),
    ("lang klingon", "de"),
    ("`` x", "no setting"),
    ("lang deutsch", "de (hier gewählt)"),
)


async def test_values_are_read_kindly_and_bounded(telegram):
    telegram.server.chat_admins[-1002] = {ANN}
    # A chat takes some twenty posts a minute.
    chats = itertools.cycle([Chat(telegram), Chat(telegram, -1002), Chat(telegram, ANN)])
    for chat, (text, said) in zip(chats, VALUES, strict=False):
        assert said in await chat.say(f"/settings {text}"), text


async def test_an_unknown_setting_is_answered_with_those_that_mean_something_here(telegram):
    said = await Chat(telegram, ANN).say("/settings colour red")
    names = said.partition("There are: ")[2].rstrip(".").split(", ")
    settings = ["model", "persona", "system", "lang", "verbose", "about", "timezone"]
    assert names == [*settings, "tools", "retention", "burst"]


async def test_settings_of_a_topic_are_its_own(telegram):
    server = telegram.server
    server.chat_admins[-1002] = {ANN}
    topic, general = Chat(telegram, -1002, telegram._topic), Chat(telegram, -1002)
    await general.say("/settings about Everything.")
    assert "chosen in this thread" in await topic.say("/settings context thread")
    shown = await topic.say("/settings")
    assert "about: Everything. (chosen here)" in shown
    assert "context: thread (chosen in this thread)" in shown
    assert "context: off (default)" in await general.say("/settings")


async def test_a_group_that_becomes_a_supergroup_keeps_its_settings(telegram, model):
    group = Chat(telegram)
    await group.say("/settings about Moved people.")
    server = telegram.server
    server.add_group(-1009, "Friends")
    server.say(GROUP, "", migrate_to_chat_id=-1009)
    moved = Chat(telegram, -1009)
    redis, state = telegram.app.core.redis, keys.state("telegram:-1009:")
    await until(lambda: redis.hexists(state, "preferences"))
    assert "Moved people." in await asked(model, moved)
    await until(lambda: "retry" in str_of(moved.posts[-1]))
    assert "about: Moved people. (chosen here)" in await moved.say("/settings")


async def test_two_admins_at_once_change_what_each_of_them_names(telegram):
    group = Chat(telegram)
    server = telegram.server
    server.say(GROUP, "/settings about One.", user=server.person(ANN))
    server.say(GROUP, "/settings name Two", user=server.person(CAT))
    await until(lambda: len(group.posts) == 2)
    shown = await group.say("/settings")
    assert "about: One. (chosen here)" in shown
    assert "name: Two (chosen here)" in shown


async def test_the_page_has_settings_too(tmp_path, model):
    async with driving(WebDriver(), tmp_path, model) as driver:
        place = driver.places[0]
        await driver.say(place, "/settings burst")
        (post,) = await driver.posted(place, 1)
        assert "settings burst off" in post.commands
        await driver.press(place, "settings burst off")
        await until(lambda: _says(driver, place, "`off` (chosen in this thread)"))


async def _says(driver, place, text):
    return any(text in post.text for post in await driver.posts(place))
