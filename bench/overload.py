"""Overload: 10,000 questions at once, on a platform without limits.

    python -m bench.overload --questions 10000 --conversations 1000

Everybody must be answered, in order, whole, and the neighbours of somebody who
asks a lot must not wait for all of that. Memory and concurrency must stay
bounded by the settings, however many questions wait.
"""

import argparse
import asyncio
import resource
import sys
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field
from pathlib import Path

from bench.serving import serving
from core.messages import Incoming, Sender, conversation_id
from core.platform import Limits
from core.telemetry import set_up_logs
from core.watchdog import collect_seldom
from tests.harness import until
from tests.servers.model import ModelServer

NAME = "memory"


@dataclass
class Post:
    text: str = ""
    final: bool = False
    at: float = 0.0
    first: str = ""


class MemorySurface:
    """A post in memory."""

    budget = final_budget = ()
    grows = False

    def __init__(self, posts, handle=""):
        self._posts, self.handle = posts, handle

    async def show(self, text, buttons=()):
        if not self.handle:
            self._posts.append(Post())
            self.handle = str(len(self._posts))
        post = self._posts[int(self.handle) - 1]
        post.first = post.first or text
        post.text, post.at = text, time.monotonic()

    async def finish(self, text, buttons=()):
        await self.show(text)
        self._posts[int(self.handle) - 1].final = any(b.command == "retry" for b in buttons)

    async def delete(self):
        self._posts[int(self.handle) - 1] = Post()


class MemoryPlatform:
    """Says *questions* all at once, and keeps what is answered in `posts`."""

    name = NAME
    identity = "in memory"
    local = True
    limits = Limits(4096, 1024, 10, 0.5, 5.0)

    def __init__(self, questions):
        self._questions = questions
        self.posts = defaultdict(list)
        self.accepted_at = 0.0

    async def __aenter__(self):
        return self

    async def __aexit__(self, *reason):
        pass

    def routes(self):
        return ()

    async def updates(self):
        for start in range(0, len(self._questions), 100):
            yield self._questions[start : start + 100]
        self.accepted_at = time.monotonic()
        await asyncio.Event().wait()

    def indicate_budget(self, conversation, *, busy):
        return ()

    def budget(self, conversation):
        return ()

    def fill(self, text):
        return len(text) / self.limits.page_chars

    def open_surface(self, conversation, reply_to):
        return MemorySurface(self.posts[conversation])

    def reopen_surface(self, conversation, handle):
        return MemorySurface(self.posts[conversation], handle)

    async def entitle(self, conversation, title):
        pass

    async def indicate(self, conversation, *, busy, asked=False):
        pass

    async def administers(self, conversation, person_id):
        return True

    def answers(self):
        return {c: [p for p in posts if p.final] for c, posts in list(self.posts.items())}


@dataclass
class Result:
    asked: int
    answered: int = 0
    wrong: list = field(default_factory=list)
    told_to_wait: int = 0
    most_at_once: int = 0
    megabytes: list = field(default_factory=list)
    first_of_each_s: list = field(default_factory=list)
    accepted_s: float = 0.0
    seconds: float = 0.0

    @property
    def good(self):
        return self.asked == self.answered and not self.wrong

    def table(self):
        first = sorted(self.first_of_each_s)
        rows = [
            ("questions asked at once", self.asked),
            ("answered whole and in order", self.answered - len(self.wrong)),
            ("waited and were told so", self.told_to_wait),
            ("most answers at once", self.most_at_once),
            ("accepted in, s", round(self.accepted_s, 1)),
            ("all answered in, s", round(self.seconds, 1)),
            ("first answer of a conversation, median, s", round(first[len(first) // 2], 2)),
            ("first answer of a conversation, last, s", round(first[-1], 2)),
            ("memory before, MB", round(self.megabytes[0])),
            ("memory at most, MB", round(max(self.megabytes))),
        ]
        return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


def memory_mb():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def questions_of(total, conversations):
    """One conversation asks a hundredth of all questions, before the others ask theirs."""
    greedy = total // 100
    plan = [0] * greedy + [1 + number % (conversations - 1) for number in range(total - greedy)]
    return [
        Incoming(
            event_id=f"e{number}",
            conversation=conversation_id(NAME, str(space)),
            sender=Sender(f"{NAME}:{space}", "Ann"),
            text=f"c{space} q{number}",
        )
        for number, space in enumerate(plan)
    ]


async def run(*, questions, conversations, max_turns=200, max_per_person=5):
    """One run; see `Result`."""
    asked = questions_of(questions, conversations)
    platform = MemoryPlatform(asked)
    result = Result(len(asked))
    model = ModelServer(lambda messages: f"ANSWER to {messages[-1]['content']}.", 0.1, 8)
    # What the model was sent is no memory of ours.
    model.requests = deque(maxlen=100)
    async with serving(
        platform,
        model,
        max_turns=max_turns,
        max_per_person=max_per_person,
        max_waiting=len(asked),
    ):
        began = time.monotonic()
        result.megabytes.append(memory_mb())

        def done():
            result.megabytes.append(memory_mb())
            return sum(len(some) for some in platform.answers().values()) >= len(asked)

        await until(done, 600)
        result.seconds = time.monotonic() - began
        result.accepted_s = platform.accepted_at - began
    judge(result, platform, asked, began)
    result.most_at_once = model.most_streams
    return result


def judge(result, platform, asked, began):
    wanted = defaultdict(list)
    for one in asked:
        wanted[one.conversation].append(f"ANSWER to {one.text}.")
    posts_of = platform.answers()
    result.told_to_wait = sum(
        not post.first.startswith("ANSWER") for posts in posts_of.values() for post in posts
    )
    for conversation, posts in posts_of.items():
        texts = [post.text for post in posts]
        result.answered += len(texts)
        result.wrong += [one for one in texts if one not in wanted[conversation]]
        if texts != wanted[conversation]:
            result.wrong.append(conversation)
        result.first_of_each_s.append(min(post.at for post in posts) - began)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=10_000)
    parser.add_argument("--conversations", type=int, default=1000)
    set_up_logs("ERROR", as_json=False)
    collect_seldom()  # As the program does.
    result = asyncio.run(run(**vars(parser.parse_args())))
    print(result.table())
    sys.exit(0 if result.good else 1)


if __name__ == "__main__":
    main()
