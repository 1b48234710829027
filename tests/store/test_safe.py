"""What is encrypted, when the key changes while other processes work."""

import pytest

from core.models.additions import StoredKey
from core.store import keys
from core.store.additions import KeptAdditions
from core.store.pubsub import PubSub
from core.store.safe import SharedSafe
from core.store.vault import Vault

OLD, NEW = "o" * 32, "n" * 32


def safe(redis, *secrets):
    return SharedSafe(redis, PubSub(redis), Vault(secrets), "slack")


async def test_what_an_older_key_encrypted_is_readable_with_the_newer_one_alone_later(redis):
    await safe(redis, OLD).put("T01", b"token")
    assert await safe(redis, NEW, OLD).all() == {"T01": b"token"}
    assert await safe(redis, NEW).all() == {"T01": b"token"}


@pytest.mark.parametrize("meanwhile", ["renewed", "removed"])
async def test_a_new_key_never_brings_back_what_another_process_changed_meanwhile(redis, meanwhile):
    """A token that was just renewed is the only one that works; one taken out must not return."""
    await safe(redis, OLD).put("T01", b"token")

    slow = safe(redis, NEW, OLD)
    change = slow._change

    async def later(**told):
        """While this process decrypts, another one is faster."""
        fast = safe(redis, NEW, OLD)
        await (fast.put("T01", b"newer") if meanwhile == "renewed" else fast.remove("T01"))
        return await change(**told)

    slow._change = later
    await slow.all()
    left = {"T01": b"newer"} if meanwhile == "renewed" else {}
    assert await safe(redis, NEW, OLD).all() == left


async def test_an_entry_of_another_key_is_there_and_not_readable(redis):
    """Who has the wrong key must not take it for removed, and must not write."""
    await safe(redis, NEW).put("T01", b"token")
    assert await safe(redis, OLD).all() == {"T01": None}
    assert await safe(redis, NEW).all() == {"T01": b"token"}


async def test_what_is_there_already_is_not_decrypted_again_at_each_look(redis):
    opened = []

    class Counting(Vault):
        def unseal(self, sealed):
            opened.append(sealed)
            return super().unseal(sealed)

    counting = SharedSafe(redis, PubSub(redis), Counting((NEW,)), "slack")
    for number in range(5):
        await counting.put(f"T0{number}", b"token")
        await counting.all()
    assert len(opened) == 5
    assert len(await counting.all()) == 5


async def test_a_key_of_a_model_outlives_the_key_that_encrypted_it_first(redis):
    stored = StoredKey("secret", "https://api.example")
    await KeptAdditions(redis, Vault((OLD,))).keep_key("main", stored)
    await KeptAdditions(redis, Vault((NEW, OLD))).read()
    assert (await KeptAdditions(redis, Vault((NEW,))).read()).keys == {"main": stored}
    assert len(await redis.hgetall(keys.ADDED_KEYS)) == 1
