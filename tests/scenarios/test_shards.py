"""SHARDS: several bots in one program, whose keys lie in different slots of a cluster."""

import asyncio
import json
import re
from contextlib import asynccontextmanager
from functools import partial

import msgspec
import pytest
from redis.crc import key_slot

from core.messages import Incoming, Sender, conversation_id
from core.store import keys
from core.store.connection import connect
from core.store.sharded import at_home
from core.store.shards import Layout, tag
from core.store.values import DeadLetter
from tests.harness import at_rest, palaver, readiness, until
from tests.scenarios.test_admin import TOKEN, Operator
from tests.scenarios.test_command import run
from tests.scenarios.test_visits import LINK, Page, public
from tests.servers.redis import redis_at
from tests.servers.redis_groups import cluster_at
from tests.servers.telegram_bots import TelegramBots

SHARDS = 4
OF_BOT = (0, 3, 1)
"""The shards of the first three of `TelegramBots`."""
WORDS = "Words of an answer. " * 12
TAGGED = re.compile(r"palaver:\{(\d+)\}:")


@pytest.fixture
async def cluster(tmp_path):
    async with cluster_at(tmp_path / "group") as group:
        yield group


@pytest.fixture
async def bots():
    bots = TelegramBots(3)
    async with bots.running():
        yield bots


@asynccontextmanager
async def serving(tmp_path, model, bots, url, **more):
    tokens = ",".join(bot.token for bot in bots.bots)
    settings = {"telegram_bot_token": tokens, "telegram_api_url": bots.url, "redis_url": url}
    async with palaver(
        tmp_path, llm_base_url=model.url, llm_model="scripted", **{**settings, **more}
    ) as running:
        yield running


def tenant(bot):
    return "telegram" if bot.bot["id"] < 900000 else f"telegram+{bot.bot['id']}"


async def answered(bot, text, chat=77):
    await until(lambda: [one for one in bot.posts(chat) if text in one.text], 40)


async def all_names(group):
    """Each key of ours on a primary of *group*, with its node."""
    found = {}
    for node in group.data:
        if await node.role() == "master":
            async for name in node.client.scan_iter("palaver:*"):
                found[name] = node
    return found


async def test_bots_in_different_shards_of_a_cluster_answer_and_nothing_crosses(
    cluster, bots, tmp_path, model
):
    async with serving(tmp_path, model, bots, cluster.url, shards=SHARDS) as running:
        for bot in bots.bots:
            bot.say(77, f"my secret is {tenant(bot)}")
            bot.say(77, "/memory add I like tea")
        for bot in bots.bots:
            await answered(bot, "my secret is")
            await until(lambda bot=bot: len(bot.posts(77)) == 2)
        await at_rest(running.core)
        for bot in bots.bots:
            bot.say(77, "what is my secret?")
            await answered(bot, "what is my secret?")
            asked = str(model.requests[-1]["messages"])
            assert {tenant(one) for one in bots.bots if f"is {tenant(one)}'" in asked} == {
                tenant(bot)
            }
        assert (await readiness(running.url))[0] == 200
        names = await all_names(cluster)
        nodes = {shard: key_slot(tag(shard).encode()) for shard in range(SHARDS)}
        assert len(set(nodes.values())) == SHARDS
        for bot, shard in zip(bots.bots, OF_BOT, strict=True):
            history = f"{tag(shard)}:history:{conversation_id(tenant(bot), '77')}"
            assert history in names
        for name in names:
            whose = re.search(r":(telegram\+\d+)(?=[:|]|$)", name)
            kind = name.split(":")[2]
            if whose and kind not in {"told", "gesture", "lease"}:
                shard = OF_BOT[[tenant(one) for one in bots.bots].index(whose[1])]
                assert TAGGED.match(name)[1] == str(shard), name
        assert len({id(node) for node in names.values()}) == 3
        # What counts a bot's calls is with it too, though its name is the bot's.
        for bot, shard in zip(bots.bots, OF_BOT, strict=True):
            levels = {name for name in names if f":level:telegram:{bot.bot['id']}" in name}
            assert levels
            assert {name[:11] for name in levels} == {tag(shard)}
        # A cluster's servers tell each other what is published: no reminder waits for a look.
        async with running.core.pubsub.listen(keys.DUE) as heard:
            bots.bots[1].say(77, "/remind in 2 hours tea")
            async with asyncio.timeout(10):
                await anext(heard)


