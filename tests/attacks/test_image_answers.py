"""An image API that answers anything at all: one sentence, once; what is paid for is not asked
for again because nobody could read it."""

import asyncio
import base64
import gzip
import io
import json
import os
import struct
import tracemalloc
import zlib

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from core.errors import ModelError, Refused
from core.images.answers import read_answer, read_callback, read_task
from core.models.refusals import read_error
from core.secret import keep_secret
from tests.attacks.watching import watched
from tests.contracts.drivers import TelegramDriver, driving
from tests.harness import until
from tests.servers.model import raw

JSON = "application/json"
MB = 1024 * 1024


def png(width=8, height=8):
    file = io.BytesIO()
    Image.new("RGB", (width, height), "gold").save(file, "PNG")
    return file.getvalue()


def b64(data):
    return base64.b64encode(data).decode()


def huge_png(width, height):
    """A header that promises more than there is."""
    ihdr = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", 13)
        + ihdr
        + struct.pack(">I", zlib.crc32(ihdr))
        + struct.pack(">I", 0)
        + b"IDAT"
        + struct.pack(">I", zlib.crc32(b"IDAT"))
    )


def answer(*images, **more):
    return json.dumps({"created": 1, "data": list(images), **more}).encode()


UNREADABLE = {
    "a bracket": answer({"url": "https://["}),
    "an address inside": answer({"url": "https://127.0.0.1/x"}),
    "an address of the cloud": answer({"url": "http://169.254.169.254/latest/meta-data"}),
    "an address of a file": answer({"url": "file:///etc/passwd"}),
    "an address of a megabyte": answer({"url": "https://" + "a" * MB}),
    "an address with a surrogate": b'{"data":[{"url":"https://\\ud800/"}]}',
    "an address with a user": answer({"url": "https://a:b@example.com/"}),
    "an address with a bad port": answer({"url": "https://example.com:99999/"}),
    "a number for an address": answer({"url": 5}),
    "a list for a picture": answer({"b64_json": ["a"]}),
    "no field": answer({}),
    "null": answer(None),
    "no picture": answer({"b64_json": b64(b"not a picture")}),
    "no Base64": answer({"b64_json": "!!!!"}),
    "Base64 that is no ASCII": answer({"b64_json": "é" * 100}),
    "a cut picture": answer({"b64_json": b64(png()[:40])}),
    "a decompression bomb": answer({"b64_json": b64(huge_png(60_000, 60_000))}),
    "one pixel high": answer({"b64_json": b64(huge_png(1, 2**31 - 1))}),
    "HTML": b"<html>busy</html>",
    "nothing": b"",
    "an empty list": answer(),
    "an object for the list": b'{"data":{"url":"x"}}',
    "a list": b"[]",
    "a string": b'"data"',
    "NaN": b'{"data":[{"b64_json":NaN}]}',
    "deep": b'{"data":' + b"[" * 200_000,
    "no UTF-8": b'{"data":[{"url":"\xff\xfe"}]}',
    "an error inside": b'{"error":{"error":{"error":[1,{"message":null}]}}}',
    "an error that is true": b'{"error":true}',
    "an error of a megabyte": json.dumps({"error": {"code": "x" * MB, "message": "y"}}).encode(),
    "too much": b'{"data":[{"b64_json":"' + b"A" * (41 * MB) + b'"}]}',
}


async def ask_and_read(driver, model):
    await driver.say("dm", "/image a fox")
    posts = await until(lambda: _said(driver), 30)
    await asyncio.sleep(0.3)
    assert len(model.image_requests) == 1
    assert len(await driver.posts("dm")) == 1
    return posts[0]


async def _said(driver):
    return [post for post in await driver.posts("dm") if post.text or post.pictures]


@pytest.mark.parametrize("what", UNREADABLE)
async def test_what_cannot_be_read_is_said_in_one_sentence_and_not_paid_again(
    what, tmp_path, model
):
    driver = TelegramDriver()
    model.image_faults.append(raw(UNREADABLE[what], JSON))
    async with driving(driver, tmp_path, model):
        post = await ask_and_read(driver, model)
        assert not post.pictures
        assert len(post.text) < 300
        assert "again" in post.commands
        await driver.say("dm2", "still there?")
        assert await driver.posted("dm2", 1)


@pytest.mark.parametrize(
    "body",
    [
        answer(None, {"b64_json": 5}, {"b64_json": b64(png())}, {"url": "https://["}),
        answer({"b64_json": b64(png()), "url": 7, "revised_prompt": ["x"]}),
        answer({"b64_json": "data:image/png;base64," + b64(png())}),
        answer({"url": "data:image/png;base64," + b64(png())}),
        answer({"b64_json": "\n".join(b64(png())[at : at + 20] for at in range(0, 90, 20))}),
        answer({"b64_json": b64(png()), "revised_prompt": "\ud800" * 9}, created="x", task_id=[]),
    ],
    ids=range(6),
)
async def test_what_can_be_shown_of_an_answer_is_shown(body, tmp_path, model):
    driver = TelegramDriver()
    model.image_faults.append(raw(body, JSON))
    async with driving(driver, tmp_path, model):
        assert (await ask_and_read(driver, model)).pictures


