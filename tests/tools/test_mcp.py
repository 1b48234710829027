"""MCP servers of all manners, each in a process of its own."""

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

import pytest
from mcp_types import CallToolResult

from core.errors import ConfigError
from core.mcp import server as servers
from core.mcp.answers import TEXT_CHARS, text_of
from core.mcp.entry import ServerEntry
from core.mcp.frames import ServerTool
from core.mcp.server import CallFailed, McpServer
from core.tasks import end
from core.words import shortened
from tests.attacks.watching import free_port

STRANGER = str(Path(__file__).parents[1] / "servers" / "mcp.py")
NOTES = str(Path(__file__).parents[2] / "examples" / "tools" / "notes.py")


@contextlib.asynccontextmanager
async def running(entry: ServerEntry):
    news = asyncio.Event()
    server = McpServer(entry, news.set)
    task = asyncio.create_task(server.run())
    try:
        while server.fault:
            await asyncio.wait_for(news.wait(), 20)
            news.clear()
        yield server
    finally:
        await end([task])


def stranger(mode: str = "plain", **options) -> ServerEntry:
    return ServerEntry("stranger", command=(sys.executable, STRANGER, mode), **options)


def alive(text: str) -> list[int]:
    """The processes that were started with *text*."""
    found = []
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            if text in command and int(folder.name) != os.getpid():
                found.append(int(folder.name))
    return found


def ours(text: str) -> list[int]:
    """Those of them that this process itself started; tests beside this one have their own."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [one for one in alive(text) if str(one) in children]


@pytest.fixture(autouse=True)
def _a_busy_machine_has_time(monkeypatch):
    monkeypatch.setattr("core.mcp.server.WAIT_S", 30.0)


async def gone(text: str) -> None:
    async with asyncio.timeout(10):
        while alive(text):
            await asyncio.sleep(0.05)


async def test_a_server_of_the_older_protocol_shows_and_does_what_it_offers():
    async with running(stranger()) as server:
        assert [tool.name for tool in server.listed.tools] == ["echo", "send"]
        assert [one.name for one in server.listed.resources] == ["memo://one"]
        assert server.listed.prompts[0].arguments == ("who",)
        assert server.listed.protocol == "2025-06-18"
        assert (await server.call("call", "echo", {"text": "hi"})).text == "hi (nobody)"
        assert (await server.call("read", "memo://one", {})).text == "the memo"
        assert (await server.call("fill", "greet", {"who": "Ann"})).text == "user: Greet Ann."
        assert (await server.call("call", "echo", {"text": "fail"})).is_error


async def test_a_server_of_the_newest_protocol_shows_and_does_what_it_offers():
    async with running(ServerEntry("notes", command=(sys.executable, NOTES))) as server:
        assert server.listed.protocol == "2026-07-28"
        assert (await server.call("call", "add_note", {"text": "milk"})).text.endswith("number 1.")
        assert (await server.call("call", "list_notes", {})).text == "1. milk"
        assert (await server.call("call", "no_such_tool", {})).is_error


@contextlib.asynccontextmanager
async def over_http(port: int, options: str = ""):
    """The notes by streamable HTTP, as the SDK serves them with *options*."""
    program = f"""
