"""What another version, or somebody else, wrote: read or set aside, never in anybody's way."""

import asyncio
import datetime
from contextlib import suppress

import msgspec
import pytest
from msgspec.structs import replace

from core.errors import LeaseLost
from core.messages import Exchange, Sender, Spent, conversation_id
from core.people.budgets import Limit, accounts_at
from core.store import keys, values
from core.store.accounts import bill_of, key_of
from core.store.claim import START
from core.store.dead_letters import DeadLetters
from core.store.post_log import RedisPostLog
from core.store.pubsub import PubSub
from core.store.response_cache import RedisResponseCache
from core.store.tasks import Tasks
from core.store.turns import Checkpoint
from tests.store.words import exchange, said, take, two_views
from tests.unit.test_data_page import kinds_in_code

CHAT = conversation_id("test", "chat")
GARBAGE = [
    b"\xff\xfe",
    b"",
    b"null",
    b"[1,2]",
    b'"words"',
    b"{}",
    b'{"event_id":1}',
    b'{"event_id":"e","text":"\\ud800"}',
    b"{" * 5000,
    b'{"x":' * 2000 + b"1" + b"}" * 2000,
    b"1e999",
]
READABLE = msgspec.json.encode(said(1))


@pytest.fixture
async def inbox(redis):
    return (await two_views(redis))[0]


@pytest.mark.parametrize(
    "fields",
    [
        {"x": "y"},
        {"c": b"\xff\xfe"},
        {"c": "no conversation"},
        {"c": "other:space:thread"},
        {"c": "", "p": b"\xff"},
    ],
)
async def test_a_ready_entry_of_another_make_is_dropped_and_the_next_one_served(
    redis, inbox, fields
):
    await redis.xadd(keys.ready("test"), fields)
    await inbox.put(said(1))
    assert await inbox.waiting("test", 0.0)
    claims = await inbox.claim(["test"], 5, 0.5)
    assert [claim.conversation for claim in claims] == [CHAT]
    assert await redis.xlen(keys.ready("test")) == 1


async def test_a_person_written_in_other_bytes_keeps_nobody_from_an_answer(redis, inbox):
    await redis.xadd(keys.ready("test"), {"c": CHAT, "p": b"\xff\xfe"})
    await redis.rpush(keys.mail(CHAT), READABLE)
    _, turn = await take(inbox)
    assert [one.event_id for one in turn.mail] == ["event-1"]


@pytest.mark.parametrize("garbage", GARBAGE)
async def test_mail_that_cannot_be_read_becomes_a_dead_letter_and_the_next_is_served(
    redis, inbox, garbage
):
    await redis.rpush(keys.mail(CHAT), garbage)
    await redis.xadd(keys.ready("test"), {"c": CHAT})
    await inbox.put(said(1))
    assert await inbox.untold(CHAT) is None
    claim, turn = await take(inbox)
    assert [one.event_id for one in turn.mail] == ["event-1"]
    assert await claim.commit(1, exchange(1)) == 0
    (letter,) = await DeadLetters(redis, inbox).all()
    assert letter.incoming is None
    assert "cannot be read" in letter.reason
    assert len(letter.mail) <= 16 * 1024


@pytest.mark.parametrize("garbage", GARBAGE)
async def test_a_stop_over_mail_that_cannot_be_read_is_taken(redis, inbox, garbage):
    await redis.rpush(keys.mail(CHAT), garbage)
    assert (await inbox.put(said(2, command="stop"))).verdict == "stopping"


@pytest.mark.parametrize("garbage", GARBAGE)
async def test_a_history_entry_that_cannot_be_read_costs_only_itself(redis, inbox, garbage):
    await inbox.put(said(1))
    claim, _ = await take(inbox)
    await claim.commit(1, exchange(1))
    await redis.rpush(keys.history(CHAT), garbage)
    await inbox.put(said(2))
    claim, turn = await take(inbox)
    assert [one.event_id for one in turn.history] == ["event-1"]
    # Again: the last that can be read is what is replaced.
    await claim.commit(1, exchange(2), replaces="event-1")
    await inbox.put(said(3))
    _, turn = await take(inbox)
    assert [one.event_id for one in turn.history] == ["event-2"]


@pytest.mark.parametrize("garbage", GARBAGE)
@pytest.mark.parametrize(
    "field",
    ["checkpoint", "preferences", "summary", "stop", "tries", "note", "fence", "committed"],
)
async def test_state_that_cannot_be_read_is_none(redis, inbox, field, garbage):
    await inbox.put(said(1))
    await redis.hset(keys.state(CHAT), field, garbage)
    claim, turn = await take(inbox)
    assert turn.mail
    assert turn.tries == START
    if field == "checkpoint":
        assert turn.checkpoint is None
    await claim.renew(Checkpoint("event-1"))
    assert await claim.commit(1, exchange(1)) == 0


