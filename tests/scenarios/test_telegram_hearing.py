"""A Telegram group that wants it is overheard: shortly, by topic, and for nobody else."""

import pytest

from core.messages import conversation_id
from core.said import Span
from core.store import keys
from core.store.claim import Claim
from core.store.overheard import MOST
from tests.contracts.drivers import TelegramDriver, driving
from tests.harness import until
from tests.scenarios.test_slack_hearing import asked
from tests.servers.telegram import BOT

ALL = Span(most=MOST, most_chars=10**6)


@pytest.fixture
def driver():
    return TelegramDriver()


class Group:
    """People in a group of *driver*; the first one is an admin."""

    def __init__(self, driver, chat=-1001):
        self.server, self.chat, self.core = driver.server, chat, driver.app.core
        self.driver = driver

    def says(self, text, who=2, topic=None, **more):
        person = self.server.person(who, {1: "Ann", 2: "Bob", 3: "Eve"}[who])
        return self.server.say(self.chat, text, topic=topic, user=person, **more)

    async def kept(self, count, topic=""):
        where = conversation_id("telegram", str(self.chat), str(topic))

        async def said():
            return list((await self.core.services.overheard.read(where, ALL)).said)

        async def enough():
            found = await said()
            return found if len(found) == count else None

        return await until(enough) if count else await said()

    async def asks(self, model, text="well?", who=1, topic=None):
        before = len(model.requests)
        self.says(f"@palaver_bot {text}", who, topic)
        await until(lambda: len(model.requests) > before)
        return asked(model)

    async def opts_in(self, choice="recent 50", topic=None):
        told = len(self.posts(topic))
        self.says(f"/settings context {choice}", 1, topic)
        found = await until(
            lambda: [p.text for p in self.posts(topic)[told:] if "context is" in p.text]
        )
        await until(lambda: self._chosen(choice, topic))
        return found

    async def _chosen(self, choice, topic):
        """Whether the turn that chose is committed: only then is something kept."""
        state = keys.state(conversation_id("telegram", str(self.chat), str(topic or "")))
        return choice.encode() in (await self.core.redis.hget(state, "preferences") or b"")

    def posts(self, topic=None):
        return self.server.posts(self.chat, topic)


def settings(**more):
    return {"admins": ("telegram:1",), **more}


async def test_a_group_that_opted_in_is_overheard_and_told_so_once(driver, tmp_path, model):
    async with driving(driver, tmp_path, model, **settings()):
        group = Group(driver)
        group.says("before anybody wanted that")
        assert await group.asks(model) == ("", "Ann: well?")
        driver.server.chat_admins[-1001] = (BOT["id"],)
        (now,) = await group.opts_in()
        assert "recent 50" in now
        group.says("Tea or coffee?", 2)
        group.says("Tea!", 3)
        await group.kept(2)
        told = await until(
            lambda: [p.text for p in group.posts() if "From now on I keep" in p.text]
        )
        heard, question = await group.asks(model, "what do they want?")
        assert question == "Ann: what do they want?"
        assert heard.index("Tea or coffee?") < heard.index("Tea!")
        assert "Bob (" in heard
        assert "Eve (" in heard
        assert "before anybody" not in heard
        assert "settings" not in heard
        # Our own exchanges come from history, and nothing is told twice.
        group.says("Milk too", 2)
        await group.kept(3)
        heard, _ = await group.asks(model, "and now?")
        assert "Milk too" in heard
        assert "what do they want?" not in heard
        assert len(told) == 1
        assert sum("From now on I keep" in p.text for p in group.posts()) == 1


async def test_what_is_said_until_off_is_committed_is_erased_too(
    driver, tmp_path, model, monkeypatch
):
    commit = Claim.commit
    async with driving(driver, tmp_path, model, **settings()):
        group = Group(driver)
        await group.opts_in()

        async def late(claim, *given, **ending):
            if ending.get("chosen"):
                group.says("said meanwhile", 2)
                await group.kept(1)
            return await commit(claim, *given, **ending)

        monkeypatch.setattr(Claim, "commit", late)
        await group.opts_in("off")

        async def erased():
            return await group.kept(0) == []

        await until(erased)


async def test_whoever_did_not_opt_in_is_not_overheard(driver, tmp_path, model):
    """Neither the operator's choice for Slack, nor one for all places, is a group's consent."""
    async with driving(driver, tmp_path, model, **settings(context="recent 50")):
        group = Group(driver)
        group.says("/settings everywhere context recent 50", 1)
        await until(group.posts)
        group.says("private talk", 2)
        assert (await group.asks(model))[0] == ""
        # What is said later is kept, and it alone: the earlier message had its time to be.
        await group.opts_in()
        group.says("public talk", 2)
        assert [one.text for one in await group.kept(1)] == ["public talk"]


