"""A store with several shards: each tenant lives in one, whole, and everybody finds it there."""

import asyncio
import secrets
from contextlib import asynccontextmanager

import msgspec
import pytest
from msgspec.structs import replace

from core.errors import ConfigError
from core.messages import Incoming, Sender, conversation_id
from core.platform import Bucket
from core.store import keys
from core.store.backup import BackupError, backup, restore
from core.store.connection import connect
from core.store.dead_letters import DeadLetters
from core.store.embedded import embedded
from core.store.inbox import Inbox
from core.store.opening import opened
from core.store.reminder import Reminder
from core.store.reminders import Reminders
from core.store.sharded import at_home, shards_of
from core.store.shards import Layout, home_of, tag
from core.store.tenants import Tenants
from core.store.tokens import SharedBudget
from core.store.use import Told, Use
from core.store.values import DeadLetter
from tests.harness import until

SPREAD = {"quarry": 0, "quarry+ab": 1, "quarry+9": 2, "quarry+B-2": 3}
"""Tenants by their shards, of four."""
PLATFORMS = tuple(SPREAD)


@pytest.fixture
async def url(tmp_path):
    async with embedded(tmp_path / "store") as url:
        yield url


@pytest.fixture
async def plain(url):
    """A client of the server, which sees all keys as they are called there."""
    async with connect(url) as client:
        yield client


def sharded(url, shards=4):
    return opened(url, None, shards, serves=secrets.token_hex(4))


@pytest.fixture
async def redis(url):
    async with sharded(url) as client:
        yield client


def inbox(redis, worker="one", **more):
    return Inbox(redis, worker, history_ttl_s=1000, most_waiting=10, **more)


def question(tenant, number=1, text="hello"):
    return Incoming(
        event_id=f"{tenant}:{number}",
        conversation=conversation_id(tenant, "77"),
        sender=Sender(f"{tenant}:77", "Ann"),
        text=text,
        message=str(number),
        private=True,
    )


async def names_in(plain, shard):
    return {name.decode() async for name in plain.scan_iter(f"{tag(shard)}:*")}


def test_the_shard_of_a_tenant_is_told_by_its_name_for_ever():
    """Another law would lose what is kept: these numbers never change."""
    assert {name: Layout(4).shard_of(name) for name in SPREAD} == SPREAD
    assert Layout(4, frozenset({"quarry+ab"})).shard_of("quarry+ab") == 0
    assert {Layout(1).shard_of(name) for name in SPREAD} == {0}


@pytest.mark.parametrize(
    ("name", "home"),
    [
        (keys.mail("quarry+ab:77:|quarry+ab:5"), "quarry+ab"),
        (keys.ready("quarry+ab"), "quarry+ab"),
        (keys.running(""), ""),
        (keys.askers(conversation_id("quarry+ab", "7"), 12), "quarry+ab"),
        (keys.account("quarry+ab:77", "person:day:a+b:c*", "2026-11-26"), "quarry+ab"),
        (keys.account("quarry+ab", "tenant:hour:a+b", "2026-11-26T13Z"), "quarry+ab"),
        (keys.account("quarry+ab:-7", "place:month", "2026-11"), "quarry+ab"),
        (keys.spent("model:a+b"), ""),
        (keys.spent("quarry+ab:77"), "quarry+ab"),
        (keys.seen("due:quarry+ab:1"), ""),
        (keys.DEAD, ""),
        (keys.level("quarry+ab:77"), ""),
        (keys.history("quarry+ab:*"), "quarry+ab"),
        (keys.history("*"), ""),
        (keys.history("web:ann+bot:"), "web"),
        (keys.mail("web:p-1f~quarry+ab:thread"), "quarry+ab"),
        (keys.mail("web:p-1f~quarry+ab:thread|quarry+ab:5"), "quarry+ab"),
        (keys.seen("web:p-1f~quarry+ab:event"), "quarry+ab"),
        (keys.account("web:p-1f~quarry+ab", "place:month", "2026-11"), "quarry+ab"),
        (keys.history("web:p-1f~quarry:thread"), "web"),
        (keys.history("web:p-1f:a~quarry+ab"), "web"),
    ],
)
def test_a_key_tells_whose_it_is(name, home):
    assert home_of(name) == home


