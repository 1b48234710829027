"""Pictures that are painted later, and told by a callback."""

import asyncio
import base64
import io
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from PIL import Image

from tests.contracts.drivers import TelegramDriver, driving, started
from tests.harness import until


def png():
    file = io.BytesIO()
    Image.new("RGB", (32, 32), "gold").save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def painted(**more):
    data = {"created": 1, "data": [{"b64_json": png(), "revised_prompt": "a golden fox"}]}
    return {"success": True, "task_id": "task-1", "data": data, **more}


def refused(code):
    return {"success": False, "error": {"code": code, "message": "no"}, "trace_id": "t"}


class Painter:
    """The API: takes the task and keeps the callback's address."""

    def __init__(self, model):
        self.asked = []
        self.app_url = ""
        model.image_faults = self  # Its `pop` gives the handler of each call.

    def __bool__(self):
        return True

    def pop(self, _):
        return self.take

    async def take(self, request):
        self.asked.append((await request.json())["callback_url"])
        return web.json_response({"task_id": "task-1"})

    async def call_back(self, body, url=None):
        """As the API does; *url* arrives at the program wherever it runs."""
        path = (url or self.asked[-1]).removeprefix("https://bot.example")
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.app_url}{path}", json=body) as response,
        ):
            return response.status


@pytest.fixture
def painter(model):
    return Painter(model)


@pytest.fixture
def driver():
    return TelegramDriver()


@asynccontextmanager
async def asking(driver, tmp_path, model, painter):
    async with driving(driver, tmp_path, model, **SETTINGS):
        painter.app_url = driver.app.url
        await driver.say("dm", "/image a fox")
        await until(lambda: painter.asked)
        yield


SETTINGS = {"image_callbacks": True, "public_url": "https://bot.example"}


def photos(driver):
    return [post for post in driver.server.posts(77) if post.photo is not None]


async def test_a_callback_brings_the_picture(driver, tmp_path, model, painter):
    async with asking(driver, tmp_path, model, painter):
        assert photos(driver) == []
        assert await painter.call_back(painted()) == 200
        (post,) = await until(lambda: photos(driver))
        assert post.text == "a golden fox"


async def test_a_callback_told_twice_or_forged_changes_nothing(driver, tmp_path, model, painter):
    async with asking(driver, tmp_path, model, painter):
        forged = "https://bot.example/callbacks/images/" + "x" * 43
        assert await painter.call_back(painted(), forged) == 404
        assert photos(driver) == []
        assert await painter.call_back(painted()) == 200
        assert await painter.call_back(refused("api_error")) == 200
        await until(lambda: photos(driver))
        await asyncio.sleep(0.2)
        assert len(driver.server.posts(77)) == 1


async def test_a_restart_waits_on_for_the_same_task(driver, tmp_path, model, painter):
    async with driver.running():
        async with started(driver, tmp_path, model, grace_s=0.0, **SETTINGS):
            await driver.say("dm", "/image a fox")
            await until(lambda: painter.asked)
        async with started(driver, tmp_path, model, **SETTINGS) as app:
            painter.app_url = app.url
            assert await painter.call_back(painted()) == 200
            await until(lambda: photos(driver))
        assert len(painter.asked) == 1


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("token_mismatched", "key"),
        ("invalid_token", "key"),
        ("api_not_implemented", "model"),
        ("too_many_requests", "busy"),
        ("api_error", "busy"),
    ],
)
async def test_each_failure_is_one_sentence(driver, tmp_path, model, painter, code, sentence):
    async with asking(driver, tmp_path, model, painter):
        await painter.call_back(refused(code))
        (post,) = await driver.answered("dm")
        assert sentence in post.text.lower()


async def test_a_callback_that_never_comes_is_given_up(
    driver, tmp_path, model, painter, monkeypatch
):
    monkeypatch.setattr("core.images.client.LATER_S", 0.3)
    monkeypatch.setattr("core.images.client.LOOK_EVERY_S", 0.1)
    async with asking(driver, tmp_path, model, painter):
        (post,) = await driver.answered("dm")
        assert post.commands == ("again",)


async def test_a_lost_callback_is_made_up_for_by_looking_at_the_task(
    driver, tmp_path, model, painter, monkeypatch
):
    monkeypatch.setattr("core.images.client.LOOK_EVERY_S", 0.1)
    model.task = {"response": painted()}
    async with asking(driver, tmp_path, model, painter):
        await until(lambda: photos(driver))
