"""What version 0.1 kept is the first tenant's, and is read as it was, without anything moved.

`tests/data/kept_by_0.1.json` was written by that version: a private chat with a system prompt, a
group with a persona, and a question that waits.
"""

import json
from pathlib import Path

from bots.migrate import migrate
from core.messages import conversation_id
from core.store import keys
from core.store.archive import Archive, Asked
from core.store.connection import connect
from tests.harness import at_rest, palaver, settings_for, until
from tests.servers.redis import redis_at
from tests.servers.telegram_bots import TelegramBots

KEPT = json.loads((Path(__file__).parents[1] / "data" / "kept_by_0.1.json").read_text("utf-8"))


async def fill(redis):
    for name, (kind, value) in KEPT.items():
        match kind:
            case "string":
                await redis.set(name, value)
            case "hash":
                await redis.hset(name, mapping=value)
            case "list":
                await redis.rpush(name, *value)
            case "set":
                await redis.sadd(name, *value)
            case "zset":
                await redis.zadd(name, dict(value))
            case "stream":
                for fields in value:
                    await redis.xadd(name, fields)


async def test_what_0_1_kept_belongs_to_the_first_bot_alone(tmp_path, model):
    bots = TelegramBots(2)
    first, second = bots.bots
    first.next_update = 2000  # It counts on. What 0.1 has seen is not asked again.
    async with bots.running(), redis_at(tmp_path / "redis") as redis:
        async with connect(redis.url) as client:
            await fill(client)
        async with palaver(
            tmp_path,
            redis_url=redis.url,
            telegram_bot_token=f"{first.token},{second.token}",
            telegram_api_url=bots.url,
            llm_base_url=model.url,
            llm_model="scripted",
        ) as running:
            core = running.core

            def asked(text):
                found = [str(one["messages"]) for one in model.requests if text in str(one)]
                return found[-1] if found else ""

            await until(lambda: "secret" in str([post.text for post in first.posts(77)]))
            waited = asked("what is my secret?")
            assert "my secret is pineapple" in waited
            assert "always be kind" in waited
            await at_rest(core)
            group = len(first.posts(-1001))
            first.say(-1001, "@palaver_bot when is it?")
            second.say(77, "and mine?")
            second.say(-1001, f"@{second.bot['username']} and here?")
            await until(lambda: len(first.posts(-1001)) > group)
            await until(lambda: second.posts(77) and second.posts(-1001))
            await at_rest(core)
            assert "our party is on friday" in asked("when is it?")
            assert "patient teacher" in asked("when is it?")
            for text in ("and mine?", "and here?"):
                assert "pineapple" not in asked(text)
                assert "friday" not in asked(text)
                assert "always be kind" not in asked(text)
            old = [name for name in KEPT if f"{keys.TAG}:history:" in name]
            assert all([await core.redis.exists(name) for name in old])


async def test_migrate_lets_people_export_what_they_said_before_there_was_an_index(
    tmp_path, capsys
):
    """It can be run again, and then says that there is nothing to do."""
    async with redis_at(tmp_path / "redis") as redis, connect(redis.url) as client:
        await fill(client)
        archive = Archive(client)
        assert await archive.asked_by("telegram:77") == []
        settings = settings_for(tmp_path, redis_url=redis.url)
        assert await migrate(settings) == 0
        assert "2 notes are new" in capsys.readouterr().out
        before = [
            Asked(conversation_id("telegram", "-1001"), private=False),
            Asked(conversation_id("telegram", "77"), private=True),
        ]
        assert await archive.asked_by("telegram:77") == before
        assert 0 < await client.ttl(keys.asked("telegram:77")) <= settings.history_ttl
        assert await migrate(settings) == 0
        assert "nothing to do: 2 conversations" in capsys.readouterr().out
        assert await archive.asked_by("telegram:77") == before
