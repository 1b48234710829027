"""Chaos: replicas that are killed, frozen and restarted while people ask.

    python -m bench.chaos --seed 1 --questions 300 --seconds 60 [--store cluster [--shards 3]]

Telegram, Slack and the model are strict loopback servers, Redis is a process of its own, or a
group whose primaries die, each replica is a real `palaver run`. In the end every question must
stand in history once, each person's in order, with its final answer on the screen, no
answer may name another conversation, and nothing may stay reserved in a budget. A post
may stand twice only where its process was killed in the moment after the platform had
taken it. People also ask to be reminded, in chats of their own: each time is told once. A third of
the questions call tools of an MCP server: each effect comes once, or is said to be unsure.
With several shards there are as many bots that each has one, and each primary may die.
"""

import argparse
import asyncio
import random
import re
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import msgspec
from aiohttp import web
from redis.exceptions import RedisError

from core.errors import ConfigError
from core.messages import Exchange, conversation_id
from core.store import keys
from core.store.living import living
from core.store.opening import opened
from core.store.sharded import shards_of
from core.store.shards import Layout
from core.store.values import read_dead_letter
from tests.harness import Replica, until
from tests.servers import effects, slack
from tests.servers.model import ModelServer
from tests.servers.redis import redis_at
from tests.servers.redis_groups import cluster_at, linked, moved, sentinels_at
from tests.servers.slack import SlackError, SlackServer
from tests.servers.telegram import BOT, ApiError
from tests.servers.telegram_bots import TelegramBots

TELEGRAM_CHATS, SLACK_CHATS, GROUPS = 12, 8, 2
REMINDED = range(60, 64)
"""Who asks to be reminded, and does nothing else."""
PEOPLE = (101, 102, 103)
"""Who talks in each group; each of them in an order of their own."""
FREEZE_S = 8.0
"""Longer than a lease: whoever wakes up has been replaced."""
STANDSTILL_S = 75.0
BUDGETS = "person 10m tokens/day, place 10m tokens/week, tenant 100m tokens/month"
WINDOW_S = 0.25
"""A process killed so shortly after a platform took its post may not have kept the post's name,
nor one that was killed while the Redis to keep it in was away."""
STORES = {"redis": redis_at, "sentinel": sentinels_at, "cluster": cluster_at}
_TAG = re.compile(r"\bc\d\d\b")
_QUESTION = re.compile(r"q(\d{4})")
WITH_TOOLS = 3
"""Each question whose number this divides calls tools."""
_decode = msgspec.json.Decoder(Exchange).decode


@dataclass
class Result:
    """What came of it; `faults` counts what was done to the replicas and their surroundings."""

    asked: int = 0
    in_history: int = 0
    on_screen: int = 0
    lost: list = field(default_factory=list)
    set_aside: list = field(default_factory=list)
    """Questions and reminders whose process died twice: kept for the operator, and told so."""
    repeated: list = field(default_factory=list)
    disordered: list = field(default_factory=list)
    foreign: list = field(default_factory=list)
    doubled: list = field(default_factory=list)
    doubled_by_a_kill: list = field(default_factory=list)
    reserved: list = field(default_factory=list)
    """What is still reserved in the end, or was not paid as it was counted."""
    reminders: int = 0
    reminders_told: int = 0
    reminders_again: list = field(default_factory=list)
    steps: Counter = field(default_factory=Counter)
    """Calls of tools by what they do and how they ended."""
    wrong_steps: list = field(default_factory=list)
    """Effects that came twice, or otherwise than they were told."""
    given_up: int = 0
    floods: int = 0
    faults: Counter = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def good(self):
        reminders = sum(text.startswith("r") for text in self.set_aside)
        aside = len(self.set_aside) - reminders
        return self.asked == self.in_history + aside == self.on_screen + aside and not (
            self.lost
            or self.repeated
            or self.disordered
            or self.foreign
            or self.doubled
            or self.reserved
            or self.wrong_steps
            or self.reminders != self.reminders_told + reminders
            or self.reminders_again
        )

    def table(self):
        rows = [
            ("questions asked", self.asked),
            ("exchanges in history", self.in_history),
            ("final answers on screen", self.on_screen),
            ("set aside after two deaths, and told so", len(self.set_aside)),
            ("lost", len(self.lost)),
            ("answered twice", len(self.repeated)),
            ("out of order", len(self.disordered)),
            ("naming another conversation", len(self.foreign)),
            ("still reserved in a budget", len(self.reserved)),
            ("posts too many", len(self.doubled)),
            (
                f"... of a process killed within {WINDOW_S} s of posting, or before Redis was back",
                len(self.doubled_by_a_kill),
            ),
            ("reminders asked for", self.reminders),
            ("reminders told", self.reminders_told),
            ("reminders told again", len(self.reminders_again)),
            *((f"calls: {name}", count) for name, count in sorted(self.steps.items())),
            ("calls that came twice, or otherwise than told", len(self.wrong_steps)),
            ("given up by the platform, never accepted", self.given_up),
            ("refused by a flood limit", self.floods),
            *((f"fault: {name}", count) for name, count in sorted(self.faults.items())),
            ("seconds", round(self.seconds, 1)),
        ]
        return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


