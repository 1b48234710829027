"""MCP servers by streamable HTTP: sessions, people's tokens, and what a stranger may do."""

import asyncio

import pytest
from aiohttp import web

from core.mcp import server as servers
from core.mcp.entry import ServerEntry
from core.mcp.frames import Listed
from core.mcp.server import CallFailed
from core.tasks import end
from tests.servers.loopback import listening
from tests.servers.mcp_http import ECHO, McpHttp
from tests.tools.test_mcp import running


def entry(server, **more):
    return ServerEntry("web", url=server.url, **more)


@pytest.mark.parametrize("mode", ["plain", "sse"])
@pytest.mark.parametrize(
    ("version", "sessions"),
    [("2025-03-26", True), ("2025-06-18", True), ("2025-06-18", False), ("2025-11-25", True)],
)
async def test_a_server_of_each_older_protocol_shows_and_does_what_it_offers(
    mode, version, sessions
):
    async with (
        McpHttp(mode, version, sessions).running() as server,
        running(entry(server)) as client,
    ):
        assert client.listed.protocol == version
        assert [tool.name for tool in client.listed.tools] == ["whoami", "echo", "send"]
        assert [one.name for one in client.listed.resources] == ["memo://one"]
        assert (await client.call("call", "echo", {"text": "hi"})).text == "hi (somebody)"
        assert (await client.call("read", "memo://one", {})).text == "memo of somebody"
        assert (await client.call("fill", "greet", {"who": "Ann"})).text == "user: Greet Ann."
    assert not server.broken


async def test_a_session_that_the_server_has_forgotten_is_begun_anew_within_the_call():
    async with McpHttp().running() as server, running(entry(server)) as client:
        await client.call("call", "send", {"text": "one"})
        server.sessions.clear()
        assert (await client.call("call", "send", {"text": "two"})).text == "two (somebody)"
        assert server.initialized == 2
        # Nothing was done twice.
        assert [text for _, _, text in server.calls] == ["one", "two"]
    assert not server.broken


async def test_a_list_that_changes_is_read_again_over_http():
    async with McpHttp().running() as server, running(entry(server)) as client:
        async with asyncio.timeout(10):
            while not server.streams:
                await asyncio.sleep(0.02)
            server.tools.append({**ECHO, "name": "more"})
            await server.tell("notifications/tools/list_changed")
            while len(client.listed.tools) < 4:
                await asyncio.sleep(0.02)


async def test_a_server_of_http_that_hangs_serves_the_next_call():
    async with McpHttp("hangs").running() as server, running(entry(server, timeout_s=1)) as client:
        with pytest.raises(CallFailed) as failed:
            await client.call("call", "send", {"text": "hi"})
        assert failed.value.why == "timeout"
        assert not failed.value.sure
        assert (await client.call("read", "memo://one", {})).text == "memo of somebody"


async def test_an_answer_to_another_question_answers_nothing():
    async with McpHttp("lies").running() as server, running(entry(server, timeout_s=1)) as client:
        with pytest.raises(CallFailed) as failed:
            await client.call("call", "send", {"text": "hi"})
        assert not failed.value.sure


async def test_a_gigabyte_over_http_harms_that_call_alone(monkeypatch):
    monkeypatch.setattr(servers, "GRACE_S", 0.5)
    monkeypatch.setattr(servers, "PATIENCE", 1)
    async with (
        McpHttp("floods").running() as flooding,
        McpHttp().running() as good,
        running(entry(flooding, timeout_s=3)) as bad,
        running(entry(good)) as other,
    ):
        call = asyncio.create_task(bad.call("call", "echo", {"text": "hi"}))
        for number in range(10):
            said = await other.call("call", "echo", {"text": str(number)})
            assert said.text == f"{number} (somebody)"
            await asyncio.sleep(0.02)
        with pytest.raises(CallFailed):
            await call


