"""Slack's own stories: signatures, slash commands, threads, redelivery, limits."""

import aiohttp
import pytest

from bots.slack.markup import render
from bots.slack.reading import words
from tests.contracts.drivers import SlackDriver, driving, started
from tests.harness import palaver, until
from tests.servers.slack import BOT_TOKEN, BOT_USER, SECRET, SlackError, SlackServer


@pytest.fixture
def driver():
    return SlackDriver()


async def test_a_mention_that_arrives_as_two_events_is_answered_once(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        await driver.say("channel", "what is tea?")
        await driver.say("channel", "what is coffee?")
        posts = await driver.answered("channel", 2)
        assert len(posts) == 2
        assert len(model.requests) == 2
        assert driver.server.unacked == []


async def test_every_event_is_acknowledged_handled_or_not(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        await driver.noise("channel")
        driver.server.event({"type": "agent_session_title_changed", "channel": "C01"})
        driver.server.event({"type": "member_joined_channel", "user": "U02", "channel": "C01"})
        await until(lambda: not driver.server._deliveries)
        assert driver.server.unacked == []
        assert model.requests == []


async def test_a_thread_is_followed_without_a_new_mention(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        await driver.say("thread", "join us")
        await driver.answered("thread", 1)
        thread = driver._threads["thread"]
        driver.server.say("C02", "and one more thing", thread=thread)
        posts = await driver.answered("thread", 2)
        assert "join us" in posts[1].text.partition("before that:")[2]
        driver.server.say("C02", "<@U02> what do you think?", thread=thread)
        driver.server.say("C02", "a new topic for us")
        await until(lambda: not driver.server._deliveries)
        assert len(model.requests) == 2


async def test_threads_are_not_followed_where_the_operator_does_not_want_it(
    driver, tmp_path, model
):
    async with driving(driver, tmp_path, model, slack_follow_threads=False):
        await driver.say("thread", "join us")
        await driver.answered("thread", 1)
        driver.server.say("C02", "and more", thread=driver._threads["thread"])
        await until(lambda: not driver.server._deliveries)
        assert len(model.requests) == 1


async def test_each_top_level_direct_message_is_a_conversation_of_its_own(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        first = driver.server.say("D01", "one")
        second = driver.server.say("D01", "two")
        await until(
            lambda: all(
                any("before that: nothing" in p.shown for p in driver.server.answers("D01", ts))
                for ts in (first, second)
            )
        )


async def test_a_slash_command_shows_the_question_and_answers_in_its_thread(
    driver, tmp_path, model
):
    async with driving(driver, tmp_path, model):
        driver.server.slash("/palaver", "what is this channel for?")
        root = (await until(lambda: driver.server.answers("C01", "")))[0]
        assert "Ann" in root.shown
        assert "what is this channel for?" in root.shown
        await until(
            lambda: any("Echo of" in p.shown for p in driver.server.answers("C01", root.ts))
        )
        driver.server.slash("/image", "a red fox --size 512x512")
        await until(lambda: any(p.files for p in driver.server.posts.values()))


async def test_a_slash_command_about_the_bot_is_answered_to_the_person_alone(
    driver, tmp_path, model
):
    async with driving(driver, tmp_path, model):
        driver.server.slash("/palaver", "help")
        user, post = (await until(lambda: driver.server.ephemerals))[0]
        assert user == "U01"
        assert "/image" in post.shown
        assert driver.server.answers("C01", "") == []


async def test_a_slash_command_where_the_bot_is_no_member_says_so(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        driver.server.members["C09"] = {"U01", "U02"}
        driver.server.locales["U02"] = "zh-CN"
        asked = ("U01", "hello", "invite me"), ("U02", "", "邀请我"), ("U01", "今天天气", "邀请我")
        for user, text, said in asked:
            driver.server.slash("/palaver", text or "?", channel="C09", user=user)
            await until(lambda: not driver.server._deliveries)
            assert said in str(driver.server.replies[-1])
        assert driver.server.unacked == []
        assert model.requests == []


async def test_a_message_with_a_file_is_heard(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        file = {"id": "F1", "name": "cat.png", "mimetype": "image/png", "size": 10}
        ts = driver.server.say("D01", "what is it?", subtype="file_share", files=[file])
        await until(lambda: driver.server.answers("D01", ts))
        assert "cat.png" in model.requests[0]["messages"][-1]["content"]


async def test_prompts_are_suggested_in_the_persons_language(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        driver.server.locales["U02"] = "zh-CN"
        for user, channel, suggested in (("U01", "D01", "Summarise"), ("U02", "D02", "把我接下来")):
            driver.server.event(
                {"type": "app_home_opened", "user": user, "channel": channel, "tab": "messages"}
            )
            await until(lambda: not driver.server._deliveries)
            prompts = driver.server.prompts[-1]["prompts"]
            assert prompts[0]["title"].startswith(suggested)
            assert len(prompts) <= 4


async def test_the_status_shows_that_it_writes(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        await driver.say("dm", "hi")
        await driver.answered("dm")
        await until(lambda: driver.server.statuses[-1][2] == "active")
        assert set(driver.server.sessions.values()) == {"active"}


async def test_slacks_own_stop_button_stops(driver, tmp_path, model):
    model.piece_s = 0.1
    model.answer = lambda messages: "word " * 400
    async with driving(driver, tmp_path, model):
        await driver.say("dm", "talk")
        thread = driver._threads["dm"]
        await until(lambda: driver.server.answers("D01", thread))
        driver.server.event(
            {
                "type": "agent_session_stopped",
                "channel": "D01",
                "thread_ts": thread,
                "user": "U01",
                "streaming_message_ts": [],
            }
        )
        (post,) = await driver.answered("dm")
        assert "stopped" in post.text


@pytest.mark.parametrize("method", ["chat.startStream", "chat.appendStream", "chat.stopStream"])
async def test_a_refused_call_waits_as_long_as_slack_asks(driver, tmp_path, model, method):
    model.answer = lambda messages: "A few words of it. " * 6
    model.piece_s = 0.05
    async with driving(driver, tmp_path, model):
        driver.server.faults.append((method, SlackError("x", retry_after=1)))
        await driver.say("dm", "hello")
        (post,) = await driver.answered("dm")
        assert post.text == "A few words of it. " * 6
        assert len(driver.server.limited) == 1


def methods(server):
    return [method for _, method, _ in server.calls if method.startswith("chat.")]


async def test_a_direct_message_is_streamed_and_ends_as_a_normal_message(driver, tmp_path, model):
    model.answer = lambda messages: "Some **bold** words and a list:\n\n- one\n- two\n" * 5
    model.piece_s = 0.02
    async with driving(driver, tmp_path, model):
        await driver.say("dm", "go")
        (post,) = await driver.answered("dm")
        assert post.text.strip() == model.answer([]).strip()
        (shown,) = driver.server.answers("D01", driver._threads["dm"])
        assert not shown.streaming
        assert methods(driver.server)[0] == "chat.startStream"
        assert methods(driver.server)[-1] == "chat.stopStream"
        assert "chat.update" not in methods(driver.server)


async def test_a_channel_sees_edits_because_a_stream_has_one_live_reader(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        await driver.say("channel", "go")
        await driver.answered("channel")
        assert "chat.startStream" not in methods(driver.server)


async def test_streams_can_be_turned_off(driver, tmp_path, model):
    async with driving(driver, tmp_path, model, slack_stream="edits"):
        await driver.say("dm", "go")
        await driver.answered("dm")
        assert "chat.startStream" not in methods(driver.server)


async def test_a_stream_that_dies_is_repaired_by_an_edit_of_the_same_message(
    driver, tmp_path, model
):
    model.answer = lambda messages: "Words of a long answer. " * 20
    model.piece_s = 0.03
    async with driving(driver, tmp_path, model):
        await driver.say("dm", "go")
        await until(lambda: "chat.appendStream" in methods(driver.server))
        driver.server.end_streams()
        (post,) = await driver.answered("dm")
        assert post.text.strip() == model.answer([]).strip()
        assert "chat.update" in methods(driver.server)


async def test_a_stream_is_ended_before_slack_ends_it_and_the_answer_goes_on_in_a_new_one(
    driver, tmp_path, model, monkeypatch
):
    monkeypatch.setattr("bots.slack.stream.STREAM_S", 0.3)
    model.answer = lambda messages: "Words of a long answer. " * 20
    model.piece_s = 0.03
    async with driving(driver, tmp_path, model):
        await driver.say("dm", "go")
        posts = await driver.answered("dm")
        assert len(posts) > 1
        assert all(post.text.rstrip().endswith("answer.") for post in posts)
        assert " ".join(post.text.strip() for post in posts) == model.answer([]).strip()
        called = methods(driver.server)
        assert called.count("chat.startStream") == called.count("chat.stopStream") > 1


async def test_a_workspace_without_streams_is_asked_once(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        driver.server.faults.append(("chat.startStream", SlackError("feature_not_enabled")))
        await driver.say("dm", "one")
        await driver.answered("dm", 1)
        await driver.say("dm", "two")
        await driver.answered("dm", 2)
        assert methods(driver.server).count("chat.startStream") == 1


async def test_a_stream_of_a_process_that_died_is_ended_and_edited(driver, tmp_path, model):
    """Its message cannot be edited while its stream stands open."""
    model.answer = lambda messages: "Words of a long answer. " * 30
    model.piece_s = 0.05
    async with driver.running():
        async with started(driver, tmp_path, model, grace_s=0.0):
            await driver.say("dm", "go")
            await until(lambda: "chat.appendStream" in methods(driver.server))
        (post,) = driver.server.answers("D01", driver._threads["dm"])
        assert post.streaming
        async with started(driver, tmp_path, model):
            (shown,) = await driver.answered("dm")
        assert shown.text.strip() == model.answer([]).strip()
        assert not post.streaming


async def test_ten_people_share_the_workspace_without_a_refused_call(driver, tmp_path, model):
    model.answer = lambda messages: "A few words of it. " * 25
    model.piece_s = 0.03
    async with driving(driver, tmp_path, model):
        threads = []
        for number in range(10):
            channel = f"D1{number}"
            driver.server.dms[channel] = "U01"
            threads.append((channel, driver.server.say(channel, "hello")))
        await until(
            lambda: all(
                any("retry" in str(p.blocks) for p in driver.server.answers(*place))
                for place in threads
            ),
            45,
        )
        assert driver.server.limited == []


async def test_a_lost_socket_is_opened_again(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        await driver.say("dm", "one")
        await driver.answered("dm", 1)
        driver.server.drop_sockets()
        await driver.say("dm", "two")
        await driver.answered("dm", 2, 40)


async def test_http_events_with_a_signature_are_heard_and_without_refused(tmp_path, model):
    server = SlackServer()
    values = {
        "slack_bot_token": BOT_TOKEN,
        "slack_signing_secret": SECRET,
        "llm_base_url": model.url,
        "llm_model": "scripted",
        "image_base_url": model.url,
    }
    async with (
        server.running(),
        palaver(tmp_path, slack_api_url=server.api_url, **values) as running,
        aiohttp.ClientSession() as session,
    ):
        server.events_url = f"{running.url}/slack/events"
        ts = server.say("C01", f"<@{BOT_USER}> over http")
        await until(lambda: any("Echo" in p.shown for p in server.answers("C01", ts)))
        server.slash("/palaver", "help")
        await until(lambda: server.ephemerals)
        (post,) = server.answers("C01", ts)
        await until(lambda: "retry" in str(post.blocks))
        server.press(post, "retry")
        # The new answer comes in the place of the old one.
        await until(lambda: len(model.requests) == 2)
        await until(lambda: "retry" in str(server.answers("C01", ts)[0].blocks))
        assert len(server.answers("C01", ts)) == 1
        forged = {"X-Slack-Request-Timestamp": "1", "X-Slack-Signature": "v0=00"}
        async with session.post(server.events_url, json={"x": 1}, headers=forged) as response:
            assert response.status == 401
        assert server.unacked == []


def test_nothing_that_the_model_writes_calls_anybody():
    text = "hi <!channel> <!here> <@U01> <!subteam^S1> <#C01>"
    shown = render(text)
    assert not any(call in shown for call in ("<!", "<@", "<#"))


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("a &lt;b&gt; &amp; c", "a <b> & c"),
        ("see <https://a.b/c|the page>", "see the page (https://a.b/c)"),
        ("see <https://a.b|a.b>", "see https://a.b"),
        ("<https://a.b>", "https://a.b"),
        ("ask <@U07|ann> in <#C1|general>, <!here>", "ask @ann in #general, @here"),
    ],
)
def test_slacks_text_is_read_as_it_was_meant(sent, meant):
    assert words(sent, {}) == meant


async def test_an_edited_question_is_asked_again(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        await driver.say("dm", "what is 2+2?")
        await driver.answered("dm", 1)
        thread = driver._threads["dm"]
        old = {"user": "U01", "text": "what is 2+2?", "ts": thread}
        driver.server.event(
            {
                "type": "message",
                "subtype": "message_changed",
                "channel": "D01",
                "channel_type": "im",
                "ts": driver.server.ts(),
                "message": {**old, "text": "what is 3+3?"},
                "previous_message": old,
            }
        )
        posts = await driver.answered("dm", 2)
        assert posts[1].text == "Echo of what is 3+3? -- before that: nothing."


async def test_a_text_whose_blocks_are_refused_is_shown_as_text(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        driver.server.faults += [
            (method, SlackError("invalid_blocks")) for method in ("chat.postMessage", "chat.update")
        ]
        await driver.say("channel", "go")
        (post,) = await driver.answered("channel")
        assert ": go -- before" in post.text