import sys; sys.path.insert(0, {str(Path(NOTES).parent)!r})
import notes; notes.server.run("streamable-http", host="127.0.0.1", port={port}{options})
"""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def test_a_server_of_http_that_dies_is_connected_again_also_if_it_answers_otherwise():
    port = free_port()
    entry = ServerEntry("notes", url=f"http://127.0.0.1:{port}/mcp", timeout_s=5)
    news = asyncio.Event()
    server = McpServer(entry, news.set)
    task = asyncio.create_task(server.run())
    async with asyncio.timeout(30):
        for text, options in (("milk", ""), ("bread", ", stateless_http=True, json_response=True")):
            async with over_http(port, options):
                while True:
                    try:
                        said = await server.call("call", "add_note", {"text": text})
                        break
                    except CallFailed:
                        await asyncio.sleep(0.1)
            assert said.text.endswith("number 1.")
    await end([task])


async def test_a_server_that_dies_in_a_call_is_unsure_and_is_started_again():
    async with running(stranger("dies")) as server:
        with pytest.raises(CallFailed) as failed:
            await server.call("call", "echo", {"text": "hi"})
        assert not failed.value.sure
        assert (await server.call("read", "memo://one", {})).text == "the memo"


async def test_a_killed_process_is_started_again_for_the_next_call():
    async with running(stranger()) as server:
        os.kill(ours("core.mcp.child")[0], signal.SIGKILL)
        while not server.fault:
            await asyncio.sleep(0.01)
        assert (await server.call("call", "echo", {"text": "hi"})).text == "hi (nobody)"


async def test_a_server_that_hangs_is_told_as_a_timeout_and_serves_the_next_call():
    async with running(stranger("hangs", timeout_s=1)) as server:
        with pytest.raises(CallFailed) as failed:
            await server.call("call", "echo", {"text": "hi"})
        assert failed.value.why == "timeout"
        assert not failed.value.sure
        assert (await server.call("read", "memo://one", {})).text == "the memo"


async def test_an_answer_of_a_gigabyte_harms_that_call_alone(monkeypatch):
    monkeypatch.setattr(servers, "GRACE_S", 0.5)
    monkeypatch.setattr(servers, "PATIENCE", 1)
    async with running(stranger("floods", timeout_s=3)) as flooding, running(stranger()) as other:
        call = asyncio.create_task(flooding.call("call", "echo", {"text": "hi"}))
        for number in range(20):
            said = await other.call("call", "echo", {"text": str(number)})
            assert said.text == f"{number} (nobody)"
            await asyncio.sleep(0.02)
        with pytest.raises(CallFailed):
            await call


async def test_a_call_that_nobody_waits_for_any_more_leaves_the_server_usable():
    async with running(stranger("hangs")) as server:
        call = asyncio.create_task(server.call("call", "echo", {"text": "hi"}))
        await asyncio.sleep(0.2)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert (await server.call("read", "memo://one", {})).text == "the memo"


async def test_progress_is_shown_seldom_in_one_short_line():
    heard = []
    async with running(stranger("chatters")) as server:
        await server.call("call", "echo", {"text": "hi"}, on_progress=heard.append)
    assert heard[0] == "*step* 0 more"
    assert len(heard) < 10


async def test_a_list_that_changes_is_read_again():
    async with running(stranger("changes")) as server:
        await server.call("call", "echo", {"text": "hi"})
        async with asyncio.timeout(5):
            while len(server.listed.tools) < 3:
                await asyncio.sleep(0.02)


async def test_a_server_that_never_answers_is_away_and_says_so(monkeypatch):
    monkeypatch.setattr(servers, "WAIT_S", 0.2)
    server = McpServer(stranger("mute"))
    task = asyncio.create_task(server.run())
    with pytest.raises(CallFailed) as failed:
        await server.call("call", "echo", {})
    assert failed.value.sure
    await end([task])


async def test_a_program_that_is_not_there_is_named():
    news = asyncio.Event()
    server = McpServer(ServerEntry("x", command=("no-such-program",)), news.set)
    task = asyncio.create_task(server.run())
    await asyncio.wait_for(news.wait(), 20)
    assert "no-such-program" in server.fault
    assert "Traceback" not in server.fault
    await end([task])


async def test_no_secret_of_ours_reaches_a_server_that_was_not_given_it(monkeypatch, tmp_path):
    monkeypatch.setenv("TELEGRAM_TOKEN", "1:secret")
    monkeypatch.setenv("CRM_WHO", "crm-secret")
    program = "import os, sys; open(sys.argv[1], 'w').write(repr(dict(os.environ)))"
    out = tmp_path / "environment"
    command = (sys.executable, "-c", program, str(out))
    server = McpServer(ServerEntry("x", command=command, env={"WHO": "CRM_WHO"}))
    task = asyncio.create_task(server.run())
    async with asyncio.timeout(20):
        while not (out.exists() and out.read_text()):
            await asyncio.sleep(0.05)
    assert "1:secret" not in out.read_text()
    assert "'WHO': 'crm-secret'" in out.read_text()
    await end([task])


async def test_nothing_is_left_of_a_server_that_does_not_want_to_end(monkeypatch):
    monkeypatch.setattr(servers, "CLOSE_S", 0.5)
    async with running(stranger("stays")):
        assert alive(STRANGER)
    await gone(STRANGER)


@pytest.mark.parametrize(
    ("options", "effect"),
    [
        ({}, "effects"),
        ({"trust": True}, "read_only"),
        ({"read": ("se*",)}, "read_only"),
        ({"repeat": ("send",)}, "idempotent"),
    ],
)
def test_a_hint_counts_only_where_the_operator_trusts_the_server(options, effect):
    tool = ServerTool("send", "", {}, read_only=True)
    assert ServerEntry("x", **options).effect(tool) == effect


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "A b", "command": ("x",)},
        {"name": "x"},
        {"name": "x", "command": ("x",), "url": "https://example.com/mcp"},
        {"name": "x", "url": "file:///etc/passwd"},
        {"name": "x", "command": ("x",), "timeout_s": 0},
        {"name": "x", "command": ("x",), "memory_mb": 1},
    ],
)
def test_an_entry_that_cannot_work_is_refused(wrong):
    with pytest.raises(ConfigError):
        ServerEntry(**wrong).check()


def test_a_program_has_the_time_to_be_downloaded_first():
    by_http = ServerEntry("x", url="https://mcp.example.com/mcp").opening("/")
    assert ServerEntry("x", command=("uvx", "a-server")).opening("/").connect_s > by_http.connect_s


def test_nothing_is_allowed_that_is_not_listed():
    assert not ServerEntry("x").allows("echo")
    assert ServerEntry("x", allow=("e*",)).allows("echo")


def result_of(*blocks: dict[str, object]) -> CallToolResult:
    return CallToolResult.model_validate({"content": blocks})


def test_a_result_that_was_cut_is_not_cut_again_on_its_way_to_the_model():
    text = text_of(result_of({"type": "text", "text": "x" * 100_000}))
    assert len(text) <= TEXT_CHARS
    assert shortened(text, TEXT_CHARS) == text
    assert f"[… {100_000 - text.count('x')} characters left out …]" in text


def test_a_picture_in_a_result_is_named_so_the_model_knows_that_there_was_one():
    picture = {"type": "image", "data": "aGk=", "mimeType": "image/png"}
    assert text_of(result_of(picture)) == "[a picture, image/png]"
