"""The worlds of `tests.servers.limits` in virtual time, and our own schedule in them."""

import asyncio
import selectors
from dataclasses import dataclass, field
from itertools import pairwise

from bench.freshness.optimum import Rule
from bots.slack.adapter import SlackPlatform
from bots.slack.limits import App, post_budget, status_budget, update_budget
from bots.slack.stream import append_budget, start_budget, stop_budget
from bots.telegram.adapter import TelegramPlatform
from bots.telegram.limits import place_budget
from core.buckets import Buckets
from core.errors import RateLimited
from core.latency import Usual, worth_telling
from core.live.pace import Pacer
from core.live.reply import Reply
from core.messages import conversation_id
from core.platform import Limits
from tests.servers.limits import loose, strict

APP = App("T")
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


PLACES = ("Telegram, private", "Telegram, group", "Slack, native", "Slack, edits")
WORLDS = {"strict": strict, "loose": loose}
_METHODS = {
    "Slack, native": ("chat.startStream", "chat.appendStream", "chat.stopStream"),
    "Slack, edits": ("chat.postMessage", "chat.update", "chat.update"),
}
_CHAT = Rule(20, 60.0, burst=3, each_s=1.0)
RULES = {
    ("Telegram, private", "strict"): [_CHAT],
    ("Telegram, private", "loose"): [Rule(60, 60.0), Rule(5, 1.0)],
    ("Telegram, group", "strict"): [_CHAT],
    ("Telegram, group", "loose"): [Rule(20, 60.0)],
    ("Slack, native", "strict"): [Rule(burst=20, each_s=0.6)],
    ("Slack, native", "loose"): [Rule(100, 60.0)],
    ("Slack, edits", "strict"): [Rule(burst=10, each_s=1.2)],
    ("Slack, edits", "loose"): [Rule(50, 60.0)],
}
"""What the worlds allow one answer."""


def budget_of(place, chat, *, new=False, final=False):
    """The buckets that our adapters name for a call there."""
    if place.startswith("Slack"):
        if place.endswith("native"):
            later = stop_budget(APP) if final else append_budget(APP)
            return start_budget(APP) if new else later
        return post_budget(APP, str(chat)) if new else update_budget(APP)
    return place_budget(1, "", -1 - chat if place.endswith("group") else 1 + chat)


def call(limits, place, now, chat, *, new=False, final=False):
    """The verdict of *limits* on a call."""
    if place.startswith("Slack"):
        start, more, end = _METHODS[place]
        return limits.slack(start if new else end if final else more, chat, now)
    return limits.telegram(-1 - chat if place.endswith("group") else 1 + chat, now)


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
    def first_lag_s(self):
        """From the first characters that are enough to the first text on the screen."""
        ready = next(
            (
                at
                for at, chars in zip(self.trace.times, self.trace.chars, strict=True)
                if chars >= 12
            ),
            self.trace.seconds,
        )
        return self.first_s - ready

    @property
    def final_lag_s(self):
        return self.seen[-1][0] - self.trace.seconds

    @property
    def longest_gap_s(self):
        times = [time for time, _ in self.seen]
        return max((b - a for a, b in pairwise(times)), default=0.0)


class _Surface:
    def __init__(self, platform, chat, screen):
        self._platform, self._chat, self._screen = platform, chat, screen
        self.handle, self.grows = "", True
        self._before = sum(len(one.text) for one in screen.posts)
        self.text = ""
        screen.posts.append(self)

    @property
    def budget(self):
        return budget_of(self._platform.place, self._chat, new=not self.handle)

    @property
    def final_budget(self):
        return budget_of(self._platform.place, self._chat, new=not self.handle, final=True)

    async def show(self, text, buttons=(), *, final=False):
        loop = asyncio.get_running_loop()
        place, new = self._platform.place, not self.handle
        at = loop.time()
        verdict = call(self._platform.world, place, at, self._chat, new=new, final=final)
        if verdict.retry_after_s:
            await asyncio.sleep(DELAY_S)
            raise RateLimited("flood", verdict.retry_after_s)
        await asyncio.sleep(DELAY_S + verdict.late_s)
        self.handle, self.text = "post", text
        self._platform.log.append((at, self._screen, "first" if new else "final" if final else ""))
        self._screen.show(loop.time(), self._before + len(text))

    async def finish(self, text, buttons=()):
        await self.show(text, final=True)

    async def delete(self):
        pass


