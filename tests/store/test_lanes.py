"""People of a group, side by side: a lane for each, one history, and what was before lanes."""

import json

import pytest

from core.errors import LeaseLost
from core.messages import Exchange, Incoming, Preferences, Sender, Summary, conversation_id
from core.store import keys
from core.store.claim import START
from core.store.crowds import Crowds
from core.store.lanes import Lane
from core.store.turns import Checkpoint
from tests.store.words import two_views

GROUP = conversation_id("test", "group")
ANN, BOB, EVE = "test:1", "test:2", "test:3"


@pytest.fixture
async def inboxes(redis):
    return await two_views(redis)


def asks(number, person=ANN, **more):
    return Incoming(
        event_id=f"event-{number}",
        conversation=more.pop("conversation", GROUP),
        sender=Sender(person, person),
        text=more.pop("text", f"question {number}"),
        message=more.pop("message", f"m{number}"),
        private=False,
        **more,
    )


def answered(number, person=ANN, at=0.0):
    return Exchange(f"event-{number}", person, f"question {number}", "yes", at, person=person)


async def claims(inbox, most=10):
    """All that is ready, by the person it is for."""
    found = {}
    for claim in await inbox.claim(["test"], most, 0.05):
        found[claim.person] = claim, await claim.load(10_000)
    return found


async def history_of(redis):
    return [json.loads(one)["event_id"] for one in await redis.lrange(keys.history(GROUP), 0, -1)]


async def test_questions_of_different_people_run_side_by_side_and_one_s_own_in_order(inboxes):
    one, two = inboxes
    for number, person in enumerate([ANN, BOB, ANN]):
        await one.put(asks(number, person))
    running = await claims(two)
    assert {who: [mail.event_id for mail in turn.mail] for who, (_, turn) in running.items()} == {
        ANN: ["event-0", "event-2"],
        BOB: ["event-1"],
    }
    assert await two.claim(["test"], 10, 0.05) == []


async def test_history_is_one_and_a_turn_begins_with_what_was_committed_then(inboxes, redis):
    one, _ = inboxes
    await one.put(asks(1, ANN))
    await one.put(asks(2, BOB))
    running = await claims(one)
    assert [turn.history for _, turn in running.values()] == [(), ()]
    await running[BOB][0].commit(1, answered(2, BOB))
    await one.put(asks(3, EVE))
    eve, turn = (await claims(one))[EVE]
    assert [past.event_id for past in turn.history] == ["event-2"]
    await running[ANN][0].commit(1, answered(1))
    await eve.commit(1, answered(3, EVE))
    assert await history_of(redis) == ["event-2", "event-1", "event-3"]


async def test_exchanges_are_in_the_order_of_their_times_whatever_clock_told_them(inboxes):
    one, _ = inboxes
    for number, at in enumerate([1764.5, 900.0, 2000.25]):
        await one.put(asks(number))
        claim, _ = (await claims(one))[ANN]
        said = Exchange(f"event-{number}", "A", '"at":5,', '\\"at":7', at)
        await claim.commit(1, said)
    await one.put(asks(9))
    _, turn = (await claims(one))[ANN]
    times = [past.at for past in turn.history]
    assert times == sorted(set(times))
    assert times[0] == 1764.5
    assert times[2] == 2000.25
    assert [past.question for past in turn.history] == ['"at":5,'] * 3


async def test_what_is_answered_anew_replaces_its_own_exchange_not_the_last_one(inboxes, redis):
    one, _ = inboxes
    for number, person in enumerate([ANN, BOB]):
        await one.put(asks(number, person))
        claim, _ = (await claims(one))[person]
        await claim.commit(1, answered(number, person))
    await one.put(asks(2, ANN, command="retry"))
    ann, _ = (await claims(one))[ANN]
    await ann.commit(1, answered(2), replaces="event-0")
    assert await history_of(redis) == ["event-1", "event-2"]


async def test_what_is_answered_anew_after_all_was_forgotten_is_simply_kept(inboxes, redis):
    one, _ = inboxes
    await one.put(asks(1, ANN))
    ann, _ = (await claims(one))[ANN]
    await one.put(asks(2, BOB, command="new"))
    bob, _ = (await claims(one))[BOB]
    await bob.commit(1, None, forget_all=True)
    await ann.commit(1, answered(1), replaces="event-0")
    assert await history_of(redis) == ["event-1"]


async def test_two_who_choose_at_once_each_change_what_they_chose(inboxes):
    one, _ = inboxes
    await one.put(asks(1, ANN, command="model"))
    await one.put(asks(2, BOB, command="persona"))
    running = await claims(one)
    await running[ANN][0].commit(1, None, preferences=Preferences(model="m"))
    await running[BOB][0].commit(1, None, preferences=Preferences(persona="coder"))
    await one.put(asks(3, EVE))
    _, turn = (await claims(one))[EVE]
    assert (turn.preferences.model, turn.preferences.persona) == ("m", "coder")


