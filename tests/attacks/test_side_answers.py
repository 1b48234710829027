"""The other APIs (transcription, moderation, lists, tokens) answer anything; and keys stay here."""

import asyncio
import logging

import aiohttp
import msgspec
import pytest
from aiohttp import web

from core.errors import ModelError
from core.models.guard import Moderation
from core.models.model_list import first_model
from core.models.providers import Endpoint, provider_at
from core.models.qianfan import AccessToken
from core.models.transcription import TranscriptionClient
from core.net.way import Way
from tests.attacks.test_model_answers import MB, compressed, endless, send
from tests.attacks.watching import watched
from tests.contracts.drivers import TelegramDriver, driving
from tests.harness import palaver, until
from tests.servers.loopback import listening

KEY = "sk-a-very-secret-key-0123456789"

ANSWERS = {
    "nothing": b"",
    "HTML": b"<html>",
    "a list": b"[1]",
    "null": b"null",
    "deep": b'{"x":' + b"[" * 100_000,
    "no UTF-8": b'{"text":"\xff\xfe"}',
    "other types": b'{"text":5,"data":7,"results":"x","access_token":{},"error":[[]]}',
    "errors in errors": b'{"error":{"error":{"code":{"code":[]},"message":{"a":1}}}}',
    "a number without an end": b'{"text":' + b"9" * 100_000 + b"}",
    "NaN": b'{"text":NaN}',
    "an end that is missing": b'{"text":"' + b"a" * 1_000,
}


@pytest.fixture
async def endpoint():
    """An API of one answer, whatever it is asked."""
    told = {}

    async def handler(request):
        await request.read()
        pieces = told["pieces"]
        return await send(request, pieces(), "application/json", told.get("status", 200))

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    async with listening(app) as root, Way().session() as session:
        url = f"{root}/v1"
        yield told, session, Endpoint(url, "ak:sk", "m", provider_at(url))


def calls(session, endpoint):
    return {
        "voice": lambda: TranscriptionClient(session, endpoint).hear(b"x", "a.ogg", "audio/ogg"),
        "moderation": lambda: Moderation(session, endpoint).forbids("x"),
        "list": lambda: first_model(session, endpoint),
        "token": lambda: AccessToken(session, endpoint).get(),
    }


@pytest.mark.parametrize("status", [200, 400, 500])
@pytest.mark.parametrize("what", ANSWERS)
@pytest.mark.parametrize("api", ["voice", "moderation", "list", "token"])
async def test_whatever_is_answered_is_one_failure(endpoint, api, what, status):
    told, session, at = endpoint
    told |= {"pieces": lambda: [ANSWERS[what]], "status": status}
    with pytest.raises(ModelError) as error:
        await calls(session, at)[api]()
    assert len(str(error.value)) <= 1_000


@pytest.mark.parametrize("api", ["voice", "moderation", "list", "token"])
async def test_an_answer_without_an_end_is_left(endpoint, api):
    told, session, at = endpoint
    sent = 0

    def pieces():
        nonlocal sent
        for piece in endless(b"a" * MB, 200):
            sent += 1
            yield piece

    told["pieces"] = pieces
    with pytest.raises(ModelError):
        await calls(session, at)[api]()
    assert sent < 40


@pytest.mark.timeout(120)
async def test_a_list_of_models_that_unpacks_to_gigabytes_ends_nothing(server, model, replica):
    async def bomb(request):
        packed = {"Content-Encoding": "gzip"}
        return await send(request, compressed(endless(b"a" * MB)), "text/html", 500, **packed)

    model.faults += [bomb] * 4
    async with watched(replica) as app:
        server.say(77, "hello")
        await until(lambda: server.posts(77), 60)
        assert app.unharmed()


def echoing(status):
    async def fault(request):
        sent = request.headers.get("Authorization", "")
        said = f"Incorrect API key provided: {sent} at /v1?key={KEY}"
        error = {"message": said, "code": sent, "type": "invalid_api_key"}
        return web.json_response({"error": error}, status=status)

    return fault


@pytest.mark.parametrize("status", [200, 400, 401, 500])
@pytest.mark.parametrize("stream", ["false", "true"])
async def test_a_key_that_a_provider_echoes_reaches_no_program_and_no_log(
    status, stream, tmp_path, model, caplog, capfd
):
    caplog.set_level(logging.DEBUG)
    model.faults += [echoing(status)] * 20
    values = {"llm_base_url": model.url, "llm_model": "x", "llm_api_key": KEY, "web_chat": True}
    async with (
        palaver(tmp_path, api_token="a-token-of-the-operator", **values) as app,
        aiohttp.ClientSession() as session,
        session.post(
            f"{app.url}/api/ask",
            data=b'{"prompt": "hello", "stream": %s}' % stream.encode(),
            headers={"Authorization": "Bearer a-token-of-the-operator"},
        ) as response,
    ):
        body = await response.text()
    assert msgspec.json.decode(body.removeprefix("data: "))["error"]
    assert KEY not in body
    assert KEY not in caplog.text
    assert KEY not in "".join(capfd.readouterr())


@pytest.mark.parametrize("status", [200, 400, 500])
async def test_nor_a_chat(status, tmp_path, model):
    driver = TelegramDriver()
    model.faults += [echoing(status)] * 20
    model.image_faults += [echoing(status)] * 20
    more = {"llm_api_key": KEY}
    async with driving(driver, tmp_path, model, **more):
        await driver.say("dm", "hello")
        await driver.say("dm2", "/image a fox")
        for place in ("dm", "dm2"):
            (post,) = await until(lambda place=place: driver.posts(place), 40)
            assert KEY not in post.text
    await asyncio.sleep(0)
