"""
The contract: what a person may expect on every platform.

Each test drives an adapter through its own protocol against a strict server.
"""

import io
from pathlib import Path
from typing import get_args

import pytest
from PIL import Image

import bots
from core.errors import NoRight, PlatformError, StoreError
from core.messages import conversation_id
from core.models.demo import answers
from core.said import Feeling, Span
from tests.contracts.drivers import DRIVERS, Driver, driving, started
from tests.contracts.examples import example_drivers
from tests.harness import at_rest, bare, until
from tests.servers import model as models
from tests.servers.tools import calling

ALL = DRIVERS | example_drivers()


def platforms_that(gesture):
    """The platforms that know *gesture*, by their drivers saying how it is done."""
    known = [
        name
        for name, driver in ALL.items()
        if getattr(driver, gesture) is not getattr(Driver, gesture)
    ]
    return pytest.mark.parametrize("name", known)


PLACES = [(name, place) for name, driver in ALL.items() for place in driver.places]
every_platform = pytest.mark.parametrize("name", ALL)
every_place = pytest.mark.parametrize(("name", "place"), PLACES)
LONG = answers.answer([("user", "write 20000 characters")])


@pytest.fixture
def driver(name):
    return ALL[name]()


def test_every_adapter_has_a_driver():
    """A folder of `bots` without a driver would escape this suite."""
    folders = {path.parent.name for path in Path(bots.__path__[0]).glob("*/adapter.py")}
    assert folders == set(DRIVERS)


@every_place
async def test_a_question_streams_and_ends_with_the_whole_text(driver, place, tmp_path, model):
    """The post appears early, grows, and ends as exactly what the model said."""
    model.piece_s, model.piece_chars = 0.05, 10
    text = "A sentence of the answer. " * 12
    model.answer = lambda messages: text
    async with driving(driver, tmp_path, model):
        await driver.say(place, "Tell me")
        early = await until(lambda: driver.posts(place))
        assert "stop" in early[0].commands
        assert len(early[0].text) < len(text)
        (post,) = await driver.answered(place)
        assert post.text.strip() == text.strip()
        assert post.commands == ("retry",)


@every_place
async def test_an_answer_at_its_length_limit_says_so_and_goes_on_at_a_press(
    driver, place, tmp_path, model
):
    """What the limit cut off comes in a post of its own, and history holds all of it."""

    async def at_the_limit(request):
        return await model.stream(request, "The first half of it,", finish="length")

    model.faults = [at_the_limit]
    model.answer = lambda messages: "and the second half."
    async with driving(driver, tmp_path, model):
        await driver.say(place, "Tell me")
        (post,) = await driver.answered(place)
        assert post.text.startswith("The first half of it,")
        assert "Cut here" in post.text
        assert post.commands == ("continue", "retry")
        await driver.press(place, "continue")
        posts = await driver.answered(place, 2)
        assert posts[-1].text.strip() == "and the second half."
        assert posts[-1].commands == ("retry",)
        await driver.say(place, "and then?")
        await driver.answered(place, 3)
    asked = model.requests[1]["messages"]
    assert [one["role"] for one in asked[-3:]] == ["user", "assistant", "user"]
    assert asked[-2]["content"] == "The first half of it,"
    remembered = model.requests[2]["messages"][-2]
    assert remembered["content"] == "The first half of it, and the second half."


@every_place
async def test_a_follow_up_is_answered_from_history_and_no_other_conversation_sees_it(
    driver, place, tmp_path, model
):
    async with driving(driver, tmp_path, model):
        await driver.say(place, "apples")
        await driver.answered(place, 1)
        await driver.say(place, "pears")
        first, second = await driver.answered(place, 2)
        assert "before that: nothing" in first.text
        assert "apples" in second.text.partition("before that:")[2]
        await driver.say(driver.other, "plums")
        (other,) = await driver.answered(driver.other)
        assert "before that: nothing" in other.text


