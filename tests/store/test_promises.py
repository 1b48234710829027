"""
The promises of the inbox, as properties of random histories on a real Valkey.

Puts, edits, claims, crashes, lapsed leases, late workers and commits in any order, in private
and in a group: nothing is lost, nothing is answered twice, nothing of one lane overlaps, order is
kept, and history is one. The same machine must catch a script without its dedupe, and one
without its fence: a test that cannot fail proves nothing.
"""

import asyncio
import itertools
from contextlib import suppress
from dataclasses import replace

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from core.errors import LeaseLost
from core.messages import Exchange, Incoming, Sender, conversation_id, place_of
from core.store import keys
from core.store.connection import connect, source
from core.store.embedded import embedded
from core.store.inbox import Inbox
from core.store.lanes import Lane, lane_at, lane_named, streams
from core.store.values import read_incoming

GROUP = conversation_id("test", "group")
ALONE = {conversation_id("test", name): f"test:{who}" for name, who in zip("ab", "12", strict=True)}
PERSONS = ("test:1", "test:2", "test:3")
LANES = [Lane(GROUP, person) for person in PERSONS] + [Lane(chat) for chat in ALONE]
"""Two of the persons also ask in private. Each may have one answer running, the group two."""
CONVERSATIONS = [GROUP, *ALONE]
MOST_IN_GROUP = 2
WORKERS = ("one", "two", "three")
decode_exchange = msgspec.json.Decoder(Exchange).decode
_numbers = itertools.count()


def person_of(lane):
    return lane.person or ALONE[lane.conversation]


class Store:
    """One Valkey and one loop for a whole run of the machine."""

    def __init__(self, folder):
        self._loop = asyncio.new_event_loop()
        self._embedded = embedded(folder)
        url = self.run(self._embedded.__aenter__())
        self._client = connect(url)
        self.redis = self.run(self._client.__aenter__())

    def run(self, coroutine):
        return self._loop.run_until_complete(coroutine)

    def close(self):
        self.run(self._client.__aexit__(None, None, None))
        self.run(self._embedded.__aexit__(None, None, None))
        self._loop.close()


