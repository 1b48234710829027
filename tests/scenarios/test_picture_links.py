"""Pictures by address: for a model that fetches them itself, and one that takes nothing else."""

import io
import json

import aiohttp
import pytest
from PIL import Image

from tests.contracts.drivers import TelegramDriver, driving
from tests.scenarios.test_telegram import photo, picture

PUBLIC = "https://chat.example"


@pytest.fixture
def telegram():
    return TelegramDriver()


def shown(request):
    parts = request["messages"][-1]["content"]
    return [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]


async def asked_with_a_picture(telegram, answers=1):
    telegram.server.add_file("p", picture(64, 64))
    telegram.server.say(77, "", photo=photo("p"), caption="what is it?")
    return (await telegram.answered("dm", answers))[-1]


async def fetched(telegram, url):
    """What the provider gets from *url*, which leads to our server in the world's eyes."""
    assert url.startswith(f"{PUBLIC}/pictures/")
    async with (
        aiohttp.ClientSession() as http,
        http.get(telegram.app.url + url.removeprefix(PUBLIC)) as response,
    ):
        return response.status, response.headers, await response.read()


async def test_a_model_that_fetches_pictures_is_given_an_address_of_ours(telegram, tmp_path, model):
    settings = {"llm_picture_links": True, "public_url": PUBLIC}
    async with driving(telegram, tmp_path, model, **settings):
        await asked_with_a_picture(telegram)
        (url,) = shown(model.requests[0])
        code, headers, data = await fetched(telegram, url)
        assert (code, headers["Content-Type"]) == (200, "image/jpeg")
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert Image.open(io.BytesIO(data)).size == (64, 64)
        # The same picture keeps its address; nobody guesses another.
        await telegram.say("dm", "and its colour?")
        await telegram.answered("dm", 2)
        assert shown(model.requests[1]) == [url]
        wrong = url[:-1] + ("a" if url[-1] != "a" else "b")
        for other in (wrong, f"{PUBLIC}/pictures/..%2fx", f"{PUBLIC}/pictures/" + "a" * 4_000):
            assert (await fetched(telegram, other))[0] == 404
        # The bot's token stands in no address that a model is told.
        assert telegram.server.token not in json.dumps(model.requests)


async def test_one_model_of_the_file_may_and_another_not(telegram, tmp_path, model):
    config = tmp_path / "palaver.toml"
    entry = '[[model]]\nname = "{name}"\nbase_url = "{url}"\nmodel = "{name}"\n{more}\n'
    config.write_text(
        entry.format(name="by-link", url=model.url, more="ways = {links = true}")
        + entry.format(name="by-data", url=model.url, more="")
    )
    async with driving(telegram, tmp_path, model, palaver_config=config, public_url=PUBLIC):
        await asked_with_a_picture(telegram)
        await telegram.say("dm", "/model by-data")
        await telegram.posted("dm", 2)
        await telegram.say("dm", "and now?")
        await telegram.posted("dm", 3)
    first, second = model.requests
    assert shown(first)[0].startswith(PUBLIC)
    assert shown(second)[0].startswith("data:image/")


async def test_where_the_world_does_not_reach_us_pictures_are_sent(telegram, tmp_path, model):
    async with driving(telegram, tmp_path, model, llm_picture_links=True):
        await asked_with_a_picture(telegram)
    assert shown(model.requests[0])[0].startswith("data:image/")


def refuses(kind, words, code=400):
    """A rule: pictures of that *kind* are refused."""

    def strict(body):
        if any(url.startswith(kind) for url in _all(body)):
            return code, json.dumps({"error": {"message": words}}).encode()
        return None

    return strict


def _all(body):
    return [
        part["image_url"]["url"]
        for message in body["messages"]
        if isinstance(message["content"], list)
        for part in message["content"]
        if part["type"] == "image_url"
    ]


@pytest.mark.parametrize(
    "words",
    [
        "Failed to download image from the given URL",
        "Unable to access the image URL: request timed out",
        "image_url must be a base64 encoded data URL",
        "Could not fetch image",
        "Invalid image_url: the host cannot be reached",
    ],
)
async def test_what_a_model_cannot_fetch_is_sent_to_it(words, telegram, tmp_path, model):
    model.strict = refuses("https:", words)
    settings = {"llm_picture_links": True, "public_url": PUBLIC}
    async with driving(telegram, tmp_path, model, **settings):
        post = await asked_with_a_picture(telegram)
        assert "(1 pictures)" in post.text
        assert "cannot look" not in post.text
    assert [shown(one)[0][:5] for one in model.requests] == ["https", "data:"]


@pytest.mark.parametrize(
    "words",
    [
        "base64 images are not supported, use a public URL",
        "Invalid image_url: must start with http:// or https://",
        "Only HTTP(S) image URLs are supported",
        "messages.0.content.1.image_url: data URLs are unsupported by this model",
    ],
)
async def test_who_takes_only_addresses_is_given_one_and_that_is_remembered(
    words, telegram, tmp_path, model
):
    model.strict = refuses("data:", words)
    async with driving(telegram, tmp_path, model, public_url=PUBLIC):
        assert "(1 pictures)" in (await asked_with_a_picture(telegram)).text
        await telegram.say("dm", "and now?")
        await telegram.answered("dm", 2)
    assert [shown(one)[0][:5] for one in model.requests] == ["data:", "https", "https"]


async def test_who_takes_only_addresses_is_asked_without_where_there_are_none(tmp_path, model):
    model.strict = refuses("data:", "base64 images are not supported, use a public URL")
    telegram = TelegramDriver()
    async with driving(telegram, tmp_path, model):
        assert "cannot look at pictures" in (await asked_with_a_picture(telegram)).text
    assert len(model.requests) == 2


async def test_without_pictures_nothing_is_kept(telegram, tmp_path, model):
    settings = {"llm_picture_links": True, "public_url": PUBLIC}
    async with driving(telegram, tmp_path, model, **settings):
        await telegram.say("dm", "hello")
        await telegram.answered("dm")
        assert await telegram.app.core.redis.keys("palaver:{0}:picture:*") == []
