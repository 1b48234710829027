"""Starting and ending: each platform alone, and from any state."""

import asyncio
import signal
import socket
import time
from contextlib import asynccontextmanager

import aiohttp
import pytest

from core.store.connection import connect
from tests.contracts.drivers import TelegramDriver, started
from tests.harness import palaver, readiness, until
from tests.servers.redis import redis_at
from tests.servers.telegram import TOKEN, ApiError


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr("core.starting.AGAIN_S", (0.2,))
    monkeypatch.setattr("core.starting.FIRST_S", 1.0)


async def hang(request):
    await asyncio.sleep(3600)


@asynccontextmanager
async def telegram_that_fails(method, failure, times):
    driver = TelegramDriver()
    async with driver.running():
        for _ in range(times):
            driver.server.fail_next(method, failure)
        yield driver


@pytest.mark.parametrize(
    ("method", "failure"),
    [
        ("getMe", ApiError(502, "Bad Gateway")),
        ("getMe", ApiError(429, "Too Many Requests: retry after 1", retry_after=1)),
        ("getMe", hang),
        ("deleteWebhook", ApiError(500, "Internal Server Error")),
    ],
    ids=["502", "429", "silent", "500"],
)
async def test_a_platform_that_fails_at_the_start_is_tried_again_while_the_page_serves(
    tmp_path, model, monkeypatch, method, failure
):
    monkeypatch.setattr("core.starting.TRY_S", 1.5)
    monkeypatch.setattr("core.retry.TRIES", 1)
    async with (
        telegram_that_fails(method, failure, 6) as driver,
        started(driver, tmp_path, model, web_chat=True),
    ):
        status, told = await readiness(driver.app.url)
        if status != 200:
            assert list(told["wrong"]) == ["telegram"]
        async with aiohttp.ClientSession() as session, session.get(driver.app.url) as page:
            assert page.status == 200
        await driver.say("dm", "there?")
        (post,) = await driver.answered("dm", seconds=60)
        assert "Echo of there?" in post.text
        assert (await readiness(driver.app.url))[0] == 200


async def test_a_platform_that_asks_for_a_silence_of_years_is_tried_again_all_the_same(
    tmp_path, model, monkeypatch
):
    monkeypatch.setattr("core.starting.MOST_AGAIN_S", 0.3)
    refusal = ApiError(429, "Too Many Requests", retry_after=10**9)
    async with (
        telegram_that_fails("getMe", refusal, 2) as driver,
        started(driver, tmp_path, model),
    ):
        await driver.say("dm", "there?")
        (post,) = await driver.answered("dm", seconds=60)
        assert "Echo of there?" in post.text


async def test_a_menu_that_is_refused_is_no_reason_not_to_start(tmp_path, model):
    async with (
        telegram_that_fails("setMyCommands", ApiError(400, "Bad Request: wrong"), 2) as driver,
        started(driver, tmp_path, model),
    ):
        assert (await readiness(driver.app.url))[0] == 200


async def test_credentials_that_are_refused_are_told_in_readyz_and_the_page_serves(tmp_path, model):
    driver = TelegramDriver()
    async with driver.running():
        driver.server.token = "123456:another"
        async with started(driver, tmp_path, model, web_chat=True):
            status, told = await readiness(driver.app.url)
            assert status == 503
            assert "has not started" in told["wrong"]["telegram"]
            assert TOKEN not in str(told)


async def test_updates_that_cannot_be_read_for_long_are_told_in_readyz(tmp_path, model):
    driver = TelegramDriver()
    async with driver.running(), started(driver, tmp_path, model):
        for _ in range(200):
            driver.server.fail_next("getUpdates", ApiError(502, "Bad Gateway"))
        driver.server.end_polls()

        async def told():
            return "telegram" in (await readiness(driver.app.url))[1]["wrong"]

        await until(told, 30)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("REPLICAOF", "127.0.0.1", "1"), "read-only replica"),
        (("CONFIG", "SET", "min-replicas-to-write", "1"), "fewer replicas"),
        (("CONFIG", "SET", "maxmemory", "1"), "memory is full"),
    ],
)
async def test_a_store_that_keeps_nothing_is_not_ready_and_says_why(
    tmp_path, model, command, words
):
    async with redis_at(tmp_path / "redis") as redis:
        async with connect(redis.url) as client:
            await client.execute_command(*command)
        async with palaver(
            tmp_path, redis_url=redis.url, llm_base_url=model.url, web_chat=True
        ) as running:
            status, told = await readiness(running.url)
            assert status == 503
            assert words in told["wrong"]["store"]


async def test_an_eviction_policy_is_a_warning_and_not_a_reason_to_stop(tmp_path, model):
    async with redis_at(tmp_path / "redis") as redis, connect(redis.url) as client:
        await client.config_set("maxmemory-policy", "allkeys-lru")
        async with palaver(
            tmp_path, redis_url=redis.url, llm_base_url=model.url, web_chat=True
        ) as running:

            async def warned():
                status, told = await readiness(running.url)
                assert status == 200
                return any("noeviction" in one for one in told["warnings"])

            await until(warned)


class Silent:
    """Somebody who takes connections and never says a word."""

    def __enter__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.socket.getsockname()[1]}"
        return self

    def __exit__(self, *_):
        self.socket.close()


@pytest.mark.parametrize("who", ["store", "platform", "model"])
@pytest.mark.parametrize("after_s", [0.3, 2.5])
async def test_it_ends_when_told_while_somebody_never_answers(
    tmp_path, redis, server, replica, who, after_s
):
    with Silent() as silent:
        settings = {
            "store": {"redis_url": f"redis://{silent.address}/0"},
            "platform": {"telegram_api_url": f"http://{silent.address}"},
            "model": {"llm_base_url": f"http://{silent.address}/v1", "llm_model": ""},
        }[who]
        one = replica(grace_s=2, **settings)
        await asyncio.sleep(after_s)
        began = time.monotonic()
        one.process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(one.process.wait, 30)
        assert time.monotonic() - began < 15
