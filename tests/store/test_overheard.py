"""What is overheard is bounded, edited in place, and erased."""

import time

from core.messages import conversation_id
from core.said import Said, Span
from core.store import keys
from core.store.overheard import KEPT_S, MOST, MOST_BYTES, Overheard

TOPIC = conversation_id("telegram", "-1001", "7")
OTHER = conversation_id("telegram", "-1001")
ALL = Span(most=1_000, most_chars=1_000_000)


def said(number, text="hello", *, at=None, person="telegram:1"):
    at = time.time() + number / 1000 if at is None else at
    return Said(message=str(number), at=at, author="Ann", person=person, text=text)


async def texts(overheard, conversation=TOPIC):
    return [one.text for one in (await overheard.read(conversation, ALL)).said]


async def test_the_newest_are_kept_in_order_and_no_more_than_the_bounds(redis):
    overheard = Overheard(redis)
    for number in range(MOST + 30):
        await overheard.keep(TOPIC, said(number, f"word {number}"))
    assert await texts(overheard) == [f"word {number}" for number in range(30, MOST + 30)]
    await overheard.keep(TOPIC, said(999, "x" * (MOST_BYTES - 500)))
    assert len(await texts(overheard)) < 5
    assert await redis.hlen(keys.overheard(TOPIC)) == await redis.zcard(keys.overheard_order(TOPIC))
    assert 0 < await redis.ttl(keys.overheard(TOPIC)) <= KEPT_S


async def test_what_is_older_than_a_day_is_neither_told_nor_kept(redis):
    overheard = Overheard(redis)
    await overheard.keep(TOPIC, said(1, "old", at=time.time() - KEPT_S - 5))
    assert await texts(overheard) == []
    await overheard.keep(TOPIC, said(2, "new"))
    assert await texts(overheard) == ["new"]
    assert await redis.hlen(keys.overheard(TOPIC)) == 1


async def test_an_edit_takes_the_place_of_its_message_and_adds_none(redis):
    overheard = Overheard(redis)
    await overheard.keep(TOPIC, said(1, "first"))
    await overheard.keep(TOPIC, said(2, "second"))
    await overheard.keep(TOPIC, said(1, "first, corrected", at=time.time() + 9), edited=True)
    await overheard.keep(TOPIC, said(3, "never heard"), edited=True)
    kept = await overheard.read(TOPIC, ALL)
    assert {one.text for one in kept.said} == {"first, corrected", "second"}


async def test_each_conversation_has_its_own_and_a_place_is_forgotten_whole(redis):
    overheard = Overheard(redis)
    await overheard.keep(TOPIC, said(1, "in the topic"))
    await overheard.keep(OTHER, said(2, "outside"))
    far = conversation_id("telegram", "-10011")
    await overheard.keep(far, said(3, "far away"))
    assert await texts(overheard, OTHER) == ["outside"]
    assert await overheard.forget_place(OTHER) == 2
    assert await texts(overheard) == await texts(overheard, OTHER) == []
    assert await texts(overheard, far) == ["far away"]
    assert await overheard.forget(far) == 1


async def test_what_one_person_said_is_forgotten_everywhere_and_nothing_else(redis):
    overheard = Overheard(redis)
    await overheard.keep(TOPIC, said(1, "mine", person="telegram:1"))
    await overheard.keep(OTHER, said(2, "mine too", person="telegram:1"))
    await overheard.keep(TOPIC, said(3, "hers", person="telegram:2"))
    assert await overheard.forget_person("telegram:1") == 2
    assert await texts(overheard) == ["hers"]
    await overheard.drop(TOPIC, "3")
    assert await redis.exists(keys.overheard(TOPIC), keys.overheard_order(TOPIC)) == 0


async def test_rubbish_in_the_store_costs_only_itself(redis):
    overheard = Overheard(redis)
    await overheard.keep(TOPIC, said(1, "fine"))
    await redis.hset(keys.overheard(TOPIC), "2", b"\xff{")
    assert await texts(overheard) == ["fine"]
    await redis.delete(keys.overheard_order(TOPIC))
    await redis.set(keys.overheard_order(TOPIC), "no order")
    await overheard.keep(TOPIC, said(3, "again"))
    assert "again" in await texts(overheard)
