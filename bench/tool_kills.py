"""Turns that call three tools, killed (-9) at their boundaries: does any effect come twice?

    python -m bench.tool_kills --seed 1 --runs 200

Three real `palaver run` on one Redis, each with an MCP server of its own. What was done is counted
by these servers, in one file, and by nobody else. The seed of a run says which tools its turn
calls, in how many rounds, and at which boundary its process dies; a third dies again later. Several
turns run at once, so a kill also meets the others wherever they are. Redis is watched from outside
(`tests.servers.gate`): the process knows nothing of its end.
"""

import argparse
import asyncio
import hashlib
import json
import random
import re
import sys
import tempfile
import time
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import msgspec

from core.messages import Exchange, conversation_id
from core.store import keys
from core.store.connection import connect, source
from tests.harness import Replica, until
from tests.servers import effects
from tests.servers.gate import Gate
from tests.servers.model import ModelServer
from tests.servers.redis import redis_at
from tests.servers.telegram import TelegramServer
from tests.servers.tools import outputs

STEPS = 3
NAMES = {f"tools__{name}": name for name in effects.EFFECTS}
SCRIPTS = {
    # Redis names scripts so.
    hashlib.sha1(source(name).encode(), usedforsecurity=False).hexdigest().encode(): name
    for name in ("record", "commit")
}
CHAT = re.compile(rb"telegram:(\d+)")
COMMITTED = ("after", "commit", STEPS)
AGAIN_S = 0.3
"""How long a killed process is away."""
MOST_S = 600.0
"""After this, a turn is lost. On a busy machine a process needs half a minute to start and to
connect its tool servers, and a turn may lose one after the other."""
_exchange = msgspec.json.Decoder(Exchange).decode


@dataclass
class Run:
    """What happens in one chat.

    *moments*: at which the process that serves it dies, in order. A moment is what is about to be
    (`before`) or was just (`after`) kept, as (when, what, number of the step), or what the tool
    server says: `called`, `done`.
    """

    seed: int
    tools: tuple
    rounds: list
    moments: list
    killed: list = field(default_factory=list)
    pressed: int = 0

    def __init__(self, seed):
        chance = random.Random(seed)
        self.seed, self.killed, self.pressed = seed, [], set()
        some = [chance.choice(list(effects.EFFECTS)) for _ in range(STEPS - 1)]
        self.tools = tuple(chance.sample([*some, chance.choice(("make", "order"))], STEPS))
        cuts = sorted(chance.sample(range(1, STEPS), chance.randrange(STEPS)))
        edges = [0, *cuts, STEPS]
        numbered = list(enumerate(self.tools))
        self.rounds = [numbered[a:b] for a, b in pairwise(edges)]
        first = self._moment(chance, -1)
        self.moments = [first]
        if chance.random() < 1 / 3:
            self.moments.append(self._moment(chance, first[2]))

    def _moment(self, chance, after):
        """A moment of this turn, behind the step *after*: who dies twice at once is set aside."""
        at = chance.randrange(after + 1, STEPS + 1) if after < STEPS else STEPS
        kinds = [("before", "planned"), ("after", "planned"), ("called",), ("done",)]
        kinds += [("before", "ended"), ("after", "ended")]
        if self.tools[min(at, STEPS - 1)] != "look":
            kinds += [("before", "begun"), ("after", "begun")]
        if self.tools[min(at, STEPS - 1)] == "order":
            kinds += [("before", "asked"), ("after", "asked")]
        when, *what = chance.choice([*kinds, ("commit",)])
        if when == "commit" or at == STEPS:
            return (
                *chance.choice((("before", "commit"), ("after", "commit"), ("", "text"))),
                STEPS,
            )
        if what == ["planned"]:
            # A round is kept as a whole, with its first step.
            at = next(some[0][0] for some in self.rounds if at in dict(some))
        return when, *(what or ["call"]), at

    def calls(self, done):
        """What the model calls once *done* rounds are over."""
        if done >= len(self.rounds):
            return None
        named = (
            (f"tools__{tool}", {"what": f"{self.seed}-{at}"}) for at, tool in self.rounds[done]
        )
        return "", list(named)

    def number(self, round_, at):
        return self.rounds[round_][at][0]


