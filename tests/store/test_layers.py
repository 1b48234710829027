"""Choices are inherited: conversation over place over tenant over the default."""

import json

import pytest

from core.messages import Preferences, conversation_id, place_of
from core.store import keys
from core.store.layers import read_layer, tenant_conversation
from tests.store.words import said, take, two_views

THREAD = conversation_id("test", "chat", "thread")
PLACE = place_of(THREAD)


@pytest.fixture
async def inbox(redis):
    return (await two_views(redis))[0]


async def turn_in(inbox, number, *, chat="chat", thread="", **ending):
    await inbox.put(said(number, chat=chat, thread=thread))
    claim, turn = await take(inbox)
    await claim.commit(1, None, **ending)
    return turn


async def test_each_choice_is_inherited_by_itself_and_says_where_it_was_made(inbox):
    await turn_in(
        inbox, 1, scope="tenant", chosen={"model": "all", "about": "all", "when": "always"}
    )
    await turn_in(inbox, 2, chosen={"about": "place", "when": "mention"})
    await turn_in(inbox, 3, thread="thread", chosen={"when": "useful"})
    turn = await turn_in(inbox, 4, thread="thread")
    assert turn.preferences == Preferences(model="all", about="place", when="useful")
    names = ("model", "about", "when", "persona")
    assert [turn.layers.source(one) for one in names] == ["tenant", "place", "thread", None]
    turn = await turn_in(inbox, 5, chat="other")
    assert turn.preferences == Preferences(model="all", about="all", when="always")


async def test_a_choice_that_is_reset_is_inherited_again(inbox):
    await turn_in(inbox, 1, scope="tenant", chosen={"about": "all"})
    await turn_in(inbox, 2, chosen={"about": "place"})
    await turn_in(inbox, 3, chosen={"about": None})
    assert (await turn_in(inbox, 4)).preferences.about == "all"
    await turn_in(inbox, 5, scope="tenant", chosen={"about": None})
    assert (await turn_in(inbox, 6)).preferences == Preferences()


async def test_what_is_chosen_here_stays_when_what_is_above_becomes_the_same(inbox):
    await turn_in(inbox, 1, scope="tenant", chosen={"model": "a"})
    await turn_in(inbox, 2, chosen={"model": "a"})
    await turn_in(inbox, 3, scope="tenant", chosen={"model": "b"})
    assert (await turn_in(inbox, 4)).preferences.model == "a"


async def test_one_choice_that_cannot_be_read_leaves_the_others(inbox, redis):
    await turn_in(inbox, 1)
    stored = json.dumps({"model": "m", "voice": "loud", "burst": 3, "later": {}, "about": "us"})
    await redis.hset(keys.state(PLACE), "preferences", stored)
    assert (await turn_in(inbox, 2)).preferences == Preferences(model="m", about="us")
    # What this version does not know is kept for the one that wrote it.
    await turn_in(inbox, 3, chosen={"about": "all of us"})
    kept = json.loads(await redis.hget(keys.state(PLACE), "preferences"))
    assert (kept["later"], kept["about"]) == ({}, "all of us")


async def test_the_choices_of_the_tenant_are_forgotten_with_everything_else(inbox, redis):
    await turn_in(inbox, 1, scope="tenant", chosen={"model": "m"})
    assert 0 < await redis.ttl(keys.state(tenant_conversation(PLACE))) <= 1000


@pytest.mark.parametrize("raw", [None, b"", b"[]", b"\xff", b'{"model": null}', b'{"model": 1}'])
def test_rubbish_is_no_choice(raw):
    assert read_layer(raw) == {}


async def test_a_choice_for_the_place_can_be_made_in_its_thread(inbox):
    await turn_in(inbox, 1, thread="thread", scope="place", chosen={"about": "place"})
    turn = await turn_in(inbox, 2)
    assert (turn.layers.place, turn.layers.thread) == ({"about": "place"}, {})
    assert (await turn_in(inbox, 3, thread="other")).preferences.about == "place"
