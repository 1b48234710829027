"""The durable inbox on a real Valkey: order, leases, fencing, once."""

import asyncio

import msgspec
import pytest

from core.errors import LeaseLost
from core.messages import Preferences, conversation_id
from core.store import keys
from core.store.claim import START
from core.store.dead_letters import DeadLetters
from core.store.inbox import Inbox
from core.store.turns import Checkpoint
from tests.store.words import exchange, said, take, two_views

CHAT = conversation_id("test", "chat")


@pytest.fixture
async def inboxes(redis):
    return await two_views(redis)


async def test_a_question_is_kept_once_however_often_it_is_delivered(inboxes):
    one, two = inboxes
    assert (await one.put(said(1))).verdict == "kept"
    assert (await two.put(said(1))).verdict == "seen"
    _, turn = await take(one)
    assert [mail.event_id for mail in turn.mail] == ["event-1"]


async def test_one_conversation_is_claimed_by_one_worker_until_it_commits(inboxes):
    one, two = inboxes
    await one.put(said(1))
    await one.put(said(2))
    claim, turn = await take(one)
    assert len(turn.mail) == 2
    assert await two.claim(["test"], 1, 0.05) == []
    assert await claim.commit(1, exchange(1)) == 1
    _, turn = await take(two)
    assert [mail.event_id for mail in turn.mail] == ["event-2"]
    assert [one.question for one in turn.history] == ["question 1"]


async def test_conversations_do_not_wait_for_each_other(inboxes):
    one, two = inboxes
    other = conversation_id("test", "other")
    await one.put(said(1))
    await one.put(said(2, chat="other"))
    first, _ = await take(one)
    second, _ = await take(two)
    assert {first.conversation, second.conversation} == {CHAT, other}


async def test_a_worker_that_died_is_replaced_and_its_checkpoint_found(inboxes):
    one, two = inboxes
    await one.put(said(1))
    claim, _ = await take(one)
    await claim.renew(Checkpoint("event-1", "half", ("post-9",)))
    await asyncio.sleep(0.4)
    (second,) = await two.take_over(["test"], 5)
    turn = await second.load(10_000)
    assert turn.checkpoint == Checkpoint("event-1", "half", ("post-9",))
    assert turn.tries == 2 * START


async def test_a_worker_that_lost_its_lease_can_change_nothing(inboxes):
    one, two = inboxes
    await one.put(said(1))
    frozen, _ = await take(one)
    await asyncio.sleep(0.4)
    (second,) = await two.take_over(["test"], 5)
    await second.load(10_000)
    for late in (
        frozen.renew(Checkpoint("event-1", "late")),
        frozen.commit(1, exchange(1)),
        frozen.load(10_000),
    ):
        with pytest.raises(LeaseLost):
            await late
    assert await second.commit(1, exchange(1)) == 0


async def test_who_took_a_lane_over_does_not_begin_if_its_worker_came_back_before(inboxes):
    one, two = inboxes
    await one.put(said(1))
    slow, _ = await take(one)
    await asyncio.sleep(0.4)
    (second,) = await two.take_over(["test"], 5)
    await slow.renew(Checkpoint("event-1", "goes on"))
    with pytest.raises(LeaseLost):
        await second.load(10_000)
    assert await slow.commit(1, exchange(1)) == 0
    with pytest.raises(LeaseLost):  # What is done is in nobody's hands.
        await slow.renew()


async def test_a_turn_begun_again_by_the_same_worker_fences_off_its_older_self(inboxes):
    one, _ = inboxes
    await one.put(said(1))
    older, _ = await take(one)
    await asyncio.sleep(0.4)
    (newer,) = await one.take_over(["test"], 5)
    await newer.load(10_000)
    with pytest.raises(LeaseLost):
        await older.commit(1, exchange(1))


