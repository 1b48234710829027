"""On Slack, a call whose answer was lost is looked for, not made again; refusals differ."""

import logging

import pytest

from bots.slack.streamed import reads
from tests.contracts.drivers import SlackDriver, driving
from tests.harness import until
from tests.servers.slack import SlackError

TEXT = "Words of a long answer, all of them different: " + " ".join(map(str, range(120)))


@pytest.fixture
def driver():
    return SlackDriver()


@pytest.fixture(autouse=True)
def slow(model):
    model.answer = lambda messages: TEXT
    model.piece_s = 0.02


def called(driver, method):
    return [parameters for _, name, parameters in driver.server.calls if name == method]


@pytest.mark.parametrize(
    "method", ["chat.startStream", "chat.appendStream", "chat.stopStream", "chat.update"]
)
async def test_a_lost_answer_of_a_stream_leaves_the_text_once_and_one_message(
    driver, tmp_path, model, method
):
    async with driving(driver, tmp_path, model):
        driver.server.lose = [method]
        if method == "chat.update":
            driver.server.lose = ["chat.appendStream", "chat.update"]
        await driver.say("dm", "go")
        (post,) = await driver.answered("dm")
        assert post.text.strip() == TEXT
        assert driver.server.lose == []
        assert not any(p.streaming for p in driver.server.posts.values())


@pytest.mark.parametrize("times", [1, 2])
async def test_a_post_whose_answer_was_lost_is_found_and_goes_on(driver, tmp_path, model, times):
    async with driving(driver, tmp_path, model):
        driver.server.lose = ["chat.postMessage"] * times
        await driver.say("channel", "go")
        await driver.answered("channel")
        posts = await driver.posts("channel")
        assert [post.text.strip() for post in posts] == [TEXT]


