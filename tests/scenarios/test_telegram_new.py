"""What Telegram learned in 2026, what it refuses, and how the plain way is kept open."""

import asyncio

import pytest

from tests.contracts.drivers import TelegramDriver, driving
from tests.harness import until
from tests.servers.telegram import ApiError


@pytest.fixture
def driver():
    return TelegramDriver()


def finished(server, chat, topic):
    return [post for post in server.posts(chat, topic) if "retry" in str(post.markup)]


TABLE = "Here:\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\nDone."


async def test_telegrams_own_stop_of_a_draft_stops_the_answer(driver, tmp_path, model):
    model.answer, model.piece_s = lambda messages: "word " * 400, 0.05
    async with driving(driver, tmp_path, model, telegram_stream="drafts"):
        await driver.say("dm", "talk for ever")
        await until(lambda: driver.server.stoppable)
        driver.server.stop_draft(77)
        (post,) = await driver.answered("dm")
        assert "stopped" in post.text
        await until(lambda: model.running_streams == 0, 3)


async def test_a_server_without_drafts_gets_edits_and_stays_on(driver, tmp_path, model):
    """404 for a method that an older server does not know is no lost credential."""
    model.answer, model.piece_s = lambda messages: "Words of an answer. " * 15, 0.02
    async with driving(driver, tmp_path, model, telegram_stream="drafts"):
        driver.server.fail_next("sendMessageDraft", ApiError(404, "Not Found"))
        await driver.say("dm", "go")
        await driver.answered("dm")
        await driver.say("dm", "again")
        await driver.answered("dm", 2)


async def test_a_table_ends_as_a_rich_message_where_that_was_chosen(driver, tmp_path, model):
    model.answer = lambda messages: TABLE
    async with driving(driver, tmp_path, model, telegram_rich=("telegram:77",)):
        await driver.say("dm", "a table")
        await driver.answered("dm")
        assert list(driver.server.rich.values()) == [TABLE]
        await driver.say("dm2", "a table")
        await driver.answered("dm2")
        assert len(driver.server.rich) == 1


@pytest.mark.parametrize("text", ["plain words", "表格:\n\n|甲|乙|\n|---|---|\n|1|2|"])
async def test_what_gains_nothing_or_is_drawn_badly_stays_plain(driver, tmp_path, model, text):
    model.answer = lambda messages: text
    async with driving(driver, tmp_path, model, telegram_rich=("*",)):
        await driver.say("dm", "go")
        await driver.answered("dm")
        assert not driver.server.rich


async def test_rich_refused_is_plain_in_the_same_post(driver, tmp_path, model):
    model.answer = lambda messages: TABLE
    model.piece_s = 0.1
    async with driving(driver, tmp_path, model, telegram_rich=("*",)):
        refusal = ApiError(400, "Bad Request: text must be non-empty")
        for method in ("sendRichMessage", "editMessageText"):
            driver.server.fail_next(method, refusal, lambda p: "rich_message" in p)
        await driver.say("dm", "a table")
        (post,) = await driver.answered("dm")
        assert "Done." in post.text


