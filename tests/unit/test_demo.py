"""The demo model, which answers until an operator sets a model."""

import json
import logging
from types import SimpleNamespace

import aiohttp
import pytest

from core.models.demo import hands
from core.models.demo.server import demo_server
from tests.contracts.drivers import WebDriver, driving
from tests.harness import until

ASKED = {"messages": [{"role": "user", "content": "Write 2000 characters"}], "stream": True}


async def test_an_answer_that_somebody_stops_is_no_error_in_the_log(caplog):
    caplog.set_level(logging.INFO)
    async with (
        demo_server(piece_s=0.001) as url,
        aiohttp.ClientSession() as session,
        session.post(f"{url}/chat/completions", json=ASKED) as response,
    ):
        await response.content.readany()
        response.close()
    # The end of the server waited for its answers: each has met the closed connection.
    assert [record for record in caplog.records if record.name == "aiohttp.server"] == []


@pytest.mark.parametrize(
    ("question", "name", "arguments"),
    [
        ("what time is it in Tokyo?", "time", {"zone": "Asia/Tokyo"}),
        ("东京现在几点?", "time", {"zone": "Asia/Tokyo"}),
        ("calculate 17.5% of 2,340", "calculate", {"expression": "17.5/100*2340"}),
        ("What is 2+2*3?", "calculate", {"expression": "2+2*3"}),
        ("note: buy milk", "notes__add_note", {"text": "buy milk"}),
        ("list my notes", "notes__list_notes", {}),
        ("roll 2 dice", "notes__roll_dice", {"count": 2}),
        ("draw me a fox", "image", {"prompt": "a fox"}),
        ("make it warmer", "image", {"prompt": "warmer", "change": True}),
        ("Warmer, please", "image", {"prompt": "Warmer", "change": True}),
        ("remind me in 10 minutes to stretch", "remind", {"when": "in 10 minutes"}),
        ("remember that I eat no meat", "memory", {"fact": "I eat no meat"}),
        ("what did I say about the key?", "search_here", {"query": "the key"}),
    ],
)
def test_the_demo_calls_the_tool_that_the_words_ask_for_if_it_is_offered(question, name, arguments):
    call = hands.wanted(question, [name])
    assert call is not None
    assert arguments.items() <= call.arguments.items()
    assert hands.wanted(question, ()) is None


@pytest.mark.parametrize("question", ["note: buy milk", "draw me a fox", "list my notes"])
def test_the_demo_calls_the_same_tools_in_a_group_where_a_name_is_before_the_question(question):
    everything = ("image", "notes__add_note", "notes__list_notes")
    assert hands.wanted(f"Ann Lee: {question}", everything) == hands.wanted(question, everything)


@pytest.mark.parametrize("name", ["", "Ann: "])
@pytest.mark.parametrize(
    ("text", "pictures", "answer"),
    [
        ("What is on this picture?", 1, "cannot look at it"),
        ("[picture 1 is from earlier: a.png]\n\nAnd on this?", 2, "cannot look at it"),
        ("[picture 1 is from earlier: a.png]\n\nshow me a table", 1, "durable inbox"),
        ("[picture 1 is from earlier: a.png]\n\nwho are you?", 1, "note: buy milk"),
    ],
)
async def test_the_demo_says_that_it_sees_no_picture_only_when_one_comes(
    name, text, pictures, answer
):
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,"}}
    content = [{"type": "text", "text": name + text}, *[picture] * pictures]
    asked = {"messages": [{"role": "user", "content": content}]}
    async with (
        demo_server() as url,
        aiohttp.ClientSession() as session,
        session.post(f"{url}/chat/completions", json=asked) as response,
    ):
        said = (await response.json())["choices"][0]["message"]["content"]
    assert answer in said


async def test_the_demo_calls_a_tool_though_a_picture_was_sent_earlier():
    text = "[picture 1 is from earlier: a.png]\n\nnote: buy milk"
    tool = {"type": "function", "function": {"name": "notes__add_note"}}
    asked = {"messages": [{"role": "user", "content": text}], "tools": [tool]}
    async with (
        demo_server() as url,
        aiohttp.ClientSession() as session,
        session.post(f"{url}/chat/completions", json=asked) as response,
    ):
        said = (await response.json())["choices"][0]["message"]
    assert json.loads(said["tool_calls"][0]["function"]["arguments"]) == {"text": "buy milk"}


@pytest.mark.parametrize("question", ["hello", "My name is Ada", "what is 5?", "Write 900 chars"])
def test_the_demo_calls_nothing_for_what_it_answers_itself(question):
    everything = ("time", "calculate", "image", "remind", "memory", "notes__add_note")
    assert hands.wanted(question, everything) is None


async def test_the_demo_uses_tools_and_asks_before_a_note(tmp_path):
    driver = WebDriver()
    unset = SimpleNamespace(url="")
    async with driving(driver, tmp_path, unset, llm_model=""):
        servers = driver.app.core.services.servers
        servers.begin()  # As `palaver run` does.
        await driver.say("page", "calculate 6*7")
        (post,) = await driver.answered("page")
        assert "42" in post.text
        await driver.say("page", "draw me a fox")
        await until(lambda: _pictures(driver, 1))
        await driver.answered("page", 2)
        await driver.say("page", "make it warmer")
        await until(lambda: _pictures(driver, 2))
        await until(servers.known, 60)
        await driver.say("page", "note: buy milk")
        post = await until(lambda: _asking(driver))
        assert "buy milk" in post.text
        await driver.press("page", next(one for one in post.commands if "permit" in one))
        posts = await driver.answered("page", 4)
        assert "Added as number 1" in posts[-1].text


async def _pictures(driver, count):
    return sum(len(post.pictures) for post in await driver.posts("page")) == count


async def _asking(driver):
    (*_, post) = await driver.posts("page")
    return post if any("permit" in one for one in post.commands) else None
