"""The tools of MCP servers in the registry: who may use which, and what a change means."""

import asyncio
import contextlib
import datetime
import sys
from pathlib import Path

import pytest

from core.mcp.entry import ServerEntry
from core.store.connection import connect
from core.store.embedded import embedded
from core.store.pins import SharedPins
from core.tools import servers
from core.tools.registry import Tools
from core.tools.servers import Servers
from core.tools.tool import ToolContext, ToolError, ToolUnsure

STRANGER = str(Path(__file__).parents[1] / "servers" / "mcp.py")


def stranger(name: str = "one", mode: str = "plain", **options) -> ServerEntry:
    options = {"allow": ("*",), **options}
    return ServerEntry(name, command=(sys.executable, STRANGER, mode), **options)


@pytest.fixture
async def pins(tmp_path):
    async with embedded(tmp_path) as url, connect(url) as redis:
        yield SharedPins(redis)


@contextlib.asynccontextmanager
async def tools_of(pins, *entries: ServerEntry, most: int = 1):
    async with Servers(entries, pins) as servers:
        async with asyncio.timeout(20):
            while len(servers.known()) < most:
                await asyncio.sleep(0.02)
        yield servers, Tools((), servers.known)


def somebody(role: str = "member", conversation: str = "slack:C1:") -> ToolContext:
    now = datetime.datetime.now(datetime.UTC)
    return ToolContext(conversation, "slack:U1", role, private=False, now=now, key="k")


async def test_two_servers_may_have_tools_of_the_same_name(pins):
    entries = stranger("one", env={}), stranger("two")
    async with tools_of(pins, *entries, most=8) as (_, tools):
        box = tools.for_turn(somebody())
        assert {"one__echo", "two__echo"} <= set(box.names)
        for name in ("one__echo", "two__echo"):
            said = await box.find(name).tool.call({"text": name}, somebody())
            assert said.text.startswith(name)


async def test_only_what_is_allowed_in_this_place_for_this_role_is_known(pins):
    entry = stranger(allow=("echo",), places=("slack:C1",), role="admin")
    async with tools_of(pins, entry) as (_, tools):
        assert tools.for_turn(somebody("admin")).names == ["one__echo"]
        assert not tools.for_turn(somebody("member")).names
        assert not tools.for_turn(somebody("admin", "slack:C2:")).names
        assert not tools.for_turn(somebody("admin", "telegram:1:")).names


async def test_a_call_that_was_planned_waits_longer_for_its_server_than_an_answer(
    pins, monkeypatch
):
    monkeypatch.setattr(servers, "START_S", 0.0)
    async with Servers([stranger()], pins) as some:
        await some.started()
        assert not some.known()
        await some.started(called=True)
        assert some.known()


async def test_resources_and_prompts_are_tools(pins):
    async with tools_of(pins, stranger(), most=4) as (_, tools):
        box = tools.for_turn(somebody())
        read = box.find("one__read_resource")
        assert "memo://one" in read.spec.description
        assert (await read.tool.call({"uri": "memo://one"}, somebody())).text == "the memo"
        filled = await box.find("one__use_prompt").tool.call(
            {"name": "greet", "arguments": {"who": "Ann"}}, somebody()
        )
        assert filled.text == "user: Greet Ann."


async def test_a_tool_that_changes_waits_for_an_admin(pins):
    async with tools_of(pins, stranger(mode="changes"), most=4) as (servers, tools):
        await servers.known()["one__echo"].tool.call({"text": "hi"}, somebody())
        async with asyncio.timeout(5):
            while "one__echo" in servers.known():
                await asyncio.sleep(0.02)
        assert "one__more" in tools.for_turn(somebody()).names
        assert servers.states()[0].changed == ("one__echo",)
        assert await servers.accept("one") == ["one__echo"]
        async with asyncio.timeout(5):
            while "one__echo" not in servers.known():
                await asyncio.sleep(0.02)
        assert ".ssh" in servers.known()["one__echo"].spec.description


async def test_a_change_is_noticed_after_a_restart_too(pins):
    async with tools_of(pins, stranger(), most=4):
        pass
    async with tools_of(pins, stranger(mode="smuggles"), most=4) as (servers, _):
        # Without what nobody can see, it is the same text as before.
        assert servers.known()["one__echo"].spec.description == "Say it again."
    await pins.accept({"one__echo": "another digest"})
    async with tools_of(pins, stranger(), most=3) as (servers, _):
        assert servers.states()[0].changed == ("one__echo",)


async def test_a_call_that_may_have_been_done_is_told_as_such(pins):
    async with tools_of(pins, stranger(mode="dies"), most=4) as (servers, _):
        with pytest.raises(ToolUnsure):
            await servers.known()["one__send"].tool.call({"text": "hi"}, somebody())


async def test_a_server_that_is_away_harms_no_other_and_is_named(pins, monkeypatch):
    monkeypatch.setattr("core.mcp.server.WAIT_S", 0.2)
    away = ServerEntry("away", command=("no-such-program",), allow=("*",))
    async with tools_of(pins, away, stranger(), most=4) as (servers, tools):
        assert "one__echo" in tools.for_turn(somebody()).names
        async with asyncio.timeout(10):
            while "no-such-program" not in servers.states()[0].fault:
                await asyncio.sleep(0.05)


async def test_a_call_to_a_server_that_went_away_was_surely_not_made(pins, monkeypatch):
    async with tools_of(pins, stranger(), most=4) as (servers, _):
        tool = servers.known()["one__send"].tool
    monkeypatch.setattr("core.mcp.server.WAIT_S", 0.1)
    with pytest.raises(ToolError) as failed:
        await tool.call({"text": "hi"}, somebody())
    assert not isinstance(failed.value, ToolUnsure)