async def test_help_in_a_group_is_for_who_asks_where_we_are_admin(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        driver.server.admin_in.add(-1001)
        driver.server.say(-1001, "/help")
        await until(lambda: driver.server.asides)
        assert driver.server.asides[0][:2] == (-1001, 77)
        assert driver.server.posts(-1001) == []
        await driver.say("group", "a question")
        await driver.answered("group")


async def test_help_in_a_group_is_for_all_where_it_cannot_be_had_alone(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        for count in (1, 2):
            driver.server.say(-1001, "/usage")
            await driver.posted("group", count)
        tried = [p for _, m, p in driver.server.calls if "ephemeral_message_parameters" in p]
        assert len(tried) == 1


async def test_an_older_server_sends_it_to_all(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        driver.server.knows_asides = False
        driver.server.say(-1001, "/help")
        await driver.posted("group")
        await asyncio.sleep(0.2)
        assert len(driver.server.posts(-1001)) == 1


async def test_an_ephemeral_command_is_answered_ephemerally(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        driver.server.pressed_at[41] = asyncio.get_running_loop().time()
        driver.server.say(-1001, "/usage", ephemeral_message_id=41, message_id=0)
        await until(lambda: driver.server.asides)


async def test_who_presses_anothers_retry_is_told_alone(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        await driver.say("group", "mine")
        await driver.answered("group")
        (post,) = driver.server.posts(-1001)
        driver.server.press(post, "retry", user=driver.server.person(5, "Zoe"))
        await until(lambda: driver.server.alerts)
        assert driver.server.asides == []
        assert len(driver.server.posts(-1001)) == 1


async def test_a_reaction_says_that_a_question_was_accepted(driver, tmp_path, model):
    async with driving(driver, tmp_path, model, telegram_reactions=True):
        said = driver.server.say(77, "a question")
        await driver.answered("dm")
        await until(lambda: (77, said.id) in driver.server.reactions)
        driver.server.say(-1001, "people talk")
        driver.server.say(77, "/help")
        await driver.posted("dm", 2)
        assert len(driver.server.reactions) == 1


async def test_a_private_topic_gets_the_title_of_its_conversation(driver, tmp_path, model):
    model.answer = lambda messages: "Tea and rain"
    async with driving(driver, tmp_path, model, small_model="scripted"):
        driver.server.topics[77] = {9}
        driver.server.say(77, "why does it rain?", topic=9)
        await until(lambda: driver.server.titles)
        assert driver.server.titles == {(77, 9): "Tea and rain"}


@pytest.mark.parametrize("reason", ["IMAGE_PROCESS_FAILED", "PHOTO_INVALID_DIMENSIONS"])
async def test_a_picture_that_telegram_takes_as_no_photo_is_sent_as_a_file(
    driver, reason, tmp_path, model
):
    async with driving(driver, tmp_path, model):
        driver.server.fail_next("sendPhoto", ApiError(400, f"Bad Request: {reason}"))
        await driver.say("dm", "/image a fox --n 1")
        await until(lambda: [one for one in driver.server.posts(77) if one.document])


async def test_without_the_right_to_photos_a_picture_is_sent_as_a_file(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        driver.server.forbidden[-1001] = {"photos"}
        driver.server.say(-1001, "/image a fox")
        await until(lambda: [one for one in driver.server.posts(-1001) if one.document])


async def test_without_the_right_to_any_picture_that_is_said(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        driver.server.forbidden[-1001] = {"photos", "documents"}
        driver.server.say(-1001, "/image a fox")
        (post,) = await driver.posted("group")
        assert "may not send pictures" in post.text


async def test_a_growing_post_that_nobody_knows_is_tidied_when_its_stop_is_pressed(
    driver, tmp_path, model
):
    async with driving(driver, tmp_path, model):
        markup = {"inline_keyboard": [[{"text": "Stop", "callback_data": "stop"}]]}
        body = driver.server._post(77, "Half an answer ▍", {"reply_markup": markup})
        driver.server.press(driver.server.messages[77, body["message_id"]], "stop")
        await until(lambda: not driver.server.posts(77))


async def test_an_old_growing_post_is_tidied_when_somebody_replies_to_it(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        markup = {"inline_keyboard": [[{"text": "Stop", "callback_data": "stop"}]]}
        body = driver.server._post(77, "Half an answer ▍", {"reply_markup": markup})
        driver.server.say(77, "go on", reply_to=body["message_id"])
        replied = driver.server.updates[-1]["message"]["reply_to_message"]
        replied.update(date=1_700_000_000, reply_markup=markup)
        await driver.answered("dm")
        await until(lambda: (77, body["message_id"]) not in driver.server.messages)


async def test_a_guest_gets_a_stub_at_once_and_then_the_answer(driver, tmp_path, model):
    model.piece_s = 0.1
    async with driving(driver, tmp_path, model):
        query = driver.server.ask_as_guest("@palaver_bot what is tea?")
        await until(lambda: driver.server.guests[query] == "…")
        await until(lambda: driver.server.guests[query].endswith("before that: nothing."))
        assert "Echo of Ann: what is tea?" in driver.server.guests[query]


async def test_a_guests_answer_that_is_too_long_says_so(driver, tmp_path, model):
    model.answer = lambda messages: "many words " * 600
    async with driving(driver, tmp_path, model):
        driver.server.knows_rich = False
        query = driver.server.ask_as_guest("@palaver_bot tell me all")
        await until(lambda: driver.server.guests[query].endswith(" …"))
        assert len(driver.server.guests[query]) <= 4096


async def test_an_album_without_the_right_to_photos_is_one_of_files(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        driver.server.forbidden[-1001] = {"photos"}
        driver.server.say(-1001, "/image a fox --n 2")
        await until(lambda: sum(bool(one.document) for one in driver.server.posts(-1001)) == 2)


async def test_an_answer_whose_post_takes_no_text_any_more_gets_another(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        await driver.say("dm", "a question")
        await driver.answered("dm")
        (post,) = driver.server.posts(77)
        post.photo = b"turned into something else"
        driver.server.press(post, "retry")
        await until(lambda: len(driver.server.posts(77)) == 2)
        await driver.answered("dm", 2)


async def test_a_guests_long_answer_is_whole(driver, tmp_path, model):
    """What one plain message cannot hold grows on in the same one, as a rich message."""
    words = " ".join(f"word{number}" for number in range(1_800))
    model.answer = lambda messages: words
    model.piece_s = 0.002
    async with driving(driver, tmp_path, model):
        query = driver.server.ask_as_guest("@palaver_bot tell me all")
        await until(lambda: "word1799" in driver.server.guests[query])
        await until(lambda: model.running_streams == 0)
        await until(lambda: "▍" not in driver.server.guests[query])
        assert driver.server.guests[query].split() == words.split()


async def test_a_title_that_a_person_gave_their_topic_is_kept(driver, tmp_path, model):
    """Made with a name of its own, or renamed; a name that the client made up asks for a title."""
    model.answer = lambda messages: "Tea and rain"
    async with driving(driver, tmp_path, model, small_model="scripted", memory_learn=False):
        server, bob = driver.server, driver.server.person(78, "Bob")
        server.topics |= {77: {9}, 78: {10}}
        topic = {"message_thread_id": 9, "is_topic_message": True}
        made = {"name": "My rain", "icon_color": 7322096}
        server.say(77, "", forum_topic_created=made, **topic)
        server.say(77, "why does it rain?", topic=9)
        await until(lambda: finished(server, 77, 9))
        topic["message_thread_id"] = 10
        made = {**made, "name": "New chat", "is_name_implicit": True}
        server.say(78, "", user=bob, forum_topic_created=made, **topic)
        server.say(78, "why does it snow?", user=bob, topic=10)
        await until(lambda: server.titles)
        await until(lambda: finished(server, 78, 10))
        server.say(78, "", user=bob, forum_topic_edited={"name": "Snow"}, **topic)
        server.say(78, "/new", user=bob, topic=10)
        server.say(78, "why does it hail?", user=bob, topic=10)
        await until(lambda: len(finished(server, 78, 10)) == 2)
        assert server.titles == {(78, 10): "Tea and rain"}
        asked = [str(one["messages"]) for one in model.requests]
        times = [sum(word in one for one in asked) for word in ("rain?", "snow", "hail")]
        assert times == [1, 2, 1]


@pytest.mark.parametrize(
    ("refusal", "sentence"),
    [
        ("Bad Request: TOPIC_CLOSED", "The topic that you asked in is closed"),
        ("Bad Request: not enough rights to send text messages to the chat", "I may not write"),
    ],
)
async def test_who_asks_where_we_may_not_write_is_told_why_in_private(
    driver, tmp_path, model, refusal, sentence
):
    async with driving(driver, tmp_path, model):
        for _ in range(4):
            driver.server.fail_next(
                "sendMessage", ApiError(400, refusal), lambda sent: int(sent["chat_id"]) < 0
            )
        driver.server.say(-1001, "@palaver_bot hello")
        (told,) = await driver.posted("dm", 1)
        assert sentence in told.text
        assert not driver.server.posts(-1001)


async def test_a_file_that_its_chat_protects_is_said_to_be_so(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        driver.server.add_file("d", b"secret")
        refusal = ApiError(400, "Bad Request: message has protected content and can't be forwarded")
        driver.server.fail_next("getFile", refusal)
        file = {"file_id": "d", "file_unique_id": "d", "file_name": "plan.txt"}
        driver.server.say(77, "", document=file, caption="sum it up")
        await driver.answered("dm", 1)
        assert "its chat protects what is in it" in str(model.requests)


@pytest.mark.parametrize(
    ("asker", "stands_for"),
    [
        ({"id": -1001, "type": "supergroup", "title": "Friends"}, 1087968824),
        ({"id": -1009, "type": "channel", "title": "News"}, 136817688),
    ],
    ids=("a group", "a channel"),
)
async def test_an_admin_may_press_what_stands_under_a_question_of_the_chat_itself(
    driver, tmp_path, model, asker, stands_for
):
    """An admin asks as the group or as a channel, and presses buttons under their own name."""
    async with driving(driver, tmp_path, model):
        driver.server.chat_admins[asker["id"]] = {78}
        bot = {"id": stands_for, "is_bot": True, "first_name": "Chat"}
        driver.server.say(-1001, "@palaver_bot hello", user=bot, sender_chat=asker)
        await until(lambda: finished(driver.server, -1001, None))
        (post,) = driver.server.posts(-1001)
        driver.server.press(post, "retry", user=driver.server.person(77))
        await until(lambda: "Only the person who asked" in str(driver.server.alerts))
        assert len(model.requests) == 1
        driver.server.press(post, "retry", user=driver.server.person(78, "Bob"))
        await until(lambda: len(model.requests) == 2)
        await until(lambda: finished(driver.server, -1001, None))
        assert len(driver.server.posts(-1001)) == 1
