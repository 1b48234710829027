"""What was said in a thread or a channel is read within what Slack allows the app."""

import asyncio
import datetime
import time
from contextlib import asynccontextmanager

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bots.slack.history import History, link_to
from bots.slack.inbound import Me
from bots.slack.people import People
from core.credentials import Credential
from core.errors import ChatLost, NoRight, RateLimited
from core.messages import conversation_id
from core.said import SAID_CHARS, Span
from core.turn.foreign import transcribed
from core.turn.pointing import pointed_at
from tests.servers.slack import BOT_TOKEN, BOT_USER, SCOPES, TEAM, Post, SlackServer

ALL = Span(most=200, most_chars=100_000)


@asynccontextmanager
async def slack():
    """A workspace in which people talk, and the reader of its history."""
    server = SlackServer()
    async with server.running(), aiohttp.ClientSession() as session:
        client = AsyncWebClient(BOT_TOKEN, base_url=server.api_url, session=session)
        credential = Credential((("Authorization", f"Bearer {BOT_TOKEN}"),), server.api_url)
        me = Me(BOT_USER, TEAM, {})
        yield server, History(session, credential, server.api_url, People(client, "slack"), me)


def posted(server, text, /, *, thread="", user="U01", channel="C01", **told):
    ts = server.ts()
    server.posts[channel, ts] = Post(ts, channel, thread, text, user)
    server.told[channel, ts] = told
    return ts


def thread_of(server, count, **more):
    """A thread with so many replies. Returns its root, and the reference behind them all."""
    root = posted(server, "the root", **more)
    for number in range(count):
        posted(server, f"reply {number}", thread=root, user=f"U0{1 + number % 2}", **more)
    return root, server.ts()


def reads(server):
    return [method for _, method, _ in server.calls if method.startswith("conversations.")]


async def test_a_thread_is_read_in_one_call_with_names_and_without_what_came_later():
    async with slack() as (server, history):
        root, now = thread_of(server, 3)
        posted(server, "said after the question", thread=root)
        posted(server, "in another thread", thread=posted(server, "other"))
        found = await history.read(
            conversation_id("slack", "C01", root), Span(most=9, most_chars=999, before=now)
        )
        said = [(one.author, one.text, one.by) for one in found.said]
        assert said == [
            ("Ann", "the root", "person"),
            *((("Ann", "Bob")[n % 2], f"reply {n}", "person") for n in range(3)),
        ]
        assert found.missing == ""
        assert reads(server) == ["conversations.replies"]


async def test_of_a_long_thread_the_root_and_the_newest_are_read():
    async with slack() as (server, history):
        root, now = thread_of(server, 500)
        span = Span(most=50, most_chars=10_000, before=now)
        found = await history.read(conversation_id("slack", "C01", root), span)
        texts = [one.text for one in found.said]
        assert texts == ["the root", *(f"reply {n}" for n in range(451, 500))]
        assert found.missing == "older"
        assert reads(server) == ["conversations.replies"]


async def test_files_of_messages_that_are_not_told_are_known_by_name():
    async with slack() as (server, history):
        root = posted(server, "the root")
        plan = {"id": "F1", "name": "plan.txt", "mimetype": "text/plain", "size": 3}
        where = {"url_private_download": f"{server.url}/plan"}
        posted(server, "here", thread=root, files=[plan | where], subtype="file_share")
        for number in range(9):
            posted(server, f"reply {number}", thread=root)
        found = await history.read(
            conversation_id("slack", "C01", root), Span(most=5, most_chars=10_000)
        )
    assert [one.text for one in found.said][:2] == ["the root", "reply 5"]
    assert found.missing == "older"
    (left_out,) = found.left_out
    body = transcribed(found, datetime.UTC, 500, head=True)
    assert "here" not in body.split()
    assert body.index("left out") < body.index("[the file plan.txt]") < body.index("reply 5")
    question = "what does plan.txt say?"
    assert pointed_at(question, [*found.left_out, *found.said]) == [*left_out.attachments]


