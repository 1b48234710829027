"""The store goes away, comes back, comes back empty, or refuses to write."""

import asyncio

import aiohttp
import pytest

from core.store.connection import connect
from tests.contracts.drivers import TelegramDriver, driving
from tests.harness import readiness, until
from tests.servers.redis import redis_at


@pytest.fixture
async def redis(tmp_path):
    async with redis_at(tmp_path / "redis") as server:
        yield server


async def status(driver):
    return (await readiness(driver.app.url))[0]


async def test_an_answer_that_runs_while_redis_is_away_is_finished_and_committed(
    redis, tmp_path, model
):
    driver = TelegramDriver()
    model.piece_s = 0.05
    model.answer = lambda messages: "Words of an answer. " * 12
    async with driving(driver, tmp_path, model, redis_url=redis.url):
        await driver.say("dm", "go")
        await until(lambda: driver.server.posts(77))
        redis.kill()
        (post,) = await driver.answered("dm")
        assert post.text == ("Words of an answer. " * 12).strip()
        assert await status(driver) == 503
        await driver.say("dm", "asked while it is away")
        await asyncio.sleep(0.5)
        redis.start()
        posts = await driver.answered("dm", 2)
        assert len(posts) == 2
        assert len(model.requests) == 2
        assert "Words of an answer." in str(model.requests[1]["messages"])
        assert await status(driver) == 200


async def test_a_store_that_comes_back_empty_is_worked_with_at_once(redis, tmp_path, model):
    driver = TelegramDriver()
    async with driving(driver, tmp_path, model, redis_url=redis.url):
        await driver.say("dm", "one")
        await driver.answered("dm", 1)
        async with connect(redis.url) as client:
            await client.flushall()
        await driver.say("dm", "two")
        posts = await driver.answered("dm", 2)
        assert "before that: nothing" in posts[1].text


@pytest.mark.parametrize(
    ("refuse", "allow"),
    [
        (("maxmemory", "1"), ("maxmemory", "0")),
        (("min-replicas-to-write", "1"), ("min-replicas-to-write", "0")),
    ],
    ids=["out of memory", "no replicas"],
)
async def test_a_store_that_refuses_to_write_loses_nothing(redis, tmp_path, model, refuse, allow):
    driver = TelegramDriver()
    async with (
        driving(driver, tmp_path, model, redis_url=redis.url),
        connect(redis.url) as client,
    ):
        await client.config_set(*refuse)
        await driver.say("dm", "are you there?")
        await asyncio.sleep(1)
        assert model.requests == []
        await client.config_set(*allow)
        (post,) = await driver.answered("dm")
        assert "Echo of are you there?" in post.text


async def test_a_revoked_token_is_said_once_and_other_platforms_go_on(tmp_path, model, capsys):
    driver = TelegramDriver()
    async with driving(driver, tmp_path, model, web_chat=True):
        driver.server.token = "123456:another-token"
        driver.server._news.set()

        async def told():
            _, told = await readiness(driver.app.url)
            return "telegram" in told["wrong"]

        await until(told, 40)
        async with aiohttp.ClientSession() as session, session.get(driver.app.url) as response:
            assert response.status == 200