async def test_who_opts_in_is_told_if_telegram_shows_the_bot_nothing(driver, tmp_path, model):
    async with driving(driver, tmp_path, model, **settings()):
        group = Group(driver)
        (told,) = await group.opts_in()
        assert "BotFather" in told
        driver.server.chat_admins[-1001] = (BOT["id"],)
        (told,) = await group.opts_in("recent 40")
        assert "BotFather" not in told


async def test_edits_take_the_place_of_what_was_said_and_off_erases_it(driver, tmp_path, model):
    async with driving(driver, tmp_path, model, **settings()):
        group = Group(driver)
        await group.opts_in()
        message = group.says("at five", 2)
        await group.kept(1)
        driver.server.edit(message, "at six")
        await until(lambda: group.kept(1))
        await until_says(group, "at six")
        heard, _ = await group.asks(model)
        assert "at six" in heard
        assert "at five" not in heard
        await group.opts_in("off")
        assert await group.kept(0) == []
        group.says("unheard", 2)
        assert (await group.asks(model))[0] == ""
        assert await group.kept(0) == []


async def until_says(group, text):
    async def there():
        said = await group.core.services.overheard.read(
            conversation_id("telegram", str(group.chat)), ALL
        )
        return any(text in one.text for one in said.said)

    await until(there)


async def test_each_topic_hears_its_own(driver, tmp_path, model):
    async with driving(driver, tmp_path, model, **settings()):
        group = Group(driver, -1002)
        first, second = driver._topic, driver.server.add_topic(-1002)
        await group.opts_in(topic=None)
        for topic in (None, first, second):
            group.says(f"said in {topic}", 2, topic)
            await group.kept(1, topic or "")
        for topic in (None, first, second):
            heard, _ = await group.asks(model, topic=topic)
            said = {one for one in (None, first, second) if f"said in {one}\n" in heard}
            assert said == {topic}


async def test_odd_messages_are_overheard_as_what_they_are(driver, tmp_path, model):
    """Captions, albums, forwards, anonymous admins, polls; not stickers, joins or other bots."""
    async with driving(driver, tmp_path, model, **settings()):
        group, server = Group(driver), driver.server
        await group.opts_in()
        photo = [{"file_id": "p", "file_unique_id": "p", "width": 9, "height": 9}]
        group.says("", 2, caption="our dog", photo=photo, media_group_id="7")
        group.says("", 2, photo=photo, media_group_id="7")
        origin = {"type": "hidden_user", "date": 1, "sender_user_name": "Mystery"}
        group.says("the news", 3, forward_origin=origin)
        fake = {"id": 1087968824, "is_bot": True, "first_name": "Group"}
        chat = {"id": -1001, "type": "supergroup", "title": "The group"}
        server.say(-1001, "as the group", user=fake, sender_chat=chat)
        server.say(-1001, "beep", user={**BOT, "id": 999, "username": "other_bot"})
        group.says(
            "",
            2,
            sticker={
                "file_id": "s",
                "file_unique_id": "s",
                "type": "regular",
                "width": 1,
                "height": 1,
                "is_animated": False,
                "is_video": False,
            },
        )
        group.says("", 2, left_chat_member=server.person())
        said = {one.text: one for one in await group.kept(4)}
        assert set(said) == {
            "our dog",
            "",
            "(a forwarded message, written by Mystery:)\n> the news",
            "as the group",
        }
        assert said["our dog"].attachments[0].kind == "image"
        assert said["as the group"].author == "The group"
        heard, _ = await group.asks(model)
        assert "[the image photo.jpg]" in heard


async def test_a_piece_of_a_question_is_not_overheard(driver, tmp_path, model):
    async with driving(driver, tmp_path, model, **settings()):
        group, server = Group(driver), driver.server
        await group.opts_in()
        group.says("only talk", 2)
        photo = [{"file_id": "p", "file_unique_id": "p", "width": 9, "height": 9}]
        group.says("", 2, photo=photo, media_group_id="8")
        await group.kept(2)
        group.says("", 2, caption="@palaver_bot what is this?", photo=photo, media_group_id="8")
        await until(lambda: model.requests)
        (kept,) = await group.kept(1)
        assert kept.text == "only talk"
        edited = group.says("what is this", 3)
        await group.kept(2)
        server.edit(edited, "@palaver_bot what is this?")
        await group.kept(1)


async def test_no_text_of_one_group_enters_the_prompt_of_another_or_of_a_person(
    driver, tmp_path, model
):
    async with driving(driver, tmp_path, model, **settings()):
        one, two = Group(driver), Group(driver, -1002)
        for group in (one, two):
            await group.opts_in()
            group.says(f"secret of {group.chat}", 2)
            await group.kept(1)
        for group, other in ((one, two), (two, one)):
            heard, _ = await group.asks(model)
            assert f"secret of {group.chat}" in heard
            assert f"secret of {other.chat}\n" not in str(model.requests[-1])
        driver.server.say(77, "what do they say?")
        await until(lambda: len(model.requests) == 3)
        assert "secret of" not in str(model.requests[-1])
