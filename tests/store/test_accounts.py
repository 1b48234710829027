"""Budgets in the store: reserved before, paid in the commit, given back whatever dies."""

import asyncio
import datetime
from contextlib import suppress

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import LeaseLost
from core.messages import Sender, Spent, conversation_id
from core.people.budgets import Limit, accounts_at, applying
from core.store import keys
from core.store.accounts import key_of
from core.store.inbox import Inbox
from tests.store.words import exchange, said, take, two_views

NOON = datetime.datetime(2026, 11, 26, 12, tzinfo=datetime.UTC)
CHAT = conversation_id("test", "chat")
HELD, SPENT = b"held:tokens", b"spent:tokens"


def accounts_of(*limits, person="test:1", conversation=CHAT):
    return accounts_at(applying(limits, conversation, person), conversation, person, NOON)


def tokens(much, model="m"):
    return {model: Spent(turns=1, prompt_tokens=much)}


async def reserve(claim, accounts, much, model="m", event="event"):
    found = [(one, one.limit.of_spent(tokens(much, model))) for one in accounts]
    amounts = [pair for pair in found if pair[1]]
    return await claim.reserve(event, amounts) if amounts else None


PERSON = Limit("person", "tokens", 100, "day")
TENANT = Limit("tenant", "tokens", 150, "month")


async def account(redis, one):
    return {name: int(value) for name, value in (await redis.hgetall(key_of(one))).items()}


async def taken(inbox, number, **more):
    await inbox.put(said(number, **more))
    return (await take(inbox))[0]


async def test_what_is_reserved_is_paid_in_the_commit_and_the_rest_given_back(redis):
    one, _ = await two_views(redis)
    accounts = accounts_of(PERSON, TENANT)
    claim = await taken(one, 1)
    assert await reserve(claim, accounts, 60) is None
    assert [await account(redis, each) for each in accounts] == [{HELD: 60}, {HELD: 60}]
    await claim.commit(1, exchange(1), spent=tokens(25), accounts=accounts)
    assert [await account(redis, each) for each in accounts] == [{SPENT: 25}, {SPENT: 25}]
    assert not await redis.exists(keys.holds("test"))
    assert 0 < await redis.ttl(key_of(accounts[0])) < 2**31


async def test_a_reservation_is_for_all_accounts_or_for_none(redis):
    one, _ = await two_views(redis)
    mine = accounts_of(PERSON, TENANT)
    others = accounts_of(PERSON, TENANT, person="test:2")
    first, second = await taken(one, 1), await taken(one, 2, chat="two", person="test:2")
    assert await reserve(first, mine, 90) is None
    refused = await reserve(second, others, 70)
    assert (refused.account.limit, refused.held, refused.most) == (TENANT, 90, 150)
    assert await account(redis, others[0]) == {}
    assert await reserve(second, others, 60) is None


async def test_who_spends_alone_may_have_all_that_is_left(redis):
    """An estimate is high: who has 40 of 100 tokens left, and nothing under way, may ask."""
    one, _ = await two_views(redis)
    accounts = accounts_of(PERSON)
    for number, spent in enumerate((60, 39, 7)):
        claim = await taken(one, number)
        assert await reserve(claim, accounts, 4000) is None
        assert (await account(redis, accounts[0]))[HELD] == 100 - (0, 60, 99)[number]
        await claim.commit(1, None, spent=tokens(spent), accounts=accounts)
    claim = await taken(one, 9)
    refused = await reserve(claim, accounts, 1)
    assert (refused.spent, refused.held, refused.first) == (106, 0, 1)
    assert (await reserve(claim, accounts, 1)).first == 0


async def test_the_next_try_takes_the_reservation_over_and_the_last_one_cannot_reserve(redis):
    one, two = await two_views(redis)
    accounts = accounts_of(PERSON)
    dead = await taken(one, 1)
    assert await reserve(dead, accounts, 80) is None
    await asyncio.sleep(0.35)
    (claim,) = await two.take_over(["test"], 1)
    turn = await claim.load(1000)
    assert turn.held == (key_of(accounts[0]),)
    with pytest.raises(LeaseLost):
        await reserve(dead, accounts, 10)
    assert await reserve(claim, accounts, 90) is None
    assert await account(redis, accounts[0]) == {HELD: 90}
    await claim.commit(1, None, dead="no answer after several tries")
    assert await account(redis, accounts[0]) == {}


