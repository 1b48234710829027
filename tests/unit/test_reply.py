"""The live reply against a platform that records what it is asked to show."""

import asyncio
import time
from contextlib import asynccontextmanager

import pytest

from core.activity import Activity
from core.buckets import LocalBudget
from core.errors import ChatLost, PlatformError, RateLimited
from core.live.pace import Pacer
from core.live.reply import Reply
from core.messages import Button, conversation_id
from core.platform import Bucket, Limits
from tests.harness import until

CHAT = conversation_id("test", "chat")
STOP, RETRY = Button("stop", "Stop"), Button("retry", "Retry")


class Surface:
    grows = False

    def __init__(self, platform, handle=""):
        self.platform, self.handle, self.texts, self.final = platform, handle, [], False
        self.budget = self.final_budget = platform.buckets

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

    def fill(self, text):
        return len(text) / self.limits.page_chars

    def open_surface(self, conversation, reply_to):
        return self.reopen_surface(conversation, "")

    def reopen_surface(self, conversation, handle):
        surface = Surface(self, handle)
        self.surfaces.append(surface)
        return surface

    def indicate_budget(self, conversation, *, busy):
        return ()

    async def entitle(self, conversation, title):
        pass

    async def indicate(self, conversation, *, busy, asked=False):
        self.busy.append(busy)


@asynccontextmanager
async def reply_on(platform, budget=None, **more):
    async with (
        Pacer(budget or LocalBudget()) as pacer,
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


async def test_how_long_the_whole_answer_took_is_counted_from_the_last_word_or_step():
    platform, text = Platform(delay_s=0.05), "word " * 20
    async with reply_on(platform) as reply:
        reply.say(text)
        await until(lambda: platform.surfaces and platform.surfaces[0].texts)
        reply.tell(Activity("searching"))
        stepped_at = asyncio.get_running_loop().time()
        assert reply.shown.whole_s is None
        await reply.finish(text)
        took_s = asyncio.get_running_loop().time() - stepped_at
    # All calls are made in that time, and nothing of the time before the step is in it.
    assert 0.05 <= reply.shown.whole_s <= took_s


async def test_a_sentence_of_our_own_is_no_answer_of_a_model_that_was_late():
    platform = Platform()
    async with reply_on(platform) as reply:
        await reply.finish("done")
    assert reply.shown.whole_s is None


async def test_no_call_is_spent_where_what_is_new_would_be_hidden():
    """Half a row of a table is not shown, so it is no news."""
    platform = Platform()
    table = "| a | b |\n|---|---|\n| one | two |\n"
    async with reply_on(platform) as reply:
        reply.say(table)
        await until(lambda: platform.surfaces and platform.surfaces[0].texts)
        reply.say(table + "| three, and more of it")
        await asyncio.sleep(0.05)
        assert len(platform.surfaces[0].texts) == 1
        reply.say(table + "| three, and more of it | four |\n")
        await until(lambda: len(platform.surfaces[0].texts) == 2)
        reply.say("taken back")
        await until(lambda: len(platform.surfaces[0].texts) == 3)
        await reply.finish(table)
    assert platform.surfaces[0].texts[2:] == ["taken back", table]


async def test_what_is_left_of_the_budget_is_kept_for_the_final_text():
    bucket, budget = Bucket("b", 4, 30, reserve=1), LocalBudget()
    for _ in range(2):
        await budget.take((bucket,), "final")
    platform = Platform(buckets=(bucket,))
    text = "word " * 40
    async with reply_on(platform, budget) as reply:
        await stream(reply, text)
        await asyncio.wait_for(reply.finish(text), 1)
    (surface,) = platform.surfaces
    preview, final = surface.texts
    assert text.startswith(preview)
    assert final == text


async def test_half_a_word_is_hidden_until_its_other_half_comes_or_the_model_stops():
    platform = Platform(buckets=(Bucket("b", 20, 1),))
    text = "The model stops in the middle of a wo"
    async with reply_on(platform) as reply:
        reply.say(text)
        await until(lambda: platform.surfaces and len(platform.surfaces[0].texts) == 2)
        assert platform.surfaces[0].texts == ["The model stops in the middle of a", text]
        await reply.finish(f"{text}rd.")


async def test_a_model_that_slows_down_is_not_waited_for_as_if_it_had_not():
    platform = Platform(page_chars=100_000, buckets=(Bucket("b", 100, 10),))
    fast, slow = "word " * 4_000, "and slowly on " * 9
    async with reply_on(platform) as reply:
        await stream(reply, fast, step=1_000)
        await until(lambda: platform.surfaces and len(platform.surfaces[0].texts[-1]) > 19_900)
        for end in range(len(slow)):
            reply.say(fast + slow[:end])
            await asyncio.sleep(0.03)
        assert len(platform.surfaces[0].texts[-1]) > 20_050
        await reply.finish(fast + slow)


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
    platform.errors = [ChatLost("kicked")] * 2
    async with reply_on(platform) as reply:
        await stream(reply, "some words of an answer")
        with pytest.raises(ChatLost):
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


async def test_others_run_between_two_pages_of_a_long_answer():
    """Each page costs some milliseconds to find: all of them at once would hold everybody up."""
    platform, rounds, seen = Platform(), 0, []
    fill = platform.fill

    async def others():
        nonlocal rounds
        while True:
            rounds += 1
            await asyncio.sleep(0)

    def looked(text):
        seen.append(rounds)
        return fill(text)

    platform.fill = looked
    task = asyncio.create_task(others())
    async with reply_on(platform) as reply:
        await reply.finish("*a* " * 5_000)
    task.cancel()
    assert len(platform.surfaces) == len(set(seen)) >= 20
