"""Tools of MCP servers, used from a chat."""

import sys
from pathlib import Path

import pytest

from core.languages.catalogue import say
from core.owner_codes import fresh_code
from core.people.roles import Member, Role
from core.tools import servers
from tests.contracts.drivers import SlackDriver, TelegramDriver, WebDriver, driving
from tests.harness import at_rest, palaver, until
from tests.scenarios.test_check import check
from tests.servers.telegram_bots import TelegramBots

ROOT = Path(__file__).parents[2]
NOTES = ROOT / "examples" / "tools" / "notes.py"
STRANGER = ROOT / "tests" / "servers" / "mcp.py"


def config(tmp_path, *entries):
    path = tmp_path / "palaver.toml"
    path.write_text("\n".join(entries))
    return path


def entry(name, program, *arguments, more='allow = ["*"]'):
    command = ", ".join(f'"{one}"' for one in (sys.executable, program, *arguments))
    return f'[[tools.server]]\nname = "{name}"\ncommand = [{command}]\n{more}\n'


def calling(model, name, arguments):
    """The model calls this tool if it is offered, and then tells what came of it."""

    def call(body):
        offered = [one["function"]["name"] for one in body.get("tools", ())]
        done = any(one["role"] == "tool" for one in body["messages"])
        return ("", [(name, arguments)]) if name in offered and not done else None

    model.calling = call
    model.answer = lambda messages: (
        "RESULT " + " / ".join(one["content"] for one in messages if one["role"] == "tool")
    )


async def ready(driver):
    await until(driver.app.core.services.servers.known)


@pytest.mark.parametrize("make", [WebDriver, TelegramDriver, SlackDriver])
async def test_a_server_of_palaver_toml_is_used_from_a_chat(make, tmp_path, model):
    driver = make()
    place = driver.places[0]
    calling(model, "notes__list_notes", {})
    path = config(tmp_path, entry("notes", NOTES, more='allow = ["*"]\nread = ["list_notes"]'))
    async with driving(driver, tmp_path, model, palaver_config=path):
        await ready(driver)
        await driver.say(place, "what is noted?")
        (post,) = await driver.answered(place)
    assert "No notes." in post.text


async def test_who_asks_while_a_server_is_being_started_is_answered_with_its_tools(tmp_path, model):
    driver = WebDriver()
    place = driver.places[0]
    calling(model, "one__echo", {"text": "hello"})
    more = 'allow = ["*"]\nread = ["echo"]'
    path = config(tmp_path, entry("one", STRANGER, "plain", more=more))
    async with driving(driver, tmp_path, model, palaver_config=path):
        assert not driver.app.core.services.servers.known()
        await driver.say(place, "echo hello")
        (post,) = await driver.answered(place)
    assert "RESULT" in post.text
    assert "hello (nobody)" in post.text


async def test_a_server_that_never_gets_ready_keeps_no_answer_back_for_long(
    tmp_path, model, monkeypatch
):
    monkeypatch.setattr(servers, "START_S", 0.3)
    driver = WebDriver()
    place = driver.places[0]
    path = config(tmp_path, entry("one", STRANGER, "mute"))
    async with driving(driver, tmp_path, model, palaver_config=path):
        await driver.say(place, "hello")
        (post,) = await driver.answered(place)
        assert not driver.app.core.services.servers.tried.is_set()
    assert "Echo of hello" in post.text


async def test_tools_lists_what_may_be_used_and_a_server_that_is_away_harms_no_answer(
    tmp_path, model
):
    driver = WebDriver()
    place = driver.places[0]
    path = config(tmp_path, entry("away", "no-such-file.py"), entry("one", STRANGER, "plain"))
    async with driving(driver, tmp_path, model, palaver_config=path):
        await ready(driver)
        await driver.say(place, "/tools")
        (post,) = await driver.posted(place, 1)
        assert "`one__echo`" in post.text
        assert "`calculate`" in post.text
        assert "away__" not in post.text
        await driver.say(place, "hello")
        await driver.posted(place, 2)
        away = driver.app.core.services.servers
        await until(lambda: any("tool server away" in one for one in away.faults))


@pytest.mark.parametrize(
    ("program", "more", "good", "told"),
    [
        (NOTES, 'allow = ["roll_*"]', True, "notes: notes__roll_dice; not allowed: list_notes,"),
        (NOTES, "", False, "notes works, but none of its tools is allowed; not allowed: roll_dice"),
        ("no-such-file.py", 'allow = ["*"]', False, "FAIL tools      notes: "),
    ],
)
async def test_check_connects_each_server_and_names_its_tools(
    tmp_path, model, program, more, good, told
):
    path = config(tmp_path, entry("notes", program, more=more))
    known = {"LLM_BASE_URL": model.url, "LLM_MODEL": "scripted", "IMAGE_BASE_URL": model.url}
    code, said = await check(tmp_path, None, PALAVER_CONFIG=str(path), **known)
    assert told in said
    assert "time, calculate" in said
    assert (code == 0) is good


@pytest.mark.parametrize(
    ("set_to", "told"),
    [
        ({"SEARCH": "tavily"}, "SEARCH_KEY"),
        ({"SEARCH_KEY": "tvly-something"}, "SEARCH_KEY is set, but not SEARCH"),
    ],
)
async def test_check_says_what_the_search_lacks(tmp_path, set_to, told):
    code, said = await check(tmp_path, None, **set_to)
    assert code != 0
    assert told in said
    assert "tvly-something" not in said


async def test_the_operators_tools_are_not_for_the_owner_of_another_bot(tmp_path, model):
    """Anybody may install the app, and owns their workspace then. Nor do they accept changes."""
    bots, names = TelegramBots(2), ["telegram", "telegram+900001"]
    more = 'allow = ["*"]\nread = ["echo"]\nrole = "admin"'
    path = config(tmp_path, entry("one", STRANGER, "plain", more=more))
    values = {"telegram_bot_token": ",".join(bot.token for bot in bots.bots)}
    values |= {"llm_base_url": model.url, "llm_model": "scripted", "palaver_config": path}
    async with (
        bots.running(),
        palaver(tmp_path, telegram_api_url=bots.url, **values) as running,
    ):
        await until(running.core.services.servers.known)
        members = running.core.services.requests.members
        for bot, name in zip(bots.bots, names, strict=True):
            code = await members.owner_code(name, fresh_code())
            assert await members.own(name, code, f"{name}:77", Member(Role.OWNER, "Ann"))
            bot.say(77, f"I own {name}.")
            await until(lambda bot=bot: len(bot.posts(77)) == 1)
            await at_rest(running.core)
            bot.say(77, "/tools accept one")
            await until(lambda bot=bot: len(bot.posts(77)) == 2)
        offered = {
            name: str(one.get("tools"))
            for one in model.requests
            for name in names
            if f"I own {name}." in str(one["messages"])
        }
        assert "one__echo" in offered["telegram"]
        assert "one__echo" not in offered["telegram+900001"]
        told = [bot.posts(77)[1].text for bot in bots.bots]
        refused = say("only_operator", "en").replace("`", "")
        assert [text == refused for text in told] == [False, True]
