"""The primary of a Sentinel group or of a cluster dies, freezes, or gives our keys away."""

import pytest

from core.errors import ConfigError, StoreError
from core.messages import conversation_id
from core.store import keys
from core.store.connection import connect
from tests.contracts.drivers import TelegramDriver, driving
from tests.harness import readiness, until
from tests.servers.redis_groups import KINDS, cluster_at, moved, slot_of
from tests.store.test_accounts import HELD, PERSON, account, accounts_of, reserve, taken
from tests.store.words import two_views

WORDS = "Words of an answer. " * 12


@pytest.fixture(params=KINDS)
async def group(request, tmp_path):
    async with KINDS[request.param](tmp_path / "group") as group:
        yield group


@pytest.fixture
async def cluster(tmp_path):
    async with cluster_at(tmp_path / "group") as group:
        yield group


async def status(driver):
    return (await readiness(driver.app.url))[0]


async def test_an_answer_goes_on_behind_a_failover_and_questions_asked_meanwhile_are_answered(
    group, tmp_path, model
):
    driver = TelegramDriver()
    model.piece_s, model.answer = 0.05, lambda messages: WORDS
    async with driving(driver, tmp_path, model, redis_url=group.url):
        await driver.say("dm", "What is an answer made of?")
        await until(lambda: driver.server.posts(77))
        dead = await until(group.primary)
        dead.kill()
        await driver.say("dm", "what is asked without a primary?")
        await until(lambda: _not_ready(driver))
        await driver.answered("dm", 2, seconds=40)
        posts = driver.server.posts(77)
        assert [post.text for post in posts] == [WORDS.strip()] * 2
        assert len(model.requests) == 2
        assert "Words of an answer." in str(model.requests[1]["messages"])
        await until(lambda: _ready(driver))


async def test_a_primary_that_freezes_and_wakes_is_written_to_no_more(group, tmp_path, model):
    driver = TelegramDriver()
    async with driving(driver, tmp_path, model, redis_url=group.url):
        await driver.say("dm", "one")
        await driver.answered("dm")
        frozen = await until(group.primary)
        frozen.freeze()
        await driver.say("dm", "two")
        await driver.answered("dm", 2, seconds=40)
        frozen.thaw()
        await until(lambda: _is_replica(frozen))
        await driver.say("dm", "three")
        *_, last = await driver.answered("dm", 3)
        assert "two" in last.text


async def test_an_answer_goes_on_while_its_slot_moves_to_another_node(cluster, tmp_path, model):
    driver = TelegramDriver()
    model.piece_s, model.answer = 0.05, lambda messages: WORDS
    async with driving(driver, tmp_path, model, redis_url=cluster.url):
        await driver.say("dm", "What is an answer made of?")
        await until(lambda: driver.server.posts(77))
        source = await until(cluster.primary)
        target = next(node for node in cluster.data[:3] if node is not source)
        await moved(source, target)
        (post,) = await driver.answered("dm", seconds=40)
        assert post.text == WORDS.strip()
        await until(lambda: _ready(driver))
        await driver.say("dm", "and where are the keys?")
        await driver.answered("dm", 2)
        assert "Words of an answer." in str(model.requests[-1]["messages"])
        assert len(model.requests) == 2
    for node in cluster.data:
        # Any one node tells of the others.
        async with connect(f"redis://127.0.0.1:{node.port}/0") as client:
            assert await client.exists(keys.state(conversation_id("telegram", "77")))


async def test_what_is_reserved_stays_whole_while_its_slot_is_on_the_move(cluster):
    """The new hold would take the last field of the old one, and then find no key to write to."""
    async with connect(cluster.url) as redis:
        one, _ = await two_views(redis)
        accounts = accounts_of(PERSON)
        claim = await taken(one, 1)
        assert await reserve(claim, accounts, 60) is None
        source = await until(cluster.primary)
        target = next(node for node in cluster.data[:3] if node is not source)
        own = await target.client.execute_command("CLUSTER MYID")
        await source.client.execute_command("CLUSTER SETSLOT", slot_of(0), "MIGRATING", own)
        with pytest.raises(StoreError):
            await reserve(claim, accounts, 70)
        await source.client.execute_command("CLUSTER SETSLOT", slot_of(0), "STABLE")
        assert await account(redis, accounts[0]) == {HELD: 60}
        assert await reserve(claim, accounts, 70) is None
        assert await account(redis, accounts[0]) == {HELD: 70}


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("redis+sentinel://127.0.0.1:1", "which primary"),
        ("redis+sentinel://127.0.0.1:1/palaver", "no Redis answers"),
        ("redis://127.0.0.1:1,127.0.0.1:2", "no Redis answers"),
        ("redis://127.0.0.1:high", "is no redis://"),
        (
            "redis+sentinel://:hidden-word@127.0.0.1:1/x",
            r"no Redis answers at redis\+sentinel://127",
        ),
        ("http://127.0.0.1", "is no redis://"),
    ],
)
async def test_an_address_where_no_primary_can_be_found_is_refused_in_words(url, why):
    with pytest.raises(ConfigError, match=why) as refused:
        async with connect(url):
            pass
    assert "hidden-word" not in str(refused.value)


async def _ready(driver):
    return await status(driver) == 200


async def _not_ready(driver):
    return await status(driver) == 503


async def _is_replica(node):
    return await node.role() == "slave"