async def test_a_shard_that_loses_its_primary_goes_on_and_the_others_never_stop(
    cluster, bots, tmp_path, model
):
    first, lost, other = bots.bots
    model.piece_s, model.answer = 0.05, lambda messages: WORDS
    async with serving(tmp_path, model, bots, cluster.url, shards=SHARDS) as running:
        lost.say(77, "What is an answer made of?")
        await until(lambda: lost.posts(77))
        names = await all_names(cluster)
        dead = next(node for name, node in names.items() if name.startswith(tag(3)))
        assert {tag(0), tag(1)} <= {name[:11] for name, node in names.items() if node is not dead}
        dead.kill()
        lost.say(77, "what is asked without a primary?")
        other.say(77, "and elsewhere?")
        first.say(77, "and with the first?")
        for bot, count in ((other, 1), (first, 1), (lost, 2)):
            await until(
                lambda bot=bot, count=count: (
                    [one.text for one in bot.posts(77)] == [WORDS.strip()] * count
                ),
                40,
            )
        assert len(model.requests) == 4
        await at_rest(running.core)


async def test_a_shard_that_is_away_keeps_only_its_own_tenants_waiting(
    cluster, bots, tmp_path, model
):
    first, lost, other = bots.bots
    for node in cluster.data:
        # redis.conf: else a cluster without all its slots takes no command at all.
        await node.client.config_set("cluster-require-full-coverage", "no")
    more = {"shards": SHARDS, "admin_token": TOKEN}
    async with serving(tmp_path, model, bots, cluster.url, **more) as running:
        lost.say(77, "before")
        await answered(lost, "before")
        await at_rest(running.core)
        await _set_aside(running.core.redis, bots.bots)
        names = await all_names(cluster)
        primary = next(node for name, node in names.items() if name.startswith(tag(3)))
        number = cluster.data.index(primary)
        away = [primary, cluster.data[number + 3]]
        for node in away:
            node.kill()
        await until(lambda: _store_wrong(running))
        lost.say(77, "asked while its shard is away")
        for bot in (other, first):
            bot.say(77, "and here?")
            await answered(bot, "and here?")
        assert len(lost.posts(77)) == 1
        await _the_rest_is_seen(running, tmp_path, cluster, bots.bots)
        for node in away:
            node.start()
        await answered(lost, "asked while its shard is away")
        await until(lambda: _is_ready(running))
        await at_rest(running.core)


async def _set_aside(redis, bots):
    """A question of somebody of each of *bots*."""
    for bot in bots:
        name = conversation_id(tenant(bot), "77")
        asked = Incoming(event_id=name, conversation=name, sender=Sender(name, "Ann"), text="?")
        letter = DeadLetter("no model", msgspec.json.encode(asked).decode())
        await at_home(redis, name).rpush(keys.DEAD, msgspec.json.encode(letter))


async def _without(operator, part, lost):
    """Whether it says that of *lost* alone something is missing; a busy machine may look late."""
    return (await operator.see(part))["away"] == [tenant(lost)]


async def _set_aside_are(operator, count):
    return (await operator.see("now"))["set_aside"] == count