@every_platform
async def test_what_was_said_is_read_only_where_the_limits_say_so(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        (platform,) = [one for one in driver.app.platforms if one.name == driver.name]
        nowhere, span = conversation_id(driver.name, "nowhere"), Span(most=5, most_chars=500)
        if platform.limits.reads:
            with pytest.raises(PlatformError):
                await platform.read(nowhere, span)
        else:
            assert (await platform.read(nowhere, span)).said == ()
        assert " " not in platform.link_to(nowhere, "1")


@every_platform
async def test_a_reaction_that_cannot_be_given_is_told_by_an_error_of_the_port(
    driver, tmp_path, model
):
    async with driving(driver, tmp_path, model):
        (platform,) = [one for one in driver.app.platforms if one.name == driver.name]
        for feeling in get_args(Feeling):
            with pytest.raises(PlatformError):
                await platform.react(conversation_id(driver.name, "1"), "1", feeling)


@every_place
async def test_image_gives_a_picture_that_the_platform_can_fetch_again_and_take_away(
    driver, place, tmp_path, model, monkeypatch
):
    async with driving(driver, tmp_path, model):
        platform = next(one for one in driver.app.platforms if one.name == driver.name)
        sent, send = [], platform.send_pictures

        async def sending(conversation, *given, **more):
            sent.append((conversation, await send(conversation, *given, **more)))
            return sent[-1][1]

        monkeypatch.setattr(platform, "send_pictures", sending)
        await driver.say(place, "/image a red fox --size 1024x1024")

        async def painted():
            return [picture for post in await driver.posts(place) for picture in post.pictures]

        (picture,) = await until(painted)
        with Image.open(io.BytesIO(picture)) as image:
            assert image.size == (1024, 1024)
        assert model.image_requests[0]["prompt"] == "a red fox"
        await at_rest(driver.app.core)
        # What the port says of it (`core.posted`) is kept, and used later, by any process.
        where, posted = sent[-1]
        for one in posted.pictures:
            assert await platform.fetch(one, 1 << 22) == picture
        await platform.reopen_surface(where, posted.handle).delete()

        async def gone():
            posts = await driver.posts(place)
            return not any("again" in post.commands for post in posts)

        await until(gone)


@every_place
async def test_a_file_can_be_downloaded_whole_under_its_name(
    driver, place, tmp_path, model, monkeypatch
):
    data = "# An export\n\nä 中 \x00".encode() * 1_000
    async with driving(driver, tmp_path, model):
        asked, put = [], driver.app.core.inbox.put

        async def heard(incoming, **more):
            asked.append(incoming)
            return await put(incoming, **more)

        monkeypatch.setattr(driver.app.core.inbox, "put", heard)
        await driver.say(place, "a question")
        await driver.answered(place)
        platform = next(one for one in driver.app.platforms if one.name == driver.name)
        where, under = asked[-1].conversation, asked[-1].reply_to
        await platform.send_file(where, under, "palaver ä.md", data, "text/markdown")

        async def downloads():
            return [one for post in await driver.posts(place) for one in post.downloads]

        assert await until(downloads) == [("palaver ä.md", data)]


@platforms_that("refuse_pictures")
async def test_a_place_that_takes_no_file_raises_that_we_lack_the_right(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        driver.refuse_pictures(driver.places[0])
        platform = next(one for one in driver.app.platforms if one.name == driver.name)
        with pytest.raises(NoRight) as raised:
            await platform.send_file(driver.conversation, "", "a.md", b"text", "text/markdown")
        assert raised.value.right == "files"


@every_platform
async def test_a_long_answer_arrives_whole_and_in_order(driver, tmp_path, model):
    """20,000 characters with code blocks: nothing lost, nothing twice, every fence closed."""
    model.answer = lambda messages: LONG
    model.piece_s, model.piece_chars = 0.001, 80
    place = driver.places[0]
    async with driving(driver, tmp_path, model):
        await driver.say(place, "Write a lot")
        posts = await driver.answered(place, seconds=60)
        assert bare("\n".join(post.text for post in posts)) == bare(LONG)
        assert len(posts) == 1 if not driver.pages_at else len(posts) >= 20_000 // driver.pages_at
        assert all(post.text.count("```") % 2 == 0 for post in posts)
        assert [post.commands for post in posts[:-1]] == [()] * (len(posts) - 1)


@every_platform
async def test_two_questions_at_once_are_answered_in_order(driver, tmp_path, model):
    place = driver.places[0]
    async with driving(driver, tmp_path, model):
        await driver.say(place, "first")
        await driver.say(place, "second")
        one, two = await driver.answered(place, 2)
        assert "Echo of first" in one.text
        assert "Echo of second" in two.text
        assert "before that: first" in two.text
        assert model.most_streams == 1


@every_place
async def test_what_is_no_question_is_left_alone(driver, place, tmp_path, model):
    async with driving(driver, tmp_path, model):
        await driver.noise(place)
        await driver.say(place, "a question")
        posts = await driver.answered(place)
        assert len(posts) == 1
        assert len(model.requests) == 1


@every_platform
async def test_an_event_that_is_delivered_again_is_answered_once(driver, tmp_path, model):
    place = driver.places[0]
    async with driving(driver, tmp_path, model):
        await driver.say(place, "only once")
        await driver.say_again(place)
        await driver.answered(place)
        await driver.say_again(place) if driver.name != "telegram" else None
        await driver.say(place, "the next")
        posts = await driver.answered(place, 2)
        assert len(posts) == 2
        assert len(model.requests) == 2


@every_platform
async def test_nothing_is_acknowledged_before_the_inbox_holds_it(
    driver, tmp_path, model, monkeypatch
):
    """While the store refuses, the platform keeps the question; then it is answered once."""
    place = driver.places[0]
    async with driving(driver, tmp_path, model):
        inbox = driver.app.core.inbox
        put, refusals = inbox.put, []

        async def refusing(incoming, **more):
            if len(refusals) < 4:
                refusals.append(incoming)
                raise StoreError("away")
            return await put(incoming, **more)

        monkeypatch.setattr(inbox, "put", refusing)
        await driver.say(place, "patience")
        (post,) = await driver.answered(place)
        assert "Echo of patience" in post.text
        assert len(refusals) == 4


@every_platform
async def test_stop_keeps_what_was_said_and_marks_it(driver, tmp_path, model):
    place = driver.places[0]
    model.piece_s = 0.1
    model.answer = lambda messages: "word " * 400
    async with driving(driver, tmp_path, model):
        await driver.say(place, "Talk for ever")

        async def growing():
            posts = await driver.posts(place)
            return posts and "stop" in posts[0].commands

        await until(growing)
        await driver.press(place, "stop")
        (post,) = await driver.answered(place)
        assert post.text.startswith("word word")
        assert "stopped" in post.text
        await until(lambda: model.running_streams == 0, 3)


@every_platform
async def test_an_answer_cut_by_a_stop_is_finished_in_its_post_after_the_next_start(
    driver, tmp_path, model
):
    """Another process finds the post by its handle, and shows nothing twice."""
    place = driver.places[0]
    model.piece_s = 0.1
    text = "A sentence of the answer. " * 40
    model.answer = lambda messages: text
    async with driver.running():
        async with started(driver, tmp_path, model, grace_s=0.0):
            await driver.say(place, "Tell me")
            await until(lambda: driver.posts(place))
        model.piece_s = 0.0
        async with started(driver, tmp_path, model):
            (post,) = await driver.answered(place)
            assert post.text.strip() == text.strip()


@every_platform
async def test_a_step_is_told_while_it_runs_and_leaves_no_trace_in_the_answer(
    driver, tmp_path, model, served
):
    """In its text, or beside it as `core.activity.ShowsSteps` says."""
    calling(model, ("", [("look", {"what": "a"})]))
    served.hold.clear()
    place = driver.places[0]
    async with driving(driver, tmp_path, model, tools=("look",)):
        await driver.say(place, "go")
        await until(lambda: served.running)
        if driver.tells_in_text:
            await until(lambda: shows(driver, place, "🔧 "))
        served.hold.set()
        (post,) = await driver.answered(place)
        assert post.text.strip() == "RESULT look a number 1"


async def shows(driver, place, part):
    return any(part in post.text for post in await driver.posts(place))


@every_platform
async def test_retry_replaces_the_last_answer_in_history(driver, tmp_path, model):
    place = driver.places[0]
    async with driving(driver, tmp_path, model):
        await driver.say(place, "once more")
        await driver.answered(place, 1)
        await driver.press(place, "retry")
        await until(lambda: len(model.requests) == 2)
        await driver.answered(place)
        await driver.say(place, "and now")

        async def answered_after_it():
            posts = await driver.posts(place)
            return "before that: once more." in posts[-1].text

        await until(answered_after_it)
        assert len(model.requests) == 3


@every_platform
async def test_new_forgets_the_conversation(driver, tmp_path, model):
    place = driver.places[0]
    async with driving(driver, tmp_path, model):
        await driver.say(place, "secret")
        await driver.answered(place, 1)
        await driver.say(place, "!new" if driver.name == "slack" else "/new")
        await driver.posted(place, 2)
        await driver.say(place, "what now")
        posts = await driver.answered(place, 2)
        assert "before that: nothing" in posts[-1].text


@every_platform
@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (models.status(401), "does not accept this bot's key"),
        (models.status(500), "busy or cannot be reached"),
        (models.status(429, headers={"Retry-After": "0"}), "busy or cannot be reached"),
        (models.status(502, "<html>Bad gateway</html>"), "busy or cannot be reached"),
        (models.raw(b"data: {garbage\n\n"), "busy or cannot be reached"),
        (models.raw(b"", "application/json"), "busy or cannot be reached"),
        (models.raw(b'data: {"choices":[{"finish_reason":"stop"}]}\n\n'), "returned nothing"),
    ],
    ids=["401", "500", "429", "html", "garbage", "nothing", "empty"],
)
async def test_a_model_that_fails_is_told_in_one_sentence(
    driver, fault, sentence, tmp_path, model, monkeypatch
):
    monkeypatch.setattr("core.models.retrying.FIRST_WAIT_S", 0.01)
    place = driver.places[0]
    model.faults = [fault] * 8
    async with driving(driver, tmp_path, model):
        await driver.say(place, "Will you answer?")
        (post,) = await driver.answered(place)
        assert sentence in post.text
        assert "Traceback" not in post.text
        model.faults = []
        await driver.say(place, "And now?")
        posts = await driver.answered(place, 2)
        assert "Echo of And now?" in posts[-1].text