async def test_a_post_is_known_once_a_checkpoint_held_it_whoever_has_the_lease_now(inboxes):
    one, two = inboxes
    await one.put(said(1))
    claim, _ = await take(one)
    kept = Checkpoint("event-1", "some", ("post 1", "post 2"))
    await claim.renew(kept, kept.posts)
    await asyncio.sleep(0.35)
    (other,) = await two.take_over(["test"], 1)
    await other.load(10_000)
    await other.commit(1, exchange(1))
    with pytest.raises(LeaseLost):
        await claim.renew(Checkpoint("event-1", "some", (*kept.pages, "post 3")), ["post 3"])
    assert await claim.ledger.unknown(["post 1", "post 3", "post 2"]) == ["post 3"]


async def test_a_renewed_lease_is_not_taken_over(inboxes):
    one, two = inboxes
    await one.put(said(1))
    claim, _ = await take(one)
    for _ in range(4):
        await asyncio.sleep(0.15)
        await claim.renew()
    assert await two.take_over(["test"], 5) == []


async def test_a_released_conversation_is_taken_over_at_once(inboxes):
    one, two = inboxes
    await one.put(said(1))
    claim, _ = await take(one)
    await claim.release()
    (again,) = await two.take_over(["test"], 5)
    assert (await again.load(10_000)).tries == START, "a restart of ours is no bad try"


async def test_stop_reaches_the_turn_that_runs_and_does_not_wait_behind_it(inboxes):
    one, _ = inboxes
    await one.put(said(1))
    claim, _ = await take(one)
    assert (await one.put(said(2, command="stop"))).verdict == "stopping"
    assert await claim.renew() == "event-1"
    assert await claim.commit(1, exchange(1)) == 0


async def test_stop_with_nothing_running_is_ordinary_mail(inboxes):
    one, _ = inboxes
    assert (await one.put(said(1, command="stop"))).verdict == "kept"


async def test_a_full_mailbox_says_so_and_keeps_what_it_has(inboxes):
    one, _ = inboxes
    for number in range(5):
        assert (await one.put(said(number))).verdict == "kept"
    assert (await one.put(said(9))).verdict == "full"
    _, turn = await take(one)
    assert len(turn.mail) == 5


async def test_a_thread_is_followed_only_where_the_bot_was_asked(inboxes):
    one, _ = inboxes
    assert (await one.put(said(1, address="thread"))).verdict == "unasked"
    await one.put(said(2))
    claim, _ = await take(one)
    await claim.commit(1, exchange(2))
    assert (await one.put(said(3, address="thread"))).verdict == "kept"


async def test_history_forgets_what_it_is_told_to(inboxes):
    one, _ = inboxes
    for number in range(3):
        await one.put(said(number))
        claim, _ = await take(one)
        await claim.commit(1, exchange(number))
    await one.put(said(7))
    claim, turn = await take(one)
    assert [one.event_id for one in turn.history] == ["event-0", "event-1", "event-2"]
    await claim.commit(1, exchange(7), replaces="event-2")
    await one.put(said(8))
    claim, turn = await take(one)
    assert [one.event_id for one in turn.history] == ["event-0", "event-1", "event-7"]
    await claim.commit(1, None, forget_all=True, preferences=Preferences(model="m"))
    await one.put(said(9))
    _, turn = await take(one)
    assert turn.history == ()
    assert turn.preferences.model == "m"


async def test_history_is_read_only_as_far_as_it_is_used(inboxes, redis):
    one, _ = inboxes
    for number in range(60):
        await one.put(said(number))
        claim, _ = await take(one)
        await claim.commit(1, exchange(number))
    await one.put(said(99))
    (claim,) = await one.claim(["test"], 1, 0.5)
    turn = await claim.load(500)
    assert 1 <= len(turn.history) <= 16
    assert turn.history[-1].event_id == "event-59"


