"""Looks at several shards: one that is away, or late, keeps no other one waiting."""

import asyncio

import pytest
from redis.exceptions import ConnectionError as NotConnected
from redis.exceptions import ResponseError

from core.errors import StoreError
from core.store.looks import Looks


async def brings(what):
    return what


async def fails(error):
    raise error


async def test_a_look_that_never_ends_keeps_nobody_waiting_and_is_not_begun_again():
    looks, begun, answer = Looks(), [], asyncio.get_running_loop().create_future()

    async def frozen():
        begun.append(1)
        return await answer

    for number in range(5):
        found = await looks.at({"frozen": frozen, "well": lambda number=number: brings(number)})
        assert found == {"well": number}
    assert len(begun) == 1
    answer.set_result("thawed")
    await asyncio.sleep(0)
    assert (await looks.at({"well": lambda: brings(5)})) == {"well": 5, "frozen": "thawed"}
    await looks.close()


@pytest.mark.parametrize(
    "error", [NotConnected("gone"), ResponseError("TRYAGAIN"), StoreError("gone"), OSError("gone")]
)
async def test_a_shard_that_is_away_keeps_nothing_back_until_all_are_away(error):
    looks = Looks()
    gone = {name: lambda: fails(error) for name in ("one", "two")}
    assert await looks.at({**gone, "well": lambda: brings(1)}) == {"well": 1}
    with pytest.raises(type(error)):
        await looks.at(gone)


async def test_a_stream_without_its_group_is_told_though_others_brought_something():
    with pytest.raises(ResponseError):
        await Looks().at({"one": lambda: fails(ResponseError("NOGROUP")), "two": lambda: brings(1)})


async def test_looks_that_are_under_way_end_with_their_owner():
    looks, ended = Looks(), asyncio.Event()

    async def frozen():
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    await looks.at({"frozen": frozen, "well": lambda: brings(1)})
    await looks.close()
    assert ended.is_set()


async def test_where_there_is_nothing_to_look_at_nothing_is_brought():
    """A worker takes lanes over before its first tenant has started."""
    assert await Looks().at({}) == {}
