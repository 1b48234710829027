"""Answers given again: the same question only, in the same scope only, asked once at a time."""

import asyncio

import aiohttp
import pytest

from core.errors import Interrupted, Refused, StoreError
from core.models.cache import RememberingModel, key_of
from core.models.chunks import FromMemory, TextDelta
from core.models.client import ChatClient
from core.models.providers import Endpoint
from core.models.request import ChatMessage, ChatRequest
from core.telemetry import Metrics
from tests.servers.model import status


class Memory(dict):
    away = False

    async def recall(self, key):
        if self.away:
            raise StoreError("away")
        return self.get(key, "")

    async def keep(self, key, text, ttl_s):
        if self.away:
            raise StoreError("away")
        self[key] = text


@pytest.fixture
async def remembering(model):
    async with aiohttp.ClientSession() as session:
        client = ChatClient(session, Endpoint(model.url, "", "scripted"))
        yield RememberingModel(client, Memory(), Metrics().memory)


def request(text, scope="here", **more):
    return ChatRequest((ChatMessage("user", text),), scope=scope, **more)


async def ask(model, asked):
    async with model.stream(asked) as deltas:
        found = [delta async for delta in deltas]
    text = "".join(delta.text for delta in found if isinstance(delta, TextDelta))
    return text, any(isinstance(delta, FromMemory) for delta in found)


async def test_the_same_question_is_asked_once(remembering, model):
    first, again = [await ask(remembering, request("hello")) for _ in range(2)]
    assert first == (again[0], False)
    assert again[1]
    assert len(model.requests) == 1


@pytest.mark.parametrize(
    "other",
    [
        request("hello!"),
        request("hello", scope="there"),
        request("hello", scope=""),
        request("hello", model="bigger"),
        request("hello", max_tokens=5),
    ],
)
async def test_another_question_or_another_scope_is_asked_anew(remembering, model, other):
    await ask(remembering, request("hello"))
    assert (await ask(remembering, other))[1] is False
    assert len(model.requests) == 2


async def test_a_hundred_at_once_cost_one_call(remembering, model):
    model.piece_s = 0.01
    answers = await asyncio.gather(*(ask(remembering, request("hello")) for _ in range(100)))
    assert {text for text, _ in answers} == {"Echo of hello -- before that: nothing."}
    assert len(model.requests) == 1


async def test_who_joins_a_call_shares_its_failure_and_nothing_is_kept(remembering, model):
    model.faults.append(status(401))
    found = await asyncio.gather(
        *(ask(remembering, request("hello")) for _ in range(3)), return_exceptions=True
    )
    assert all(isinstance(error, Refused) for error in found)
    assert (await ask(remembering, request("hello")))[0].startswith("Echo")


async def test_who_joined_a_call_that_was_stopped_is_told(remembering, model):
    model.piece_s = 0.05
    leader = asyncio.create_task(ask(remembering, request("hello")))
    while not model.running_streams:
        await asyncio.sleep(0.01)
    follower = asyncio.create_task(ask(remembering, request("hello")))
    await asyncio.sleep(0.1)
    leader.cancel()
    with pytest.raises(Interrupted):
        await follower


async def test_without_a_store_everything_is_asked(remembering, model):
    remembering._memory.away = True
    for _ in range(2):
        assert (await ask(remembering, request("hello")))[1] is False


async def test_an_answer_that_was_cut_is_not_kept(remembering, model):
    async def short(http):
        return await model.stream(http, "half an ans", finish="length")

    model.faults.append(short)
    await ask(remembering, request("hello"))
    assert (await ask(remembering, request("hello")))[0].startswith("Echo")


def test_a_key_is_stable():
    assert key_of(request("hello"), "m")[:16] == "4ec29ab657f2df69"


async def test_pieces_that_nobody_else_reads_are_joined_and_who_joins_late_gets_all(
    remembering, model
):
    model.answer, model.piece_s, model.piece_chars = lambda _: "0123456789" * 100, 0, 1
    said = ""
    async with remembering.stream(request("count")) as deltas:
        async for delta in deltas:
            said += getattr(delta, "text", "")
            if len(said) == 900:
                (flight,) = remembering._flights.values()
                assert len(flight.deltas) < 600
                late = asyncio.create_task(ask(remembering, request("count")))
                await asyncio.sleep(0)
    assert said == (await late)[0] == "0123456789" * 100
    assert len(model.requests) == 1