async def test_a_turn_that_ends_after_its_try_died_gives_back_what_that_try_reserved(redis):
    one, two = await two_views(redis)
    accounts = accounts_of(PERSON)
    for number, end in enumerate(("commit", "move")):
        dead = await taken(one, number)
        assert await reserve(dead, accounts, 80) is None
        await asyncio.sleep(0.35)
        (claim,) = await two.take_over(["test"], 1)
        await claim.load(1000)
        if end == "commit":
            await claim.commit(1, None)
        else:
            await claim.move(conversation_id("test", "new"), said=True)
        assert await account(redis, accounts[0]) == {}, end


async def test_a_limit_of_a_model_counts_only_what_such_models_spend(redis):
    one, _ = await two_views(redis)
    limit = Limit("person", "tokens", 100, "day", model="gpt-*")
    accounts = accounts_of(limit)
    claim = await taken(one, 1)
    assert await reserve(claim, accounts, 500, "other") is None
    assert await account(redis, accounts[0]) == {}
    both = {**tokens(500, "other"), **tokens(70, "gpt-5")}
    assert await claim.reserve("event-1", [(accounts[0], accounts[0].limit.of_spent(both))]) is None
    assert await account(redis, accounts[0]) == {HELD: 70}
    await claim.commit(1, None, spent=both, accounts=accounts)
    assert await account(redis, accounts[0]) == {SPENT: 70}


async def test_a_commit_sent_twice_pays_once(redis):
    one, _ = await two_views(redis)
    accounts = accounts_of(PERSON)
    claim = await taken(one, 1)
    for _ in range(2):
        await claim.commit(1, exchange(1), spent=tokens(25), accounts=accounts)
    assert await account(redis, accounts[0]) == {SPENT: 25}
    assert await redis.hget(keys.spent("test:1"), "prompt_tokens") == b"25"


async def test_coming_near_a_limit_is_told_once_in_a_period(redis):
    one, _ = await two_views(redis)
    accounts, near = accounts_of(PERSON), []
    for number, spent in enumerate((70, 10, 5, 20)):
        claim = await taken(one, number)
        await claim.commit(1, None, spent=tokens(spent), accounts=accounts)
        near.append(bool(claim.near))
    assert near == [False, True, False, False]


async def test_costs_are_kept_for_a_while_and_a_tally_has_bounds(redis, monkeypatch):
    monkeypatch.setattr("core.store.accounts.MOST_ROWS", 5)
    one, _ = await two_views(redis)
    for number in range(4):
        claim = await taken(one, number, person=f"test:{number}", chat=f"chat{number}")
        await claim.commit(1, exchange(number), spent=tokens(10))
    tallies = [key async for key in redis.scan_iter(f"{keys.TAG}:tally:*")]
    assert len(tallies) == 2  # Of the month, and of the day.
    for tally in tallies:
        rows = await redis.hgetall(tally)
        assert 5 <= len(rows) <= 5 + 3
        kinds = {"person": 0, "place": 0, "model": 0}
        for name, raw in rows.items():
            kinds[name.decode().split()[0]] += msgspec.json.decode(raw)["prompt_tokens"]
        assert kinds == {"person": 40, "place": 40, "model": 40}
        assert b"person *" in rows
        assert await redis.ttl(tally) > 0
    async for key in redis.scan_iter(f"{keys.TAG}:spent:*"):
        assert await redis.ttl(key) > 0


async def test_garbage_in_an_account_costs_no_turn(redis):
    one, _ = await two_views(redis)
    accounts = accounts_of(PERSON)
    for number, (key, value) in enumerate(
        [(key_of(accounts[0]), "x"), (keys.holds("test"), "x"), (keys.limits("test"), "x")]
    ):
        await redis.set(key, value)
        claim = await taken(one, number)
        assert await reserve(claim, accounts, 5) is None
        await redis.set(key_of(accounts[0]), "y")
        await claim.commit(1, exchange(number), spent=tokens(3), accounts=accounts)
        assert await account(redis, accounts[0]) == {SPENT: 3}
        await redis.delete(key_of(accounts[0]))


async def test_a_booked_extra_counts_without_a_turn(redis):
    one, _ = await two_views(redis)
    claim = await taken(one, 1)
    accounts = accounts_of(PERSON)
    await claim.ledger.book(Sender("test:1", "Ann"), tokens(12), accounts)
    assert await account(redis, accounts[0]) == {SPENT: 12}


