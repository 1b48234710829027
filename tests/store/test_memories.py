"""What people want remembered: numbers stay, bounds hold, and what was cleared stays away."""

import pytest

from core.messages import Incoming, Sender, conversation_id
from core.people.facts import MOST
from core.store import keys
from core.store.memories import open_memories

ANN, BOB = "test:1", "test:2"
GROUP = conversation_id("test", "group", "5")


@pytest.fixture
def memories(redis):
    return open_memories(redis, 1000)


def asks(person=ANN, *, private=True, shared=False, conversation=GROUP):
    sender = Sender(person, "Ann", shared=shared)
    return Incoming(
        event_id="e", conversation=conversation, sender=sender, text="?", private=private
    )


async def test_a_fact_keeps_its_number_and_is_kept_once(memories, redis):
    for text in ("tea", "cats", "TEA", "jazz"):
        await memories.add(ANN, text)
    assert await memories.remove(ANN, 2)
    assert not await memories.remove(ANN, 2)
    assert (await memories.add(ANN, "dogs")).number == 4
    told = [(one.number, one.text) for one in (await memories.of(ANN)).facts]
    assert told == [(1, "tea"), (3, "jazz"), (4, "dogs")]
    assert await redis.ttl(keys.memory(ANN)) > 0
    assert (await memories.of(BOB)).facts == ()


async def test_there_are_so_many_facts_and_no_more(memories):
    for number in range(MOST):
        assert await memories.add(ANN, f"fact {number}")
    assert await memories.add(ANN, "one too many") is None
    assert len((await memories.of(ANN)).facts) == MOST


async def test_it_is_used_in_private_and_where_the_person_said_so_and_nowhere_else(memories):
    await memories.add(ANN, "tea")
    assert (await memories.of(ANN)).used_for(asks()) == ("tea",)
    assert (await memories.of(ANN)).used_for(asks(private=False)) == ()
    await memories.use_in(ANN, GROUP, here=True)
    memory = await memories.of(ANN)
    assert memory.used_for(asks(private=False)) == ("tea",)
    other = conversation_id("test", "other")
    assert memory.used_for(asks(private=False, conversation=other)) == ()
    assert memory.used_for(asks(private=False, shared=True)) == ()
    await memories.use_in(ANN, GROUP, here=False)
    assert (await memories.of(ANN)).used_for(asks(private=False)) == ()
    await memories.switch(ANN, on=False)
    assert (await memories.of(ANN)).used_for(asks()) == ()


async def test_a_proposal_is_not_used_before_the_person_agrees(memories):
    fact = await memories.propose(ANN, "tea", await memories.of(ANN))
    memory = await memories.of(ANN)
    assert memory.used_for(asks()) == ()
    assert memory.proposed == fact
    assert await memories.agree(BOB, fact.number) is None
    assert await memories.agree(ANN, fact.number + 1) is None
    for _ in range(2):
        assert (await memories.agree(ANN, fact.number)).text == "tea"
    memory = await memories.of(ANN)
    assert (memory.used_for(asks()), memory.proposed) == (("tea",), None)


@pytest.mark.parametrize("way", ["clear", "forget", "off"])
async def test_a_proposal_on_its_way_does_not_come_back_after(memories, way):
    await memories.add(ANN, "cats")
    seen = await memories.of(ANN)
    if way == "off":
        await memories.switch(ANN, on=False)
        await memories.switch(ANN, on=True)
    else:
        assert await memories.clear(ANN, wholly=way == "forget") == 1
    assert await memories.propose(ANN, "tea", seen) is None
    assert (await memories.of(ANN)).proposed is None
    assert (await memories.add(ANN, "dogs")).number == 2


async def test_a_fact_that_cannot_be_read_harms_no_other(memories, redis):
    await memories.add(ANN, "tea")
    await redis.hset(keys.memory(ANN), mapping={"fact:7": "\xff{", "maybe": "[]", "fact:x": "{}"})
    memory = await memories.of(ANN)
    assert [one.text for one in memory.facts] == ["tea"]
    assert memory.proposed is None


async def test_what_was_cleared_while_the_person_agreed_stays_away(memories, monkeypatch):
    fact = await memories.propose(ANN, "tea", await memories.of(ANN))
    look = memories.of

    async def then_cleared(person):
        found = await look(person)
        await memories.clear(person, wholly=True)
        return found

    monkeypatch.setattr(memories, "of", then_cleared)
    assert await memories.agree(ANN, fact.number) is None
    assert (await look(ANN)).facts == ()


async def test_declining_a_proposal_leaves_the_next_one(memories):
    first = await memories.propose(ANN, "tea", await memories.of(ANN))
    second = await memories.propose(ANN, "cats", await memories.of(ANN))
    await memories.decline(ANN, first.number)
    assert (await memories.of(ANN)).proposed == second