async def test_what_a_newer_version_wrote_beside_what_we_know_is_left_alone(redis, inbox):
    newer = {**msgspec.to_builtins(exchange(1)), "mood": {"deep": [1]}}
    await redis.rpush(keys.history(CHAT), msgspec.json.encode(newer))
    await redis.hset(keys.state(CHAT), "future", b"\xff")
    await redis.hset(keys.state(CHAT), "checkpoint", b'{"event_id":"event-1","pages":["7"],"x":1}')
    await inbox.put(said(1))
    _, turn = await take(inbox)
    assert turn.history == (msgspec.convert(newer, Exchange),)
    assert turn.checkpoint.pages == ("7",)


@pytest.mark.parametrize("kind", ["mail", "state", "history", "running", "parked", "seen", "ready"])
async def test_a_key_of_another_type_is_put_aside_and_the_question_answered(redis, inbox, kind):
    key = {
        "mail": keys.mail(CHAT),
        "state": keys.state(CHAT),
        "history": keys.history(CHAT),
        "running": keys.running("test:1"),
        "parked": keys.parked("test:1"),
        "seen": keys.seen("other"),
        "ready": keys.ready("test"),
    }[kind]
    await redis.delete(key)
    await redis.set(key, "another type")
    assert (await inbox.put(said(1))).verdict == "kept"
    await inbox.prepare(["test"])
    claims = await inbox.claim(["test"], 1, 0.5) or await inbox.claim(["test"], 1, 0.5)
    turn = await claims[0].load(10_000)
    assert turn.mail
    assert await claims[0].commit(1, exchange(1), dead="why", spent={"m": Spent(turns=1)}) == 0


@pytest.mark.parametrize("garbage", [b"many", b"nan", b"inf", b"\xff", b""])
async def test_a_sum_that_is_no_number_is_begun_anew(redis, inbox, garbage):
    await redis.hset(keys.spent(CHAT), mapping={"turns": garbage, b"\xfe": "1", "cost_usd": "0.5"})
    await inbox.put(said(1))
    claim, _ = await take(inbox)
    here, _ = await claim.ledger.spent()
    assert here == Spent(cost_usd=0.5)
    assert await claim.commit(1, exchange(1), spent={"m": Spent(turns=1)}) == 0
    if garbage not in (b"inf", b"nan"):
        assert await redis.hget(keys.spent(CHAT), "turns") == b"1"


async def test_dead_letters_are_bounded_in_number_and_bytes(redis, inbox):
    for number in range(1100):
        await redis.rpush(keys.DEAD, f'{{"reason":"r","mail":"{number}"}}')
    for _ in range(3):
        await redis.rpush(keys.mail(CHAT), b"\xff" * 20_000_000)
    await redis.xadd(keys.ready("test"), {"c": CHAT})
    await inbox.put(said(1))
    _, turn = await take(inbox)
    assert [one.event_id for one in turn.mail] == ["event-1"]
    assert await redis.llen(keys.DEAD) == 1000
    assert await redis.memory_usage(keys.DEAD) < 17_000_000


async def test_letters_that_cannot_be_read_stay_while_the_others_are_put_back(redis, inbox):
    await redis.rpush(keys.DEAD, b"\xff", b"{}", b'{"reason":1,"mail":[]}')
    good = {"reason": "r", "mail": READABLE.decode()}
    await redis.rpush(keys.DEAD, msgspec.json.encode(good))
    assert [letter.incoming is None for letter in await DeadLetters(redis, inbox).all()] == [
        True
    ] * 3 + [False]
    assert await DeadLetters(redis, inbox).requeue() == 1
    assert await redis.llen(keys.DEAD) == 3
    assert (await inbox.claim(["test"], 1, 0.5))[0].conversation == CHAT


async def test_dead_letters_of_another_type_are_begun_anew(redis, inbox):
    await redis.set(keys.DEAD, "another type")
    await inbox.put(said(1))
    claim, _ = await take(inbox)
    await claim.commit(1, None, dead="why")
    assert [letter.reason for letter in await DeadLetters(redis, inbox).all()] == ["why"]


async def test_a_post_log_shows_its_posts_between_what_is_none(redis):
    async with PubSub(redis) as pubsub:
        post_log = RedisPostLog(redis, pubsub, 100)
        await redis.hset(keys.board("b"), mapping={"x": "y", b"\xff": "z", "-1": "w", "1e3": ""})
        key = await post_log.put("b", b"post")
        assert await post_log.read("b") == [(key, b"post")]
        async with post_log.watch("b") as changes:
            for message in (b"\xff\xfe", b"", b"x y", b"9" * 50 + b" z", b"-1 z"):
                await redis.publish(keys.board("b"), message)
            await post_log.put("b", b"next")
            assert await asyncio.wait_for(anext(changes), 5) == (key + 1, b"next")