def machine_for(store, mutate):
    class Promises(RuleBasedStateMachine):
        def __init__(self):
            super().__init__()
            store.run(store.redis.flushall())
            self.inboxes = {
                name: Inbox(
                    store.redis,
                    name,
                    history_ttl_s=1000,
                    most_waiting=10**6,
                    most_per_person=1,
                    most_per_place=MOST_IN_GROUP,
                    lease_s=0.0,
                )
                for name in WORKERS
            }
            for inbox in self.inboxes.values():
                mutate(inbox, store.redis)
            store.run(self.inboxes["one"].prepare(["test"]))
            self.running = []
            self.delivered = []
            self.asked = {lane: [] for lane in LANES}
            self.answered = {lane: [] for lane in LANES}
            self.history = {conversation: [] for conversation in CONVERSATIONS}

        def say(self, lane, event, **more):
            return Incoming(
                event_id=event,
                conversation=lane.conversation,
                sender=Sender(person_of(lane), "A"),
                text=event,
                private=not lane.person,
                **more,
            )

        @rule(lane=st.sampled_from(LANES), worker=st.sampled_from(WORKERS))
        def put(self, lane, worker):
            event = f"e{next(_numbers)}"
            incoming = self.say(lane, event, message=event)
            assert store.run(self.inboxes[worker].put(incoming)).verdict == "kept"
            self.delivered.append(incoming)
            self.asked[lane].append(event)

        @rule(worker=st.sampled_from(WORKERS), data=st.data())
        def deliver_again(self, worker, data):
            if self.delivered:
                incoming = data.draw(st.sampled_from(self.delivered))
                assert store.run(self.inboxes[worker].put(incoming)).verdict == "seen"

        @rule(data=st.data(), worker=st.sampled_from(WORKERS), taken_back=st.booleans())
        def change(self, data, worker, taken_back):
            """Edit or take back what waits, or is being answered."""
            waiting = [lane for lane in LANES if len(self.asked[lane]) > len(self.answered[lane])]
            if not waiting:
                return
            lane = data.draw(st.sampled_from(waiting))
            done = len(self.answered[lane])
            at = data.draw(st.integers(done, len(self.asked[lane]) - 1))
            self.changed(lane, at, worker, **{"deleted" if taken_back else "edited": True})

        @rule(data=st.data(), worker=st.sampled_from(WORKERS))
        def edit_what_is_answered_just_before_its_end(self, data, worker):
            if self.running:
                held = claim, mail = data.draw(st.sampled_from(self.running))
                at = len(self.answered[claim.lane])
                if self.asked[claim.lane][at : at + 1] == [mail.event_id]:
                    self.changed(claim.lane, at, worker, edited=True)
                    self.running.remove(held)
                    self.end(*held)

        def changed(self, lane, at, worker, **kind):
            was = next(one for one in self.delivered if one.event_id == self.asked[lane][at])
            incoming = self.say(lane, f"e{next(_numbers)}", message=was.message, **kind)
            assert store.run(self.inboxes[worker].put(incoming)).verdict == "changed"
            self.delivered.append(incoming)
            self.asked[lane][at] = incoming.event_id

        @rule(worker=st.sampled_from(WORKERS))
        def claim(self, worker):
            for claim in store.run(self.inboxes[worker].claim(["test"], 1, 0)):
                self.begin(claim)

        @rule(worker=st.sampled_from(WORKERS))
        def lease_runs_out_and_another_takes_over(self, worker):
            for claim in store.run(self.inboxes[worker].take_over(["test"], 1)):
                self.begin(claim)

        def begin(self, claim, *, again=False):
            turn = store.run(claim.load(10_000, again=again))
            if turn is not None:
                assert turn.mail
                self.running.append((claim, turn.mail[0]))

        @rule(worker=st.sampled_from(WORKERS), data=st.data())
        def renew(self, worker, data):
            """Who is told that its turn counts no more begins the one that follows, if it may."""
            if self.running:
                held = data.draw(st.sampled_from(self.running))
                try:
                    store.run(held[0].renew())
                except LeaseLost:
                    self.running.remove(held)
                    with suppress(LeaseLost):
                        self.begin(held[0], again=True)

        @rule(lane=st.sampled_from(LANES))
        def a_frozen_worker_is_overtaken(self, lane):
            self.put(lane, "one")
            self.claim("one")
            self.lease_runs_out_and_another_takes_over("two")

        @rule(data=st.data())
        def crash(self, data):
            if self.running:
                self.running.remove(data.draw(st.sampled_from(self.running)))

        @rule(data=st.data(), forgets=st.sampled_from([False] * 5 + [True]))
        def commit(self, data, forgets):
            if self.running:
                held = data.draw(st.sampled_from(self.running))
                self.running.remove(held)
                self.end(*held, forgets=forgets)

        def end(self, claim, mail, *, forgets=False):
            event = mail.event_id
            exchange = None if mail.deleted else Exchange(event, "A", event, "answer", 0.0)
            try:
                store.run(claim.commit(1, exchange, forget_all=forgets))
                # Its answer may get lost, and then it is said again.
                store.run(claim.commit(1, exchange, forget_all=forgets))
            except LeaseLost:
                return
            self.answered[claim.lane].append(event)
            history = self.history[claim.conversation]
            history[:] = ([] if forgets else history) + ([] if exchange is None else [event])

        @invariant()
        def the_promises_hold(self):
            histories, mails, ready, parked, running = store.run(self._stored())
            for conversation in CONVERSATIONS:
                # Once, and only what was committed, in that order, for all lanes together.
                exchanges = [decode_exchange(one) for one in histories[conversation]]
                assert [one.event_id for one in exchanges] == self.history[conversation]
                assert exchanges == sorted(exchanges, key=lambda one: one.at)
            for lane in LANES:
                # Nothing is lost and order is kept: it is answered, or it waits.
                waiting = [read_incoming(one, "").event_id for one in mails[lane]]
                assert self.answered[lane] + waiting == self.asked[lane]
            # Who has mail is ready, or parked, exactly once.
            everywhere = [lane for line in parked.values() for lane in line] + ready
            assert sorted(everywhere, key=str) == sorted(filter(mails.get, LANES), key=str)
            # Nobody has more answers running than allowed; and none is parked without reason.
            for who, most in [(person, 1) for person in PERSONS] + [(place_of(GROUP), 2)]:
                assert running[who] <= most
                assert running[who] == most or not parked[who]

        async def _stored(self):
            shares = [*PERSONS, place_of(GROUP)]
            async with store.redis.pipeline(transaction=True) as pipe:
                for conversation in CONVERSATIONS:
                    pipe.lrange(keys.history(conversation), 0, -1)
                for lane in LANES:
                    pipe.lrange(keys.mail(lane.name), 0, -1)
                for who in shares:
                    pipe.lrange(keys.parked(who), 0, -1)
                for who in shares:
                    pipe.zcard(keys.running(who))
                for stream in streams("test"):
                    pipe.xrange(stream)
                found = iter(await pipe.execute())
            histories = {conversation: next(found) for conversation in CONVERSATIONS}
            mails = {lane: next(found) for lane in LANES}
            parked = {who: [lane_named(one.decode()) for one in next(found)] for who in shares}
            running = {who: next(found) for who in shares}
            ready = [
                lane_at(stream, fields)[0]
                for stream in streams("test")
                for _, fields in next(found)
            ]
            return histories, mails, ready, parked, running

        def teardown(self):
            """Whatever happened: one living worker answers all that is left."""
            self.running.clear()
            for _ in range(300):
                claims = store.run(self.inboxes["one"].claim(["test"], 1, 0))
                claims = claims or store.run(self.inboxes["one"].take_over(["test"], 1))
                if not claims:
                    break
                for claim in claims:
                    self.begin(claim)
                while self.running:
                    self.end(*self.running.pop())
            assert self.answered == self.asked

    return Promises


