"""What people send on Slack in every shape, through the running program: what the model sees."""

import aiohttp
import pytest

from tests.contracts.drivers import SlackDriver, driving
from tests.harness import palaver, until
from tests.servers.slack import BOT_TOKEN, BOT_USER, SECRET, TEAM, SlackServer
from tests.servers.slack_shapes import ODD, SHAPES


@pytest.fixture
def driver():
    return SlackDriver()


def asked(model):
    """What the model was asked last."""
    content = model.requests[-1]["messages"][-1]["content"]
    return content if isinstance(content, str) else str(content)


async def quiet(driver):
    await until(lambda: not driver.server._deliveries)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
async def test_the_model_is_told_all_that_a_message_holds(driver, tmp_path, model, shape):
    async with driving(driver, tmp_path, model):
        ts = driver.server.say("D01", shape.text, **shape.more)
        await until(lambda: model.requests)
        told = asked(model)
        assert all(part in told for part in shape.says), told
        assert not any(part in told for part in shape.not_says), told
        await until(lambda: driver.server.answers("D01", ts))
        assert driver.server.unacked == []


async def test_what_cannot_be_read_is_set_aside_and_everybody_else_answered(
    driver, tmp_path, model
):
    async with driving(driver, tmp_path, model):
        for event in ODD:
            driver.server.event(event)
        for payload in ({"type": "event_callback"}, {"event": [1]}, {"event": "x"}):
            driver.server.deliver("events_api", payload)
        await driver.say("dm", "and me?")
        await driver.answered("dm")
        await quiet(driver)
        assert driver.server.unacked == []


@pytest.mark.parametrize(
    ("new", "old"),
    [
        ({"attachments": [{"from_url": "https://a.b", "title": "A"}]}, {}),
        ({"language": {"locale": "en-US", "is_reliable": True}}, {}),
        ({"reply_count": 1, "reply_users": ["U02"], "latest_reply": "1.2"}, {}),
        ({"text": "changed", "edited": {"user": "B07", "ts": "1.3"}}, {}),
        ({"text": "changed", "bot_id": "B07", "user": "U01"}, {"bot_id": "B07"}),
        ({"text": "This content is restricted.", "user": "USLACK"}, {"user": "USLACK"}),
    ],
    ids=["unfurl", "language", "counters", "edited by a bot", "a bot's own", "Slack's own"],
)
async def test_a_change_that_is_no_new_wording_is_no_question(driver, tmp_path, model, new, old):
    async with driving(driver, tmp_path, model):
        ts = driver.server.say("D01", "see <https://a.b>")
        await until(lambda: driver.server.answers("D01", ts))
        message = {"type": "message", "user": "U01", "text": "see <https://a.b>", "ts": ts}
        driver.server.changed("D01", {**message, **new}, {**message, **old})
        await quiet(driver)
        await driver.say("dm2", "next")
        await driver.answered("dm2")
        assert len(model.requests) == 2


@pytest.mark.parametrize("user", ["USLACK", "USLACKBOT", "UREVOKEDU"])
async def test_slacks_own_notices_are_no_questions(driver, tmp_path, model, user):
    async with driving(driver, tmp_path, model):
        driver.server.say("D01", "Your trial ends.", user=user)
        driver.server.say("D01", "", subtype="huddle_thread", room={"participants": ["U01"]})
        driver.server.say("D01", "x", subtype="tabbed_canvas_updated")
        await quiet(driver)
        assert model.requests == []


