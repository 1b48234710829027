"""Running the whole program inside a test, and waiting for what it does."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from bots.registry import build, read_settings
from bots.reload import watch
from core.lent import CommandInfo
from core.platform import Platform
from core.service import Core, open_core, serve
from core.store import keys
from core.turn.commands import COMMANDS, IN_THREADS
from tests.warm import Program


@dataclass
class Running:
    core: Core
    url: str
    platforms: Sequence[Platform]


def settings_for(tmp_path, **more):
    """Settings that read neither the environment's `.env` nor a real home."""
    values = {
        "data_dir": tmp_path / "data",
        "http_port": 0,
        "grace_s": 2.0,
        "web_chat": False,
        # Most tests are not about who may ask. Those that are say who, or open=False.
        "open": not {"allowed_users", "allowed_chats"} & set(more),
        **more,
    }
    return read_settings(_env_file=None, **values)


@asynccontextmanager
async def palaver(tmp_path, *, build=build, **more):
    """The program, as `palaver run` runs it, until the block ends; *build* as in the registry."""
    stop = asyncio.Event()
    ready = asyncio.get_running_loop().create_future()
    async with open_core(settings_for(tmp_path, **more)) as core:
        task = asyncio.create_task(
            serve(core, build, stop, lambda *served: ready.set_result(served), watch)
        )
        await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            await task
        try:
            yield Running(core, *ready.result())
        finally:
            stop.set()
            await task


async def until(condition, seconds=20.0):
    """What *condition* (sync or async) returns, as soon as it is true."""
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        value = condition()
        if asyncio.iscoroutine(value):
            value = await value
        if value:
            return value
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"did not happen within {seconds} s")
        await asyncio.sleep(0.02)


async def at_rest(core):
    """Until every question is committed: a post may be seen before its turn has ended."""

    async def no_mail():
        return not [name async for name in core.redis.scan_iter(keys.mail("*"))]

    await until(no_mail)


class Browser:
    """A browser on a page of ours at *url*. *http*: its session, which keeps cookies."""

    def __init__(self, url):
        self.url = url
        self.http = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await self.http.close()


async def readiness(url):
    """The status of `/readyz` at *url*, and what it tells."""
    async with aiohttp.ClientSession() as session, session.get(f"{url}/readyz") as response:
        return response.status, await response.json()


async def status_of_bytes(url, header):
    """The status that a POST with *header* (bytes that no client would send) is answered with."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(
        f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Length: 2\r\n".encode()
        + header
        + b"\r\nConnection: close\r\n\r\n{}"
    )
    status = (await reader.readline()).split()[1]
    writer.close()
    return int(status)


def bare(markdown):
    """Letters and digits of *markdown* in order: what must survive any formatting."""
    lines = [line for line in markdown.split("\n") if not line.lstrip().startswith("```")]
    return re.sub(r"[\W_]+", "", "\n".join(lines))


class Replica:
    """One `palaver run` in a process of its own, on the servers that it is given."""

    def __init__(
        self,
        folder,
        redis,
        telegram,
        model,
        log=subprocess.DEVNULL,
        module="bots",
        warm=False,
        **settings,
    ):
        self._module = module
        self._warm = warm
        self._environment = {
            **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            "PYTHONPATH": str(Path(__file__).parents[1]),
            "REDIS_URL": redis.url,
            "DATA_DIR": str(folder / "data"),
            "HTTP_PORT": "0",
            "WEB_CHAT": "false",
            "OPEN": "true",
            "TELEGRAM_BOT_TOKEN": telegram.token,
            "TELEGRAM_API_URL": telegram.url,
            "LLM_BASE_URL": model.url,
            "LLM_MODEL": "scripted",
            **{name.upper(): str(value) for name, value in settings.items()},
        }
        self._log = log
        self.process = None
        self.frozen = False

    def start(self):
        if self._warm:
            self.process = Program(
                ["run"], module=self._module, env=self._environment, stderr=self._log
            )
            return
        self.process = subprocess.Popen(
            [sys.executable, "-m", self._module, "run"],
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=self._log,
        )

    def kill(self, number=signal.SIGKILL):
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.wait()

    def end(self):
        self.thaw()
        self.kill()

    def freeze(self):
        self.frozen = True
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.frozen = False
        self.process.send_signal(signal.SIGCONT)


def command_infos(**choices):
    """What adapters know of the commands; *choices* by the command that takes one of them."""
    return {
        name: CommandInfo(
            COMMANDS[name].takes,
            tuple(choices.get(name, ())),
            COMMANDS[name].of_place,
            COMMANDS[name].for_asker,
            COMMANDS[name].as_menu,
        )
        for name in ("start", "admin", *IN_THREADS)
    }
