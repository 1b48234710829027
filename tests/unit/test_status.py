"""The status line of steps, against the platform of `test_reply`: which calls it costs and when."""

import asyncio

import pytest

from core.activity import Activity, ShownStep
from core.errors import RateLimited
from core.live import status as rules
from core.live.status import Status
from core.platform import Bucket
from tests.harness import until
from tests.unit.test_reply import Platform, reply_on


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(rules, "AFTER_S", 0.02)


def doing(line, state="running"):
    return Activity(line, (ShownStep("0:0", line, state),))


TEXT = "Let me see what there is."
BUSY, OVER = doing("🔎 web search …"), doing("🔎 web search · 4 s", "done")


async def texts_of(platform, count):
    await until(lambda: platform.surfaces and len(platform.surfaces[0].texts) >= count)
    return platform.surfaces[0].texts


async def test_the_line_stands_under_the_text_until_the_next_text():
    platform = Platform()
    async with reply_on(platform) as reply:
        reply.say(TEXT)
        await texts_of(platform, 1)
        reply.tell(BUSY)
        texts = await texts_of(platform, 2)
        assert texts[-1] == f"{TEXT}\n\n🔎 web search …"
        reply.say(f"{TEXT}\n\nI found it.")
        await texts_of(platform, 3)
        await reply.finish(f"{TEXT}\n\nI found it. It is here.")
    assert not any("🔎" in one for one in texts[2:])


async def test_a_line_may_be_the_first_that_is_shown_and_the_first_text_does_not_wait_for_it():
    platform = Platform()
    async with reply_on(platform) as reply:
        reply.tell(BUSY)
        texts = await texts_of(platform, 1)
        assert texts == ["🔎 web search …"]
        assert reply.shown.first_text_s is None
        reply.tell(OVER)
        reply.say(TEXT)
        await texts_of(platform, 2)
        assert texts[1] == TEXT
        await reply.finish(TEXT)
    assert len(platform.surfaces) == 1


async def test_steps_that_end_before_anybody_could_read_of_them_are_not_told():
    platform = Platform()
    async with reply_on(platform) as reply:
        reply.tell(BUSY)
        reply.tell(OVER)
        reply.say(TEXT)
        await texts_of(platform, 1)
        await asyncio.sleep(0.05)
        await reply.finish(TEXT)
    assert not any("🔎" in one for one in platform.surfaces[0].texts)


@pytest.mark.parametrize("most", [3, 20])
async def test_the_line_takes_no_token_that_a_text_may_need(most, monkeypatch):
    monkeypatch.setattr(rules, "APART_S", (0.0,))
    platform = Platform(buckets=(Bucket("place", most, 60.0),))
    async with reply_on(platform) as reply:
        reply.say(TEXT)
        await texts_of(platform, 1)
        for number in range(40):
            reply.tell(doing(f"🔎 web search {number} …"))
            await asyncio.sleep(0.002)
        told = len(platform.surfaces[0].texts)
        # More than half of the tokens are left, so the end goes at once.
        assert told <= 1 + most // 2
        await reply.finish(f"{TEXT} It is here.")
    assert len(platform.surfaces[0].texts) == told + 1


async def test_a_line_that_does_not_change_costs_one_call():
    platform = Platform(buckets=(Bucket("place", 20, 60.0),))
    async with reply_on(platform) as reply:
        reply.tell(BUSY)
        await texts_of(platform, 1)
        for _ in range(20):
            reply.tell(BUSY)
            await asyncio.sleep(0.002)
        assert len(platform.surfaces[0].texts) == 1
        await reply.finish(TEXT)


async def test_what_an_interrupted_try_had_shown_is_not_shortened_for_a_line():
    platform = Platform()
    async with reply_on(platform, handles=["post-0"], shown_chars=len(TEXT)) as reply:
        reply.tell(BUSY)
        await asyncio.sleep(0.1)
        assert platform.surfaces[0].texts == []
        reply.say(TEXT)
        reply.tell(doing("🔎 web search ×2 …"))
        assert (await texts_of(platform, 1))[0].startswith(TEXT)
        await reply.finish(TEXT)


async def test_a_text_that_can_only_grow_gets_no_line():
    platform = Platform()
    async with reply_on(platform) as reply:
        reply._posts.last.grows = True
        reply.tell(BUSY)
        await asyncio.sleep(0.1)
        assert platform.surfaces[0].texts == []
        await reply.finish(TEXT)


async def test_a_refused_line_waits_like_any_call_and_the_answer_arrives():
    platform = Platform()
    platform.errors = [RateLimited("too many", 0.01)]
    async with reply_on(platform) as reply:
        reply.tell(BUSY)
        await until(lambda: not platform.errors)
        await reply.finish(TEXT)
    assert platform.surfaces[0].texts[-1] == TEXT


async def test_where_people_want_it_the_steps_stay_under_the_answer():
    platform = Platform()
    step = ShownStep("0:0", "🔎 web search", "done", 1.25, '{"query": "a"}')
    async with reply_on(platform) as reply:
        reply.tell(Activity("🔎 web search · 1 s", (step,), verbose=True))
        await reply.finish(TEXT)
    assert platform.surfaces[0].texts[-1] == (
        f'{TEXT}\n\n- 🔎 `web search` `{{"query": "a"}}` ✓ 1.2 s'
    )


def test_calls_of_the_line_get_rarer_within_one_round_and_begin_anew_with_the_next():
    line = Status()
    line.set(doing("a"), 10, 100.0)
    waits = []
    now = 100.0
    for number in range(6):
        line.set(doing(f"a {number}"), 10, now)
        waits.append(round(line.due_in_s(10, now), 3))
        now += max(0.0, line.due_in_s(10, now))
        line.asked(now, costs=True)
        line.told(line.activity)
    assert waits == [0.02, 4.0, 8.0, 16.0, 30.0, 30.0]
    assert line.due_in_s(50, now) == float("inf")
    line.set(doing("b"), 50, now)
    assert round(line.due_in_s(50, now), 3) == 0.02