@pytest.mark.parametrize("bursts", [False, True])
async def test_the_end_of_a_thread_of_ten_thousand_is_found_in_four_calls(bursts):
    async with slack() as (server, history):
        root = posted(server, "the root")
        for number in range(10_000):
            if bursts and number in (3_000, 9_700):
                server._clock += 30.0
            posted(server, f"reply {number}", thread=root)
        span = Span(most=200, most_chars=100_000, before=server.ts())
        found = await history.read(conversation_id("slack", "C01", root), span)
        texts = [one.text for one in found.said]
        assert texts[0] == "the root"
        assert texts[1:] == [f"reply {n}" for n in range(10_000 - len(texts) + 1, 10_000)]
        assert len(texts) >= 100
        assert len(reads(server)) <= 4


async def test_an_app_outside_the_marketplace_reads_once_a_minute_and_goes_without_meanwhile():
    """Nobody waits for a rate limit, and it is not asked for again before it has passed."""
    async with slack() as (server, history):
        server.distributed = True
        root, _ = thread_of(server, 40)
        place = conversation_id("slack", "C01", root)
        began = time.monotonic()
        found = await history.read(place, ALL)
        assert [one.text for one in found.said][:2] == ["the root", "reply 0"]
        assert found.missing == "newer"
        with pytest.raises(RateLimited):
            await history.read(place, ALL)
        assert time.monotonic() - began < 5
        assert len(reads(server)) == 2


async def test_where_it_may_not_read_slack_is_not_asked_again_and_the_operator_is_told_once(caplog):
    async with slack() as (server, history):
        server.scopes = set(SCOPES) - {"channels:history", "groups:history", "im:history"}
        root, _ = thread_of(server, 1)
        for _ in range(3):
            with pytest.raises(NoRight):
                await history.read(conversation_id("slack", "C01", root), ALL)
        assert len(reads(server)) == 1
        assert caplog.text.count("channels:history") == 1
        server.scopes = None
        server.members["C09"] = {"U01"}
        with pytest.raises(ChatLost):
            await history.read(conversation_id("slack", "C09"), ALL)


async def test_a_channel_is_read_from_its_end_without_its_threads():
    async with slack() as (server, history):
        for number in range(30):
            posted(server, f"talk {number}")
        thread_of(server, 4)
        found = await history.read(conversation_id("slack", "C01"), Span(most=3, most_chars=999))
        texts = [one.text for one in found.said]
        assert texts == ["talk 28", "talk 29", "the root\n[4 replies in its thread]"]
        assert found.missing == "older"


async def test_the_newest_threads_of_a_channel_are_read_if_they_are_wanted():
    async with slack() as (server, history):
        for _ in range(3):
            thread_of(server, 2)
        last = posted(server, "the end")
        span = Span(most=50, most_chars=9_999, threads=2)
        found = await history.read(conversation_id("slack", "C01"), span)
        threads = [one.thread for one in found.said if one.text.startswith("reply")]
        assert len(threads) == 4
        assert len(set(threads)) == 2
        assert found.said[-1].message == last
        assert reads(server).count("conversations.replies") == 2


async def test_since_a_time_a_channel_is_read_over_several_pages():
    async with slack() as (server, history):
        first = float(posted(server, "too old"))
        server._clock += 10
        for number in range(250):
            posted(server, f"talk {number}")
        span = Span(most=240, most_chars=100_000, since=first + 5)
        found = await history.read(conversation_id("slack", "C01"), span)
        assert [one.text for one in found.said] == [f"talk {n}" for n in range(10, 250)]
        assert found.missing == "older"
        whole = await history.read(
            conversation_id("slack", "C01"), Span(most=400, most_chars=100_000, since=first + 5)
        )
        assert len(whole.said) == 250
        assert whole.missing == ""


