"""How long a person waits when a process dies, and how fast stop is, across processes.

    python -m bench.handover --times 5

Two `palaver run` on one Redis, default settings. First the process that streams
is killed (-9): the time until its answer grows again. Then stop is pressed for
an answer of the other process: the time until the model's call ends.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

from tests.harness import Replica, until
from tests.servers.model import ModelServer
from tests.servers.redis import redis_at
from tests.servers.telegram import TelegramServer

WORDS = "Word after word of a long answer. " * 60


class Pair:
    """Two processes that share everything outside them."""

    def __init__(self, folder):
        self._folder = folder
        self._users = iter(range(100, 1000))

    async def __aenter__(self):
        self._stack = AsyncExitStack()
        self.telegram = await self._stack.enter_async_context(TelegramServer().running())
        model = ModelServer(lambda _: WORDS, piece_s=0.03)
        self.model = await self._stack.enter_async_context(model.running())
        self.redis = await self._stack.enter_async_context(redis_at(self._folder))
        self.replicas = [
            Replica(self._folder, self.redis, self.telegram, self.model, max_turns=1)
            for _ in range(2)
        ]
        for replica in self.replicas:
            replica.start()
            self._stack.callback(replica.kill)
        await asyncio.sleep(3)
        return self

    async def __aexit__(self, *reason):
        await self._stack.aclose()

    async def ask(self):
        """Ask in a new chat; returns the post once it grows."""
        user = next(self._users)
        self.telegram.add_private(user)
        self.telegram.say(user, "go", user=self.telegram.person(user))
        return user, (await until(lambda: self.telegram.posts(user)))[0]

    async def stop(self):
        user, post = await self.ask()
        running = self.model.running_streams
        began = time.monotonic()
        self.telegram.press(post, "stop", user=self.telegram.person(user))
        await until(lambda: self.model.running_streams < running)
        return time.monotonic() - began

    async def kill_both(self):
        """Kill whoever streams (both, so it is one of them) and start one again."""
        _, post = await self.ask()
        await asyncio.sleep(0.5)
        for replica in self.replicas:
            replica.kill()
        began, edits = time.monotonic(), post.edits
        self.replicas[0].start()
        await until(lambda: post.edits > edits, 60)
        resumed = time.monotonic() - began
        self.replicas[1].start()
        await until(lambda: "retry" in str(post.markup), 60)
        return resumed


async def measure(times):
    with tempfile.TemporaryDirectory() as folder:
        async with Pair(Path(folder)) as pair:
            stops = [await pair.stop() for _ in range(times)]
            kills = [await pair.kill_both() for _ in range(times)]
    return {"stop to the end of the model's call": stops, "kill -9 to the next edit": kills}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=5)
    print("| | median, s | longest, s |\n|---|---|---|")
    for name, seconds in asyncio.run(measure(parser.parse_args().times)).items():
        print(f"| {name} | {statistics.median(seconds):.2f} | {max(seconds):.2f} |")


if __name__ == "__main__":
    main()