async def test_a_secret_goes_nowhere_that_a_server_sends_it(monkeypatch):
    monkeypatch.setenv("CRM_TOKEN", "crm-secret")
    seen = []

    async def catch(request):
        seen.append(dict(request.headers))
        return web.Response(status=404)

    app = web.Application()
    app.router.add_route("*", "/{any:.*}", catch)
    async with listening(app) as elsewhere, McpHttp("moved").running() as server:
        server.elsewhere = f"{elsewhere}/mcp"
        news = asyncio.Event()
        client = servers.McpServer(entry(server, key="CRM_TOKEN"), news.set)
        task = asyncio.create_task(client.run())
        await asyncio.wait_for(news.wait(), 20)
        assert "edirect" in client.fault or "not" in client.fault
        assert "crm-secret" not in client.fault
        task.cancel()
        await asyncio.wait([task])
    assert server.headers[0]["Authorization"] == "Bearer crm-secret"
    assert not seen


async def test_a_server_that_wants_somebody_to_sign_in_says_so_in_its_fault():
    async with McpHttp(user=lambda _: None).running() as server:
        news = asyncio.Event()
        client = servers.McpServer(entry(server), news.set)
        task = asyncio.create_task(client.run())
        await asyncio.wait_for(news.wait(), 20)
        assert "sign in" in client.fault
        task.cancel()
        await asyncio.wait([task])


def by_token(tokens):
    return lambda request: tokens.get(request.headers.get("Authorization", ""))


@pytest.mark.parametrize(
    ("old", "told"),
    [(True, "it speaks only the HTTP+SSE of 2024"), (False, "it answers HTTP 405")],
)
async def test_a_server_that_cannot_be_posted_to_is_told_for_what_it_is(old, told):
    async def get(request):
        # .../specification/2024-11-05/basic/transports#http-with-sse
        stream = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await stream.prepare(request)
        await stream.write(b"event: endpoint\ndata: /messages?session=1\n\n")
        return stream

    app = web.Application()
    if old:
        app.router.add_get("/sse", get)
    else:
        app.router.add_put("/sse", get)
    async with listening(app) as root:
        server = servers.McpServer(ServerEntry("web", url=f"{root}/sse"))
        task = asyncio.create_task(server.run())
        try:
            async with asyncio.timeout(20):
                while told not in server.fault:
                    await asyncio.sleep(0.02)
        finally:
            await end([task])


async def test_each_person_has_a_connection_with_their_own_token():
    tokens = {"Bearer of-ann": "ann", "Bearer of-bob": "bob"}
    async with McpHttp(user=by_token(tokens)).running() as server:
        async with running(entry(server, sign_in=True)) as client:
            assert client.told == Listed()
            calls = [
                client.call("call", "whoami", {"text": str(n)}, token=f"of-{who}")
                for n in range(5)
                for who in ("ann", "bob")
            ]
            said = [one.text for one in await asyncio.gather(*calls)]
            assert said == ["ann", "bob"] * 5
            assert len(client.told.tools) == 3
            for token in ("", "of-mallory"):
                with pytest.raises(CallFailed) as failed:
                    await client.call("call", "whoami", {}, token=token)
                assert failed.value.why == "denied"
                assert failed.value.sure
            # One token that ends harms nobody else.
            del tokens["Bearer of-bob"]
            with pytest.raises(CallFailed) as failed:
                await client.call("call", "whoami", {}, token="of-bob")
            assert failed.value.why == "denied"
            assert (await client.call("call", "whoami", {}, token="of-ann")).text == "ann"
        # Each session was used with one token only.
        assert set(server.sessions.values()) <= {"ann", "bob"}
    assert not server.broken


async def test_more_people_than_there_is_room_for_are_all_served(monkeypatch):
    async with (
        McpHttp(user=lambda one: one.headers.get("Authorization")).running() as server,
        running(entry(server, sign_in=True)) as client,
    ):
        for n in range(40):
            said = await client.call("call", "whoami", {}, token=f"t{n}")
            assert said.text == f"Bearer t{n}"
        assert (await client.call("call", "whoami", {}, token="t0")).text == "Bearer t0"
        async with asyncio.timeout(10):
            # The sessions of those who made room are ended.
            while len(server.sessions) > 33:
                await asyncio.sleep(0.05)