async def test_stop_is_about_one_s_own_answer(inboxes):
    one, _ = inboxes
    await one.put(asks(1, ANN))
    await one.put(asks(2, BOB))
    running = await claims(one)
    assert (await one.put(asks(3, BOB, command="stop"))).verdict == "stopping"
    assert await running[ANN][0].renew() == ""
    assert await running[BOB][0].renew() == "event-2"


async def test_an_admin_with_nothing_running_stops_all_that_run_now_and_none_later(redis):
    one, _ = await two_views(redis, most_per_place=5)
    await one.put(asks(1, ANN))
    await one.put(asks(2, BOB))
    running = await claims(one)
    assert (await one.put(asks(3, EVE, command="stop"))).verdict == "kept"
    stop = asks(4, "test:admin", command="stop")
    assert (await one.put(stop, by_admin=True)).verdict == "stopping"
    assert [await claim.renew() for claim, _ in running.values()] == ["*", "*"]
    await running[ANN][0].commit(1, answered(1))
    await one.put(asks(5, ANN))
    ann, _ = (await claims(one))[ANN]
    assert await ann.renew() == ""


async def test_a_place_has_so_many_lanes_at_once_and_the_rest_wait_in_order(redis):
    one, two = await two_views(redis, most_per_place=2)
    people = [f"test:{number}" for number in range(5)]
    for number, person in enumerate(people):
        await one.put(asks(number, person))
    running = await claims(one)
    assert [who for who, (_, turn) in running.items() if turn] == people[:2]
    assert (await Crowds(redis, one).waiting("test", 0))[GROUP].people == 3
    await one.put(asks(9, "test:late"))
    await running[people[0]][0].commit(1, answered(0))
    woken = await claims(two)
    assert [who for who, (_, turn) in woken.items() if turn] == [people[2]]
    await running[people[1]][0].commit(1, answered(1))
    await woken[people[2]][0].commit(1, answered(2))
    assert list(await claims(two)) == people[3:]


async def test_topics_of_one_place_share_its_slots(redis):
    one, _ = await two_views(redis, most_per_place=1)
    for number, thread in enumerate(["a", "b"]):
        topic = conversation_id("test", "group", thread)
        await one.put(asks(number, f"test:{number}", conversation=topic))
    assert [turn is not None for _, turn in (await claims(one)).values()] == [True, False]


async def test_an_edit_of_what_waits_takes_its_place(inboxes):
    one, _ = inboxes
    await one.put(asks(1, ANN))
    await one.put(asks(2, ANN))
    assert (await one.put(asks(3, ANN, message="m2", edited=True, text="new"))).verdict == "changed"
    _, turn = (await claims(one))[ANN]
    assert [(mail.text, mail.edited) for mail in turn.mail] == [
        ("question 1", False),
        ("new", False),
    ]


async def test_an_edit_of_what_is_being_answered_begins_it_anew_on_the_same_posts(inboxes):
    one, _ = inboxes
    await one.put(asks(1, ANN))
    claim, _ = (await claims(one))[ANN]
    await claim.renew(Checkpoint("event-1", "half", ("post 1",)), ["post 1"])
    assert (await one.put(asks(2, ANN, message="m1", edited=True, text="new"))).verdict == "changed"
    for late in (claim.renew(Checkpoint("event-1", "more")), claim.commit(1, answered(1))):
        with pytest.raises(LeaseLost):
            await late
    turn = await claim.load(10_000, again=True)
    assert turn.mail[0].text == "new"
    assert turn.tries == START, "a change is no bad try"
    assert turn.checkpoint == Checkpoint(turn.mail[0].event_id, "", ("post 1",))
    await claim.commit(1, answered(2))


async def test_what_is_taken_back_while_it_is_answered_ends_with_its_posts_known(inboxes, redis):
    one, _ = inboxes
    await one.put(asks(1, ANN))
    claim, _ = (await claims(one))[ANN]
    await claim.renew(Checkpoint("event-1", "half", ("post 1",), picture="p"), ["post 1", "p"])
    assert (await one.put(asks(2, ANN, message="m1", deleted=True, text=""))).verdict == "changed"
    with pytest.raises(LeaseLost):
        await claim.commit(1, answered(1))
    turn = await claim.load(10_000, again=True)
    assert turn.mail[0].deleted
    assert turn.checkpoint.posts == ("post 1", "p")
    await claim.commit(1, None)
    assert await history_of(redis) == []


async def test_what_was_answered_already_is_not_asked_by_taking_it_back(inboxes):
    one, _ = inboxes
    assert (await one.put(asks(1, ANN, deleted=True, text=""))).verdict == "unasked"
    assert await claims(one) == {}


async def test_an_edit_never_runs_a_command(inboxes):
    one, _ = inboxes
    await one.put(asks(1, ANN, command="image"))
    edit = asks(2, ANN, message="m1", command="image", edited=True)
    assert (await one.put(edit)).verdict == "kept"
    _, turn = (await claims(one))[ANN]
    assert [mail.edited for mail in turn.mail] == [False, True]