async def test_a_question_is_kept_claimed_and_committed_in_its_tenants_shard(redis, plain):
    box = inbox(redis)
    await box.prepare(PLATFORMS)
    for tenant in SPREAD:
        assert (await box.put(question(tenant))).verdict == "kept"
        assert (await box.put(question(tenant))).verdict == "seen"
    claims = {}
    while len(claims) < len(SPREAD):
        for claim in await box.claim(PLATFORMS, 8, 1.0):
            claims[claim.conversation] = claim
    for claim in claims.values():
        turn = await claim.load(10_000)
        assert [one.text for one in turn.mail] == ["hello"]
        assert await claim.commit(1, None) == 0
    for tenant, shard in SPREAD.items():
        theirs = {name for one in range(4) for name in await names_in(plain, one) if tenant in name}
        mine = {one for one in theirs if f":{tenant}:" in one or one.endswith(f":{tenant}")}
        assert mine
        assert {one for one in mine if not one.startswith(tag(shard))} == set()
    await box.entries.close()


async def test_a_lane_left_behind_is_taken_over_in_each_shard(redis):
    box, other = inbox(redis), inbox(redis, "two", lease_s=0.2)
    await box.prepare(PLATFORMS)
    for tenant in SPREAD:
        await box.put(question(tenant))
    claimed = set()
    while len(claimed) < len(SPREAD):
        claimed |= {one.conversation for one in await box.claim(PLATFORMS, 8, 1.0)}
    await box.entries.close()
    await asyncio.sleep(0.3)
    taken = []
    while len(taken) < len(SPREAD):
        taken += await other.take_over(PLATFORMS, 8)
    await other.entries.close()
    assert {one.conversation for one in taken} == claimed
    for claim in taken:
        assert [one.text for one in (await claim.load(10_000)).mail] == ["hello"]


async def test_a_lost_ready_stream_is_made_anew_in_each_shard(redis):
    box = inbox(redis)
    await box.prepare(PLATFORMS)
    for tenant in SPREAD:
        await box.put(question(tenant))
        await redis.delete(keys.ready(tenant), keys.lanes(tenant))
    found = set()
    while len(found) < len(SPREAD):
        found |= {one.conversation for one in await box.claim(PLATFORMS, 8, 1.0)}
    await box.entries.close()


def guest(tenant, number=1):
    """What somebody of *tenant* asks on the page."""
    visitor = f"p-1f0c~{tenant}" if tenant != "quarry" else "p-1f0c"
    return replace(
        question(tenant, number),
        event_id=f"web:{visitor}:{number}",
        conversation=conversation_id("web", visitor, "thread"),
    )


async def test_what_people_of_a_tenant_say_on_the_page_is_kept_with_it(redis, plain):
    """Also if its ready stream is lost meanwhile."""
    box, platforms = inbox(redis), ("web", *PLATFORMS)
    await box.prepare(platforms)
    for tenant in SPREAD:
        assert (await box.put(guest(tenant))).verdict == "kept"
        assert (await box.put(guest(tenant))).verdict == "seen"
        await redis.delete(keys.ready(tenant), keys.lanes(tenant))
    claims = {}
    while len(claims) < len(SPREAD):
        for claim in await box.claim(platforms, 8, 1.0):
            claims[claim.conversation] = claim
    for tenant, shard in SPREAD.items():
        claim = claims[where(tenant)]
        assert [one.text for one in (await claim.load(10_000)).mail] == ["hello"]
        assert await claim.commit(1, None) == 0
        theirs = {
            name for one in range(4) for name in await names_in(plain, one) if where(tenant) in name
        }
        assert {name[:11] for name in theirs} == {tag(shard)}
    await box.entries.close()


def where(tenant):
    return guest(tenant).conversation


async def test_a_read_of_one_shard_waits_for_no_other_and_loses_nothing(redis):
    """Each brings what it took, some with a later call."""
    box = inbox(redis)
    await box.prepare(PLATFORMS)
    found = []
    for number in range(12):
        tenant = PLATFORMS[number % 4]
        await box.put(question(f"{tenant}", number, text=str(number)))
        while not [one for one in found if one == (tenant, number)]:
            for claim in await box.claim(PLATFORMS, 8, 30.0):
                turn = await claim.load(10_000)
                found += [(claim.conversation.split(":")[0], int(m.text)) for m in turn.mail]
                await claim.commit(len(turn.mail), None)
    assert len(found) == 12
    await box.entries.close()


