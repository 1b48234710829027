"""Many tenants: bots and workspaces, installed, revoked, renewed and killed on three replicas.

    python -m bench.tenants --workspaces 50 --bots 20

Each question must be answered once, by its own tenant, with nothing of another in it; what was
revoked or taken out is answered no more, and harms nobody.
"""

import argparse
import asyncio
import re
import secrets
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import aiohttp
from msgspec.structs import replace

from bots.slack.installation import decoded, encoded
from core.store.connection import connect
from core.store.safe import SharedSafe
from core.store.vault import Vault
from tests.attacks.watching import free_port
from tests.harness import Replica, until
from tests.servers.model import ModelServer
from tests.servers.redis import redis_at
from tests.servers.slack import APP_TOKEN
from tests.servers.slack_app import CLIENT_ID, CLIENT_SECRET, SlackApp
from tests.servers.telegram_bots import TelegramBots

KEY = "k" * 32
PUBLIC = "https://bot.example"
MARK = re.compile(r"mark-[\w]+")


@dataclass
class Result:
    """*lost*: questions without an answer, *twice*: with several, *crossed*: of another tenant.

    *left*: posts that a killed process began and nobody knew of.
    """

    answered: int = 0
    lost: list = field(default_factory=list)
    twice: list = field(default_factory=list)
    crossed: list = field(default_factory=list)
    left: list = field(default_factory=list)
    renewed: int = 0
    refused: list = field(default_factory=list)
    seconds: float = 0.0

    @property
    def good(self):
        return not (self.lost or self.twice or self.crossed or self.refused)


class Bot:
    """A Telegram bot, and somebody who asks it."""

    def __init__(self, server):
        self.server, self.mark = server, f"mark-t{server.bot['id']}"

    def ask(self, text):
        self.server.say(77, f"{text} {self.mark}")

    def texts(self):
        return [post.text for post in self.server.posts(77)]

    def revoke(self):
        """@BotFather, /revoke."""
        self.server.token = f"{self.server.bot['id']}:another"
        self.server.end_polls()


class Workspace:
    """A Slack workspace, and somebody who asks the app there."""

    def __init__(self, app, team):
        self.app, self.team, self.mark = app, team, f"mark-s{team}"
        self.server = app.workspaces[team]
        self.server.retry_s = (1.0, 2.0, 4.0, 8.0, 8.0)

    def ask(self, text):
        self.server.say("D01", f"{text} {self.mark}")

    def texts(self):
        ours = [post for post in self.server.posts.values() if post.user == self.server.bot_user]
        return [post.shown for post in ours]

    def revoke(self):
        self.app.uninstall(self.team)


async def install(url, app, team):
    """Somebody installs the app in *team*: to Slack, and back."""
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{url}/slack/install", allow_redirects=False) as away:
            to, cookies = away.headers["Location"], {n: c.value for n, c in away.cookies.items()}
        back = app.approve(to, team).replace(PUBLIC, url)
        async with session.get(back, cookies=cookies) as answer:
            answer.raise_for_status()


async def run(*, workspaces, bots, replicas=3, patience_s=60.0, shards=1):
    """One run; see `Result`."""
    began, result = time.monotonic(), Result()
    telegram = TelegramBots(bots)
    app = SlackApp([f"T{number:03}" for number in range(workspaces)], rotates=True)
    model = ModelServer(piece_s=0.01)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        redis = await stack.enter_async_context(redis_at(folder / "redis"))
        for server in (model, app, telegram):
            await stack.enter_async_context(server.running())
        ports = [free_port() for _ in range(replicas)]
        ours = SimpleNamespace(token=",".join(bot.token for bot in telegram.bots), url=telegram.url)
        programs = [
            Replica(
                folder / str(port),
                redis,
                ours,
                model,
                http_port=port,
                slack_client_id=CLIENT_ID,
                slack_client_secret=CLIENT_SECRET,
                slack_app_token=APP_TOKEN,
                slack_api_url=app.api_url,
                public_url=PUBLIC,
                accounts_key=KEY,
                shards=shards,
            )
            for port in ports
        ]
        for program in programs:
            program.start()
            stack.callback(program.end)
        await until(lambda: app.connections == replicas, 60)
        for team in app.workspaces:
            await install(f"http://127.0.0.1:{secrets.choice(ports)}", app, team)
        tenants = [
            *(Bot(server) for server in telegram.bots),
            *(Workspace(app, team) for team in app.workspaces),
        ]
        asked = await _ask(tenants, "first", result, patience_s)

        # One is killed in the middle of answers, all tokens end, and some tenants go.
        for tenant in tenants:
            tenant.ask("second")
        await asyncio.sleep(0.3)
        programs[0].kill()
        async with connect(redis.url) as client:
            safe = SharedSafe(client, _Silent(), Vault((KEY,)), "slack")
            for team, raw in (await safe.all()).items():
                ending = replace(decoded(raw), until=time.time() + 60)
                await safe.put(team, encoded(ending))
        await _answered(tenants, "second", result, patience_s)
        await until(lambda: app.exchanges.count("refresh") >= workspaces, patience_s)
        programs[0].start()
        gone = [one for number, one in enumerate(tenants) if number % 5 == 1]
        for tenant in gone:
            tenant.revoke()
        await asyncio.sleep(1.0)
        stay = [one for one in tenants if one not in gone]
        before = {one.mark: len(one.texts()) for one in gone}
        asked += await _ask(stay, "third", result, patience_s)
        result.crossed += [one.mark for one in gone if len(one.texts()) > before[one.mark]]
        result.answered = asked + len(tenants)
        result.renewed = app.exchanges.count("refresh")
        result.refused = app.refused
        for request in model.requests:
            if len(set(MARK.findall(str(request["messages"])))) > 1:
                result.crossed.append(str(request["messages"])[:300])
    result.seconds = time.monotonic() - began
    return result


class _Silent:
    """Nobody is told here: the programs look by themselves."""

    def listen(self, name):
        # Only a program that serves listens for what others put into the safe.
        raise NotImplementedError


async def _ask(tenants, text, result, patience_s):
    for tenant in tenants:
        tenant.ask(text)
    await _answered(tenants, text, result, patience_s)
    return len(tenants)


async def _answered(tenants, text, result, patience_s):
    """Wait for the answers to *text*, and note what is wrong with them."""

    def begun(tenant):
        return [one for one in tenant.texts() if f"Echo of {text}" in one]

    def answers(tenant):
        return [one for one in begun(tenant) if one.rstrip().endswith(".")]

    try:
        await until(lambda: all(map(answers, tenants)), patience_s)
    except AssertionError:
        result.lost += [f"{text} {one.mark}" for one in tenants if not answers(one)]
    await asyncio.sleep(1.0)
    result.twice += [f"{text} {one.mark}" for one in tenants if len(answers(one)) > 1]
    for tenant in tenants:
        result.left += [one[:80] for one in begun(tenant) if one not in answers(tenant)]
        marks = set(MARK.findall(" ".join(tenant.texts())))
        result.crossed += [f"{mark} at {tenant.mark}" for mark in marks - {tenant.mark}]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--workspaces", type=int, default=50)
    parser.add_argument("--bots", type=int, default=20)
    parser.add_argument("--shards", type=int, default=1)
    given = parser.parse_args()
    result = asyncio.run(
        run(workspaces=given.workspaces, bots=given.bots, patience_s=120, shards=given.shards)
    )
    print(result)
    sys.exit(not result.good)


if __name__ == "__main__":
    main()