async def test_a_dead_letter_is_set_aside_with_its_reason(inboxes, redis):
    one, _ = inboxes
    await one.put(said(1))
    claim, _ = await take(one)
    await claim.commit(1, None, dead="no answer in 5 tries")
    (letter,) = await DeadLetters(redis, one).all()
    assert letter.reason == "no answer in 5 tries"
    assert letter.incoming.event_id == "event-1"
    assert await DeadLetters(redis, one).requeue() == 1
    assert await DeadLetters(redis, one).all() == []
    _, turn = await take(one)
    assert [mail.event_id for mail in turn.mail] == ["event-1"]


async def test_each_step_of_a_turn_costs_one_round_trip(inboxes, redis, monkeypatch):
    """Accept 1, claim and load 2, checkpoint 1, commit 1; the same with a long history."""
    one, _ = inboxes
    trips = []
    execute = redis.execute_command

    async def counted(*arguments, **options):
        trips.append(arguments[0])
        return await execute(*arguments, **options)

    # The scripts are known to the server after their first use.
    for number in range(3):
        await one.put(said(number))
        claim, _ = await take(one)
        await claim.renew()
        await claim.commit(1, exchange(number))
    for _ in range(2):
        monkeypatch.setattr(redis, "execute_command", counted)
        trips.clear()
        event = 100 + len(trips) + int(await execute("INCR", "n"))
        await one.put(said(event))
        assert len(trips) == 1
        claim, _ = await take(one)
        assert len(trips) == 3
        await claim.renew(Checkpoint(f"event-{event}", "text"))
        assert len(trips) == 4
        await claim.commit(1, exchange(event))
        assert len(trips) == 5
        monkeypatch.setattr(redis, "execute_command", execute)
        async with redis.pipeline(transaction=False) as pipe:
            for _ in range(1_000):
                pipe.rpush(keys.history(CHAT), msgspec.json.encode(exchange(0)))
            await pipe.execute()


async def test_a_dead_letter_whose_mailbox_is_full_stays_set_aside(inboxes, redis):
    one, _ = inboxes
    await one.put(said(1))
    claim, _ = await take(one)
    await claim.commit(1, None, dead="no answer")
    for number in range(2, 7):
        await one.put(said(number))
    assert await DeadLetters(redis, one).requeue() == 0
    assert [letter.incoming.event_id for letter in await DeadLetters(redis, one).all()] == [
        "event-1"
    ]


async def test_a_full_mailbox_keeps_no_other_letter_from_being_put_back(inboxes, redis):
    one, _ = inboxes
    for number, chat in ((1, "chat"), (2, "chat"), (3, "other")):
        await one.put(said(number, chat=chat))
        claim, _ = await take(one)
        await claim.commit(1, None, dead="no answer")
    for number in range(4, 9):
        await one.put(said(number))
    assert await DeadLetters(redis, one).requeue() == 1
    letters = await DeadLetters(redis, one).all()
    assert [letter.incoming.event_id for letter in letters] == ["event-1", "event-2"]


async def test_a_commit_whose_answer_got_lost_may_be_said_again(inboxes, redis):
    one, _ = inboxes
    await one.put(said(1))
    await one.put(said(2))
    claim, _ = await take(one)
    await claim.commit(1, exchange(1))
    assert await claim.commit(1, exchange(1)) == 1
    _, turn = await take(one)
    assert [past.event_id for past in turn.history] == ["event-1"]
    assert [mail.event_id for mail in turn.mail] == ["event-2"]


async def test_a_lane_left_behind_is_found_behind_many_that_run(redis):
    # XAUTOCLAIM looks at ten entries for each that it may claim (valkey.io/commands/xautoclaim).
    inbox = Inbox(redis, "one", history_ttl_s=60, most_waiting=5)
    await inbox.prepare(["test"])
    for number in range(30):
        await inbox.put(said(number, chat=f"chat-{number}"))
        await take(inbox)
    await inbox.put(said(30, chat="left"))
    left, _ = await take(inbox)
    await left.release()
    (again,) = await inbox.take_over(["test"], 1)
    assert again.conversation == left.conversation