class Platform:
    """A platform of *place*: our replies run on it unchanged. Its pages have no end, as the
    other schedules do not pay for turning them either.
    """

    name = "virtual"

    def __init__(self, place, world):
        self.place, self.world = place, world
        kind = SlackPlatform if place.startswith("Slack") else TelegramPlatform
        every_s = kind.limits.indicate_every_s
        self.limits = Limits(10**6, 100, 1, kind.limits.interval_s, every_s)
        self.screens = {}
        self.log = []

    def fill(self, text):
        return len(text) / self.limits.page_chars

    def open_surface(self, conversation, reply_to):
        chat, screen = self.screens[conversation]
        return _Surface(self, chat, screen)

    def indicate_budget(self, conversation, *, busy):
        if self.place.startswith("Slack"):
            return status_budget(APP)
        return budget_of(self.place, self.screens[conversation][0]) if busy else ()

    async def entitle(self, conversation, title):
        pass

    async def indicate(self, conversation, *, busy, asked=False):
        now, chat = asyncio.get_running_loop().time(), self.screens[conversation][0]
        if self.place.startswith("Slack"):
            self.world.slack("assistant.threads.setStatus", chat, now)
        elif busy:
            group = self.place.endswith("group")
            verdict = self.world.telegram(-1 - chat if group else 1 + chat, now, cosmetic=True)
            await asyncio.sleep(DELAY_S + verdict.late_s)


class Budget:
    """Our token buckets by the virtual clock."""

    def __init__(self):
        self._buckets = Buckets()
        self._usual = Usual()

    async def take(self, buckets, kind, *, growing=1):
        now = asyncio.get_running_loop().time()
        return self._buckets.take(buckets, kind, now, growing=growing)

    async def passed(self, buckets, grant, took_s):
        late_s = self._usual.late_s(buckets, took_s)
        if worth_telling(grant, late_s):
            self._buckets.passed(buckets, grant, late_s, asyncio.get_running_loop().time())

    async def refused(self, buckets, grant, seconds):
        self._buckets.refused(buckets, grant, seconds, asyncio.get_running_loop().time())


@dataclass
class Asked:
    """A question: *trace* answers it, *at* so many seconds, in *chat*."""

    trace: object
    at: float = 0.0
    chat: int = 0


async def answered(place, world, asked, *, lengths=(), before=None):
    """Our replies to all that is *asked*: (screens, the platform).

    *lengths*: of answers that the process has shown before; *before*: awaited with the platform
    and the budget when everything stands.
    """
    platform, budget = Platform(place, world), Budget()

    async def one(number, question, pacer):
        loop = asyncio.get_running_loop()
        await asyncio.sleep(question.at)
        trace = question.trace
        conversation = conversation_id("virtual", str(number))
        screen = Screen(trace, loop.time())
        screen.posts = []
        platform.screens[conversation] = question.chat, screen
        text = "x" * trace.total
        began = loop.time()
        async with Reply(platform, conversation, "", pacer) as reply:
            for at, chars in zip(trace.times, trace.chars, strict=True):
                await asyncio.sleep(began + at - loop.time())
                reply.say(text[:chars])
            await reply.finish(text)
        return screen

    async with Pacer(budget) as pacer, asyncio.TaskGroup() as group:
        for chars in lengths:
            pacer.length_model.note(chars)
        if before is not None:
            await before(platform, budget)
        tasks = [group.create_task(one(n, question, pacer)) for n, question in enumerate(asked)]
    return [task.result() for task in tasks], platform
