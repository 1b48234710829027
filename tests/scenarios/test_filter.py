"""What the operator does not want asked or answered, from the chat to the model and back."""

import aiohttp
import pytest

from core.errors import ConfigError
from core.models.palaver_file import read_palaver_file
from tests.contracts.drivers import TelegramDriver, driving
from tests.harness import palaver, until
from tests.servers.model import status


@pytest.fixture
def driver():
    return TelegramDriver()


@pytest.fixture
def config(tmp_path):
    def write(text):
        path = tmp_path / "palaver.toml"
        path.write_text(text)
        return path

    return write


FILTER = """
[[filter]]
action = "{action}"
words = ["secretword"]
of = ["{of}"]
"""


async def test_a_masked_question_is_asked_without_the_word_also_later(
    driver, tmp_path, model, config
):
    path = config(FILTER.format(action="mask", of="question"))
    async with driving(driver, tmp_path, model, palaver_config=path):
        await driver.say("dm", "what is a secretword?")
        await driver.answered("dm", 1)
        await driver.say("dm", "and now?")
        await driver.answered("dm", 2)
    assert "secretword" not in str(model.requests)


SCHEMA = {"type": "object", "properties": {"x": {"description": "a \u200bsecret\u200bword"}}}


@pytest.mark.parametrize("action", ["mask", "stop", "refuse"])
@pytest.mark.parametrize(
    "option",
    [
        {"stop": "secretword"},
        {"stop": ["a", "ＳＥＣＲＥＴＷＯＲＤ"]},
        {"response_format": {"type": "json_schema", "json_schema": {"schema": SCHEMA}}},
        {"response_format": {"secretword": 1}},
    ],
    ids=["a stop", "stops", "a schema", "a name"],
)
async def test_what_a_program_sends_along_is_looked_at_too(tmp_path, model, config, action, option):
    path = config(FILTER.format(action=action, of="question"))
    values = {"llm_base_url": model.url, "llm_model": "x", "api_token": "program", "web_chat": True}
    async with (
        palaver(tmp_path, palaver_config=path, **values) as running,
        aiohttp.ClientSession(headers={"Authorization": "Bearer program"}) as session,
    ):
        url, harmless = f"{running.url}/api/ask", {"stop": ["word"]}
        async with session.post(url, json={"prompt": "hello", **option}) as response:
            assert response.status == 502
            assert "filter" in (await response.json())["error"]
        async with session.post(url, json={"prompt": "hello", **harmless}) as response:
            assert response.status == 200
    assert [request["stop"] for request in model.requests] == [["word"]]


async def test_a_question_that_is_refused_is_never_asked(driver, tmp_path, model, config):
    path = config(FILTER.format(action="refuse", of="question"))
    async with driving(driver, tmp_path, model, palaver_config=path):
        await driver.say("dm", "what is a secretword?")
        (post,) = await driver.posted("dm", 1)
        assert "rules" in post.text
        await driver.say("dm", "/image a secretword")
        assert "rules" in (await driver.posted("dm", 2))[1].text
    assert model.requests == model.image_requests == []


@pytest.mark.parametrize(
    ("action", "shown"),
    [
        ("mask", "it is the ██████████, you see"),
        ("stop", "it is the \n\nThe rules"),
        ("refuse", "The rules"),
    ],
)
async def test_an_answer_is_masked_ended_or_taken_back(
    driver, tmp_path, model, config, action, shown
):
    model.answer = lambda _: "it is the secretword, you see"
    path = config(FILTER.format(action=action, of="answer"))
    async with driving(driver, tmp_path, model, palaver_config=path):
        await driver.say("dm", "what is it?")
        (post,) = await driver.answered("dm", 1)
        assert post.text.replace(" \n", "\n").startswith(shown.replace(" \n", "\n"))
        assert "secretword" not in str(driver.server.calls)


async def test_an_answer_of_many_pages_is_taken_back_from_all_of_them(
    driver, tmp_path, model, config
):
    model.answer = lambda _: "Some words of the answer. " * 400 + "secretword"
    model.piece_chars, model.piece_s = 100, 0.03
    path = config(FILTER.format(action="refuse", of="answer"))
    async with driving(driver, tmp_path, model, palaver_config=path):
        await driver.say("dm", "what is it?")
        await driver.answered("dm", 1)
        # The button stands on the first page before the others are gone.
        await until(lambda: len(driver.server.posts(77)) == 1)
        (post,) = await driver.posts("dm")
        assert post.text.startswith("The rules")


MODERATION = """
[moderation]
base_url = "{url}"
model = "omni-moderation-latest"
"""


async def test_a_provider_may_forbid_a_question_or_take_an_answer_back(
    driver, tmp_path, model, config
):
    path = config(MODERATION.format(url=model.url))
    model.forbidden = "violence"
    async with driving(driver, tmp_path, model, palaver_config=path):
        await driver.say("dm", "tell me of violence")
        (post,) = await driver.posted("dm", 1)
        assert "rules" in post.text
        assert model.requests == []
        model.answer = lambda _: "some violence"
        await driver.say("dm", "hello")
        posts = await driver.answered("dm", 2)
        assert "rules" in posts[1].text
        assert "violence" not in posts[1].text


async def test_without_a_verdict_nothing_is_asked(driver, tmp_path, model, config):
    path = config(MODERATION.format(url=model.url))
    model.verdict_faults.append(status(500))
    async with driving(driver, tmp_path, model, palaver_config=path):
        await driver.say("dm", "hello")
        (post,) = await driver.posted("dm", 1)
        assert "busy" in post.text
    assert model.requests == []


async def test_other_programs_are_screened_too(tmp_path, model, config):
    path = config(FILTER.format(action="refuse", of="question"))
    values = {"llm_base_url": model.url, "llm_model": "m", "palaver_config": path}
    async with (
        palaver(tmp_path, api_token="t" * 20, web_chat=True, **values) as app,
        aiohttp.ClientSession() as s,
    ):
        headers = {"Authorization": "Bearer " + "t" * 20}
        body = {"prompt": "a secretword"}
        async with s.post(f"{app.url}/api/ask", json=body, headers=headers) as response:
            assert response.status == 502
    assert model.requests == []


def test_words_may_stand_in_a_file_of_their_own(tmp_path, config):
    (tmp_path / "words.txt").write_text("one\ntwo\n\n")
    file = read_palaver_file(config('[[filter]]\naction="mask"\nwords_in="words.txt"'))
    assert file.filter_of("answer", tmp_path).screen("one two three").text == "███ ███ three"


@pytest.mark.parametrize(
    "entry", ['words_in="missing.txt"', 'patterns=["("]', f'words=["{"x" * 300}"]']
)
def test_a_filter_that_cannot_be_is_named(tmp_path, config, entry):
    file = read_palaver_file(config(f'[[filter]]\naction="mask"\n{entry}'))
    with pytest.raises(ConfigError, match="filter"):
        file.filter_of("answer", tmp_path)
