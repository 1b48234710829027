"""The flag that tasks wait for with a bound."""

import asyncio

import pytest

from core.tasks import Flag


async def test_who_waits_goes_on_when_it_is_set_or_at_the_bound():
    flag = Flag()
    assert not await flag.wait(0.01)
    asyncio.get_running_loop().call_later(0.01, flag.set)
    assert await asyncio.gather(flag.wait(60.0), flag.wait()) == [True, True]
    assert await flag.wait(0.0)
    flag.clear()
    assert not await flag.wait(0.0)


async def test_who_was_woken_goes_on_although_it_is_clear_again():
    flag = Flag()
    waiting = asyncio.create_task(flag.wait(60.0))
    await asyncio.sleep(0)
    flag.set()
    flag.clear()
    assert await waiting


async def test_a_wait_that_is_cancelled_leaves_nothing():
    flag = Flag()
    waiting = asyncio.create_task(flag.wait(60.0))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    flag.set()
    assert not flag._waiting