async def test_an_answer_in_other_bytes_is_not_remembered(redis):
    await redis.set(keys.answer("k"), b"\xff")
    assert await RedisResponseCache(redis, keys.answer).recall("k") == ""


async def test_a_task_in_other_bytes_ends_nothing(redis):
    async with PubSub(redis) as pubsub:
        tasks = Tasks(redis, pubsub)
        await redis.hset(keys.task("t"), mapping={"token": b"\xff", "id": b"\xfe"})
        await tasks.begin("t")
        await tasks.forget("t")
        task = await tasks.begin("t")
        assert await tasks.tell(task.token, b"{}") == "kept"
        await redis.delete(keys.callback("z"))
        await redis.hset(keys.callback("z"), "a", "b")
        with suppress(Exception):
            assert await tasks.tell("z", b"{}") in ("again", "unknown")


def test_the_type_of_every_kind_of_key_is_known():
    assert kinds_in_code() - {"control"} == set(values.TYPES)


async def test_a_command_on_a_key_of_another_type_runs_once_the_key_is_put_aside(redis):
    name = keys.asked("test:1")
    await redis.set(name, "another type")
    await redis.zadd(name, {"chat": 1})
    assert await redis.zrange(name, 0, -1) == [b"chat"]
    assert await redis.get(f"{keys.TAG}:aside:asked:test:1") == b"another type"


@pytest.mark.parametrize("transaction", [True, False])
async def test_of_a_pipeline_only_what_failed_runs_again(redis, transaction):
    here, there = keys.spent("a"), keys.spent("b")
    await redis.rpush(there, "another type")
    async with redis.pipeline(transaction=transaction) as pipe:
        pipe.hincrby(here, "turns", 1)
        pipe.hincrby(there, "turns", 1)
        assert await pipe.execute() == [1, 1]


async def test_a_count_that_is_none_begins_anew(redis):
    memories = (await two_views(redis))[0].engine.memories
    for garbage in (b"many", b"", b"9" * 30, str(2**63 - 1).encode(), b"1.5"):
        await redis.delete(keys.memory("test:1"))
        await redis.hset(keys.memory("test:1"), "next", garbage)
        assert (await memories.add("test:1", "likes tea")).number == 1


HOLDS = [
    b"[]",
    b'{"accounts":[1]}',
    b'{"accounts":{"a":1}}',
    b'{"accounts":{"palaver:{0}:account:x":{"usd":"much"}}}',
    b'{"accounts":{"palaver:{0}:account:x":{"usd":1e999,"tokens":1.5}}}',
    b'{"accounts":{"palaver:{0}:dead":{"usd":1}}}',
    b'{"accounts":{"another-slot":{"usd":1}}}',
]
SPOILT = [
    *((keys.holds("test"), CHAT, hold) for hold in HOLDS),
    *((keys.state(CHAT), "preferences", raw) for raw in (b'{"about":1e999}', b"[1]")),
    *((keys.state(CHAT), at, b"never") for at in ("stopped", "began", "erased")),
    *((keys.state(CHAT), at, b"1e300") for at in ("stopped", "erased")),
    (bill_of(CHAT, Sender("test:1", ""), {}).keys[-1], "place test:chat", b'{"turns":1e999}'),
]


async def test_no_script_fails_half_way_because_of_what_a_value_holds(redis, inbox):
    """A commit that fails behind the mail's removal would be tried for ever, and lose the mail."""
    for key, field, raw in SPOILT:
        await redis.flushdb()
        await inbox.prepare(["test"])
        await redis.rpush(keys.DEAD, "kept")
        await inbox.put(said(1))
        await redis.hset(key, field, raw)
        claim, turn = await take(inbox)
        assert await claim.renew(Checkpoint("event-1")) == "", raw
        chosen = replace(turn.preferences, persona="teacher")
        more = {"preferences": chosen, "spent": {"m": Spent(turns=1)}}
        assert await claim.commit(1, exchange(1), **more) == 0, raw
        assert await redis.llen(keys.history(CHAT)) == 1, raw
        assert await redis.llen(keys.DEAD) == 1, raw
        await inbox.put(said(2))
        claim, turn = await take(inbox)
        assert turn.preferences.persona == "teacher", raw
        assert await claim.commit(1, exchange(2)) == 0, raw


async def test_an_exchange_without_a_moment_stops_no_commit(redis, inbox):
    for at in (b"1-2", b"--", b"e", b"1e999"):
        await redis.rpush(keys.history(CHAT), b'{"event_id":"old","at":' + at + b"}")
    await redis.hset(keys.state(CHAT), "preferences", b'{"retention_days":7}')
    await inbox.put(said(1))
    claim, _ = await take(inbox)
    assert await claim.commit(1, exchange(1)) == 0