async def test_dead_letters_of_all_shards_are_seen_put_back_and_dropped(redis):
    box = inbox(redis)
    await box.prepare(PLATFORMS)
    for tenant in SPREAD:
        await box.put(question(tenant))
    done = 0
    while done < len(SPREAD):
        for claim in await box.claim(PLATFORMS, 8, 1.0):
            await claim.load(10_000)
            await claim.commit(1, None, dead="no model")
            done += 1
    letters = DeadLetters(redis, box)
    assert await letters.count() == len(await letters.all()) == 4
    assert {one.incoming.conversation.split(":")[0] for one in await letters.all()} == set(SPREAD)
    assert await letters.drop(lambda mail: "quarry+9" in mail) == 1
    assert await letters.requeue(lambda mail: "quarry+ab" in mail) == 1
    assert await letters.requeue() == 2
    assert await letters.count() == 0
    waiting = [name async for name in redis.scan_iter(keys.mail("*"))]
    assert len(waiting) == 3
    await box.entries.close()


def tea(tenant, number):
    """A reminder of somebody of *tenant*."""
    return Reminder(
        id=f"r{number}",
        text=f"tea for {tenant}",
        conversation=conversation_id(tenant, "77"),
        person=Sender(f"{tenant}:77", "Ann"),
        due=1000.0 + number,
        zone="UTC",
        private=True,
    )


async def test_a_reminder_is_due_in_its_tenants_shard_and_found_from_everywhere(redis, plain):
    reminders = Reminders(redis, 10)
    box = inbox(redis)
    await box.prepare(PLATFORMS)
    for number, tenant in enumerate(SPREAD):
        assert await reminders.create(tea(tenant, number), 10, 10) == 1
    for number, (tenant, shard) in enumerate(SPREAD.items()):
        assert f"{tag(shard)}:reminders-of:{tenant}:77" in await names_in(plain, shard)
        assert (await reminders.get(f"r{number}")).reminder.text == f"tea for {tenant}"
        assert list(await reminders.of_person(f"{tenant}:77")) == [1]
        assert len(await reminders.of_place(conversation_id(tenant, "77"))) == 1
    assert await reminders.forget("quarry+9:77") == 1
    due = {}
    while len(due) < 3:
        some, now, _ = await reminders.look(10)
        due |= {one.reminder.id: one for one in some}
    assert {await reminders.tell(one, now) for one in due.values()} == {"told"}
    assert len([name async for name in redis.scan_iter(keys.mail("*"))]) == 3
    await reminders.close()
    assert (await reminders.look(10))[0] == []
    await reminders.close()


async def test_levels_are_counted_in_the_shard_of_the_tenant_whose_calls_they_count(redis, plain):
    """Two processes see each other's calls there. What names no tenant is the deployment's."""
    budgets = SharedBudget(redis), SharedBudget(redis)
    buckets = [Bucket(f"calls of {one}", 2, 60.0, 0, of=one) for one in ("", *SPREAD)]
    for bucket in buckets:
        taken = [await budgets[at % 2].take([bucket], "final") for at in range(3)]
        assert [one.wait_s > 0 for one in taken] == [False, False, True]
        shard = SPREAD.get(bucket.of, 0)
        assert f"{tag(shard)}:level:{bucket.key}" in await names_in(plain, shard)


async def test_commands_find_all_shards_and_a_script_refuses_two(redis):
    for number, tenant in enumerate(SPREAD):
        await redis.set(keys.zone(f"{tenant}:1"), number)
    zones = {name async for name in redis.scan_iter(keys.zone("*"), count=1)}
    assert zones == {keys.zone(f"{tenant}:1").encode() for tenant in SPREAD}
    assert [name async for name in redis.scan_iter(keys.zone("quarry+9:*"))] == [
        keys.zone("quarry+9:1").encode()
    ]
    names = [keys.zone(f"{tenant}:1") for tenant in SPREAD]
    async with redis.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.get(name)
        pipe.exists(*names)
        assert await pipe.execute() == [b"0", b"1", b"2", b"3", 4]
    with pytest.raises(ValueError, match="several shards"):
        await redis.eval("return 1", 2, *names[:2])
    async with redis.pipeline(transaction=True) as pipe:
        pipe.set(names[1], 1)
        pipe.set(names[2], 1)
        with pytest.raises(ValueError, match="several shards"):
            await pipe.execute()
    assert await redis.delete(*names) == 4


async def test_what_the_deployment_keeps_is_looked_for_in_its_shard_alone(redis, plain):
    """So nobody's data stays because a shard that has none of it is away."""
    await redis.set(keys.told("quarry+ab:77"), 1)
    await plain.set(f"{tag(1)}:told:quarry+ab:77", 1)
    found = [name async for name in redis.scan_iter(f"{keys.told('')}*")]
    assert found == [keys.told("quarry+ab:77").encode()]