@dataclass
class Result:
    runs: int = 0
    answered: int = 0
    set_aside: int = 0
    """Turns whose processes died twice without any step between, by the kills of others."""
    kills: Counter = field(default_factory=Counter)
    wrong: list = field(default_factory=list)
    effects: Counter = field(default_factory=Counter)
    doubled_posts: int = 0
    longest: float = 0.0
    seconds: float = 0.0

    @property
    def good(self):
        return self.runs == self.answered + self.set_aside and not self.wrong

    def table(self):
        rows = [
            ("turns of three steps", self.runs),
            ("answered whole, once", self.answered),
            ("set aside, and told so: died twice at the same point", self.set_aside),
            ("processes killed", sum(self.kills.values())),
            *((f"... {name}", count) for name, count in sorted(self.kills.items())),
            *sorted(self.effects.items()),
            ("promises broken", len(self.wrong)),
            ("posts too many", self.doubled_posts),
            ("seconds that a turn took at most", round(self.longest)),
            ("seconds", round(self.seconds)),
        ]
        return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


class Kills:
    """All runs of *seeds*, *at_once* of them at a time."""

    def __init__(self, seeds, at_once, replicas, max_turns, folder):
        self.runs = {1000 + at: Run(seed) for at, seed in enumerate(seeds)}
        self._at_once, self._count, self._folder = at_once, replicas, folder
        self._max_turns = max_turns
        self._file = folder / "effects"
        self.result = Result(len(self.runs))
        self._records = {}
        """The states of the steps of each round as they were kept last, by (chat, round)."""
        self._owner = {}
        """Which replica served a chat last."""
        self._tasks = set()

    async def run(self):
        began = time.monotonic()
        async with AsyncExitStack() as stack:
            self.telegram = await stack.enter_async_context(TelegramServer().running())
            self.model = await stack.enter_async_context(ModelServer(piece_s=0.05).running())
            self.model.calling = self._calling
            self.model.answer = lambda messages: (
                f"RESULT {' / '.join(outputs({'messages': messages}))} END"
            )
            redis = await stack.enter_async_context(redis_at(self._folder))
            log = stack.enter_context((self._folder / "replicas.log").open("w"))
            config = self._folder / "palaver.toml"
            asks = 'ask = ["order"]', 'env = {REPLICA = "REPLICA"}'
            config.write_text(effects.entry(self._file, *asks))
            self.replicas = []
            for number in range(self._count):
                gate = Gate(self._folder / f"gate-{number}", redis.socket, self._looker(number))
                gate = await stack.enter_async_context(gate.open())
                servers = gate, self.telegram, self.model
                more = {
                    "palaver_config": config,
                    "tools_ask": "listed",
                    "replica": number,
                    "max_turns": self._max_turns,
                }
                self.replicas.append(Replica(self._folder, *servers, log, warm=True, **more))
                self.replicas[-1].start()
                stack.callback(self.replicas[-1].end)
            watching = asyncio.create_task(self._watch())
            places = asyncio.Semaphore(self._at_once)
            async with connect(redis.url) as self._redis, asyncio.TaskGroup() as group:
                for chat in self.runs:
                    group.create_task(self._ask(chat, places))
            watching.cancel()
            for task in self._tasks:
                task.cancel()
            self._judge_effects()
        self.result.seconds = time.monotonic() - began
        return self.result

    def _calling(self, body):
        said = [one["content"] for one in body["messages"] if one["role"] == "user"]
        made = sum(bool(one.get("tool_calls")) for one in body["messages"])
        return self.runs[int(said[-1].split()[-1])].calls(made)

    # --- people ---

    async def _ask(self, chat, places):
        async with places:
            run = self.runs[chat]
            self.telegram.add_private(chat)
            began = time.monotonic()
            self.telegram.say(chat, f"go {chat}", user=self.telegram.person(chat))
            try:
                (exchange,) = await until(lambda: self._whole(chat, run), MOST_S)
            except AssertionError:
                if any("It is set aside" in one.text for one in self._posts(chat)):
                    self.result.set_aside += 1
                    return
                found = await self._history(chat)
                self._wrong(chat, f"not answered: {found}, {self._posts(chat)}")
                return
            finally:
                self.result.longest = max(self.result.longest, time.monotonic() - began)
            self._judge(chat, run, exchange)

    def _posts(self, chat):
        return self.telegram.posts(chat)

    async def _history(self, chat):
        conversation = conversation_id("telegram", str(chat))
        return [
            _exchange(one) for one in await self._redis.lrange(keys.history(conversation), 0, -1)
        ]

    async def _whole(self, chat, run):
        """The exchange in history, once all is done. What asks is allowed meanwhile."""
        finals = 0
        for post in self._posts(chat):
            rows = (post.markup or {}).get("inline_keyboard", [])
            commands = [button["callback_data"] for row in rows for button in row]
            finals += "END" in post.text and "retry" in str(commands)
            if "text" in [moment[1] for moment in run.moments[:1]] and "RESULT" in post.text:
                self._hit(chat, self._owner.get(chat), run.moments[0])
            for one in commands:
                if one.startswith("permit ") and one not in run.pressed:
                    run.pressed.add(one)
                    self.telegram.press(post, one, user=self.telegram.person(chat))
        if any("It is set aside" in one.text for one in self._posts(chat)):
            raise AssertionError("set aside")
        # What is committed is not committed again, so a second moment of this kind never comes.
        if not finals or (run.moments[:1] == [COMMITTED] and COMMITTED not in run.killed):
            return None
        return [one for one in await self._history(chat) if "END" in one.answer]

    # --- kills ---

    def _looker(self, number):
        return lambda words: self._look(number, words)

    def _look(self, number, words):
        """What happens at a command of the replica *number*."""
        name = SCRIPTS.get(words[1]) if words[0].upper() == b"EVALSHA" else None
        if name is None:
            return None
        count = int(words[2])
        found, given = CHAT.search(b" ".join(words[3 : 3 + count])), words[3 + count :]
        chat = int(found[1])
        self._owner[chat] = number
        if chat not in self.runs or not self.runs[chat].moments:
            if name == "record":
                self._changed(chat, msgspec.json.decode(given[5]))
            return None
        run = self.runs[chat]
        happening = [("commit", STEPS)]
        before = dict(self._records)
        if name == "record":
            happening = self._changed(chat, msgspec.json.decode(given[5]))
        when, what, at = run.moments[0]
        if (what, at) not in happening:
            return None
        if when == "before":
            self._records = before
        return when, lambda: self._hit(chat, number, (when, what, at))

    def _changed(self, chat, record):
        """What a record of *chat* says that was not kept before: (what, number of the step)."""
        round_ = record.get("number", 0)
        states = [step.get("state", "planned") for step in record["steps"]]
        before = self._records.get((chat, round_), [""] * len(states))
        self._records[chat, round_] = states
        words = {"done": "ended", "failed": "ended", "unsure": "ended"}
        return [
            (words.get(new, new), self.runs[chat].number(round_, at))
            for at, (old, new) in enumerate(zip(before, states, strict=True))
            if old != new
        ]

    async def _watch(self):
        """Read what the tool servers say, as soon as they say it."""
        await until(self._file.exists, 60)
        with self._file.open() as file:
            while True:
                if not (line := file.readline()):
                    await asyncio.sleep(0.005)
                    continue
                said, _, what, _, by = json.loads(line)
                seed, _, at = what.rpartition("-")
                chat = next(chat for chat, run in self.runs.items() if run.seed == int(seed))
                if self.runs[chat].moments[:1] == [(said, "call", int(at))]:
                    self._hit(chat, int(by), self.runs[chat].moments[0])

    def _hit(self, chat, number, moment):
        """Kill the replica *number*, because *chat* has come to *moment*."""
        run = self.runs[chat]
        if run.moments[:1] != [moment] or number is None:
            return
        run.moments.pop(0)
        run.killed.append(moment)
        replica = self.replicas[number]
        if replica.process.poll() is None:
            self.result.kills[" ".join(moment[:2]).strip()] += 1
            replica.kill()
            again = asyncio.create_task(self._start(replica))
            self._tasks.add(again)
            again.add_done_callback(self._tasks.discard)

    async def _start(self, replica):
        await asyncio.sleep(AGAIN_S)
        replica.start()

    # --- the verdict ---

    def _wrong(self, chat, why):
        run = self.runs[chat]
        self.result.wrong.append(f"seed {run.seed} {run.tools} {run.rounds} {run.killed}: {why}")

    def _judge(self, chat, run, exchange):
        """Look at the answer. What was done is looked at in the end: a call may still run."""
        posts = self._posts(chat)
        finals = [one for one in posts if "END" in one.text and "retry" in str(one.markup)]
        self.result.doubled_posts += len(finals) - 1
        run.steps = {
            json.loads(step.arguments)["what"]: (NAMES[step.tool], step.outcome)
            for step in exchange.steps
        }
        wanted = {f"{run.seed}-{at}": tool for at, tool in enumerate(run.tools)}
        if wanted != {what: tool for what, (tool, _) in run.steps.items()}:
            self._wrong(chat, f"steps {exchange.steps}")
        unsure = [what for what, (_, outcome) in run.steps.items() if outcome == "unsure"]
        if bool(unsure) != ("may have been done" in finals[-1].text):
            self._wrong(chat, f"unsure {unsure}, said {finals[-1].text!r}")
        if (parts := finals[-1].text.count(" / ")) != STEPS - 1:
            self._wrong(chat, f"{parts + 1} results: {finals[-1].text!r}")
        run.shown = finals[-1].text
        self.result.answered += 1

    def _judge_effects(self):
        did = effects.done(self._file)
        count = self.result.effects
        for chat, run in self.runs.items():
            for what, (tool, outcome) in getattr(run, "steps", {}).items():
                times, effect = len(did.get((tool, what), ())), effects.EFFECTS[tool]
                if effect == "effects":
                    allowed = {"done": (1,), "unsure": (0, 1), "failed": (0,)}[outcome]
                    count[f"effects: {outcome}, happened {times} times"] += 1
                    if times not in allowed:
                        self._wrong(chat, f"{tool} {what} is {outcome}, and was done {times} times")
                    if outcome == "failed":
                        self._wrong(chat, f"{tool} {what} failed: {run.shown}")
                    continue
                count[f"{effect}: done"] += 1
                count[f"{effect}: done more than once"] += times > 1
                if not times or outcome != "done":
                    self._wrong(chat, f"{tool} {what} is {outcome}, done {times}: {run.shown}")
                if len(set(did.get((tool, what), ()))) > 1:
                    self._wrong(chat, f"{tool} {what} was called with the keys {did[tool, what]}")


async def run(*, seeds, at_once=4, replicas=3, max_turns=2):
    """The runs of *seeds* in a folder of their own; see `Result`."""
    with tempfile.TemporaryDirectory() as folder:
        kills = Kills(seeds, at_once, replicas, max_turns, Path(folder))
        try:
            return await kills.run()
        finally:
            if not kills.result.good:
                print((Path(folder) / "replicas.log").read_text()[-20_000:], file=sys.stderr)
                print(*kills.result.wrong, sep="\n", file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--at-once", type=int, default=4)
    parser.add_argument("--replicas", type=int, default=3)
    given = parser.parse_args()
    seeds = range(given.seed, given.seed + given.runs)
    result = asyncio.run(run(seeds=seeds, at_once=given.at_once, replicas=given.replicas))
    print(result.table())
    sys.exit(0 if result.good else 1)


if __name__ == "__main__":
    main()
