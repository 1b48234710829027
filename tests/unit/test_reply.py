"""The live reply against a platform that records what it is asked to show."""

import asyncio
import time
from contextlib import asynccontextmanager

import pytest

from core.budget import LocalBuckets
from core.errors import Gone, PlatformError, RateLimited
from core.live.pace import Pacer, gap_s, worth_showing
from core.live.reply import Reply
from core.messages import Button, conversation_id
from core.platform import Bucket, Limits

CHAT = conversation_id("test", "chat")
STOP, RETRY = Button("stop", "Stop"), Button("retry", "Retry")


class Surface:
    grows = False

    def __init__(self, platform, handle=""):
        self.platform, self.handle, self.texts, self.final = platform, handle, [], False
        self.budget = platform.buckets

    async def show(self, text, buttons=()):
        await self._put(text)

    async def finish(self, text, buttons=()):
        await self._put(text)
        self.final = True
        self.buttons = tuple(buttons)

    async def delete(self):
        self.platform.surfaces.remove(self)

    async def _put(self, text):
        self.platform.in_flight += 1
        assert self.platform.in_flight == 1
        try:
            await asyncio.sleep(self.platform.delay_s)
            if self.platform.errors:
                raise self.platform.errors.pop(0)
        finally:
            self.platform.in_flight -= 1
        self.handle = self.handle or f"post-{len(self.platform.surfaces)}"
        self.texts.append(text)


class Platform:
    name = "test"

    def __init__(self, *, page_chars=1000, buckets=(), delay_s=0.0):
        self.limits = Limits(page_chars, 100, 1, interval_s=0.0, indicate_every_s=5)
        self.buckets, self.delay_s = buckets, delay_s
        self.surfaces, self.errors, self.in_flight, self.busy = [], [], 0, []

    def fits(self, text):
        return len(text) <= self.limits.page_chars

    def open_surface(self, conversation, reply_to):
        return self.reopen_surface(conversation, "")

    def reopen_surface(self, conversation, handle):
        surface = Surface(self, handle)
        self.surfaces.append(surface)
        return surface

    async def entitle(self, conversation, title):
        pass

    async def indicate(self, conversation, *, busy):
        self.busy.append(busy)


class Budget:
    """Tokens of this process, by the real clock."""

    def __init__(self):
        self._buckets = LocalBuckets()

    async def take(self, buckets, *, final):
        return self._buckets.take(buckets, time.monotonic(), final=final)

    async def hold(self, bucket, seconds):
        self._buckets.hold(bucket, time.monotonic(), seconds)


@asynccontextmanager
async def reply_on(platform, **more):
    async with (
        Pacer(Budget()) as pacer,
        Reply(platform, CHAT, "", pacer, buttons=[STOP], **more) as reply,
    ):
        yield reply


async def stream(reply, text, pause_s=0.002, step=4):
    for end in range(step, len(text) + step, step):
        reply.say(text[:end])
        await asyncio.sleep(pause_s)


async def test_only_the_newest_text_is_shown_and_never_two_calls_at_once():
    """A slow platform skips texts; it is not handed stale ones later."""
    platform = Platform(delay_s=0.05)
    text = "word " * 60
    async with reply_on(platform) as reply:
        await stream(reply, text)
        await reply.finish(text, [RETRY])
    (surface,) = platform.surfaces
    assert len(surface.texts) < 20
    assert surface.texts == sorted(surface.texts, key=len)
    assert surface.texts[-1] == text
    assert surface.buttons == (RETRY,)


async def test_typing_shows_until_the_first_text_and_is_cleared_at_the_end():
    platform = Platform()
    async with reply_on(platform) as reply:
        await asyncio.sleep(0.02)
        await reply.finish("done")
    assert platform.busy == [True, False]


async def test_what_is_left_of_the_budget_is_kept_for_the_final_text(monkeypatch):
    monkeypatch.setattr("core.live.pace.YOUNGEST_S", 1e-9)
    bucket = Bucket("b", 4, 0.5, reserve=1)
    platform = Platform(buckets=(bucket,))
    text = "word " * 40
    async with reply_on(platform) as reply:
        await stream(reply, text)
        await asyncio.wait_for(reply.finish(text), 1)
    (surface,) = platform.surfaces
    # Of four tokens one is for the final text, and one for a rest that never came.
    assert len(surface.texts) == 3
    assert surface.texts[-1] == text


async def test_a_flood_limit_stops_previews_and_not_the_final_text():
    platform = Platform(buckets=(Bucket("b", 50, 1),))
    platform.errors = [RateLimited("slow", 0.3)]
    text = "some words of an answer"
    async with reply_on(platform) as reply:
        await stream(reply, text)
        began = time.monotonic()
        await reply.finish(text)
    (surface,) = platform.surfaces
    assert surface.texts == [text]
    assert time.monotonic() - began > 0.1


async def test_three_refusals_end_the_previews(monkeypatch):
    platform = Platform()
    platform.errors = [PlatformError("no")] * 3
    async with reply_on(platform) as reply:
        await stream(reply, "word " * 100, pause_s=0.03)
        await reply.finish("whole")
    (surface,) = platform.surfaces
    assert surface.texts[-1] == "whole"
    assert reply.shown.refusals == 3


async def test_a_lost_chat_is_told_by_finish():
    platform = Platform()
    platform.errors = [Gone("kicked")] * 2
    async with reply_on(platform) as reply:
        await stream(reply, "some words of an answer")
        with pytest.raises(Gone):
            await reply.finish("some words of an answer")