class Chaos:
    """One run. Everything that is random comes from *seed*."""

    def __init__(
        self, seed, questions, seconds, replicas, folder, faults=(), store="redis", shards=1
    ):
        self._chance = random.Random(seed)
        self._times = random.Random(seed + 1)
        self.reminded = {}
        """In which chat each reminder was asked for."""
        self._questions, self._seconds, self._count = questions, seconds, replicas
        self._folder = folder
        self._file = folder / "effects"
        self._faults, self._store, self._shards = faults, store, shards
        self._failover = None
        self.result = Result()
        self.asked = {}
        self.speakers = {}
        """Who asked what in a group."""
        self.kills = []
        self.absences = []
        self.events = []

    async def run(self):
        began = time.monotonic()
        async with AsyncExitStack() as stack:
            bots = TelegramBots(_bots_for(self._shards))
            self.bots = (await stack.enter_async_context(bots.running())).bots
            self.slack = await stack.enter_async_context(SlackServer().running())
            self.slack.retry_s = (0.05, 1, 2, 4, 8, 8, 8)
            self.model = await stack.enter_async_context(
                ModelServer(self._answer, piece_s=0.02, piece_chars=12).running()
            )
            at = self._folder / "store"
            self.redis = await stack.enter_async_context(STORES[self._store](at))
            log = stack.enter_context((self._folder / "replicas.log").open("w"))
            servers = self.redis, self.bots[0], self.model
            self.model.calling = self._calling
            config = self._folder / "palaver.toml"
            config.write_text(effects.entry(self._file))
            more = {
                "palaver_config": config,
                "tools_ask": "never",
                "slack_bot_token": slack.BOT_TOKEN,
                "slack_app_token": slack.APP_TOKEN,
                "slack_api_url": self.slack.api_url,
                "budgets": BUDGETS,
                "shards": self._shards,
                "telegram_bot_token": ",".join(bot.token for bot in self.bots),
            }
            self.replicas = [
                Replica(self._folder, *servers, log, warm=True, grace_s=3, **more)
                for _ in range(self._count)
            ]
            for replica in self.replicas:
                replica.start()
                stack.callback(replica.end)
            await self._settle()
            async with asyncio.TaskGroup() as group:
                asking = group.create_task(self._ask())
                group.create_task(self._ask_to_be_reminded())
                wreaking = group.create_task(self._wreak())
                await asking
                wreaking.cancel()
            await self._heal()
            await self._wait_until_answered()
            await self._judge()
        self.result.seconds = time.monotonic() - began
        return self.result

    # --- surroundings ---

    async def _settle(self):
        """Until all replicas are connected."""
        for _ in range(300):
            if self.slack.connections >= self._count:
                return
            await asyncio.sleep(0.1)
        raise RuntimeError("the replicas did not start")

    @staticmethod
    def _answer(messages):
        asked = [message["content"] for message in messages if message["role"] == "user"]
        words = "and so on, word after word, " * 8
        return f"ANSWER to {asked[-1]}: {words}after {', '.join(asked[-3:-1]) or 'nothing'}. END"

    @staticmethod
    def _calling(body):
        """What a question calls: in a group only what asks nobody, as others speak there too."""
        users = [one["content"] for one in body["messages"] if one["role"] == "user"]
        made = sum(bool(one.get("tool_calls")) for one in body["messages"])
        number = _QUESTION.findall(users[-1])[-1]
        alone = int(_TAG.findall(users[-1])[-1][1:]) < TELEGRAM_CHATS + SLACK_CHATS
        rounds = [["look", "set"], ["make"]] if alone else [["look"]]
        if int(number) % WITH_TOOLS or made >= len(rounds):
            return None
        names = [f"tools__{tool}" for tool in rounds[made]]
        # A process that began without Redis has them a little later.
        offered = {one["function"]["name"] for one in body["tools"]}
        return (
            ("", [(name, {"what": f"q{number}"}) for name in names])
            if offered >= {*names}
            else None
        )

    # --- people ---

    async def _ask(self):
        for user in range(100, 100 + TELEGRAM_CHATS):
            self._bot(user).add_private(user)
        for group in range(GROUPS):
            chat = -1000 - TELEGRAM_CHATS - SLACK_CHATS - group
            self._bot(chat).add_group(chat)
        threads = {}
        pause = self._seconds / self._questions
        for number in range(self._questions):
            index = self._chance.randrange(TELEGRAM_CHATS + SLACK_CHATS + GROUPS)
            text = f"c{index:02d} q{number:04d}"
            if index < TELEGRAM_CHATS:
                conversation = self._say(100 + index, text)
            elif index >= TELEGRAM_CHATS + SLACK_CHATS:
                conversation = self._ask_in_group(-1000 - index, text)
            else:
                channel = f"D9{index:02d}"
                self.slack.dms[channel] = "U01"
                ts = self.slack.say(channel, text, thread=threads.get(channel, ""))
                threads.setdefault(channel, ts)
                conversation = conversation_id("slack", channel, threads[channel])
            self.asked.setdefault(conversation, []).append(text)
            await asyncio.sleep(pause * self._chance.uniform(0.2, 1.8))
        self.result.asked = self._questions

    async def _ask_to_be_reminded(self):
        for user in REMINDED:
            self._bot(user).add_private(user)
        many = max(4, self._questions // 8)
        for number in range(many):
            user = self._times.choice(REMINDED)
            text = f"r{number:04d}"
            seconds = self._times.randint(1, max(2, int(self._seconds / 2)))
            said = f"/remind in {seconds} seconds {text}"
            self._say(user, said)
            self.reminded[text] = user
            await asyncio.sleep(self._seconds / 2 / many)
        self.result.reminders = many

    def _told(self, text):
        """The posts that told the reminder *text*."""
        user = self.reminded[text]
        posts = self._bot(user).posts(user)
        return [post for post in posts if "\u23f0\n" in post.text and text in post.text]

    def _ask_in_group(self, group, text):
        user = self._chance.choice(PEOPLE)
        bot = self._bot(group)
        self.speakers[text] = f"P{user}"
        person = bot.person(user, f"P{user}")
        return self._say(group, f"@{bot.bot['username']} {text}", person)

    def _bot(self, chat):
        """The bot that is in *chat*."""
        return self.bots[abs(chat) % len(self.bots)]

    def _say(self, chat, text, person=None):
        bot = self._bot(chat)
        bot.say(chat, text, user=person or bot.person(chat))
        return conversation_id(_tenant(bot), str(chat))

    # --- what goes wrong ---

    async def _wreak(self):
        of_store = {"redis": self._redis_away, "cluster": self._slot_moves}
        faults = [getattr(self, f"_{name}") for name in self._faults] or (
            self._kill,
            self._kill,
            self._freeze,
            self._restart_gently,
            of_store.get(self._store, self._primary_dies),
            *([self._primary_dies] if self._store == "cluster" else ()),
            self._cut_model,
            self._cut_model,
            self._busy_model,
            self._flood,
            self._flood,
            self._break_platform,
        )
        async with asyncio.TaskGroup() as group:
            while True:
                await asyncio.sleep(self._chance.uniform(0.3, 1.2))
                fault = self._chance.choice(faults)
                self.result.faults[fault.__name__.strip("_").replace("_", " ")] += 1
                group.create_task(fault())

    def _note(self, what):
        self.events.append((time.time(), what))

    def _one(self):
        return self._chance.choice(self.replicas)

    async def _kill(self):
        replica = self._one()
        if replica.frozen:
            return
        self._note(f"kill {replica.process.pid}")
        replica.kill()
        self.kills.append(time.time())
        await asyncio.sleep(0.3)
        replica.start()

    async def _restart_gently(self):
        replica = self._one()
        if replica.frozen or replica.process.poll() is not None:
            return
        replica.frozen = True  # Nobody else touches it meanwhile.
        self._note(f"restart {replica.process.pid}")
        replica.process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(replica.process.wait)
        replica.start()
        replica.frozen = False

    async def _freeze(self):
        replica = self._one()
        if replica.frozen or sum(one.frozen for one in self.replicas) + 1 >= self._count:
            return
        replica.freeze()
        self._note(f"freeze {replica.process.pid}")
        try:
            await asyncio.sleep(FREEZE_S)
        finally:
            self._note(f"thaw {replica.process.pid}")
            replica.thaw()

    async def _redis_away(self):
        if self.redis.process is None:
            return
        began = time.time()
        self.redis.kill()
        try:
            await asyncio.sleep(self._chance.uniform(0.2, 1.5))
        finally:
            self.redis.start()
            self.absences.append((began, time.time()))
            self._note(f"redis was away for {time.time() - began:.2f} s")

    async def _primary_dies(self):
        self._begin(self._lose_the_primary)

    async def _slot_moves(self):
        self._begin(self._move_the_slot)

    def _begin(self, failover):
        """One at a time, and to its end: half of one would leave no store."""
        if self._failover is None or self._failover.done():
            self._failover = asyncio.create_task(failover())

    async def _lose_the_primary(self):
        primary = partial(self.redis.primary, *self._a_shard())
        began, dead = time.time(), await until(primary)
        dead.kill()
        await until(primary, 60)
        self.absences.append((began, time.time()))
        self._note(f"no primary for {time.time() - began:.2f} s")
        dead.start()
        # Before that it has not what was written since, and must not become the primary again.
        await until(dead.answers)
        await until(lambda: linked([dead]), 60)

    async def _move_the_slot(self):
        shard = self._a_shard()
        source = await until(partial(self.redis.primary, *shard))
        roles = {node: await node.role() for node in self.redis.data}
        others = [node for node, role in roles.items() if role == "master"]
        await moved(source, next(node for node in others if node is not source), *shard)

    def _a_shard(self):
        """Any of several; empty: there is but one, and nothing is left to chance."""
        return (self._chance.randrange(self._shards),) if self._shards > 1 else ()

    async def _cut_model(self):
        async def cut(request):
            text = self._answer((await request.json())["messages"])
            return await self.model.stream(request, text, until=self._chance.randrange(200))

        self.model.faults.append(cut)

    async def _busy_model(self):
        async def busy(request):
            return web.json_response({"error": {"message": "busy"}}, status=503)

        self.model.faults.append(busy)

    async def _flood(self):
        user = 100 + self._chance.randrange(TELEGRAM_CHATS)
        self._bot(user).hold(user, 2)
        self.slack.faults.append(("chat.update", SlackError("x", retry_after=1)))

    async def _break_platform(self):
        method = self._chance.choice(("sendMessage", "editMessageText", "getUpdates"))
        self._bot(self._chance.randrange(len(self.bots))).fail_next(
            method, ApiError(502, "Bad Gateway")
        )

    async def _heal(self):
        if self._store == "redis" and self.redis.process is None:
            self.redis.start()
        if self._failover is not None:
            await self._failover
        await until(self._answers, 60)
        self.model.faults.clear()
        for replica in self.replicas:
            if replica.process.poll() is not None:
                replica.start()
            replica.thaw()

    async def _answers(self):
        with suppress(ConfigError, RedisError):
            async with self._kept() as redis:
                return not (await living(redis)).away and await redis.exists(keys.CONTROL) >= 0
        return False

    def _kept(self):
        """What is kept in all shards."""
        return opened(self.redis.url, self._folder, self._shards)

    # --- the verdict ---

    async def _wait_until_answered(self):
        """Until all is answered, or nothing more was for a while: Slack's tiers make a queue."""
        answered, since = -1, time.monotonic()
        while time.monotonic() - since < STANDSTILL_S:
            letters = await self._letters()
            kept = [one.question for each in self.asked for one in await self._history(each)]
            now = len({*kept, *letters} - {*self.reminded})
            told = sum(bool(self._told(text)) or text in letters for text in self.reminded)
            if now >= self._questions and told >= self.result.reminders:
                break
            now += told
            if now != answered:
                answered, since = now, time.monotonic()
            await asyncio.sleep(0.5)
        await asyncio.sleep(1)

    async def _history(self, conversation):
        async with self._kept() as redis:
            stored = await redis.lrange(keys.history(conversation), 0, -1)
        return [_decode(one) for one in stored]

    async def _letters(self):
        """The questions that were set aside for the operator."""
        async with self._kept() as redis:
            stored = [raw for one in shards_of(redis) for raw in await one.lrange(keys.DEAD, 0, -1)]
        return [read_dead_letter(one).incoming.text for one in stored]

    def _screen(self, conversation):
        """The posts of a conversation: (text, whether it is final, when it was posted)."""
        platform, space, thread = conversation.split(":", 2)
        if platform.startswith("telegram"):
            posts = [(p.text, str(p.markup), p.at) for p in self._bot(int(space)).posts(int(space))]
        else:
            posts = [(p.shown, str(p.blocks), p.at) for p in self.slack.answers(space, thread)]
        return [
            (text, "retry" in marks, at)
            for text, marks, at in posts
            if not text.startswith("Waiting for an answer here")
        ]

    async def _judge(self):
        result = self.result
        did = effects.done(self._file)
        result.wrong_steps += [
            f"{tool} {what}: {len(keys_)} times"
            for (tool, what), keys_ in did.items()
            if tool == "make" and len(keys_) > 1
        ]
        letters = await self._letters()
        for conversation, asked in self.asked.items():
            exchanges = await self._history(conversation)
            history = [one.question for one in exchanges]
            posts = self._screen(conversation)
            told = sum("set aside for my operator" in text for text, _, _ in posts)
            aside = [text for text in asked if text in letters and text not in history][:told]
            result.set_aside += aside
            for exchange in exchanges:
                self._judge_steps(exchange, did, posts)
            final = [text for text, is_final, _ in posts if is_final]
            result.in_history += len(history)
            result.lost += [text for text in asked if text not in [*history, *aside]]
            for text in asked:
                name = self.speakers.get(text)
                whole = f"ANSWER to {name}: {text}:" if name else f"ANSWER to {text}:"
                shown = [is_final for one, is_final, _ in posts if whole in one]
                result.on_screen += any(shown) and text not in aside
                result.lost += [] if any(shown) or text in aside else [text]
            if len(posts) > len(asked):
                self._judge_doubled(posts, len(asked))
            counts = Counter(history)
            result.repeated += [text for text, count in counts.items() if count > 1]
            # Slack itself delivers out of order what it has to deliver again.
            if conversation.startswith("telegram"):
                for speaker in {self.speakers.get(text) for text in history}:
                    own = [text for text in history if self.speakers.get(text) == speaker]
                    result.disordered += [] if own == sorted(own) else [conversation]
            tag = asked[0][:3]
            result.foreign += [one for one in final if set(_TAG.findall(one)) - {tag}]
        result.reserved = await self._still_reserved()
        for text in self.reminded:
            told = self._told(text)
            result.set_aside += [text] if not told and text in letters else []
            result.reminders_told += bool(told)
            surely = [post for post in told if not self._may_be_forgotten(post.at)]
            result.reminders_again += [text] if len(surely) > 1 else []
        result.given_up = len(self.slack.unacked)
        floods = sum(len(bot.floods) for bot in self.bots)
        result.floods = floods + len(self.slack.limited)

    def _judge_steps(self, exchange, did, posts):
        """Whether what *exchange* says of its calls is what the tool servers did."""
        for step in exchange.steps:
            tool, what = (
                step.tool.removeprefix("tools__"),
                msgspec.json.decode(step.arguments)["what"],
            )
            times = len(did.get((tool, what), ()))
            self.result.steps[f"{effects.EFFECTS[tool]}, {step.outcome}"] += 1
            right = {"done": times >= 1, "failed": False, "unsure": tool == "make"}[step.outcome]
            shown = [text for text, _, _ in posts if f"{exchange.question}:" in text]
            if step.outcome == "unsure":
                right = right and any("may have been done" in text for text in shown)
            if not right:
                told = f"{exchange.question}: {tool} {step.outcome}, done {times} times"
                self.result.wrong_steps.append(told)

    async def _still_reserved(self):
        """What budgets hold though nothing runs, and what they did not pay as it was counted."""
        found = []
        async with self._kept() as redis:
            for tenant in (*map(_tenant, self.bots), "slack"):
                found += await redis.hkeys(keys.holds(tenant))
                paid = counted = 0
                async for key in redis.scan_iter(f"{keys.TAG}:account:*:{tenant}:*"):
                    account = await redis.hgetall(key)
                    found += [f"{key}: {field}" for field in account if field.startswith(b"held")]
                    paid += b":tenant:" in key and int(account[b"spent:tokens"])
                async for key in redis.scan_iter(f"{keys.TAG}:tally:{tenant}:????-??"):
                    for field, raw in (await redis.hgetall(key)).items():
                        row = msgspec.json.decode(raw)
                        tokens = row.get("prompt_tokens", 0) + row.get("completion_tokens", 0)
                        counted += field.startswith(b"model ") and tokens
                found += [f"{tenant}: {counted} counted, {paid} paid"] if counted != paid else []
        return found

    def _may_be_forgotten(self, at):
        """Whether a process was killed before it can have kept what it posted *at* that time.

        A call that was on its way at the kill is posted when our platform has time to read it.
        """
        till = at + WINDOW_S
        for began, ended in self.absences:
            if began <= till and at <= ended:
                till = max(till, ended + WINDOW_S)
        return any(at - WINDOW_S <= kill <= till for kill in self.kills)

    def _judge_doubled(self, posts, most):
        """More posts than questions: was the process of as many killed as it posted them?"""
        unlucky = [text[:40] for text, _, at in posts if self._may_be_forgotten(at)]
        too_many = len(posts) - most
        self.events += [(at, f"post {text[:40]!r}, final: {final}") for text, final, at in posts]
        self.result.doubled_by_a_kill += unlucky[:too_many]
        self.result.doubled += [text[:40] for text, _, _ in posts[len(unlucky) :]][
            : too_many - len(unlucky[:too_many])
        ]


def _tenant(bot):
    """The name of the tenant that *bot* is."""
    return "telegram" if bot.bot is BOT else f"telegram+{bot.bot['id']}"


def _bots_for(shards):
    """How many bots there must be, so that each shard has one."""
    layout, found, count = Layout(shards), {0}, 1
    while len(found) < shards:
        found.add(layout.shard_of(f"telegram+{900000 + count}"))
        count += 1
    return count


async def run(*, seed, questions, seconds, replicas=3, faults=(), store="redis", shards=1):
    """One run in a folder of its own, with all faults or those named; see `Result`."""
    with tempfile.TemporaryDirectory() as folder:
        chaos = Chaos(seed, questions, seconds, replicas, Path(folder), faults, store, shards)
        try:
            return await chaos.run()
        finally:
            if not chaos.result.good:
                print((Path(folder) / "replicas.log").read_text(), file=sys.stderr)
                print("lost:", *sorted(set(chaos.result.lost)), file=sys.stderr)
                print("set aside:", *chaos.result.set_aside, file=sys.stderr)
                print("steps:", *chaos.result.wrong_steps, sep="\n", file=sys.stderr)
                print("reserved:", *chaos.result.reserved, file=sys.stderr)
                for at, what in sorted(chaos.events):
                    print(datetime.fromtimestamp(at, UTC).isoformat(), what, file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--questions", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--replicas", type=int, default=3)
    parser.add_argument("--store", choices=STORES, default="redis")
    parser.add_argument("--shards", type=int, default=1)
    result = asyncio.run(run(**vars(parser.parse_args())))
    print(result.table())
    sys.exit(0 if result.good else 1)


if __name__ == "__main__":
    main()
