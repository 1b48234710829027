"""Erasing one person's part leaves nothing of it, also while others speak on."""

import time

import msgspec

from core.messages import conversation_id
from core.said import Said, Span
from core.store import keys
from core.store.archive import STEP, indexed
from core.store.inbox import Inbox
from core.store.overheard import Overheard
from tests.store.words import exchange

CHAT = conversation_id("test", "chat")
ANN, BOB = "test:1", "test:2"


def of(person, number):
    return msgspec.json.encode(msgspec.structs.replace(exchange(number), person=person))


async def test_what_a_full_history_drops_meanwhile_hides_nothing(redis, monkeypatch):
    eraser = Inbox(redis, "one", history_ttl_s=1000, most_waiting=5).engine.eraser
    many = [of((ANN, BOB)[number % 2], number) for number in range(3 * STEP)]
    await redis.rpush(keys.history(CHAT), *many)
    erase, steps = eraser._erase_person, 0

    async def then_others_speak(**call):
        nonlocal steps
        found = await erase(**call)
        steps += 1
        await redis.rpush(keys.history(CHAT), of(BOB, 10_000 + steps))
        await redis.ltrim(keys.history(CHAT), 3, -1)
        return found

    monkeypatch.setattr(eraser, "_erase_person", then_others_speak)
    await eraser.part_of(CHAT, ANN)
    left = await redis.lrange(keys.history(CHAT), 0, -1)
    assert steps > 2
    assert [one for one in left if f'"person":"{ANN}"'.encode() in one] == []
    assert len(left) > STEP


async def test_what_a_person_said_lately_and_what_was_told_to_them_alone_goes_too(redis):
    inbox = Inbox(redis, "one", history_ttl_s=1000, most_waiting=5)
    alone = conversation_id("test", "1")
    await redis.zadd(keys.asked(ANN), {indexed(alone, private=True): 1})
    theirs = (keys.gesture(f"{CHAT}:{ANN}"), keys.told(f"command:{alone}:7"), keys.spent(alone))
    others = (keys.gesture(f"{CHAT}:{BOB}"), keys.told("command:test:12::7"), keys.spent(CHAT))
    for name in (*theirs, *others):
        await redis.set(name, "words")
    await inbox.engine.eraser.everything(ANN)
    assert await redis.exists(*theirs) == 0
    assert await redis.exists(*others) == len(others)


async def test_who_forgets_their_part_of_a_group_is_not_overheard_there_any_more(redis):
    inbox, overheard = Inbox(redis, "one", history_ttl_s=1000, most_waiting=5), Overheard(redis)
    topic = conversation_id("test", "chat", "7")
    for number, (where, who) in enumerate(((CHAT, ANN), (CHAT, BOB), (topic, ANN), (topic, BOB))):
        words = Said(message=str(number), at=time.time(), author="x", person=who, text="words")
        await overheard.keep(where, words)
    await inbox.engine.eraser.part_of(CHAT, ANN)
    every = Span(most=9, most_chars=999)
    assert [one.person for one in (await overheard.read(CHAT, every)).said] == [BOB]
    assert len((await overheard.read(topic, every)).said) == 2
    await overheard.forget_person(ANN, CHAT)
    assert [one.person for one in (await overheard.read(topic, every)).said] == [BOB]
