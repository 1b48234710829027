"""The delayed queue: once, in time, whatever happens to the processes that look at it."""

import asyncio
import random
import time

import msgspec
import pytest
from msgspec.structs import replace

from core.messages import DUE, Sender, conversation_id
from core.scheduler import BATCH, Scheduler
from core.store import keys
from core.store.pubsub import PubSub
from core.store.reminder import Occurrence, Reminder
from core.store.reminders import Reminders
from core.telemetry import Metrics
from core.times.rules import Rule

GROUP = conversation_id("test", "group")
ANN = Sender("test:1", "Ann")


@pytest.fixture
def reminders(redis):
    return Reminders(redis, 5)


def made(number, *, due=None, **more):
    values = {"person": ANN, "conversation": GROUP, "text": f"text {number}", "zone": "UTC"}
    return Reminder(
        id=f"{number:016x}", due=time.time() - 1 if due is None else due, **{**values, **more}
    )


async def mails(redis, lane="test:group:|test:1"):
    found = [msgspec.json.decode(one) for one in await redis.lrange(keys.mail(lane), 0, -1)]
    return [(one["event_id"], msgspec.json.decode(one["text"], type=Occurrence)) for one in found]


async def nothing_left(redis):
    return [one for one in await redis.keys("*") if b"remind" in one or one == keys.DUE.encode()]


async def test_what_is_due_becomes_mail_of_its_person_once_and_leaves_nothing(redis, reminders):
    kept = made(1)
    assert await reminders.create(kept, 20, 20) == 1
    assert await reminders.create(kept, 20, 20) == 1, "the turn that made it may run again"
    (found,), now, _ = await reminders.look(10)
    assert await reminders.tell(found, now) == "told"
    assert await reminders.tell(found, now) == "changed"
    ((event, occurrence),) = await mails(redis)
    assert event == f"{DUE}:{kept.id}:{int(kept.due * 1000)}"
    assert occurrence.reminder.text == "text 1"
    assert await nothing_left(redis) == []
    # Made again by a turn that is done again: its time was told.
    await reminders.create(kept, 20, 20)
    (again,), now, _ = await reminders.look(10)
    assert await reminders.tell(again, now) == "told"
    assert len(await mails(redis)) == 1


async def test_processes_that_race_tell_each_time_once(redis):
    """Twenty reminders, some of which come again; five processes look at once."""
    five = [Reminders(redis, 100) for _ in range(5)]
    for number in range(20):
        rule = Rule(minutes=60) if number % 2 else None
        await five[0].create(made(number, rule=rule), 100, 100)
    schedulers = [Scheduler(one, None, Metrics()) for one in five]
    await asyncio.gather(*(one.tell_due() for one in schedulers))
    events = [event for event, _ in await mails(redis)]
    assert len(events) == len(set(events)) == 20
    assert await redis.zcard(keys.DUE) == 10


async def test_what_another_process_has_just_told_is_not_told_an_hour_early(redis, reminders):
    """Read between its time in the queue and itself: it is due again, but later."""
    kept = made(1, due=time.time() + 3600, rule=Rule(minutes=60))
    await reminders.create(kept, 20, 20)
    await redis.zadd(keys.DUE, {kept.id: (time.time() - 1) * 1000})
    due, _, next_s = await reminders.look(10)
    assert due == []
    assert next_s <= 1, "it is looked at again soon"


async def test_missed_times_are_one_mail_that_counts_them(redis, reminders):
    kept = made(1, due=time.time() - 3.5 * 3600, rule=Rule(minutes=60))
    await reminders.create(kept, 20, 20)
    (found,), now, _ = await reminders.look(10)
    await reminders.tell(found, now)
    ((_, occurrence),) = await mails(redis)
    assert occurrence.missed == 3
    (next_one,) = (await reminders.of_person(ANN.id)).values()
    assert 0 < next_one.reminder.due - now < 3600


async def test_a_full_lane_is_tried_again_later_and_keeps_the_time(redis, reminders):
    for number in range(8):
        await reminders.create(made(number), 20, 20)
    await Scheduler(reminders, None, Metrics()).tell_due()
    assert len(await mails(redis)) == 5
    left = await reminders.of_person(ANN.id)
    assert len(left) == 3
    assert all(one.reminder.due < time.time() for one in left.values())
    _, _, next_s = await reminders.look(10)
    assert 15 < next_s <= 20


async def test_numbers_are_the_smallest_that_are_free_and_bounds_hold(reminders):
    later = time.time() + 1000
    for number in range(3):
        assert await reminders.create(made(number, due=later), 3, 4) == number + 1
    assert await reminders.create(made(9, due=later), 3, 4) == 0
    await reminders.end_all([(await reminders.of_person(ANN.id))[2]])
    assert await reminders.create(made(9, due=later), 3, 4) == 2
    bob = Sender("test:2", "Bob")
    assert await reminders.create(made(10, due=later, person=bob), 3, 4) == 1
    assert await reminders.create(made(11, due=later, person=bob), 3, 4) == -1


async def test_a_group_that_moved_takes_its_reminders_along(redis, reminders):
    there = conversation_id("test", "super")
    await reminders.create(made(1, due=time.time() + 1000), 20, 20)
    await reminders.move(GROUP, there)
    await reminders.move(GROUP, there)
    assert [one.reminder.conversation for one in await reminders.of_place(there)] == [there]
    assert await reminders.of_place(GROUP) == []


