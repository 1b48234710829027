"""What earlier versions did not keep, and can be told from what they kept: `palaver migrate`.

All versions since 0.1 are read as they are, so nothing has to be moved before a start. But versions
before 0.3 kept no index of the conversations in which a person asked. Without it, `/export` shows
nothing of them until the person asks there again. Every function here can be run again.
"""

from collections.abc import Mapping

from redis.asyncio import Redis

from core.messages import ConversationId, split_conversation
from core.people.roles import tenant_of
from core.store import keys
from core.store.archive import Archive, indexed
from core.store.connection import store_errors
from core.store.values import is_conversation, words

_HISTORY = keys.history(ConversationId(""))


async def index_askers(redis: Redis, ttl_s: int) -> tuple[int, int]:
    """Note who asked in each conversation, where no note is yet. Raises `StoreError`.

    Returns:
        How many notes were made, and of how many conversations there is a history.
    """
    archive, made, looked_at = Archive(redis), 0, 0
    with store_errors():
        names = [words(one) async for one in redis.scan_iter(f"{keys.TAG}:history:*", count=1_000)]
    for name in names:
        conversation = ConversationId(name.removeprefix(_HISTORY))
        if not is_conversation(conversation):
            continue
        looked_at += 1
        newest: dict[str, float] = {}
        async for one in archive.exchanges(conversation):
            if tenant_of(one.person) == tenant_of(conversation):
                newest[one.person] = max(one.at, newest.get(one.person, 0.0))
        made += await _note(redis, conversation, newest, ttl_s)
    return made, looked_at


async def _note(
    redis: Redis, conversation: ConversationId, newest: Mapping[str, float], ttl_s: int
) -> int:
    tenant, space, _ = split_conversation(conversation)
    made = 0
    for person, at in newest.items():
        # In a private chat that is named by its person, nobody else asked.
        alone = person == f"{tenant}:{space}" and len(newest) == 1
        key, either = keys.asked(person), (True, False)
        there = [indexed(conversation, private=one) for one in either]
        with store_errors():
            scores = await redis.zmscore(key, there)
            if any(score is not None for score in scores):
                continue
            await redis.zadd(key, {indexed(conversation, private=alone): at}, nx=True)
            if await redis.ttl(key) < 0:
                await redis.expire(key, ttl_s)
        made += 1
    return made