@every_platform
async def test_a_stream_that_breaks_is_begun_again_in_the_same_post(driver, tmp_path, model):
    place = driver.places[0]
    text = "The whole answer stands here in the end, and only once. " * 4

    async def broken(request):
        return await model.stream(request, text, until=60)

    model.answer = lambda messages: text
    model.faults = [broken, broken]
    async with driving(driver, tmp_path, model):
        await driver.say(place, "Please")
        (post,) = await driver.answered(place)
        assert post.text.strip() == text.strip()


@every_platform
async def test_a_question_that_is_far_too_long_gets_a_clear_answer(driver, tmp_path, model):
    place = driver.places[0]
    async with driving(driver, tmp_path, model):
        await driver.say(place, "x" * 100_000)
        (post,) = await driver.posted(place)
        assert "too long" in post.text
        assert model.requests == []


@every_platform
async def test_a_wrong_option_gets_a_helpful_answer(driver, tmp_path, model):
    place = driver.places[0]
    async with driving(driver, tmp_path, model):
        await driver.say(place, "/image a fox --size enormous")
        (post,) = await driver.posted(place)
        assert "--size" in post.text
        assert "1024x1024" in post.text


@every_platform
async def test_the_answer_speaks_the_language_of_the_person(driver, tmp_path, model):
    place = driver.places[0]
    model.faults = [models.status(401)]
    async with driving(driver, tmp_path, model):
        await driver.say(place, "你好吗?")
        (post,) = await driver.answered(place)
        assert "密钥" in post.text