async def test_a_guest_and_somebody_of_another_workspace_are_people(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        profile = {"display_name": "Eve of Elsewhere", "team": "T99"}
        ts = driver.server.say(
            "C01", f"<@{BOT_USER}> hi", user="W77", user_team="T99", user_profile=profile
        )
        await until(lambda: driver.server.answers("C01", ts))
        assert "Eve of Elsewhere: hi" in asked(model)


async def test_a_mention_without_the_kind_of_its_channel_is_answered(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        event = {"type": "app_mention", "channel": "C01", "user": "U01", "ts": "1700000001.1"}
        driver.server.event({**event, "text": f"so <@{BOT_USER}|palaver>, <@U02>, why?"})
        await until(lambda: model.requests)
        assert "so, @Bob, why?" in asked(model)


async def test_one_gesture_that_arrives_as_two_messages_is_answered_once(driver, tmp_path, model):
    """typeclaw/typeclaw#49: another ts, tens of seconds later, the same `client_msg_id`."""
    async with driving(driver, tmp_path, model):
        first = driver.server.say("D01", "once", client_msg_id="5c-1")
        await until(lambda: driver.server.answers("D01", first))
        driver.server.say("D01", "once", client_msg_id="5c-1")
        await quiet(driver)
        await driver.say("dm2", "next")
        await driver.answered("dm2")
        assert len(model.requests) == 2


async def test_an_edit_keeps_the_file_of_the_question(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        file = {"id": "F1", "name": "cat.png", "mimetype": "image/png", "mode": "hosted"}
        ts = driver.server.say("D01", "what is it?", subtype="file_share", files=[file])
        await driver_answers(driver, ts, 1)
        driver.server.edit("D01", ts, "who is it?", subtype="file_share", files=[file])
        await until(lambda: len(model.requests) == 2)
        assert "who is it?" in asked(model)
        assert "cat.png" in asked(model)


async def test_a_stub_of_another_workspace_is_asked_about(driver, tmp_path, model):
    """docs.slack.dev, Slack Connect: `check_file_info`."""
    async with driving(driver, tmp_path, model):
        whole = {"id": "F1", "name": "plan.pdf", "mimetype": "application/pdf", "mode": "hosted"}
        driver.server.file_objects["F1"] = whole
        stub = {"id": "F1", "mode": "file_access", "file_access": "check_file_info"}
        driver.server.say("D01", "read it", subtype="file_share", files=[stub])
        await until(lambda: model.requests)
        assert "plan.pdf" in asked(model)


async def test_the_team_of_the_event_is_the_one_that_counts_for_dedupe(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        ts = driver.server.say("D01", "hello")
        await until(lambda: driver.server.answers("D01", ts))
        assert all(call[2].get("team_id") in (None, TEAM) for call in driver.server.calls)


async def driver_answers(driver, thread, count):
    def complete():
        ended = [p for p in driver.server.answers("D01", thread) if "retry" in str(p.blocks)]
        return len(ended) >= count

    await until(complete)


async def test_over_http_what_cannot_be_read_is_acknowledged_for_who_signs_it(tmp_path, model):
    server = SlackServer()
    values = {
        "slack_bot_token": BOT_TOKEN,
        "slack_signing_secret": SECRET,
        "llm_base_url": model.url,
        "llm_model": "scripted",
    }
    async with (
        server.running(),
        palaver(tmp_path, slack_api_url=server.api_url, **values) as running,
        aiohttp.ClientSession() as session,
    ):
        server.events_url = f"{running.url}/slack/events"
        for event in ODD:
            server.event(event)
        for payload in (
            {"type": "event_callback"},
            {"event": [1]},
            {"event": "x"},
            {"x": "\ud83d"},
        ):
            server.deliver("events_api", payload)
        ts = server.say("C01", f"<@{BOT_USER}> and me?")
        await until(lambda: any("Echo" in p.shown for p in server.answers("C01", ts)))
        await until(lambda: not server._deliveries)
        assert server.unacked == []
        for body in ('{"event": "x"}', '{"event": {"user": 5, "type": "message"}}', "[1", "[]"):
            async with session.post(server.events_url, data=body) as response:
                assert response.status == 401


@pytest.mark.parametrize("channel", ["C01", "D01"])
async def test_a_question_that_is_taken_back_mid_answer_is_answered_no_further(
    driver, tmp_path, model, channel
):
    model.piece_s, model.answer = 0.1, lambda messages: "word " * 300
    async with driving(driver, tmp_path, model):
        ts = driver.server.say(channel, f"<@{BOT_USER}> talk")
        await until(lambda: driver.server.answers(channel, ts))
        driver.server.take_back(channel, ts)
        await until(lambda: model.running_streams == 0, 5)
        await until(lambda: driver.server.answers(channel, ts) == [], 5)
        await until(lambda: "processing" not in driver.server.sessions.values(), 5)