async def test_a_key_of_another_type_is_put_aside_in_its_shard(redis, plain):
    await redis.set(keys.mail("quarry+ab:77:"), "somebody else's")
    box = inbox(redis)
    await box.prepare(PLATFORMS)
    assert (await box.put(question("quarry+ab"))).verdict == "kept"
    assert f"{tag(1)}:aside:mail:quarry+ab:77:" in await names_in(plain, 1)


async def test_the_number_of_shards_is_fixed_at_first_use(url, redis):
    for wrong in (1, 2, 8):
        with pytest.raises(ConfigError, match=f"is {wrong}, but this store has 4"):
            async with sharded(url, wrong):
                pass
    async with sharded(url) as again:
        assert len(shards_of(again)) == 4


async def test_one_shard_leaves_no_trace_and_is_a_plain_client(url, plain):
    async with sharded(url, 1) as redis:
        assert shards_of(redis) == (redis,)
    assert await plain.dbsize() == 0


async def test_who_only_looks_fixes_nothing(url, plain):
    async with opened(url, None, 4) as redis:
        assert len(shards_of(redis)) == 4
    assert await plain.dbsize() == 0


async def test_tenants_from_before_stay_where_they_are(url, plain):
    """Also one of whom only its name is known yet."""
    before = inbox(plain)
    await before.prepare(["quarry", "quarry+ab"])
    await before.put(question("quarry+ab", text="from before"))
    await plain.hset(keys.TENANTS, "quarry 9", "quarry+B-2")
    async with sharded(url) as redis:
        box = inbox(redis)
        await box.prepare(PLATFORMS)
        claims = []
        while not claims:
            claims = await box.claim(PLATFORMS, 8, 1.0)
        assert [one.text for one in (await claims[0].load(1000)).mail] == ["from before"]
        await box.put(question("quarry+9"))
        await box.put(question("quarry+B-2"))
        await box.entries.close()
    assert await plain.exists(keys.mail("quarry+B-2:77:"))
    assert not await plain.exists(keys.mail("quarry+9:77:"))
    async with sharded(url) as redis:
        assert redis.layout.first == {"quarry+ab", "quarry+B-2"}
        assert await Tenants(redis).known() == {"quarry 9": "quarry+B-2"}


async def test_a_store_gets_no_shards_while_processes_run_that_do_not_know(url, plain):
    use = Use(plain)
    told = Told("old", asyncio.get_running_loop().time() + 4e9, 0.0, "0.2", 0, 1, (0.0, 0.0))
    await use.add({}, told)
    with pytest.raises(ConfigError, match="stop all, then start"):
        async with sharded(url):
            pass
    assert not await plain.exists(keys.SHARDS)
    await use.leave("old")
    async with sharded(url):
        pass


async def test_of_two_that_begin_at_once_with_and_without_shards_one_serves(url, plain):
    """The other one says why not. Who begins later is refused as well."""
    for number in range(12):
        began: list[object] = []

        async def begin(shards, began=began):
            try:
                async with sharded(url, shards) as redis:
                    began.append(len(shards_of(redis)))
                    await until(lambda: len(began) == 2)
                    return
            except ConfigError as error:
                began.append(str(error))

        both = [1, 4] if number % 2 else [4, 1]
        await asyncio.gather(*map(begin, both))
        (won,) = [one for one in began if isinstance(one, int)]
        (why,) = [one for one in began if isinstance(one, str)]
        assert ("stop all, then start" if won == 1 else "but this store has 4") in why
        # Nothing is left of who was refused.
        assert await plain.keys() == ([keys.SHARDS.encode()] if won == 4 else [])
        await plain.flushall()


async def test_two_that_begin_at_once_agree(url):
    async def begin(shards):
        try:
            async with sharded(url, shards) as redis:
                return len(shards_of(redis))
        except ConfigError as error:
            return str(error)

    both = await asyncio.gather(begin(4), begin(8))
    assert sum(isinstance(one, int) for one in both) == 1


@asynccontextmanager
async def another(tmp_path, shards):
    async with embedded(tmp_path / "other") as url, opened(url, None, shards) as redis:
        yield redis


async def saved(redis):
    return [line async for line in backup(redis)]