async def test_a_group_takes_along_a_reminder_that_others_change_meanwhile(reminders, monkeypatch):
    there = conversation_id("test", "super")
    await reminders.create(made(1, due=time.time() + 1000), 20, 20)
    look = reminders.of_place

    async def then_changed(place):
        found = await look(place)
        for one in found:
            await reminders.change(one, replace(one.reminder, due=one.reminder.due + 60))
        return found

    monkeypatch.setattr(reminders, "of_place", then_changed)
    await reminders.move(GROUP, there)
    assert [one.reminder.conversation for one in await look(there)] == [there]
    assert await look(GROUP) == []


async def test_forgetting_a_person_leaves_nothing_of_theirs(redis, reminders):
    for number in range(3):
        await reminders.create(made(number, due=time.time() + 1000), 20, 20)
    await reminders.choose_zone(ANN.id, "Europe/Berlin")
    assert await reminders.forget(ANN.id) == 3
    assert await nothing_left(redis) == []
    assert await reminders.zone(ANN.id) == ""


READABLE = msgspec.json.encode(made(9))
NEVER = [READABLE.replace(b'"due":', b'"due":' + head) for head in (b"-", b"9e307", b"9999999")] + [
    msgspec.json.encode(made(9, rule=Rule(minutes=10**30)))
]


@pytest.mark.parametrize("garbage", [b"\xff", b"{}", b"[]", b'{"id":1}', b'{"x":' * 2000, *NEVER])
async def test_what_cannot_be_read_waits_and_the_others_are_told(redis, reminders, garbage):
    """A newer version may have written it: it stays, and is looked at again in an hour."""
    await redis.hset(keys.REMINDERS, "bad", garbage)
    await redis.zadd(keys.DUE, {"bad": 1, "lost": 2})
    await reminders.create(made(1), 20, 20)
    await Scheduler(reminders, None, Metrics()).tell_due()
    assert len(await mails(redis)) == 1
    assert await redis.hget(keys.REMINDERS, "bad") == garbage
    ((left, score),) = await redis.zrange(keys.DUE, 0, -1, withscores=True)
    assert left == b"bad"
    assert score > 1_000_000


async def test_what_stands_at_a_wrong_time_in_the_queue_keeps_nobody_waiting(redis, reminders):
    """More than are looked at together: they are put where they belong."""
    for number in range(2, BATCH + 5):
        await reminders.create(made(number, due=time.time() + 5_000), 200, 200)
        await redis.zadd(keys.DUE, {made(number).id: 1})
    await reminders.create(made(1), 200, 200)
    scheduler = Scheduler(reminders, None, Metrics())
    await scheduler.tell_due()
    await scheduler.tell_due()
    assert len(await mails(redis)) == 1


async def test_a_zone_that_is_gone_and_a_broken_rule_stop_nobody(redis, reminders):
    await reminders.create(made(1, zone="Mars/Olympus", rule=Rule(cron="0 9 * * *")), 20, 20)
    await reminders.create(made(2, rule=Rule(cron="no rule")), 20, 20)
    await Scheduler(reminders, None, Metrics()).tell_due()
    assert len(await mails(redis)) == 2
    (left,) = (await reminders.of_person(ANN.id)).values()
    assert left.reminder.zone == "Mars/Olympus"


async def test_a_change_of_what_was_changed_meanwhile_is_refused(reminders):
    await reminders.create(made(1, due=time.time() + 1000), 20, 20)
    (kept,) = (await reminders.of_person(ANN.id)).values()
    assert await reminders.change(kept, replace(kept.reminder, text="new"))
    assert not await reminders.change(kept, replace(kept.reminder, text="newer"))
    assert await reminders.end_all([kept]) == 1


async def test_a_sleeping_process_is_woken_by_an_earlier_reminder(redis, reminders):
    async with PubSub(redis) as pubsub:
        watching = asyncio.create_task(Scheduler(reminders, pubsub, Metrics()).watch())
        await asyncio.sleep(0.3)
        await reminders.create(made(1, due=time.time() + 0.2), 20, 20)
        for _ in range(100):
            if await mails(redis):
                break
            await asyncio.sleep(0.02)
        watching.cancel()
        assert len(await mails(redis)) == 1


async def test_random_lives_of_reminders_tell_each_time_at_most_once(redis):
    """Created, changed, ended and told in any order by two processes; nothing is told twice."""
    chance, pair = random.Random(3), [Reminders(redis, 1000) for _ in range(2)]
    for number in range(60):
        one = chance.choice(pair)
        rule = Rule(minutes=5) if chance.random() < 0.5 else None
        await one.create(made(number, rule=rule, due=time.time() - chance.random()), 100, 100)
        kept = list((await one.of_person(ANN.id)).values())
        if kept and chance.random() < 0.3:
            await one.end_all([chance.choice(kept)])
        found, now, _ = await one.look(5)
        for each in found:
            await asyncio.gather(*(other.tell(each, now) for other in pair))
    events = [event for event, _ in await mails(redis)]
    assert len(events) == len(set(events)) > 40
    assert await redis.hlen(keys.REMINDERS) == await redis.zcard(keys.DUE)
    assert await redis.hlen(keys.REMINDERS) == await redis.hlen(keys.reminders_of(ANN.id))
    assert await redis.hlen(keys.REMINDERS) == await redis.scard(keys.reminders_in(GROUP))