CROWDS = {
    "lists": b'{"data":[' + b"[]," * MB + b"[]]}",
    "objects": b'{"data":[' + b"{}," * MB + b"{}]}",
    "names": b"{" + b",".join(b'"%d":[]' % number for number in range(MB)) + b"}",
    "numbers": b'{"x":[' + b"1e9," * MB + b"1]}",
}


@pytest.mark.parametrize("what", CROWDS)
def test_an_answer_of_more_values_than_pictures_need_is_not_built_in_memory(what):
    """Forty megabytes of empty lists took a gigabyte, and kept the loop for eight seconds."""
    tracemalloc.start()
    try:
        for read in (lambda body: read_answer(body, 200), read_callback):
            with pytest.raises(Refused):
                read(CROWDS[what])
        assert read_task(CROWDS[what]) is None
        assert tracemalloc.get_traced_memory()[1] < 20 * MB
    finally:
        tracemalloc.stop()


async def test_of_a_thousand_pictures_ten_are_looked_at(tmp_path, model):
    found = read_answer(answer(*[{"b64_json": b64(png())}] * 1_000), 200)
    assert len(found.data) == 10


async def test_a_call_that_broke_off_is_not_made_again(tmp_path, model):
    async def broken(request):
        request.transport.abort()
        return web.Response()

    driver = TelegramDriver()
    model.image_faults.append(broken)
    async with driving(driver, tmp_path, model):
        assert not (await ask_and_read(driver, model)).pictures


async def test_a_key_that_an_error_echoes_stays_here(tmp_path, model):
    keep_secret("sk-very-secret-key")
    error = read_error({"message": "bad key sk-very-secret-key", "code": "sk-very-secret-key"}, 400)
    assert "sk-very" not in str(error)
    assert "\n" not in str(read_error({"message": "a\nb\x1b[31m"}, 400))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["data", "error", "url", "b64_json", "code", "message", "response", "success"]
            )
            | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.one_of(st.binary(), json_values.map(lambda value: json.dumps(value).encode())))
@settings(max_examples=500, deadline=None)
def test_any_answer_is_read_or_is_one_failure(body):
    reads = (lambda: read_answer(body, 200), lambda: read_answer(body, 500))
    for read in (*reads, lambda: read_callback(body), lambda: read_task(body)):
        try:
            read()
        except ModelError as error:
            assert len(str(error)) <= 1_000


# Callbacks.

CALLBACKS = {"image_callbacks": True, "public_url": "https://bot.example"}


@pytest.mark.timeout(120)
async def test_a_callback_of_sixty_megabytes_to_a_made_up_address_is_not_read(
    server, model, replica
):
    async def post(session, url):
        async def body():
            for _ in range(60):
                yield b"a" * MB

        try:
            async with session.post(url, data=body()) as response:
                return response.status
        except aiohttp.ClientError:
            return 404  # It hung up before the body was sent.

    async with watched(replica, **CALLBACKS) as app, aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{app.port}/callbacks/images/made-up"
        assert set(await asyncio.gather(*[post(session, url) for _ in range(20)])) == {404}
        bomb = gzip.compress(b"a" * (200 * MB), 1)
        async with session.post(url, data=bomb, headers={"Content-Encoding": "gzip"}) as response:
            assert response.status == 415, "nothing that comes in is unpacked"
        assert app.peak_mb < 150
        assert app.unharmed()


@pytest.mark.timeout(120)
async def test_six_people_get_the_largest_answers_at_once(server, model, replica):
    noise = encoded_noise(3_000, 3_200)
    body = answer({"b64_json": b64(noise)})
    assert 35 * MB < len(body) < 40 * MB
    model.image_faults += [raw(body, JSON)] * 6
    people = range(101, 107)
    async with watched(replica, image_base_url=model.url) as app:
        for person in people:
            server.add_private(person)
            server.say(person, "/image noise")
        await until(lambda: all(server.posts(person) for person in people), 90)
        assert app.unharmed()


def encoded_noise(width, height):
    """A PNG that cannot be packed smaller, made fast."""
    lines = b"".join(b"\0" + os.urandom(width * 3) for _ in range(height))
    file = io.BytesIO()
    Image.frombytes("RGB", (width, height), lines[: width * height * 3]).save(
        file, "PNG", compress_level=0
    )
    return file.getvalue()
