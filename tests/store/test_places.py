"""A place and its threads: what is chosen, forgotten, spent and stopped there."""

import pytest

from core.messages import Preferences, Spent, Summary, conversation_id, place_of
from tests.store.words import exchange, said, take, two_views

THREAD = conversation_id("test", "chat", "thread")
PLACE = place_of(THREAD)


@pytest.fixture
async def inbox(redis):
    return (await two_views(redis))[0]


async def in_(inbox, conversation, number):
    thread = conversation.split(":", 2)[2]
    await inbox.put(said(number, thread=thread))
    return await take(inbox)


async def test_what_a_place_chose_holds_in_its_threads_until_they_choose_even_the_default(inbox):
    claim, _ = await in_(inbox, PLACE, 1)
    await claim.commit(1, None, preferences=Preferences(model="large", persona="teacher"))
    claim, turn = await in_(inbox, THREAD, 2)
    assert turn.preferences == Preferences(model="large", persona="teacher")
    chosen = Preferences(model="", persona="teacher")
    await claim.commit(1, None, preferences=chosen)
    claim, _ = await in_(inbox, PLACE, 3)
    await claim.commit(1, None, preferences=Preferences(model="other", persona="coder"))
    _, turn = await in_(inbox, THREAD, 4)
    assert turn.preferences == Preferences(model="", persona="coder")


async def test_a_place_that_forgets_forgets_its_threads_and_their_summaries(inbox):
    claim, _ = await in_(inbox, THREAD, 1)
    await claim.commit(1, exchange(1))
    assert await claim.past.summarise(Summary("talk", 1.0), await claim.past.look())
    claim, _ = await in_(inbox, PLACE, 2)
    await claim.commit(1, None, forget_all=True, everywhere=True)
    _, turn = await in_(inbox, THREAD, 3)
    assert turn.history == ()
    assert turn.summary == Summary()


async def test_a_place_costs_what_its_threads_cost(inbox):
    claim, _ = await in_(inbox, THREAD, 1)
    await claim.commit(1, None, spent={"m": Spent(turns=1, prompt_tokens=7)})
    claim, _ = await in_(inbox, PLACE, 2)
    assert (await claim.ledger.spent())[0] == Spent(turns=1, prompt_tokens=7)


async def test_the_threads_where_a_person_waits_for_an_answer_are_found(inbox):
    await inbox.put(said(1, thread="a", person="test:1"))
    await inbox.put(said(2, thread="b", person="test:2"))
    await inbox.put(said(3, thread="c", person="test:1"))
    claim, _ = await take(inbox)
    await claim.commit(1, None)
    a, b, c = (conversation_id("test", "chat", thread) for thread in "abc")
    assert await inbox.places.recent(PLACE, "test:1") == [c, a]
    assert await inbox.places.answering(PLACE, "test:1") == [c]
    assert await inbox.places.answering(PLACE) == [c, b]
