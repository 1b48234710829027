"""A world in virtual time: a clock, places with strict limits, and our own schedule in them."""

import asyncio
import selectors
from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise

from bots.slack.stream import append_budget, start_budget
from bots.slack.surface import post_budget, update_budget
from bots.telegram.surface import place_budget
from core.budget import LocalBuckets
from core.errors import RateLimited
from core.live.pace import Pacer
from core.live.reply import Reply
from core.messages import conversation_id
from core.platform import Limits

DELAY_S = 0.1
"""From a call to the text on the screen."""


class _Skipping(selectors.DefaultSelector):
    """Waits for nothing: moves the clock to the next timer instead."""

    def __init__(self):
        super().__init__()
        self.now = 0.0

    def select(self, timeout=None):
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise RuntimeError("everybody waits, and nothing will happen")
            self.now += max(0.0, timeout)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self):
        self._clock = _Skipping()
        super().__init__(self._clock)

    def time(self):
        return self._clock.now


def run(coroutine):
    """*coroutine* in virtual time."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(coroutine)
    finally:
        loop.close()


class Window:
    """A strict limit: at most *most* calls in any *seconds*."""

    def __init__(self, most, seconds):
        self.most, self.seconds, self.times = most, seconds, deque()

    def wait(self, now):
        while self.times and self.times[0] <= now - self.seconds:
            self.times.popleft()
        return 0.0 if len(self.times) < self.most else self.times[0] + self.seconds - now


class Limiter:
    """What a platform allows, strictly; counts what it refused."""

    def __init__(self, place):
        self._windows = {}
        self._place = place
        self._held = {}
        self.refused = 0

    def call(self, now, chat, *, new):
        """Count one call, or say for how long to be silent."""
        kinds = _WINDOWS[self._place]["post" if new else "update"]
        windows = [
            self._windows.setdefault(
                (kind, "" if kind.startswith("all") else chat), Window(most, seconds)
            )
            for kind, most, seconds in kinds
        ]
        wait = max([one.wait(now) for one in windows] + [self._held.get(chat, 0) - now])
        if wait > 0:
            self.refused += 1
            wait = max(1.0, wait)
            self._held[chat] = now + wait
            return wait
        for one in windows:
            one.times.append(now)
        return 0.0


_TELEGRAM = {
    "private": [("second", 5, 1.0), ("minute", 60, 60.0), ("all", 30, 1.0)],
    "group": [("minute", 20, 60.0), ("all", 30, 1.0)],
}
_WINDOWS = {
    "Telegram, private": dict.fromkeys(("post", "update"), _TELEGRAM["private"]),
    "Telegram, group": dict.fromkeys(("post", "update"), _TELEGRAM["group"]),
    "Slack, native": {"post": [("all starts", 20, 60.0)], "update": [("all", 100, 60.0)]},
    "Slack, edits": {"post": [("second", 2, 1.0)], "update": [("all", 50, 60.0)]},
}
PLACES = tuple(_WINDOWS)


def windows_of(place):
    """What the platform allows one answer: calls in seconds."""
    return [(most, seconds) for _, most, seconds in _WINDOWS[place]["update"]]


def budget_of(place, chat, *, new=False):
    """The buckets that our adapters name for a call there."""
    if place.startswith("Slack"):
        if place.endswith("native"):
            return start_budget("T") if new else append_budget("T")
        return post_budget("T", str(chat)) if new else update_budget("T")
    return place_budget(1, -1 - chat if place.endswith("group") else chat)


@dataclass
class Screen:
    """What one person sees: when how many characters."""

    trace: object
    began: float
    seen: list = field(default_factory=list)
    first_s: float | None = None

    def show(self, now, chars):
        if self.first_s is None:
            self.first_s = now - self.began
        self.seen.append((now - self.began, chars))

    @property
    def area(self):
        """The integral of unseen characters, until all were seen."""
        area, at, shown = 0.0, 0.0, 0
        for time, chars in self.seen:
            area += self.trace.area(at, time, shown)
            at, shown = time, chars
        return area

    @property
    def whole(self):
        return bool(self.seen) and self.seen[-1][1] >= self.trace.total

    @property
    def longest_gap_s(self):
        times = [time for time, _ in self.seen]
        return max((b - a for a, b in pairwise(times)), default=0.0)


class _Surface:
    def __init__(self, world, chat, screen):
        self._world, self._chat, self._screen = world, chat, screen
        self.handle, self.grows = "", True
        self._before = sum(len(one.text) for one in screen.posts)
        self.text = ""
        screen.posts.append(self)

    @property
    def budget(self):
        return budget_of(self._world.place, self._chat, new=not self.handle)

    async def show(self, text, buttons=()):
        loop = asyncio.get_running_loop()
        wait = self._world.limiter.call(loop.time(), self._chat, new=not self.handle)
        if wait:
            raise RateLimited("flood", wait)
        await asyncio.sleep(DELAY_S)
        self.handle, self.text = "post", text
        self._screen.show(loop.time(), self._before + len(text))

    finish = show

    async def delete(self):
        pass


class Platform:
    """A platform of *place*: our replies run on it unchanged. Its pages have no end, as the
    other schedules do not pay for turning them either.
    """

    name = "virtual"

    def __init__(self, place, interval_s):
        self.place, self.limiter = place, Limiter(place)
        self.limits = Limits(10**6, 100, 1, interval_s, 4.5)
        self.screens = {}

    def fits(self, text):
        return len(text) <= self.limits.page_chars

    def open_surface(self, conversation, reply_to):
        chat, screen = self.screens[conversation]
        return _Surface(self, chat, screen)

    async def entitle(self, conversation, title):
        pass

    async def indicate(self, conversation, *, busy):
        pass


class Budget:
    """Our token buckets by the virtual clock."""

    def __init__(self):
        self._buckets = LocalBuckets()

    async def take(self, buckets, *, final):
        return self._buckets.take(buckets, asyncio.get_running_loop().time(), final=final)

    async def hold(self, bucket, seconds):
        self._buckets.hold(bucket, asyncio.get_running_loop().time(), seconds)


async def ours(place, traces, *, same_chat, interval_s, starts=None, lengths=()):
    """Our replies to all *traces* at once: (screens, refused calls).

    *lengths*: of answers that the process has shown before.
    """
    platform = Platform(place, interval_s)

    async def one(number, trace, pacer):
        loop = asyncio.get_running_loop()
        if starts is not None:
            await asyncio.sleep(starts[number])
        conversation = conversation_id("virtual", str(number))
        screen = Screen(trace, loop.time())
        screen.posts = []
        platform.screens[conversation] = (0 if same_chat else number, screen)
        text = "x" * trace.total
        began = loop.time()
        async with Reply(platform, conversation, "", pacer) as reply:
            for at, chars in zip(trace.times, trace.chars, strict=True):
                await asyncio.sleep(began + at - loop.time())
                reply.say(text[:chars])
            await reply.finish(text)
        return screen

    async with Pacer(Budget()) as pacer, asyncio.TaskGroup() as group:
        for chars in lengths:
            pacer.lengths.note(chars)
        tasks = [group.create_task(one(n, trace, pacer)) for n, trace in enumerate(traces)]
    return [task.result() for task in tasks], platform.limiter.refused
