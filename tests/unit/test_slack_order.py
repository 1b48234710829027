"""Events of a channel are accepted in the order in which they came."""

import asyncio

from bots.slack.order import Order


async def test_who_is_ready_first_waits_for_who_came_first():
    order, accepted = Order(), []

    async def event(channel, number, ready_s):
        async with order.place(channel) as turn:
            await asyncio.sleep(ready_s)
            await turn()
            accepted.append((channel, number))

    events = [("a", 1, 0.05), ("a", 2, 0.0), ("b", 1, 0.0), ("a", 3, 0.02)]
    async with asyncio.TaskGroup() as group:
        for one in events:
            group.create_task(event(*one))
    assert [number for channel, number in accepted if channel == "a"] == [1, 2, 3]
    assert accepted[0] == ("b", 1)
    assert not order._last


async def test_who_never_gets_ready_holds_nobody_for_ever(monkeypatch):
    monkeypatch.setattr("bots.slack.order.TIMEOUT_S", 0.05)
    order = Order()
    async with order.place("a"), order.place("a") as turn:
        await asyncio.wait_for(turn(), 5)