async def test_all_lanes_go_along_when_their_group_moves(inboxes, redis):
    one, two = inboxes
    new = conversation_id("test", "super")
    await one.put(asks(1, ANN))
    ann, _ = (await claims(one))[ANN]
    await ann.commit(1, answered(1), preferences=Preferences(model="m"))
    await one.put(asks(2, BOB))
    bob, _ = (await claims(one))[BOB]
    await one.put(asks(3, EVE))
    news = Incoming(
        event_id="moved", conversation=GROUP, sender=Sender("", ""), text="", moved_to=new
    )
    await one.put(news)
    found = {claim.person: claim for claim in await two.claim(["test"], 10, 0.05)}
    mover = found[""]
    assert (await mover.load(10_000)).mail[0].moved_to == new
    await mover.move(new, said=True)
    # Who runs cannot commit there any more; who waits, and who runs, goes along.
    with pytest.raises(LeaseLost):
        await bob.commit(1, answered(2, BOB))
    for claim in (bob, found[EVE]):
        assert (await claim.load(10_000, again=True)).moved_to == new
        await claim.move(new, said=False)
    there = await claims(one)
    assert sorted(there) == [BOB, EVE]
    for claim, turn in there.values():
        assert claim.conversation == turn.mail[0].conversation == new
        assert [past.event_id for past in turn.history] == ["event-1"]
        assert turn.preferences.model == "m"
    assert await redis.exists(keys.mail(Lane(GROUP, BOB).name)) == 0


# What the version before lanes left in a group, byte for byte: everybody's mail in one mailbox,
# and the state of the running turn beside the preferences.
OLD_MAIL = (
    '{"event_id":"old-%d","conversation":"test:group:","sender":{"id":"%s","name":"A",'
    '"language":""},"text":"old %d","command":"","reply_to":"","private":false,'
    '"address":"direct","attachments":[],"quote":null,"burst":"","message":"%d","edited":false,'
    '"moved_to":"","sent_at":0.0}'
)
OLD_STATE = {
    "fence": "7",
    "tries": "3",
    "checkpoint": '{"event_id":"old-1","text":"half","pages":["9"],"done":false,"picture":""}',
    "preferences": '{"model":"m","persona":"","system":"","language":""}',
    "summary": '{"text":"talk","until":1.0}',
    "committed": "1-0:6",
}
OLD_EXCHANGE = (
    '{"event_id":"old-0","speaker":"A","question":"q","answer":"a","at":2.0,"notes":"",'
    '"cut":false,"message":"m","attachments":[]}'
)


async def old_group(redis):
    mail, state = keys.mail(GROUP), keys.state(GROUP)
    for number, person in ((1, ANN), (2, BOB), (3, ANN)):
        await redis.rpush(mail, OLD_MAIL % (number, person, number, number))
    await redis.xadd(keys.ready("test"), {"c": GROUP, "p": ANN})
    await redis.hset(state, mapping=OLD_STATE)
    await redis.rpush(keys.history(GROUP), OLD_EXCHANGE)


async def test_mail_of_the_version_before_lanes_is_answered_in_its_order(inboxes, redis):
    one, _ = inboxes
    await old_group(redis)
    for number in (1, 2, 3):
        (claim,) = await one.claim(["test"], 1, 0.5)
        turn = await claim.load(10_000)
        assert turn.mail[0].event_id == f"old-{number}"
        assert turn.preferences.model == "m"
        assert turn.summary == Summary("talk", 1.0)
        assert turn.history[0].event_id == "old-0"
        begun = Checkpoint("old-1", "half", ("9",)) if number == 1 else None
        assert turn.checkpoint == begun
        await claim.commit(1, answered(number, at=3.0))
    assert await one.claim(["test"], 1, 0.05) == []


async def test_who_has_old_mail_is_put_behind_it_and_others_beside_it(inboxes, redis):
    one, _ = inboxes
    await old_group(redis)
    await one.put(asks(10, ANN))
    await one.put(asks(11, EVE))
    running = await one.claim(["test"], 10, 0.5)
    turns = {claim.lane.person: await claim.load(10_000) for claim in running}
    assert [mail.event_id for mail in turns[""].mail] == ["old-1", "old-2", "old-3", "event-10"]
    assert [mail.event_id for mail in turns[EVE].mail] == ["event-11"]
    assert turns[EVE].preferences.model == "m"
    assert turns[EVE].checkpoint is None
    assert (await one.put(asks(12, ANN, command="stop"))).verdict == "stopping"
    old = next(claim for claim in running if not claim.lane.person)
    assert await old.renew() == "old-1"


async def test_who_was_parked_by_the_version_before_lanes_is_woken(redis):
    one, _ = await two_views(redis, most_per_person=1)
    alone = conversation_id("test", "alone")
    await redis.rpush(keys.mail(alone), OLD_MAIL.replace("test:group:", alone) % (5, ANN, 5, 5))
    await redis.rpush(keys.parked(ANN), alone)
    await one.put(asks(1, ANN))
    claim, _ = (await claims(one))[ANN]
    await claim.commit(1, answered(1))
    (woken,) = await one.claim(["test"], 1, 0.5)
    assert (await woken.load(10_000)).mail[0].event_id == "old-5"