async def test_a_backup_of_all_shards_goes_back_into_as_many(redis, tmp_path):
    for number, tenant in enumerate(SPREAD):
        await redis.set(keys.zone(f"{tenant}:1"), number)
    for shard in shards_of(redis):
        await shard.rpush(keys.DEAD, f"of {id(shard)}")
    lines = await saved(redis)
    async with another(tmp_path, 4) as new:
        assert await restore(new, lines) == len(lines) - 2
        assert sorted((await saved(new))[:-1]) == sorted(lines[:-1])
        assert [await new.get(keys.zone(f"{one}:1")) for one in SPREAD] == [b"0", b"1", b"2", b"3"]


async def _lived_in(redis):
    """Each tenant has a zone, a history, a reminder, a letter, and what its models cost."""
    box, reminders = inbox(redis), Reminders(redis, 10)
    await box.prepare(PLATFORMS)
    for number, tenant in enumerate(SPREAD):
        await redis.set(keys.zone(f"{tenant}:1"), number)
        await redis.rpush(keys.history(conversation_id(tenant, "77")), f"of {tenant}")
        await reminders.create(tea(tenant, number), 10, 10)
        mail = msgspec.json.encode(question(tenant)).decode()
        shard = at_home(redis, tenant)
        await shard.rpush(keys.DEAD, msgspec.json.encode(DeadLetter("no model", mail)))
        await shard.expire(keys.DEAD, 1000)
        await shard.hincrby(keys.spent("model:scripted"), "turns", 1 + number)


@pytest.mark.parametrize("shards", [1, 2, 3, 8])
async def test_a_backup_goes_into_an_empty_store_with_another_number_of_shards(
    redis, tmp_path, shards
):
    """Each tenant is where it belongs there, and all that is theirs."""
    await _lived_in(redis)
    lines = await saved(redis)
    async with embedded(tmp_path / "other") as url:
        async with opened(url, None, shards) as new:
            # SHARDS itself is made anew.
            assert await restore(new, lines) == len(lines) - 2
        async with sharded(url, shards) as new, connect(url) as plain:
            layout = Layout(shards)
            box, reminders = inbox(new), Reminders(new, 10)
            for number, tenant in enumerate(SPREAD):
                here = await names_in(plain, layout.shard_of(tenant))
                for kind in ("zone", "history", "reminders-of", "reminders-in"):
                    assert [one for one in here if f":{kind}:{tenant}:" in one], kind
                assert await new.get(keys.zone(f"{tenant}:1")) == str(number).encode()
                assert list(await reminders.of_person(f"{tenant}:77")) == [1]
            assert await new.hget(keys.spent("model:scripted"), "turns") == b"10"
            assert 0 < await new.ttl(keys.DEAD) <= 1000
            await box.prepare(PLATFORMS)
            told = set()
            while len(told) < len(SPREAD):
                some, now, _ = await reminders.look(10)
                told |= {
                    one.reminder.id for one in some if await reminders.tell(one, now) == "told"
                }
            await reminders.close()
            letters = DeadLetters(new, box)
            of = {one.incoming.conversation.split(":")[0] for one in await letters.all()}
            assert of == set(SPREAD)
            assert await letters.requeue() == len(SPREAD)
            claimed = set()
            while len(claimed) < len(SPREAD):
                claimed |= {one.conversation for one in await box.claim(PLATFORMS, 8, 1.0)}
            await box.entries.close()
            assert not [one async for one in new.scan_iter(f"{keys.TAG}:aside:*")]
            # And back again, by way of one shard.
            back = await saved(new)
        async with embedded(tmp_path / "back") as again, opened(again, None, 4) as old:
            await restore(old, back)
            for number, tenant in enumerate(SPREAD):
                assert await old.get(keys.zone(f"{tenant}:1")) == str(number).encode()


async def test_a_backup_does_not_go_where_its_tenants_would_not_be_found(redis, plain, tmp_path):
    await redis.set(keys.zone("quarry+ab:1"), 1)
    lines = await saved(redis)
    async with another(tmp_path, 2) as new:
        await new.set(keys.zone("quarry+9:1"), "another's")
        with pytest.raises(BackupError, match="empty store"):
            await restore(new, lines)
    async with embedded(tmp_path / "third") as url:
        async with connect(url) as client:
            await client.set(keys.zone("quarry+ab:1"), "from before")
        async with opened(url, None, 4) as other:
            with pytest.raises(BackupError, match="empty store"):
                await restore(other, lines)