async def test_odd_messages_are_told_as_what_they_are_and_noise_is_not_told():
    """Deleted roots, joins, other apps, our own posts, blocks alone, huge texts, files, huddles."""
    async with slack() as (server, history):
        root, _ = thread_of(server, 1)
        mrkdwn = {"type": "mrkdwn", "text": "Build 7 &lt;ok"}
        tell = {
            "joined": {"subtype": "channel_join"},
            "app": {
                "subtype": "bot_message",
                "bot_id": "B7",
                "username": "Deploy",
                "user": "",
                "text": "Deploy …",
                "blocks": [{"type": "section", "text": mrkdwn}],
            },
            "huddle": {"subtype": "huddle_thread", "text": ""},
            "both": {"subtype": "thread_broadcast"},
            "edited": {"edited": {"user": "U01", "ts": "1.1"}},
            "guest": {"user": "U77", "user_profile": {"real_name": "Guest of Acme"}},
            "hidden": {"hidden": True},
            "huge": {"text": "x" * 50_000},
            "file": {
                "files": [
                    {
                        "id": "F1",
                        "name": "plan.pdf",
                        "mimetype": "application/pdf",
                        "size": 5,
                        "url_private": f"{server.url}/files/F1",
                    },
                    {"id": "F2", "mode": "tombstone"},
                ]
            },
            "empty": {"text": "", "blocks": []},
            "broken": {"text": 5, "blocks": "none", "files": {"a": 1}, "user": ["x"]},
        }
        for text, more in tell.items():
            posted(server, text, thread=root, user=more.pop("user", "U02"), **more)
        ours = posted(server, "what we said", thread=root, user=BOT_USER)
        server.take_back("C01", root)
        found = await history.read(conversation_id("slack", "C01", root), ALL)
        by = {one.author: one for one in found.said}
        texts = [one.text for one in found.said]
        assert texts[:4] == ["reply 0", "Build 7 <ok", "[a huddle]", "both"]
        assert by["Deploy"].by == "bot"
        assert by["Guest of Acme"].text == "guest"
        assert "joined" not in texts
        assert "hidden" not in texts
        assert "" not in texts
        assert max(map(len, texts)) < SAID_CHARS + 10
        file = next(one for one in found.said if one.attachments)
        assert [one.name for one in file.attachments][:1] == ["plan.pdf"]
        assert [one.message for one in found.said if one.by == "us"] == [ours]


async def test_answers_that_are_too_large_or_no_json_harm_nobody(monkeypatch):
    async with slack() as (server, history):
        root, _ = thread_of(server, 300)
        monkeypatch.setattr("bots.slack.history.ANSWER_BYTES", 20_000)
        found = await history.read(conversation_id("slack", "C01", root), ALL)
        assert found.said[0].text == "the root"
        assert reads(server)[:2] == ["conversations.replies"] * 2


async def test_what_takes_too_long_is_not_waited_for(monkeypatch):
    async with slack() as (server, history):
        root, _ = thread_of(server, 1)
        monkeypatch.setattr("bots.slack.history.READ_S", 0.05)

        async def slow(request):
            await asyncio.sleep(1)

        monkeypatch.setattr(history, "_asked", lambda *_: asyncio.sleep(1))
        with pytest.raises(Exception, match="late"):
            await history.read(conversation_id("slack", "C01", root), ALL)


def test_a_message_has_the_address_that_slack_gives_it():
    home = "https://acme.slack.com/"
    assert (
        link_to(home, conversation_id("slack", "C1"), "1700.000200")
        == "https://acme.slack.com/archives/C1/p1700000200"
    )
    assert link_to(home, conversation_id("slack", "C1", "1699.0001"), "1700.0002") == (
        "https://acme.slack.com/archives/C1/p17000002?thread_ts=1699.0001&cid=C1"
    )
    assert link_to("", conversation_id("slack", "C1"), "1.2") == ""