def as_it_is(inbox, redis):
    """No mutation."""


def mutated(name, old, new):
    """The script *name* with *new* for *old*. A guard that is not there counts as not caught."""
    script = source(name)
    if old not in script:
        raise LookupError(f"{name}: {old}")
    return script.replace(old, new)


def without_dedupe(inbox, redis):
    script = mutated("put", "return {'seen', 0}", "local forgotten = true")
    inbox.put_script = redis.register_script(script)


def without_fence(inbox, redis):
    commit = source("commit")
    script = commit[: commit.index("if not owned")] + commit[commit.index("local taken") :]
    inbox.engine = replace(inbox.engine, commit=redis.register_script(script))


def without_ready_again(inbox, redis):
    script = mutated("commit", "if left > 0 and not is_ready then", "if false then")
    inbox.engine = replace(inbox.engine, commit=redis.register_script(script))


def without_waking_the_parked(inbox, redis):
    script = mutated("commit", "if not name then", "if true then")
    inbox.engine = replace(inbox.engine, commit=redis.register_script(script))


def with_an_edit_that_runs_on(inbox, redis):
    """The turn's fence stays, and the commit does not look what it takes: each alone is enough."""
    put = mutated("put", "add('HINCRBY', state, 'fence', 1)", "")
    commit = mutated("commit", "type(first) == 'string' and first ~= ARGV[22]", "false")
    inbox.put_script = redis.register_script(put)
    inbox.engine = replace(inbox.engine, commit=redis.register_script(commit))


def with_one_slot_too_many(inbox, redis):
    script = mutated("load", ">= most and", "> most and")
    inbox.engine = replace(inbox.engine, load=redis.register_script(script))


def run(tmp_path, mutate, examples):
    store = Store(tmp_path)
    try:
        run_state_machine_as_test(
            machine_for(store, mutate),
            settings=settings(
                max_examples=examples,
                stateful_step_count=30,
                deadline=None,
                derandomize=True,
                database=None,
                # Shrinking takes longer than reading thirty steps.
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        store.close()


def test_the_promises_hold_in_every_history(tmp_path):
    run(tmp_path, as_it_is, 150)


@pytest.mark.parametrize(
    "mutate",
    [
        without_dedupe,
        without_fence,
        without_ready_again,
        without_waking_the_parked,
        with_an_edit_that_runs_on,
        with_one_slot_too_many,
    ],
)
def test_a_script_without_its_guard_is_caught(tmp_path, mutate):
    with pytest.raises(BaseException) as caught:
        run(tmp_path, mutate, 100)
    assert isinstance(caught.value, AssertionError | ExceptionGroup)
