"""`/catchup`: what was said here, for the asker alone, with links that only our code makes."""

import re
import time
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from core.turn.catchup import read_wish
from core.turn.citations import cited
from tests.contracts.drivers import SlackDriver, TelegramDriver, WebDriver, driving
from tests.harness import at_rest, until
from tests.scenarios.test_slack_history import posted, thread_of
from tests.scenarios.test_telegram_hearing import Group, settings
from tests.servers.model import said
from tests.servers.slack import BOT_USER
from tests.servers.telegram import BOT


@pytest.mark.parametrize(
    ("text", "begins", "most"),
    [
        ("", "mine", 500),
        ("since my last message", "mine", 500),
        ("since yesterday", "25 00:00", 500),
        ("seit gestern", "25 00:00", 500),
        ("昨日から", "25 00:00", 500),
        ("since monday", "23 00:00", 500),
        ("the last 2 hours", "26 11:00", 500),
        ("2h", "26 11:00", 500),
        ("últimas 3 horas", "26 10:00", 500),
        ("3小时", "26 10:00", 500),
        ("since 14:30", "25 14:30", 500),
        ("20.11.", "20 00:00", 500),
        ("last week", "19 13:00", 500),
        ("since thursday", "26 00:00", 500),
        ("since 20 November", "20 00:00", 500),
        ("letzte Stunde", "26 12:00", 500),
        ("since 9 am", "26 09:00", 500),
        ("seit 9 Uhr", "26 09:00", 500),
        ("since yesterday 5pm", "25 17:00", 500),
        ("depuis vendredi à 10 heures", "20 10:00", 500),
        ("the last 50", "all", 50),
        ("last 70 messages here", "all", 70),
        ("9999999999999999", "all", 500),
    ],
)
def test_what_is_wanted_is_read_in_all_languages(text, begins, most):
    now = datetime(2026, 11, 26, 13, tzinfo=ZoneInfo("Europe/Berlin"))
    wish = read_wish(text, now)
    assert wish.most == most
    assert wish.here == ("here" in text)
    shown = f"{datetime.fromtimestamp(wish.since, now.tzinfo):%d %H:%M}" if wish.since else "all"
    assert ("mine" if wish.mine else shown) == begins


def test_numbers_become_links_and_nothing_else_does():
    links = {1: "https://x/1", 2: "https://x/2", 3: ""}
    assert cited("Tea [1], milk [1, 2].", links) == (
        "Tea [(1)](https://x/1), milk [(1)](https://x/1) [(2)](https://x/2)."
    )
    assert cited("no [3] such [9] message [0]", links) == "no  such  message"
    faked = (
        "See [1](https://evil.example) or [me](https://evil.example 'x'), <https://evil.example>, "
        "www.evil.example, ![p](http://evil.example/p.png) <a href='https://evil.example'>x</a>\n"
        "[2]: https://evil.example"
    )
    shown = cited(faked, links)
    assert re.findall(r"\]\((.*?)\)", shown) == []
    assert "evil.example" not in re.sub(r"`[^`]*`", "", shown)
    assert len(cited("[" * 50_000 + "1]", links)) < 60_000


async def slack_catches_up(driver, model, text="", user="U01", channel="C01"):
    """What *user* alone is shown after `/palaver catchup`."""
    before = len(driver.server.ephemerals)
    driver.server.slash("/palaver", f"catchup {text}".strip(), channel, user)
    await until(lambda: len(driver.server.ephemerals) > before)
    who, post = driver.server.ephemerals[-1]
    assert who == user
    return post.shown


async def test_on_slack_one_person_sees_what_was_said_since_their_last_message(tmp_path, model):
    driver = SlackDriver()
    model.answer = lambda messages: "Bob will buy tea [2], not [7](https://evil.example)."
    async with driving(driver, tmp_path, model):
        server = driver.server
        server._clock = time.time() - 3_600
        posted(server, "long ago", user="U02")
        posted(server, "my last word", user="U01")
        posted(server, "who buys tea?", user="U02")
        ts = posted(server, "I do", user="U02")
        shown = await slack_catches_up(driver, model)
        assert f"[(2)]({server.url}/archives/C01/p{ts.replace('.', '')})" in shown
        assert "evil" not in shown
        assert "2 messages since" in shown
        asked = [said(one) for one in model.requests[-1]["messages"]]
        assert "[1] Bob (" in asked[1]
        assert "who buys tea?" in asked[1]
        assert "my last word" not in str(asked)
        assert not server.answers("C01", "")
        # It counts as a turn, and no history holds it.
        await at_rest(driver.app.core)
        async for name in driver.app.core.redis.scan_iter("*history*"):
            raise AssertionError(name)
        # After my own word nothing was said, and no model is asked.
        server._clock = time.time() - 60
        posted(server, "back again", user="U01")
        assert "Nothing was said" in await slack_catches_up(driver, model)
        assert len(model.requests) == 1
        posted(server, "welcome", user="U02")
        await slack_catches_up(driver, model, "2")
        assert "back again" in said(model.requests[-1]["messages"][1])
        await slack_catches_up(driver, model, "yesterday")
        assert "long ago" in said(model.requests[-1]["messages"][1])


