"""Calls that nobody waits for: reactions, "is typing", tidying. They take tokens as all do."""

import pytest

from core.buckets import LocalBudget
from core.errors import PlatformError, RateLimited
from core.live.delivery import SpareCalls
from core.platform import Bucket

BUCKETS = (Bucket("chat", 4, 100),)


@pytest.fixture
def budget():
    return LocalBudget()


async def test_a_call_that_nobody_waits_for_takes_a_token(budget):
    async def call():
        made.append(1)

    made = []
    before = (await budget.take(BUCKETS, "final")).levels[0]
    await SpareCalls(budget).make(BUCKETS, call)
    assert made
    assert (await budget.take(BUCKETS, "final")).levels[0] == before - 2


@pytest.mark.parametrize(("owed", "calls"), [(False, 0), (True, 1)])
async def test_where_no_token_is_left_only_what_is_owed_is_called(budget, owed, calls):
    async def call():
        made.append(1)

    made = []
    while not (await budget.take(BUCKETS, "final")).wait_s:
        pass
    await SpareCalls(budget).make(BUCKETS, call, owed=owed)
    assert len(made) == calls


async def test_a_refusal_of_it_silences_the_place(budget):
    async def call():
        raise RateLimited("flood", 30)

    await SpareCalls(budget).make(BUCKETS, call)
    assert (await budget.take(BUCKETS, "final")).wait_s > 29


async def test_another_failure_of_it_ends_there(budget):
    async def call():
        raise PlatformError("away")

    await SpareCalls(budget).make(BUCKETS, call)
    assert (await budget.take(BUCKETS, "final")).wait_s == 0