async def test_full_pages_are_finished_and_never_touched_again():
    platform = Platform(page_chars=60)
    text = "A sentence of words. " * 12
    async with reply_on(platform) as reply:
        await stream(reply, text)
        await reply.finish(text, [RETRY])
    assert "".join(surface.texts[-1] for surface in platform.surfaces).split() == text.split()
    assert all(surface.final for surface in platform.surfaces)
    assert [surface.buttons for surface in platform.surfaces[:-1]] == [()] * (
        len(platform.surfaces) - 1
    )


async def test_an_interrupted_answer_stands_until_new_text_is_longer():
    platform = Platform()
    async with reply_on(platform, handles=["old"], shown_chars=20) as reply:
        reply.say("short new text")
        await asyncio.sleep(0.05)
        assert platform.surfaces[0].texts == []
        reply.say("a new text that is longer than the old one")
        await asyncio.sleep(0.05)
        await reply.finish("a new text that is longer than the old one, and whole")
    (surface,) = platform.surfaces
    assert surface.handle == "old"
    assert surface.texts[0].startswith("a new text")


async def test_posts_that_a_shorter_answer_does_not_need_are_taken_away():
    platform = Platform()
    async with reply_on(platform, handles=["one", "two"], shown_chars=5) as reply:
        await reply.finish("short")
    assert [surface.handle for surface in platform.surfaces] == ["one"]


async def test_each_new_post_is_told_at_once_so_that_it_can_be_kept():
    platform = Platform(page_chars=40)
    told = []
    async with reply_on(platform, on_post=lambda: told.append(reply.handles)) as reply:
        await reply.finish("words " * 15)
    assert told == [("post-1",), ("post-1", "post-2"), ("post-1", "post-2", "post-3")]


@pytest.mark.parametrize(
    ("text", "waited_s", "worth"),
    [("twelve chars", 0, True), ("short", 0.1, False), ("short", 0.8, True), ("   ", 9, False)],
)
def test_a_first_text_needs_twelve_characters_or_seven_tenths_of_a_second(text, waited_s, worth):
    assert worth_showing(text, waited_s) is worth


def test_local_buckets_keep_a_reserve_and_refill():
    buckets, bucket = LocalBuckets(), Bucket("b", 2, 1, reserve=1)
    assert buckets.take((bucket,), 0.0, final=False) == (0, [1])
    assert buckets.take((bucket,), 0.25, final=False) == (0.75, [1])
    assert buckets.take((bucket,), 0.25, final=True) == (0, [0])
    assert buckets.take((bucket,), 0.5, final=True) == (0.5, [0])
    assert buckets.take((bucket,), 2.0, final=False) == (0, [1])


def test_a_refusal_slows_a_bucket_down_and_calls_that_pass_quicken_it_again():
    buckets, bucket = LocalBuckets(), Bucket("b", 10, 1, reserve=0)
    buckets.hold(bucket, 0.0, 10)
    assert buckets.take((bucket,), 5.0, final=True) == (5, [-1])
    assert buckets.take((bucket,), 10.0, final=True) == (0, [4])
    for now in range(100, 130):
        assert buckets.take((bucket,), now, final=True).wait_s == 0
    assert buckets.take((bucket,), 200.0, final=True) == (0, [9])


class Waiting:
    """A screen that waits, with so much unseen."""

    age_s = 0.0
    rests_at = 1e9

    def __init__(self, name, unseen, *buckets):
        self.name, self.unseen, self.budget = name, unseen, buckets


async def test_the_stalest_screen_goes_first_and_one_place_delays_no_other(monkeypatch):
    everything = Bucket("all", 100, 1, reserve=0)
    here, there = Bucket("here", 1, 0.2, reserve=0), Bucket("there", 1, 0.001, reserve=0)
    screens = [
        Waiting("fresh", 5, here, everything),
        Waiting("stale", 500, here, everything),
        Waiting("stalest", float("inf"), here, everything),
        Waiting("elsewhere", 1, there, everything),
    ]
    order = []

    async def wait(pacer, screen):
        assert await pacer.turn(screen)
        order.append(screen.name)

    async with Pacer(Budget()) as pacer, asyncio.TaskGroup() as group:
        for screen in screens:
            group.create_task(wait(pacer, screen))
    assert order == ["stalest", "elsewhere", "stale", "fresh"]


async def test_a_screen_that_leaves_gets_no_turn():
    bucket = Bucket("b", 1, 100, reserve=0)
    async with Pacer(Budget()) as pacer:
        assert await pacer.turn(Waiting("first", 1, bucket))
        late = Waiting("late", 1, bucket)
        waiting = asyncio.create_task(pacer.turn(late))
        await asyncio.sleep(0.01)
        pacer.leave(late)
        assert await waiting is False


def test_spare_tokens_are_spread_over_the_time_that_an_answer_is_expected_to_run():
    bucket = Bucket("b", 20, 60, reserve=1)
    young = gap_s(bucket, 19, 0.3)
    older = gap_s(bucket, 15, 10, [-10.0, -9, -7, -4, 0], 0.0)
    old = gap_s(bucket, 1, 900, [-57.0 + 3 * n for n in range(20)], 0.0)
    assert young == pytest.approx(0.45, rel=0.1)
    assert older == pytest.approx(1.9, rel=0.1)
    assert old == pytest.approx(60 / 20, rel=0.1), "at last, as fast as tokens come back"