LANES = [(f"chat{number}", f"test:{number % 2}") for number in range(4)]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ("ask", "claim", "claim", "reserve", "reserve", "commit", "late", "edit", "delete")
        ),
        st.integers(0, 3),
        st.integers(1, 60),
    ),
    min_size=10,
    max_size=40,
)


class Bank:
    """Four lanes of two people, two workers whose leases lapse at once, and what must hold."""

    def __init__(self, redis, workers):
        self.redis, self.workers = redis, workers
        self.claims, self.lost, self.numbers = {}, [], iter(range(10**6))
        self.asked, self.paid = {}, {}

    def accounts(self, chat, person):
        conversation = conversation_id("test", chat)
        return accounts_of(PERSON, TENANT, person=person, conversation=conversation)

    async def step(self, what, lane, much):
        chat, person = LANES[lane]
        await getattr(self, what)(chat, person, much)
        await self.check()

    async def ask(self, chat, person, much):
        number = self.asked[chat] = next(self.numbers)
        await self.workers[0].put(said(number, chat=chat, person=person, message=str(number)))

    async def edit(self, chat, person, much, **more):
        if chat in self.asked:
            number, new = self.asked[chat], next(self.numbers)
            await self.workers[0].put(
                said(new, chat=chat, person=person, message=str(number), edited=True, **more)
            )

    async def delete(self, chat, person, much):
        await self.edit(chat, person, much, deleted=True)

    async def claim(self, chat, person, much):
        worker = self.workers[much % 2]
        for claim in [
            *await worker.take_over(["test"], 4),
            *await worker.claim(["test"], 4, 0.0),
        ]:
            name = claim.lane.name
            if name in self.claims:
                self.lost.append(self.claims[name])
            with suppress(LeaseLost):
                turn = await claim.load(1000)
                self.claims[name] = claim, turn

    async def reserve(self, chat, person, much):
        if (found := self.claims.get(conversation_id("test", chat))) is None or not found[1].mail:
            return
        accounts = self.accounts(chat, person)
        with suppress(LeaseLost):
            if await reserve(found[0], accounts, much) is None:
                for each in accounts:
                    kept = await account(self.redis, each)
                    assert kept.get(SPENT, 0) + kept[HELD] <= each.limit.most

    async def commit(self, chat, person, much):
        if (found := self.claims.pop(conversation_id("test", chat), None)) is None:
            return
        accounts, spent = self.accounts(chat, person), tokens(much if found[1].mail else 0)
        with suppress(LeaseLost):
            await found[0].commit(len(found[1].mail[:1]), None, spent=spent, accounts=accounts)
            for each in accounts:
                key = key_of(each)
                self.paid[key] = self.paid.get(key, 0) + each.limit.of_spent(spent)

    async def late(self, chat, person, much):
        """A worker that another one has replaced wakes up."""
        for claim, _ in self.lost:
            with pytest.raises(LeaseLost):
                await reserve(claim, self.accounts(chat, person), much)
        self.lost = []

    async def check(self):
        names = {key_of(each) for lane in LANES for each in self.accounts(*lane)}
        async with self.redis.pipeline() as pipe:
            for key in (keys.holds("test"), *names):
                pipe.hgetall(key)
            held, *found = await pipe.execute()
        holds = [msgspec.json.decode(raw)["accounts"] for raw in held.values()]
        for key, kept in zip(names, found, strict=True):
            named = sum(hold.get(key, {}).get("tokens", 0) for hold in holds)
            assert int(kept.get(HELD, 0)) == named >= 0
            assert int(kept.get(SPENT, 0)) == self.paid.get(key, 0)

    async def settle(self):
        """Everything that waits is served, by whoever is left."""
        while True:
            claims = await self.workers[1].take_over(["test"], 9)
            claims += await self.workers[1].claim(["test"], 9, 0.0)
            if not claims:
                return
            for claim in claims:
                turn = await claim.load(1000)
                await claim.commit(len(turn.mail), None)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS)
async def test_reserving_paying_and_dying_in_any_order_keeps_the_accounts(redis, steps):
    """Reserved is what the holds name, spent is what was paid, and in the end nothing is held."""
    await redis.flushall()
    workers = [
        Inbox(redis, name, history_ttl_s=1000, most_waiting=50, lease_s=0.0) for name in "ab"
    ]
    await workers[0].prepare(["test"])
    bank = Bank(redis, workers)
    for step in steps:
        await bank.step(*step)
    await bank.settle()
    await bank.check()
    assert not await redis.exists(keys.holds("test"))