async def test_an_edit_keeps_the_posts_that_are_none_out(redis, inbox):
    await inbox.put(said(1, message="m"))
    await take(inbox)
    saved = b'{"event_id":"event-1","pages":[1e999,{"a":1e999},"7"],"picture":2}'
    await redis.hset(keys.state(CHAT), "checkpoint", saved)
    assert (await inbox.put(said(2, message="m", edited=True))).verdict == "changed"
    raw = await redis.hget(keys.state(CHAT), "checkpoint")
    assert msgspec.json.decode(raw)["pages"] == ["7"]


async def test_an_account_that_holds_no_number_keeps_nobody_from_asking(redis, inbox):
    limit = Limit("person", "tokens", 100, "day")
    (account,) = accounts_at([limit], CHAT, "test:1", datetime.datetime.now(datetime.UTC))
    await inbox.put(said(1))
    claim, _ = await take(inbox)
    for garbage in (b"1e308", b"nan", b"inf", b"1e999", b"many", b"0.5"):
        for what in ("spent", "held", "extra"):
            await redis.hset(key_of(account), f"{what}:tokens", garbage)
        assert await claim.reserve("event-1", [(account, 60)]) is None, garbage


async def with_a_mailbox_that_vanished(redis, inbox, *later):
    """The turn of the first question. The mailbox is lost, and then come the *later* ones."""
    await inbox.put(said(1))
    claim, turn = await take(inbox)
    await redis.delete(keys.mail(CHAT))
    for number in later:
        await inbox.put(said(number))
    return claim, turn


async def test_a_question_behind_a_mailbox_that_vanished_is_the_next_turn(redis, inbox):
    claim, turn = await with_a_mailbox_that_vanished(redis, inbox, 2)
    assert await claim.commit(len(turn.mail), exchange(1)) == 1
    _, turn = await take(inbox)
    assert [one.event_id for one in turn.mail] == ["event-2"]
    assert [one.event_id for one in turn.history] == ["event-1"]


async def test_a_lane_whose_mailbox_vanished_is_ready_only_once(redis, inbox):
    """Two workers would take it from each other again and again."""
    claim, turn = await with_a_mailbox_that_vanished(redis, inbox, 2)
    assert await claim.commit(len(turn.mail), exchange(1)) == 1
    assert await redis.xlen(keys.ready("test")) == 1
    claim, turn = await take(inbox)
    assert await claim.commit(len(turn.mail), exchange(2)) == 0
    assert await redis.xlen(keys.ready("test")) == 0


async def test_of_two_workers_in_a_lane_whose_mailbox_vanished_one_goes_on(redis):
    one, two = await two_views(redis, most_per_person=2)
    first, _ = await with_a_mailbox_that_vanished(redis, one, 2)
    second, turn = await take(two)
    with pytest.raises(LeaseLost):
        await first.renew()
    with pytest.raises(LeaseLost):
        await first.load(10_000, again=True)
    await second.renew()
    assert await redis.zcard(keys.running("test:1")) == 1
    assert await second.commit(len(turn.mail), exchange(2)) == 0
    assert await redis.xlen(keys.ready("test")) == 0


async def test_a_turn_that_is_given_up_buries_no_question_behind_a_mailbox_that_vanished(
    redis, inbox
):
    claim, turn = await with_a_mailbox_that_vanished(redis, inbox, 2, 3)
    assert await claim.commit(len(turn.mail), None, dead="no answer after several tries") == 2
    assert await DeadLetters(redis, inbox).all() == []
    _, turn = await take(inbox)
    assert [one.event_id for one in turn.mail] == ["event-2", "event-3"]


async def test_lanes_whose_ready_stream_was_evicted_are_served_again(redis, inbox):
    await inbox.put(said(1, private=False))
    (claim,) = await inbox.claim(["test"], 1, 0.5)
    await inbox.put(said(2, chat="other"))
    await redis.delete(keys.ready("test"), keys.lanes("test"))
    # One that comes meanwhile stands in the stream before its group is made anew.
    await inbox.put(said(3, chat="third", private=False))
    found = []
    for _ in range(4):
        found += await inbox.claim(["test"], 10, 0.2)
    assert sorted(one.lane.name for one in found) == [
        "test:chat:|test:1", "test:other:", "test:third:|test:1",
    ]  # fmt: skip
    with pytest.raises(LeaseLost):
        await claim.commit(1, exchange(1))
    for one in found:
        turn = await one.load(10_000)
        assert await one.commit(len(turn.mail), None) == 0
