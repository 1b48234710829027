"""Every key of a bot that is used is spoilt at once; then people go on, with each command."""

import json
import random

import pytest

from core.store import keys
from tests.harness import palaver, until
from tests.servers.telegram import TOKEN, TelegramServer

COMMANDS = (
    "hello", "/start", "/help", "/new", "/retry", "/settings", "/settings about",
    "/settings about shop", "/settings everywhere about all", "/settings timezone Berlin",
    "/remind", "/remind in 1 hour call", "/remind cancel 1", "/remind edit 1 friday 10:00",
    "/remind zone Berlin", "/memory", "/memory add likes tea", "/memory remove 1",
    "/memory clear", "/budget", "/budget person 5 usd/day", "/budget grant tenant 1 usd",
    "/budget person off", "/usage", "/usage all", "/usage last", "/tools", "/export", "/forget",
    "/forget everything", "/model", "/persona teacher", "/system be kind", "/lang de",
    "/compare hi", "/catchup",
)  # fmt: skip
"""Each by a person of their own."""
GARBAGE = (
    b"\xff\xfe", b"", b"{}", b"null", b"[]", b'"x"', b"1e999", b"9" * 400, b"[" * 3000, b"-1",
    b"nan", b"-inf", b"\xc0\x80", b'{"a":{"b":1}}', b"x:y:z", b"x\x00y",
)  # fmt: skip
WRONG = (None, True, -1, 2**70, 1e308, float("nan"), "", "\ud800", "x" * 5000, [], {}, [1], "a:b:")
OURS = ("secret", "pulse", "lease", "seen", "ready", "lanes", "mail", "running")
"""Kinds that hold what is going on now: other tests spoil these."""


class Spoiler:
    """Spoils keys as *how* says: another `type`; or `json` with wrong values, else other bytes."""

    def __init__(self, redis, how):
        self._redis, self._how, self._chance = redis, how, random.Random(11)

    async def spoil(self):
        count = 0
        async for name in self._redis.scan_iter():
            kind = name.decode().removeprefix(f"{keys.TAG}:").partition(":")[0]
            if kind not in OURS:
                count += 1
                await self._one(name, (await self._redis.type(name)).decode())
        return count

    async def _one(self, name, kind):
        redis, bad = self._redis, self._garbage
        if self._how == "type":
            await redis.delete(name)
            await (redis.rpush(name, "x") if kind == "string" else redis.set(name, "other"))
            return
        match kind:
            case "string":
                await redis.set(name, self._of(await redis.get(name)))
            case "hash":
                for field, value in (await redis.hgetall(name)).items():
                    if field != b"fence":
                        await redis.hset(name, field, self._of(value))
                await redis.hset(name, bad(), bad())
            case "list":
                for at, value in enumerate(await redis.lrange(name, 0, -1)):
                    await redis.lset(name, at, self._of(value))
                await redis.rpush(name, bad())
            case "set":
                await redis.sadd(name, bad())
            case "zset":
                for member in await redis.zrange(name, 0, -1):
                    score = self._chance.choice((0, float("inf"), float("-inf"), 1e300))
                    await redis.zadd(name, {member: score})
                await redis.zadd(name, {bad(): 0})

    def _garbage(self):
        return self._chance.choice(GARBAGE)

    def _of(self, raw):
        try:
            value = json.loads(raw) if self._how == "json" else None
        except ValueError:
            value = None
        if not (isinstance(value, dict | list) and value):
            return self._garbage()
        self._change(value)
        return json.dumps(value).encode()

    def _change(self, value):
        at = self._chance.choice(list(value) if isinstance(value, dict) else range(len(value)))
        if isinstance(value[at], dict | list) and value[at] and self._chance.random() < 0.6:
            self._change(value[at])
        else:
            value[at] = self._chance.choice(WRONG)


@pytest.mark.parametrize("how", ["type", "json"])
async def test_whatever_stands_in_the_store_each_command_is_answered(tmp_path, model, caplog, how):
    server = TelegramServer()
    people = {1000 + number: command for number, command in enumerate(COMMANDS)}

    def say(who, text):
        server.say(who, text, user=server.person(who, f"P{who}"))

    def news(who):
        return len(server.posts(who)) + sum(post.edits for post in server.posts(who))

    for who in people:
        server.add_private(who)
    settings = {
        "admins": ",".join(f"telegram:{who}" for who in people),
        "budgets": "person 100 usd/day, tenant 1m tokens/day",
        "llm_price": "1,1,1",
    }
    async with (
        server.running(),
        palaver(
            tmp_path,
            telegram_bot_token=TOKEN,
            telegram_api_url=server.url,
            llm_base_url=model.url,
            llm_model="x",
            **settings,
        ) as app,
    ):
        before = ("/remind in 3 hours old", "/memory add likes coffee", "/system Old")
        for who in people:
            say(who, "before")
            say(who, before[who % len(before)])
        say(1000, "/settings everywhere about all")
        say(1000, "/budget person 7 usd/day")
        await until(lambda: all(len(server.posts(who)) >= 2 for who in people), 60)
        name = keys.history("telegram:1000:")
        await until(lambda: app.core.redis.exists(name))
        assert await Spoiler(app.core.redis, how).spoil() > 4 * len(people)
        seen = {who: news(who) for who in people}
        for who, text in people.items():
            say(who, text)
        await until(lambda: all(news(who) > seen[who] for who in people), 60)
        say(1001, "finally")
        await until(lambda: "Echo of finally" in str([p.text for p in server.posts(1001)]), 40)
    assert not [record for record in caplog.records if record.exc_info]