async def _the_rest_is_seen(running, tmp_path, cluster, bots):
    """The operator sees all that is there, and of whom something is missing."""
    first, lost, other = bots
    async with Operator(running.url) as operator:
        assert await operator.sign_in(token=TOKEN) == 200
        now = await operator.see("now")
        assert set(now["waiting"]) == set(map(tenant, bots))
        month = "over-time?range=30d"
        for part in ("now", "over-time", month, "people", "budgets", "places", "letters"):
            await until(partial(_without, operator, part, lost))
        await until(partial(_set_aside_are, operator, 2))

        async def spenders():
            people = (await operator.see(month))["top"]["person"]
            return {f"{tenant(one)}:77" for one in (first, other)} <= {one["who"] for one in people}

        await until(spenders)
        letters = (await operator.see("letters"))["letters"]
        assert {one["conversation"] for one in letters} == {
            conversation_id(tenant(bot), "77") for bot in (first, other)
        }
        (mark,) = [one["mark"] for one in letters if tenant(other) in one["conversation"]]
        assert await operator.do("letters", do="drop", marks=[mark]) == (200, {"count": 1})
        for kind in ("csv", "costs"):
            url = f"{running.url}/admin/api/over-time?as={kind}"
            async with operator.http.get(url) as response:
                assert f"missing: {tenant(lost)}" in await response.text()
    code, out, err = await run(tmp_path, "inbox", REDIS_URL=cluster.url, SHARDS=str(SHARDS))
    assert (code, out.count("no model")) == (1, 1)
    assert err == f"palaver: missing, as their part of the store is away: {tenant(lost)}\n"


async def test_a_shard_that_says_nothing_keeps_no_other_tenant_waiting(
    cluster, bots, tmp_path, model
):
    """A machine that is gone does not even refuse: each command to it fails after seconds."""
    first, lost, other = bots.bots
    for node in cluster.data:
        await node.client.config_set("cluster-require-full-coverage", "no")
        # Back again, the replica would take over, and what was kept just before would be lost.
        await node.client.config_set("cluster-replica-no-failover", "yes")
    more = {"shards": SHARDS, "admin_token": TOKEN}
    async with serving(tmp_path, model, bots, cluster.url, **more) as running:
        lost.say(77, "before")
        await answered(lost, "before")
        await at_rest(running.core)
        names = await all_names(cluster)
        primary = next(node for name, node in names.items() if name.startswith(tag(3)))
        away = [primary, cluster.data[cluster.data.index(primary) + 3]]
        for node in away:
            node.freeze()
        try:
            lost.say(77, "asked while its shard says nothing")
            other.say(77, "/remind in 2 seconds tea")
            for number in range(8):
                first.say(77, f"and here, {number}?")
                await answered(first, f"and here, {number}?")
            await until(lambda: [one for one in other.posts(77) if one.text == "⏰\n\ntea"])
            assert len(lost.posts(77)) == 1
            async with Operator(running.url) as operator:
                assert await operator.sign_in(token=TOKEN) == 200
                await until(partial(_without, operator, "over-time", lost))
        finally:
            for node in away:
                node.thaw()
        await answered(lost, "asked while its shard says nothing")
        await at_rest(running.core)


async def _store_wrong(running):
    status, told = await readiness(running.url)
    return status == 503 and "store" in str(told)


async def _is_ready(running):
    return (await readiness(running.url))[0] == 200


async def test_another_number_of_shards_is_one_sentence_and_no_start(tmp_path, model, bots):
    async with redis_at(tmp_path / "redis") as redis:
        async with serving(tmp_path, model, bots, redis.url, shards=SHARDS):
            pass
        for more in ({}, {"SHARDS": "3"}):
            for command in ("run", "ask", "backup", "migrate", "check"):
                arguments = {"ask": ["hello"], "backup": ["-"]}.get(command, [])
                code, out, err = await run(
                    tmp_path, command, *arguments, REDIS_URL=redis.url, **more
                )
                assert code in {1, 2}, (command, out, err)
                assert "but this store has 4, and that stays: set it so" in out + err, command
                assert "Traceback" not in out + err
        code, out, _ = await run(tmp_path, "check", REDIS_URL=redis.url, SHARDS="4")
        assert "a trial write was kept in each of 4 shards" in out


