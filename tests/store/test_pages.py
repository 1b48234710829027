"""Links to pages, and what the operator's page sends to many places."""

import asyncio

from core.admin.broadcasting import Broadcasting
from core.messages import Sender
from core.models.additions import StoredKey
from core.store import keys
from core.store.additions import MOST_KEYS, KeptAdditions
from core.store.vault import Vault
from core.store.visits import SharedVisits, Visit

BOB = Visit(Sender("telegram:78", "Bob"), "page")


async def test_who_is_signed_out_everywhere_is_let_in_by_no_link_that_lies_around(redis):
    visits = SharedVisits(redis)
    links = [await visits.invite(BOB) for _ in range(3)]
    other = await visits.invite(Visit(Sender("telegram:77", "Ann"), "page"))
    cookie = await visits.begin(await visits.accept(links[0], "page"))
    await visits.end(BOB.sender.id)
    assert [await visits.accept(link, "page") for link in links] == [None] * 3
    assert await visits.of(cookie, "page") is None
    assert await visits.accept(other, "page") is not None
    left = {name.decode() async for name in redis.scan_iter("*visit*")}
    assert left == {keys.visit_links("telegram:77")}


async def test_of_messages_to_many_places_that_are_begun_at_once_one_is_sent(redis):
    """Two presses, or the pages of two replicas."""
    replicas = [Broadcasting(redis, {}, None) for _ in range(2)]
    begun = [one.begin(f"news {n}", [], "telegram:77") for n in range(4) for one in replicas]
    assert sum(await asyncio.gather(*begun)) == 1
    for one in replicas:
        await one.close()


async def test_a_full_list_of_keys_takes_a_new_value_of_one_and_no_other(redis):
    kept = KeptAdditions(redis, Vault(("k" * 32,)))
    for number in range(MOST_KEYS):
        assert await kept.keep_key(f"key-{number}", StoredKey("old", "https://api.example"))
    assert not await kept.keep_key("another", StoredKey("x", "https://api.example"))
    assert await kept.keep_key("key-7", StoredKey("new", "https://api.example"))
    assert (await kept.read()).keys["key-7"].secret == "new"
