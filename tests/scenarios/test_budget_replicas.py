"""One budget and four replicas: who asks at once never spends more than there is."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from bench.overload import NAME, MemoryPlatform
from core.messages import Incoming, Sender, conversation_id
from core.store import keys
from core.store.connection import connect
from tests.harness import palaver, until
from tests.servers.redis import redis_at

REPLICAS, QUESTIONS, ALLOWED = 4, 200, 50
# The scripted model says 11 tokens read and 7 written.
ANSWER = 18


def serving(platform):
    async def build(_):
        return [platform]

    return build


def questions_of(replica):
    return [
        Incoming(
            event_id=f"e{number}",
            conversation=conversation_id(NAME, str(number)),
            sender=Sender(f"{NAME}:{number}", "Ann"),
            text=f"q{number}",
        )
        for number in range(replica, QUESTIONS, REPLICAS)
    ]


@pytest.mark.timeout(120)
async def test_200_questions_at_once_on_4_replicas_spend_no_more_than_the_budget(tmp_path, model):
    """All are answered or told why not; the model was asked as often as the budget allows."""
    platforms = [MemoryPlatform(questions_of(replica)) for replica in range(REPLICAS)]
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(redis_at(tmp_path / "redis"))
        for number, platform in enumerate(platforms):
            running = palaver(
                tmp_path / str(number),
                build=serving(platform),
                redis_url=redis.url,
                llm_base_url=model.url,
                llm_model="scripted",
                log_level="ERROR",
                max_tokens=20,
                budgets=f"tenant {ALLOWED * ANSWER} tokens/day",
            )
            await stack.enter_async_context(running)
        client = await stack.enter_async_context(connect(redis.url))

        async def all_ended():
            told = {place for one in platforms for place, posts in one.posts.items() if posts}
            return len(told) == QUESTIONS and not await client.exists(keys.holds(NAME))

        await until(all_ended, 90)
        await asyncio.sleep(0.2)
        assert len(model.requests) == ALLOWED
        (account,) = [key async for key in client.scan_iter(f"{keys.TAG}:account:*")]
        assert await client.hget(account, "spent:tokens") == str(ALLOWED * ANSWER).encode()
        assert not await client.exists(keys.holds(NAME))
        posts = [post.text for one in platforms for some in one.posts.values() for post in some]
        assert sum("Echo of q" in text for text in posts) == ALLOWED
        refused = [text for text in posts if "The budget of this bot is used up" in text]
        assert len(refused) == QUESTIONS - ALLOWED
