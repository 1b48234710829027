"""A message of the operator to many places, whose process dies on its way."""

import asyncio
from contextlib import asynccontextmanager

import aiohttp

from tests.attacks.watching import free_port
from tests.contracts.drivers import TelegramDriver, started
from tests.harness import until
from tests.scenarios.test_admin import TOKEN, Operator
from tests.servers import telegram

PLACES = [f"telegram:{chat}" for chat in (77, 78, 79, 80)]
OWNED = {"admin_token": TOKEN, "owners": "telegram:77"}


@asynccontextmanager
async def process(server, folder, model, redis):
    """An operator on one process of the program."""
    driver = TelegramDriver()
    driver.server = server
    async with (
        started(driver, folder, model, redis_url=redis.url, **OWNED),
        Operator(driver.app.url) as operator,
    ):
        await operator.sign_in(token=TOKEN)
        yield operator


async def sending(operator):
    return (await operator.see("places"))["sending"]


async def test_a_broadcast_whose_process_was_killed_says_so_and_another_goes_on_without_any_twice(
    redis, tmp_path, model, replica, server, monkeypatch
):
    monkeypatch.setattr("core.admin.broadcasting.LOST_S", 1.0)
    posted = asyncio.Event()

    async def slowly(request):
        """The third place gets it, but its sender never hears of it."""
        form = await telegram.sent(request)
        await server.do_sendMessage({"chat_id": form["chat_id"], "text": form["text"]}, {})
        posted.set()
        await asyncio.sleep(60)

    for chat in (78, 79, 80):
        server.add_private(chat)
    port = free_port()
    first = replica(http_port=port, **OWNED)
    async with Operator(f"http://127.0.0.1:{port}") as operator:
        await until(lambda: _signed_in(operator), 30)
        assert (await operator.do("broadcast", text="News", places=PLACES))[0] == 200
        await until(lambda: len(_news(server)) == 1, 20)
        assert (await operator.do("go-on"))[0] == 409
        await until(lambda: len(_news(server)) == 2, 20)
        server.fail_next("sendMessage", slowly)
        await asyncio.wait_for(posted.wait(), 20)
        first.kill()
    async with process(server, tmp_path / "b", model, redis) as operator:
        told = await until(lambda: _in_state(operator, "lost"), 20)
        assert (told["done"], told["places"], told["under_way"]) == (2, 4, "telegram:79")
        both = await asyncio.gather(*(operator.do("go-on") for _ in range(2)))
        assert sorted(status for status, _ in both) == [200, 409]
        told = await until(lambda: _in_state(operator, "done"), 20)
        assert (told["done"], told["failed"], told["doubtful"]) == (4, [], ["telegram:79"])
        assert sorted(_news(server)) == [77, 78, 79, 80]
        assert (await operator.changes())[0]["act"] == "go on"


async def test_a_broadcast_of_a_process_that_ends_in_peace_can_go_on_at_once(
    redis, tmp_path, model, server, monkeypatch
):
    monkeypatch.setattr("core.admin.broadcasting.PAUSE_S", 60.0)
    server.add_private(78)
    async with process(server, tmp_path / "a", model, redis) as operator:
        await operator.do("broadcast", text="News", places=PLACES[:2])
        await until(lambda: _done(operator, 1))
    async with process(server, tmp_path / "b", model, redis) as operator:
        told = await sending(operator)
        assert (told["state"], told["done"], told["under_way"]) == ("lost", 1, "")
        assert (await operator.do("go-on"))[0] == 200
        await until(lambda: _done(operator, 2))
        assert sorted(_news(server)) == [77, 78]


def _news(server):
    return [chat for chat in (77, 78, 79, 80) for one in server.posts(chat) if "News" in one.text]


async def _signed_in(operator):
    try:
        return await operator.sign_in(token=TOKEN) == 200
    except aiohttp.ClientError:
        return False


async def _in_state(operator, state):
    told = await sending(operator)
    return told if told and told["state"] == state else None


async def _done(operator, many):
    return (await sending(operator))["done"] == many