async def test_a_thread_is_caught_up_by_a_mention_and_here_shows_it_to_all(tmp_path, model):
    driver = SlackDriver()
    model.answer = lambda messages: "They talked [2]."
    async with driving(driver, tmp_path, model):
        server = driver.server
        server._clock = time.time() - 3_600
        root, _ = thread_of(server, 3)
        server.say("C01", f"<@{BOT_USER}> /catchup 50", user="U02", thread=root)
        await until(lambda: server.ephemerals)
        who, post = server.ephemerals[0]
        assert who == "U02"
        assert f"?thread_ts={root}&cid=C01)" in post.shown
        assert server.answers("C01", root) == []
        server.say("C01", f"<@{BOT_USER}> /catchup here 50", user="U02", thread=root)
        (answer,) = await until(lambda: server.answers("C01", root))
        assert "They talked" in answer.shown
        # Of a slash command, too, which nobody else saw.
        server.slash("/palaver", "catchup last 50 here", user="U02")
        (answer,) = await until(lambda: server.answers("C01", ""))
        assert "They talked" in answer.shown
        assert len(server.ephemerals) == 1


async def test_slack_says_so_where_it_reads_nothing(tmp_path, model):
    driver = SlackDriver()
    async with driving(driver, tmp_path, model, context="off"):
        posted(driver.server, "secret", user="U02")
        assert "do not read along" in await slack_catches_up(driver, model)
        driver.server.members["C01"].discard(BOT_USER)
        assert model.requests == []
    async with driving(driver, tmp_path / "limited", model):
        driver.server.distributed = True
        driver.server._read_at["conversations.history"] = time.monotonic()
        assert "cannot read just now" in await slack_catches_up(driver, model)
        assert model.requests == []


@pytest.mark.parametrize("admin", [True, False])
async def test_on_telegram_it_comes_aside_where_the_bot_may_and_else_privately(
    tmp_path, model, admin
):
    driver = TelegramDriver()
    model.answer = lambda messages: "Bob wants tea [2]."
    async with driving(driver, tmp_path, model, **settings()):
        server, group = driver.server, Group(driver, -1002)
        if admin:
            server.chat_admins[-1002] = (BOT["id"],)
            server.admin_in.add(-1002)
        server.add_private(1, "Ann")
        await group.opts_in()
        group.says("older", 3)
        group.says("mine", 1)
        await group.kept(2)
        group.says("Coffee?", 3)
        tea = group.says("Tea!", 2)
        await group.kept(4)
        group.says("/catchup", 1)
        if admin:
            _, who, text = (await until(lambda: server.asides))[-1]
            assert who == 1
            assert "Bob wants tea" in text
            assert not [p for p in server.posts(-1002) if "Bob wants tea" in p.text]
            return
        shown = await until(lambda: [p for p in server.posts(1) if "Bob wants tea" in p.text])
        links = [one["url"] for one in shown[0].entities if one["type"] == "text_link"]
        assert links == [f"https://t.me/c/2/{tea.id}"]
        asked = said(model.requests[-1]["messages"][1])
        assert "Coffee?" in asked
        assert "Tea!" in asked
        assert "mine" not in asked


async def test_who_cannot_be_written_to_is_told_and_no_model_is_paid(tmp_path, model):
    driver = TelegramDriver()
    async with driving(driver, tmp_path, model, **settings()):
        group = Group(driver)
        await group.opts_in()
        group.says("Coffee?", 3)
        await group.kept(1)
        group.says("/catchup", 2)
        told = await until(lambda: [p.text for p in group.posts() if "catchup here" in p.text])
        assert len(told) == 1
        assert model.requests == []
        group.says("/catchup here", 2)
        await until(lambda: model.requests)
        await until(lambda: [p for p in group.posts() if "Echo of" in p.text])


async def test_a_group_that_is_not_overheard_is_told_what_is_missing(tmp_path, model):
    driver = TelegramDriver()
    async with driving(driver, tmp_path, model, **settings()):
        group = Group(driver)
        group.says("/catchup", 2)
        (told,) = await until(lambda: [p.text for p in group.posts() if "read along" in p.text])
        assert "BotFather" in told
        assert model.requests == []


async def test_on_the_page_there_is_nothing_to_catch_up(tmp_path, model):
    driver = WebDriver()
    async with driving(driver, tmp_path, model):
        await driver.say("page", "/catchup")
        (post,) = await driver.posted("page")
        assert "nothing to catch up" in post.text
        assert model.requests == []