async def test_what_was_kept_with_one_shard_is_read_and_new_bots_are_spread(tmp_path, model, bots):
    first, second, third = bots.bots
    async with redis_at(tmp_path / "redis") as redis:
        tokens = f"{first.token},{second.token}"
        async with serving(tmp_path, model, bots, redis.url, telegram_bot_token=tokens) as running:
            for bot in (first, second):
                bot.say(77, f"my secret is {tenant(bot)}")
                await answered(bot, "my secret is")
            await at_rest(running.core)
        async with serving(tmp_path, model, bots, redis.url, shards=SHARDS) as running:
            for bot in (first, second):
                bot.say(77, "what is my secret?")
                await answered(bot, "what is my secret?")
                assert f"my secret is {tenant(bot)}" in str(model.requests[-1]["messages"])
            third.say(77, "hello")
            await answered(third, "hello")
            await at_rest(running.core)
        async with connect(redis.url) as client:
            names = {name.decode() async for name in client.scan_iter("palaver:*:history:*")}
            assert json.loads(await client.get(keys.SHARDS)) == {
                "count": SHARDS,
                "first": [tenant(second)],
            }
        assert names == {
            f"{tag(0)}:history:telegram:77:",
            f"{tag(0)}:history:{tenant(second)}:77:",
            f"{tag(1)}:history:{tenant(third)}:77:",
        }


@pytest.mark.parametrize("after", [SHARDS, 3, 1])
async def test_a_backup_goes_on_in_an_empty_store_with_any_number_of_shards(
    tmp_path, model, bots, after
):
    """The way to change the number: nobody's memory, and nobody's history, is lost by it."""
    file = str(tmp_path / "all.backup")
    async with redis_at(tmp_path / "one") as one, redis_at(tmp_path / "two") as two:
        async with serving(tmp_path, model, bots, one.url, shards=SHARDS) as running:
            for bot in bots.bots:
                bot.say(77, f"my secret is {tenant(bot)}")
                await answered(bot, "my secret is")
            await at_rest(running.core)
        code, _, err = await run(tmp_path, "backup", file, REDIS_URL=one.url, SHARDS=str(SHARDS))
        assert code == 0, err
        code, _, err = await run(tmp_path, "restore", file, REDIS_URL=two.url, SHARDS=str(after))
        assert code == 0, err
        assert (f"SHARDS was {SHARDS}, and is {after}" in err) == (after != SHARDS)
        async with serving(tmp_path, model, bots, two.url, shards=after) as running:
            for bot in bots.bots:
                bot.say(77, "what is my secret?")
                await answered(bot, "what is my secret?")
                assert f"my secret is {tenant(bot)}" in str(model.requests[-1]["messages"])
            await at_rest(running.core)
            layout = Layout(after)
            async with connect(two.url) as client:
                names = {one.decode() async for one in client.scan_iter("palaver:*:history:*")}
            assert names == {
                f"{tag(layout.shard_of(tenant(bot)))}:history:{tenant(bot)}:77:"
                for bot in bots.bots
            }


async def test_who_is_in_another_shard_is_the_same_person_on_the_page(tmp_path, model, bots):
    """Their conversations there are kept with their bot, and all that is theirs goes with them."""
    me = f"{tenant(bots.bots[1])}:77"
    async with (
        redis_at(tmp_path / "redis") as redis,
        serving(tmp_path, model, bots, redis.url, shards=SHARDS, **public()) as running,
    ):
        for number, bot in enumerate(bots.bots):
            bot.say(77, f"apples of {number}")
            bot.say(77, f"/memory add I like the number {number}")
            await until(lambda bot=bot: len(bot.posts(77)) == 2)
        await at_rest(running.core)
        await _on_the_page(running, model, bots, me)
        async with connect(redis.url) as client:
            names = {name.decode() async for name in client.scan_iter("palaver:*:web:p-*")}
            # What the page shows is in the first shard; all else of theirs, with their bot.
            assert {name[:11] for name in names if ":board:" not in name} == {
                tag(shard) for shard in OF_BOT
            }
            mine = [name for name in names if name.startswith(tag(OF_BOT[1]))]
            assert mine
            assert all(f"~{tenant(bots.bots[1])}:" in name for name in mine)
            assert not [name async for name in client.scan_iter("palaver:*:lanes:web~*")]
        await _signed_out_by_forgetting(running, model, bots.bots[1])