async def test_a_post_that_was_never_made_is_made_once(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        driver.server.faults.append(("chat.postMessage", SlackError("internal_error")))
        await driver.say("channel", "go")
        (post,) = await driver.answered("channel")
        assert post.text.strip() == TEXT


async def test_a_post_is_made_again_where_we_may_not_look(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        driver.server.faults.append(("chat.postMessage", SlackError("internal_error")))
        driver.server.faults.append(("conversations.replies", SlackError("missing_scope")))
        await driver.say("channel", "go")
        (post,) = await driver.answered("channel")
        assert post.text.strip() == TEXT


async def test_what_the_stream_says_at_its_end_is_compared_and_repaired(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        await driver.say("dm", "go")
        (post,) = await until(lambda: driver.server.answers("D01", driver._threads["dm"]))
        post.blocks[0]["text"] += "and what nobody said "
        await until(lambda: called(driver, "chat.update"))
        (shown,) = await driver.answered("dm")
        assert shown.text.strip() == TEXT
        assert len(called(driver, "chat.update")) == 1


def test_markdown_that_slack_renders_is_no_other_text():
    rendered = "# Head\n\n- **bold** `code`\n\n1. one"
    assert reads({"text": "Head\n• bold code\n1. one"}, rendered)
    assert reads({}, rendered)
    assert not reads({"text": "Head\n• bold code code\n1. one"}, rendered)
    link = "see [the page](https://a.b/c) of it"
    assert reads({"text": "see <https://a.b/c|the page> of it"}, link)
    assert not reads({"text": "see see <https://a.b/c|the page> of it" * 2}, link)


@pytest.mark.parametrize("code", ["edit_window_closed", "message_not_found"])
async def test_a_post_that_cannot_be_changed_is_followed_by_another(driver, tmp_path, model, code):
    async with driving(driver, tmp_path, model):
        driver.server.faults.append(("chat.update", SlackError(code)))
        driver.server.faults.append(("chat.update", SlackError(code)))
        await driver.say("channel", "go")
        await until(lambda: "retry" in str([p.blocks for p in answers(driver)]))
        assert answers(driver)[-1].shown.strip() == TEXT


def answers(driver):
    return driver.server.answers("C01", driver._threads["channel"])


async def test_a_missing_scope_for_files_is_told_to_the_person_and_once_to_the_operator(
    driver, tmp_path, model, caplog
):
    async with driving(driver, tmp_path, model):
        driver.server.scopes = {"chat:write", "users:read", "channels:history"}
        with caplog.at_level(logging.ERROR):
            for count in (1, 2):
                await driver.say("channel", "/image a red fox")
                await until(
                    lambda count=count: (
                        sum("may not send pictures" in p.shown for p in answers(driver)) == count
                    )
                )
        told = [r for r in caplog.records if "files:write" in r.getMessage()]
        assert len(told) == 1


@pytest.mark.parametrize(
    ("code", "latched"),
    [("unknown_method", True), ("feature_disabled", True), ("user_not_found", False)],
)
async def test_only_what_a_workspace_cannot_do_is_left_alone_for_some_minutes(
    driver, tmp_path, model, code, latched, monkeypatch
):
    async with driving(driver, tmp_path, model):
        driver.server.faults.append(("chat.startStream", SlackError(code)))
        await driver.say("dm", "one")
        await driver.answered("dm", 1)
        await driver.say("dm2", "two")
        await driver.answered("dm2", 1)
        assert len(called(driver, "chat.startStream")) == (1 if latched else 2)
        if latched:
            monkeypatch.setattr("bots.slack.stream.time.monotonic", _later())
            await driver.say("dm", "three")
            await driver.answered("dm", 2)
            assert len(called(driver, "chat.startStream")) == 2


def _later():
    import time

    now = time.monotonic
    return lambda: now() + 400


async def test_after_slacks_stop_nothing_is_added_and_no_message_begun(driver, tmp_path, model):
    """The refusal of an append may come before the event (agentconnect's live tests)."""
    model.piece_s = 0.05
    async with driving(driver, tmp_path, model):
        await driver.say("dm", "go")
        thread = driver._threads["dm"]
        (post,) = await until(lambda: driver.server.answers("D01", thread))
        post.streaming = False
        driver.server.faults.append(("chat.appendStream", SlackError("stopped_by_user")))
        await until(lambda: not driver.server.faults)
        appended = len(called(driver, "chat.appendStream"))
        driver.server.press_stop(post)
        (shown,) = await driver.answered("dm")
        assert "stopped" in shown.text
        assert len(called(driver, "chat.appendStream")) == appended
        assert len(called(driver, "chat.startStream")) == 1
        assert called(driver, "chat.postMessage") == []
        await until(lambda: driver.server.sessions["D01", thread] == "active")


@pytest.mark.parametrize(
    "text", ["字" * 6_000, "<&> " * 3_000, "plain words " * 1_500], ids=["CJK", "signs", "plain"]
)
async def test_a_stream_stays_below_the_weight_that_slack_takes(driver, tmp_path, model, text):
    model.answer, model.piece_s, model.piece_chars = lambda messages: text, 0.002, 60
    async with driving(driver, tmp_path, model):
        await driver.say("dm", "go")
        posts = await driver.answered("dm", seconds=50)
        assert "".join("".join(p.text for p in posts).split()) == "".join(text.split())
        refused = [c for c in driver.server.refused if c[1] == "msg_too_long"]
        assert refused == []


@pytest.mark.parametrize("place", ["dm", "channel"])
@pytest.mark.parametrize("fault", ["model", "none", "stop"])
async def test_however_a_turn_ends_its_session_is_active(driver, tmp_path, model, place, fault):
    from tests.servers import model as models

    if fault == "model":
        model.faults = [models.status(401)] * 4
    async with driving(driver, tmp_path, model):
        await driver.say(place, "go")
        if fault == "stop":
            await until(lambda: "stop" in str(commands(driver, place)))
            await driver.press(place, "stop")
        await driver.answered(place)
        await until(lambda: "processing" not in driver.server.sessions.values())


def commands(driver, place):
    channel = driver._channels[place]
    posts = driver.server.answers(channel, driver._threads[place])
    return [("stop",) if p.streaming else p.blocks for p in posts]


async def test_a_deleted_question_is_no_question(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        for followed in (False, True):
            ts = driver.server.say("D01", "never mind")
            await until(lambda ts=ts: "retry" in str(driver.server.answers("D01", ts)))
            asked = len(model.requests)
            if followed:
                driver.server.say("D01", "and?", thread=ts)
                await until(lambda asked=asked: len(model.requests) > asked)
                asked += 1
            driver.server.take_back("D01", ts)
            await until(lambda: not driver.server._deliveries)
            assert len(model.requests) == asked
