"""Several tenants in one program, whose chats and people have the same numbers: nothing crosses.

What each does is drawn at random. What a tenant says holds its mark. So a mark in
a prompt, a post, a key, a value or a log line shows whose it is.
"""

import asyncio
import random
import re
from collections import Counter

import pytest

from bench.overload import MemoryPlatform
from core.messages import Incoming, Sender, conversation_id
from core.store import keys
from tests.harness import at_rest, palaver, until

KIND = "quarry"
NAMES = (KIND, f"{KIND}+a", f"{KIND}+ab", f"{KIND}+B-2")
"""One is the beginning of another."""
OF = re.compile(rf"{KIND}(?:\+[\w-]+)?(?=[: \"'|]|$)")
MARK = re.compile(r"mark\d+")
OF_THE_OPERATOR = ("replicas", "tenants", "use")
"""Kinds of keys that tell of all tenants at once: names and counts, and no words of people."""
ACTS = (
    ("", "{mark} question {n}"),
    ("", "the same question for all"),
    ("memory", "add I like {mark}"),
    ("system", "always think of {mark}"),
    ("settings", "name {mark}"),
    ("settings", "about {mark} and others"),
    ("settings", "everywhere language de"),
    ("persona", "teacher"),
    ("remind", "in 2 hours {mark} tea"),
    ("budget", "person 5 usd/day"),
    ("usage", ""),
    ("new", ""),
)


class Tenant(MemoryPlatform):
    """A tenant whose people say what they are told to."""

    local = True

    def __init__(self, number, name):
        super().__init__([])
        self.name, self.mark = name, f"mark{number}"
        self.said = asyncio.Queue()
        self.turns = 0

    async def updates(self):
        while True:
            yield [await self.said.get()]

    def say(self, command, text, *, person, chat):
        self.turns += 1
        private = chat == person
        self.said.put_nowait(
            Incoming(
                event_id=f"{self.name}:{self.turns}",
                conversation=conversation_id(self.name, str(chat)),
                sender=Sender(f"{self.name}:{person}", "Ann"),
                text=text.format(mark=self.mark, n=self.turns),
                command=command,
                message=str(self.turns),
                private=private,
                place_name="" if private else f"{self.mark} friends",
            )
        )

    async def private_with(self, person):
        return conversation_id(self.name, person.partition(":")[2])

    async def alone(self, incoming):
        return ""

    async def hears(self, conversation):
        return True

    def link_to(self, conversation, message):
        return ""


def whose(text):
    """The tenants that *text* names, by their names or marks."""
    marks = {NAMES[int(mark[4:])] for mark in MARK.findall(text)}
    return marks | {name for name in OF.findall(text) if name in NAMES}


async def kept(redis):
    """Each key with each of its values, as one text."""
    async for raw in redis.scan_iter(f"{keys.TAG}:*"):
        name, kind = raw.decode(), (await redis.type(raw)).decode()
        found = {
            "string": lambda raw=raw: redis.get(raw),
            "hash": lambda raw=raw: redis.hgetall(raw),
            "list": lambda raw=raw: redis.lrange(raw, 0, -1),
            "set": lambda raw=raw: redis.smembers(raw),
            "zset": lambda raw=raw: redis.zrange(raw, 0, -1),
            "stream": lambda raw=raw: redis.xrange(raw),
        }[kind]
        values = await found()
        items = values.items() if isinstance(values, dict) else values
        for item in items if kind != "string" else [values]:
            yield name, repr(item)


@pytest.mark.parametrize(("seed", "shards"), [(1, 1), (2, 1), (3, 4)])
async def test_nothing_of_a_tenant_reaches_another_whatever_they_do(
    tmp_path, model, capsys, seed, shards
):
    chance = random.Random(seed)
    tenants = [Tenant(number, name) for number, name in enumerate(NAMES)]

    async def build(_):
        return tenants

    settings = {"llm_base_url": model.url, "llm_model": "scripted", "llm_memory": "shared"}
    async with palaver(tmp_path, build=build, shards=shards, **settings) as running:
        core = running.core
        for _ in range(25):
            for tenant in chance.sample(tenants, len(tenants)):
                command, text = chance.choice(ACTS)
                person = chance.choice((1, 2))
                tenant.say(command, text, person=person, chat=chance.choice((person, -7)))
        metric = core.services.metrics.turns
        await until(lambda: all(tenant.said.empty() for tenant in tenants))
        await at_rest(core)
        counted = Counter()
        for sample in metric.collect()[0].samples:
            if sample.name.endswith("_total"):
                counted[sample.labels["platform"]] += sample.value
        assert set(counted) == set(NAMES)
        for request in model.requests:
            assert len(whose(str(request["messages"]))) <= 1, request
        same = [one for one in model.requests if "the same question for all" in str(one)]
        assert same, "the seed asks it"
        for tenant in tenants:
            shown = " ".join(post.text for posts in tenant.posts.values() for post in posts)
            assert whose(shown) <= {tenant.name}
        seen = [pair async for pair in kept(core.redis)]
        for name, value in seen:
            if name.removeprefix(f"{keys.TAG}:").partition(":")[0] in OF_THE_OPERATOR:
                assert not MARK.search(value), (name, value)
                continue
            assert len(whose(f"{name} {value}")) <= 1, (name, value)
        leaver, *others = chance.sample(tenants, len(tenants))
        leaver.say("forget", "everything", person=1, chat=1)
        await at_rest(core)
        left = [pair async for pair in kept(core.redis)]
        for other in others:
            of_other = Counter(name for name, value in seen if other.name in whose(name))
            still = Counter(name for name, value in left if other.name in whose(name))
            lasting = {one for one in of_other if ":history:" in one or ":memory:" in one}
            assert {one: still[one] for one in lasting} == {one: of_other[one] for one in lasting}
    for line in capsys.readouterr().out.splitlines():
        assert len(whose(line)) <= 1, line
        assert not MARK.search(line), line