async def _on_the_page(running, model, bots, me):
    for number, bot in enumerate(bots.bots):
        async with Page(running.url) as page:
            assert await page.session(link=await link_of(bot)) == (200, {"welcome": True})
            _, told = await page.session()
            assert told["platform"] == tenant(bot)
            (talk,) = json.loads((await page.get("/api/elsewhere"))[1])
            assert talk["said"][0][0] == f"apples of {number}"
            for text in (f"pears of {number}", "and once more?"):
                assert await page.ask(text) == 202
                await until(lambda text=text: _was_asked(model, text))
                await at_rest(running.core)
            # As the same person, in the same conversation, and nobody else's.
            asked = str(model.requests[-1]["messages"])
            assert f"pears of {number}" in asked
            assert f"I like the number {number}" in asked
            (entry,) = json.loads((await page.get("/api/conversations"))[1])
            assert entry["title"] == f"pears of {number}"
            assert await page.ask("/remind in 2 hours pears") == 202
            await at_rest(running.core)
            who = f"{tenant(bot)}:77"
            assert list(await running.core.services.reminders.of_person(who)) == [1]
            assert await page.ask("/export") == 202
            await at_rest(running.core)
            if who != me:
                assert (await page.sign_out()) == 200
                assert (await page.get("/api/elsewhere"))[0] == 403


async def _signed_out_by_forgetting(running, model, bot):
    """Also what they said on the page is erased: nothing is left of it in any shard."""
    async with Page(running.url) as page:
        assert (await page.session(link=await link_of(bot)))[0] == 200
        await running.core.services.visits.end(f"{tenant(bot)}:77")
        assert (await page.session())[0] == 403
    bot.say(77, "/forget everything")
    sure = await until(
        lambda: next((one for one in bot.posts(77) if "yes" in str(one.markup)), None)
    )
    bot.press(sure, sure.markup["inline_keyboard"][0][0]["callback_data"])
    await answered(bot, "Erased")
    await at_rest(running.core)
    redis = running.core.redis
    left = [one async for one in redis.scan_iter(f"{keys.TAG}:*~{tenant(bot)}:*")]
    kinds = {one.decode().split(":")[2] for one in left}
    assert not kinds & {"history", "spent", "reminders-in"}


async def link_of(bot):
    before = len(bot.posts(77))
    bot.say(77, "/web")

    def found():
        links = [LINK.search(one.text) for one in bot.posts(77)[before:]]
        return next((one[1] for one in links if one), None)

    return await until(found)


def _was_asked(model, text):
    return any(text in str(one["messages"][-1]) for one in model.requests)


async def test_forget_everything_leaves_nothing_of_a_person_in_another_shard(tmp_path, model, bots):
    bot, shard = bots.bots[1], OF_BOT[1]
    async with (
        redis_at(tmp_path / "redis") as redis,
        serving(tmp_path, model, bots, redis.url, shards=SHARDS) as running,
    ):
        bot.say(77, "my secret is pineapple")
        await answered(bot, "pineapple")
        bot.say(77, "/memory add I like pineapple")
        bot.say(77, "/remind in 2 hours pineapple")
        await until(lambda: len(bot.posts(77)) == 3)
        await at_rest(running.core)
        bot.say(77, "/forget everything")
        sure = (await until(lambda: bot.posts(77)[3:]))[0]
        bot.press(sure, sure.markup["inline_keyboard"][0][0]["callback_data"])
        await answered(bot, "Erased")
        await at_rest(running.core)
        async with connect(redis.url) as client:
            dumps = [await client.dump(name) async for name in client.scan_iter("palaver:*")]
            assert not [one for one in dumps if one and b"pineapple" in one]
            left = {name.decode() async for name in client.scan_iter(f"{tag(shard)}:*:77*")}
        kinds = {name.split(":")[2] for name in left}
        assert not kinds & {"history", "asked", "spent", "reminders", "reminders-of"}
