"""
The promises of the inbox, as properties of random histories on a real Valkey.

Puts, claims, crashes, lapsed leases, late workers and commits in any order:
nothing is lost, nothing is answered twice, nothing overlaps, order is kept.
The same machine must catch a script without its dedupe, and one without its
fence: a test that cannot fail proves nothing.
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
from core.messages import Exchange, Incoming, Sender, conversation_id
from core.store import keys
from core.store.connection import connect, source
from core.store.embedded import embedded
from core.store.inbox import Inbox
from core.store.values import read_incoming

CHATS = [conversation_id("test", name) for name in "abc"]
PERSONS = dict(zip(CHATS, ("test:1", "test:1", "test:2"), strict=True))
"""Two of the chats are one person's, who may have one answer running."""
WORKERS = ("one", "two", "three")
decode_exchange = msgspec.json.Decoder(Exchange).decode
_numbers = itertools.count()


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
                    lease_s=0.0,
                )
                for name in WORKERS
            }
            for inbox in self.inboxes.values():
                mutate(inbox, store.redis)
            store.run(self.inboxes["one"].prepare(["test"]))
            self.asked = {chat: [] for chat in CHATS}
            self.running = []
            self.answered = {chat: [] for chat in CHATS}

        def say(self, event, chat):
            sender = Sender(PERSONS[chat], "A")
            return Incoming(event_id=event, conversation=chat, sender=sender, text=event)

        @rule(chat=st.sampled_from(CHATS), worker=st.sampled_from(WORKERS))
        def put(self, chat, worker):
            event = f"e{next(_numbers)}"
            kept = store.run(self.inboxes[worker].put(self.say(event, chat)))
            assert kept.verdict == "kept"
            self.asked[chat].append(event)

        @rule(chat=st.sampled_from(CHATS), worker=st.sampled_from(WORKERS), data=st.data())
        def deliver_again(self, chat, worker, data):
            if self.asked[chat]:
                event = data.draw(st.sampled_from(self.asked[chat]))
                kept = store.run(self.inboxes[worker].put(self.say(event, chat)))
                assert kept.verdict == "seen"

        @rule(worker=st.sampled_from(WORKERS))
        def claim(self, worker):
            for claim in store.run(self.inboxes[worker].claim(["test"], 1, 0)):
                self.begin(claim)

        @rule(worker=st.sampled_from(WORKERS))
        def lease_runs_out_and_another_takes_over(self, worker):
            for claim in store.run(self.inboxes[worker].take_over(["test"], 1)):
                self.begin(claim)

        def begin(self, claim):
            turn = store.run(claim.load(10_000))
            if turn is not None:
                assert turn.mail
                self.running.append((claim, turn.mail[0].event_id))

        @rule(worker=st.sampled_from(WORKERS), data=st.data())
        def renew(self, worker, data):
            if self.running:
                claim, _ = data.draw(st.sampled_from(self.running))
                with suppress(LeaseLost):
                    store.run(claim.renew())

        @rule(chat=st.sampled_from(CHATS))
        def a_frozen_worker_is_overtaken(self, chat):
            self.put(chat, "one")
            self.claim("one")
            self.lease_runs_out_and_another_takes_over("two")

        @rule(data=st.data())
        def crash(self, data):
            if self.running:
                self.running.remove(data.draw(st.sampled_from(self.running)))

        @rule(data=st.data())
        def commit(self, data):
            if not self.running:
                return
            held = data.draw(st.sampled_from(self.running))
            self.running.remove(held)
            claim, event = held
            exchange = Exchange(event, "A", event, "answer", 0.0)
            try:
                store.run(claim.commit(1, exchange))
                # Its answer may get lost, and then it is said again.
                store.run(claim.commit(1, exchange))
            except LeaseLost:
                return
            self.answered[claim.conversation].append(event)

        @invariant()
        def the_promises_hold(self):
            histories, mails, ready, parked, running = store.run(self._stored())
            for chat in CHATS:
                events = [decode_exchange(one).event_id for one in histories[chat]]
                waiting = [read_incoming(one, "").event_id for one in mails[chat]]
                # Once, in order, and in history only what was committed.
                assert events == self.answered[chat]
                # Nothing is lost: it is answered, or it waits.
                assert events + waiting == self.asked[chat]
            # Who has mail is ready, or parked for its person, exactly once.
            assert sorted(ready + parked) == sorted(chat for chat in CHATS if mails[chat])
            # No person has more answers running than allowed; nobody is parked without one.
            assert max(running.values()) <= 1
            assert all(running[PERSONS[chat]] == 1 for chat in parked)

        async def _stored(self):
            async with store.redis.pipeline(transaction=True) as pipe:
                for chat in CHATS:
                    pipe.lrange(keys.history(chat), 0, -1)
                    pipe.lrange(keys.mail(chat), 0, -1)
                persons = sorted(set(PERSONS.values()))
                for person in persons:
                    pipe.lrange(keys.parked(person), 0, -1)
                for person in persons:
                    pipe.zcard(keys.running(person))
                pipe.xrange(keys.ready("test"))
                *lists, entries = await pipe.execute()
            of_chats, of_persons = lists[: 2 * len(CHATS)], lists[2 * len(CHATS) :]
            histories = dict(zip(CHATS, of_chats[::2], strict=True))
            mails = dict(zip(CHATS, of_chats[1::2], strict=True))
            ready = [fields[b"c"].decode() for _, fields in entries]
            parked = [chat.decode() for line in of_persons[: len(persons)] for chat in line]
            running = dict(zip(persons, of_persons[len(persons) :], strict=True))
            return histories, mails, ready, parked, running

        def teardown(self):
            """Whatever happened: one living worker answers all that is left."""
            for _ in range(300):
                claims = store.run(self.inboxes["one"].claim(["test"], 1, 0))
                claims = claims or store.run(self.inboxes["one"].take_over(["test"], 1))
                if not claims:
                    break
                turn = store.run(claims[0].load(10_000))
                if turn is None:
                    continue
                assert turn.mail
                event = turn.mail[0].event_id
                store.run(claims[0].commit(1, Exchange(event, "A", event, "answer", 0.0)))
                self.answered[claims[0].conversation].append(event)
            assert self.answered == self.asked

    return Promises


def as_it_is(inbox, redis):
    """No mutation."""


def without_dedupe(inbox, redis):
    put = source("put")
    mutated = put.replace("return {'seen', 0}", "local forgotten = true")
    assert mutated != put
    inbox.put_script = redis.register_script(mutated)


def without_fence(inbox, redis):
    commit = source("commit")
    start, end = commit.index("if not owned"), commit.index("if ARGV[11]")
    mutated = redis.register_script(commit[:start] + commit[end:])
    inbox.engine = replace(inbox.engine, commit=mutated)


def without_ready_again(inbox, redis):
    commit = source("commit")
    mutated = commit.replace("if left > 0 then", "if false then")
    assert mutated != commit
    inbox.engine = replace(inbox.engine, commit=redis.register_script(mutated))


def without_waking_the_parked(inbox, redis):
    commit = source("commit")
    mutated = commit.replace("if waiting then", "if false then")
    assert mutated != commit
    inbox.engine = replace(inbox.engine, commit=redis.register_script(mutated))


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
    "mutate", [without_dedupe, without_fence, without_ready_again, without_waking_the_parked]
)
def test_a_script_without_its_guard_is_caught(tmp_path, mutate):
    with pytest.raises(BaseException) as caught:
        run(tmp_path, mutate, 100)
    assert isinstance(caught.value, AssertionError | ExceptionGroup)