@platforms_that("reply")
async def test_a_reply_to_an_older_answer_carries_it(driver, tmp_path, model):
    model.answer = lambda messages: f"Answer number {len(model.requests)}."
    place = driver.places[0]
    async with driving(driver, tmp_path, model):
        for number in (1, 2):
            await driver.say(place, f"question {number}")
            await driver.answered(place, number)
        await driver.reply(place, 0, "more of that")
        await driver.answered(place, 3)
        asked = models.said(model.requests[2]["messages"][-1])
        assert "> Answer number 1." in asked
        assert "more of that" in asked


@platforms_that("forward")
async def test_what_is_passed_on_keeps_who_wrote_it_and_commands_nothing(driver, tmp_path, model):
    place = driver.places[0]
    async with driving(driver, tmp_path, model):
        await driver.forward(place, "/new is a fine command", "Mystery Author")
        await driver.answered(place)
        asked = models.said(model.requests[0]["messages"][-1])
        assert "Mystery Author" in asked
        assert "is a fine command" in asked


@platforms_that("reply_to_file")
async def test_a_reply_to_somebodys_file_brings_the_file(driver, tmp_path, model):
    place = driver.places[0]
    async with driving(driver, tmp_path, model):
        await driver.reply_to_file(place, "plan.txt", b"buy tea on Friday", "when?")
        await driver.answered(place)
        assert "buy tea on Friday" in models.said(model.requests[0]["messages"][-1])


@platforms_that("edit_nothing")
async def test_an_edit_that_changes_nothing_is_none(driver, tmp_path, model):
    place = driver.places[0]
    async with driving(driver, tmp_path, model):
        await driver.say(place, "a question")
        await driver.answered(place)
        await driver.edit_nothing(place)
        await driver.say(place, "the next")
        await driver.answered(place, 2)
        assert len(model.requests) == 2


@platforms_that("refuse_pictures")
async def test_a_place_that_takes_no_picture_is_told_so(driver, tmp_path, model):
    place = driver.places[0]
    async with driving(driver, tmp_path, model):
        driver.refuse_pictures(place)
        await driver.say(place, "/image a fox")
        (post,) = await driver.posted(place)
        assert "may not send pictures" in post.text


@platforms_that("lose_next_post")
async def test_a_post_whose_confirmation_is_lost_is_followed_by_the_answer(driver, tmp_path, model):
    """There is one complete answer; what was lost is at most one more post, that grew no more."""
    model.piece_s = 0.05
    place = driver.places[0]
    async with driving(driver, tmp_path, model):
        driver.lose_next_post()
        await driver.say(place, "a question")
        posts = await driver.answered(place)
        whole = [post for post in posts if "before that: nothing." in post.text]
        assert len(whole) == 1
        assert len(posts) <= 2


@every_platform
async def test_a_platform_tells_who_is_an_admin_and_where_one_is_spoken_with_alone(
    driver, tmp_path, model
):
    async with driving(driver, tmp_path, model):
        (platform,) = driver.app.platforms
        await driver.say(driver.places[0], "hello")
        await driver.answered(driver.places[0])
        await driver.check_rights(platform)
