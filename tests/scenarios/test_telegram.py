"""Telegram's own stories: floods, fifty chats, webhook, lists, deleted posts."""

import asyncio
import base64
import io
import time

import aiohttp
import pytest
from PIL import Image

from core.languages.catalogue import LANGUAGES
from core.messages import conversation_id
from core.people.budgets import field_of, read_limit
from core.people.roles import Member, Role
from core.store import keys
from core.turn.bursts import QUIET_S
from core.turn.commands import MENU
from tests.contracts.drivers import TelegramDriver, driving, hooked
from tests.harness import at_rest, palaver, status_of_bytes, until
from tests.scenarios.test_pictures import png
from tests.servers.model import said, status
from tests.servers.telegram import TOKEN, ApiError, TelegramServer


@pytest.fixture
def driver():
    return TelegramDriver()


def pdf(text):
    """A PDF of one page that says *text*."""
    shown = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R"
        " /Resources << /Font << /F1 5 0 R >> >> >>",
        f"<< /Length {len(shown)} >>\nstream\n{shown}\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    written, places = "%PDF-1.4\n", []
    for number, one in enumerate(objects, 1):
        places.append(len(written))
        written += f"{number} 0 obj\n{one}\nendobj\n"
    start = len(written)
    rows = "".join(f"{place:010} 00000 n \n" for place in places)
    written += f"xref\n0 6\n0000000000 65535 f \n{rows}trailer\n<< /Size 6 /Root 1 0 R >>\n"
    return f"{written}startxref\n{start}\n%%EOF".encode()


def picture(width, height, kind="JPEG", **more):
    file = io.BytesIO()
    Image.new("RGB", (width, height), "seagreen").save(file, kind, **more)
    return file.getvalue()


def sent_pictures(request):
    """The pictures of the last message, decoded."""
    parts = request["messages"][-1]["content"]
    urls = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
    return [Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) for url in urls]


def finished(server, chat, topic=None):
    return [
        post
        for post in server.posts(chat, topic)
        if any(
            "retry" in b["callback_data"]
            for row in (post.markup or {}).get("inline_keyboard", [])
            for b in row
        )
    ]


async def committed(driver, conversation, count=1):
    """When history holds *count* exchanges of *conversation*."""
    redis, key = driver.app.core.redis, f"palaver:{{0}}:history:{conversation}"

    async def held():
        return await redis.llen(key) >= count

    await until(held)


async def test_fifty_chats_are_answered_side_by_side_without_one_refusal(driver, tmp_path, model):
    model.answer = lambda messages: "All of this answer. " * 10
    model.piece_s = 0.1
    async with driving(driver, tmp_path, model):
        for user in range(500, 550):
            driver.server.add_private(user)
            driver.server.say(user, "hello", user=driver.server.person(user))
        await until(lambda: all(finished(driver.server, user) for user in range(500, 550)), 30)
        assert model.most_streams > 20
        assert driver.server.floods == []


async def test_a_chat_that_is_flood_limited_delays_no_other(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        driver.server.hold(77, 4)
        began = time.monotonic()
        await driver.say("dm", "I wait")
        await asyncio.sleep(0.2)
        await driver.say("dm2", "I do not")
        await driver.answered("dm2")
        assert not finished(driver.server, 77)
        posts = await driver.answered("dm")
        assert time.monotonic() - began > 3.9
        assert len(posts) == 1
        # Refused once or twice while learning of it, never hammered.
        assert len(driver.server.floods) <= 3


async def test_a_group_gets_a_long_answer_within_its_twenty_messages_a_minute(
    driver, tmp_path, model
):
    model.answer = lambda messages: "A longer answer for the group. " * 120
    async with driving(driver, tmp_path, model):
        await driver.say("group", "tell us")
        await driver.answered("group")
        assert driver.server.floods == []


async def test_an_answer_in_a_group_replies_to_its_question_and_in_its_topic(
    driver, tmp_path, model
):
    async with driving(driver, tmp_path, model):
        await driver.say("group", "who asks?")
        await driver.answered("group")
        (post,) = driver.server.posts(-1001)
        assert driver.server.messages[-1001, post.reply_to].text.endswith("who asks?")
        await driver.say("topic", "and here?")
        (shown,) = await driver.answered("topic")
        assert "before that: nothing" in shown.text
        assert driver.server.posts(-1002) == []


async def test_a_reply_to_the_bot_and_a_command_are_heard_in_a_group(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        server = driver.server
        await driver.say("group", "first")
        await driver.answered("group", 1)
        (answer,) = server.posts(-1001)
        server.say(-1001, "more of that", reply_to=answer.id)
        await driver.answered("group", 2)
        server.say(-1001, "/help@palaver_bot")
        await driver.posted("group", 3)
        assert len(model.requests) == 2


async def test_a_quoted_message_is_part_of_the_question(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        said = driver.server.say(-1001, "The meeting is on Friday.")
        driver.server.say(-1001, "@palaver_bot when is it?", reply_to=said.id)
        await driver.answered("group")
        question = model.requests[0]["messages"][-1]["content"]
        assert "The meeting is on Friday." in question
        assert "when is it?" in question


async def test_a_mention_in_a_caption_is_heard(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        driver.server.add_file("p", picture(64, 64))
        photo = [{"file_id": "p", "file_unique_id": "p", "width": 9, "height": 9}]
        driver.server.say(-1001, "", photo=photo, caption="@palaver_bot what is this?")
        await driver.answered("group")
        asked = said(model.requests[0]["messages"][-1])
        assert "what is this?" in asked
        assert "(1 pictures)" in asked


async def test_short_answers_in_quick_succession_stay_within_what_a_private_chat_allows(
    driver, tmp_path, model
):
    model.answer = lambda messages: "Some words of an answer. " * 20
    model.piece_s = 0.002
    async with driving(driver, tmp_path, model):
        for number in range(5):
            await driver.say("dm", f"question {number}")
        await driver.answered("dm", 5)
        assert driver.server.floods == []


async def test_people_in_a_group_are_told_apart(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        driver.server.say(-1001, "@palaver_bot I like tea", user=driver.server.person(5, "Zoe"))
        await driver.answered("group", 1)
        driver.server.say(-1001, "@palaver_bot me too", user=driver.server.person(6, "Max"))
        await driver.answered("group", 2)
        contents = [message["content"] for message in model.requests[1]["messages"]]
        assert "Zoe: I like tea" in contents
        assert "Max: me too" in contents


async def test_a_post_that_was_deleted_while_it_grew_is_posted_anew(driver, tmp_path, model):
    model.piece_s = 0.05
    model.answer = lambda messages: "Some words of this. " * 10
    async with driving(driver, tmp_path, model):
        await driver.say("dm", "go")
        (post,) = await until(lambda: driver.server.posts(77))
        del driver.server.messages[77, post.id]
        (shown,) = await driver.answered("dm")
        assert shown.text == ("Some words of this. " * 10).strip()


async def test_a_group_that_threw_the_bot_out_does_not_stop_it(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        driver.server.gone.add(-1001)
        await driver.say("group", "still there?")
        await until(lambda: model.requests)
        await driver.say("dm", "and you?")
        await driver.answered("dm")
        driver.server.gone.clear()
        await driver.say("group", "welcome back")
        await driver.answered("group")


async def test_errors_of_the_platform_lose_nothing(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        for _ in range(2):
            driver.server.fail_next("sendMessage", ApiError(500, "Internal Server Error"))
        driver.server.fail_next("editMessageText", ApiError(502, "Bad Gateway"))
        driver.server.fail_next("getUpdates", ApiError(502, "Bad Gateway"))
        await driver.say("dm", "try")
        (post,) = await driver.answered("dm")
        assert "Echo of try" in post.text


async def test_a_stranger_gets_one_polite_line_once_and_nothing_else(driver, tmp_path, model):
    async with driving(driver, tmp_path, model, allowed_users=("telegram:78",)):
        await driver.say("dm", "let me in")
        (post,) = await driver.posted("dm")
        assert "telegram:77" in post.text
        await driver.say("dm", "please")
        await driver.say("dm2", "hello")
        await driver.answered("dm2")
        assert len(driver.server.posts(77)) == 1
        assert len(model.requests) == 1


async def test_a_chat_on_the_list_admits_everyone_in_it(driver, tmp_path, model):
    async with driving(driver, tmp_path, model, allowed_chats=("telegram:-1001",)):
        await driver.say("group", "hello")
        await driver.answered("group")


async def test_a_wake_word_speaks_to_the_bot(driver, tmp_path, model):
    async with driving(driver, tmp_path, model, wake_words=("hey bot",)):
        driver.server.say(-1001, "Hey bot, what now?")
        driver.server.say(-1001, "hey bottle")
        await driver.answered("group")
        assert model.requests[0]["messages"][-1]["content"] == "Ann: what now?"
        assert len(model.requests) == 1


async def test_the_menu_is_registered_once_for_each_two_letters(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        codes = {tag.split("-")[0] for tag in LANGUAGES}
        assert {code: len(menu) for code, menu in driver.server.commands.items()} == {
            code: len(MENU) for code in ("", *codes)
        }
        assert driver.server.commands["zh"] != driver.server.commands[""]


_ODD = b"""{"update_id": 1, "message": {"message_id": 1, "date": 1, "text": 5, "chat":
 {"id": 77, "type": "private"}, "from": {"id": 77, "is_bot": false, "first_name": "Ann"}}}"""
"""PTB takes it for an update, and it is none that can be read."""


async def test_a_webhook_with_the_secret_is_heard_and_without_it_refused(tmp_path, model):
    async with hooked(tmp_path, model) as (server, running, session):
        assert server.webhook["url"] == "https://bot.example/telegram/webhook"
        server.say(77, "over the hook")
        update = server.updates.popleft()
        hook = f"{running.url}/telegram/webhook"
        wrong = {"X-Telegram-Bot-Api-Secret-Token": "guess"}
        async with session.post(hook, json=update, headers=wrong) as response:
            assert response.status == 403
        assert await status_of_bytes(hook, b"X-Telegram-Bot-Api-Secret-Token: \xff\xfe") == 403
        right = {"X-Telegram-Bot-Api-Secret-Token": "hook-secret"}
        for _ in range(2):
            async with session.post(hook, json=update, headers=right) as response:
                assert response.status == 200
        for unreadable in (b"{]", b"null", b'{"update_id": 1, "message": {"date": 1e20}}', _ODD):
            async with session.post(hook, data=unreadable, headers=right) as response:
                assert response.status == 200
        await until(lambda: finished(server, 77))
        assert len(model.requests) == 1


async def test_what_was_sent_while_the_bot_was_down_is_answered_once_it_is_up(
    driver, tmp_path, model
):
    async with driver.running():
        await driver.say("dm", "are you there?")
        values = {"llm_base_url": model.url, "llm_model": "scripted", **driver.settings()}
        async with palaver(tmp_path, **values):
            await driver.answered("dm", 1)
        async with palaver(tmp_path, **values):
            await driver.say("dm", "again")
            posts = await driver.answered("dm", 2)
        assert "before that: are you there?" in posts[-1].text
        assert len(model.requests) == 2


@pytest.mark.parametrize(("gap_s", "quiet_s"), [(0, 2.0), (0.2, QUIET_S)])
async def test_an_album_is_one_question(driver, tmp_path, model, monkeypatch, gap_s, quiet_s):
    monkeypatch.setattr("core.turn.bursts.QUIET_S", quiet_s)
    photo = [{"file_id": "p", "file_unique_id": "p", "width": 9, "height": 9}]
    async with driving(driver, tmp_path, model):
        driver.server.say(77, "", photo=photo, caption="what are these?", media_group_id="g1")
        for _ in range(2):
            await asyncio.sleep(gap_s)
            driver.server.say(77, "", photo=photo, media_group_id="g1")

        def asked():
            return model.requests[-1]["messages"][-1]["content"].count("attached image")

        await until(lambda: model.requests and asked() == 3)
        assert len(await driver.answered("dm")) == 1
        await at_rest(driver.app.core)
        # On a busy machine a piece may come when the others are asked about already.
        assert gap_s or len(model.requests) == 1


async def test_a_paste_that_the_client_cut_is_one_question(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        driver.server.say(77, "a" * 4096)
        driver.server.say(77, "the end")
        await driver.answered("dm")
        assert len(model.requests) == 1
        assert model.requests[0]["messages"][-1]["content"] == "a" * 4096 + "the end"


async def test_an_edited_question_is_asked_again_in_place_of_the_last(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        said = driver.server.say(77, "what is 2+2?")
        await driver.answered("dm", 1)
        # Before its commit, an edit would replace the answer on the screen.
        await committed(driver, "telegram:77:")
        body = {**driver.server._shown(said), "text": "what is 3+3?", "edit_date": 1}
        driver.server.push({"edited_message": body})
        posts = await driver.answered("dm", 2)
        assert posts[1].text == "Echo of what is 3+3? -- before that: nothing."
        driver.server.push({"edited_message": {**body, "text": "what is 3+3?"}})
        await driver.say("dm", "and then?")
        posts = await driver.answered("dm", 3)
        assert len(model.requests) == 3
        assert "before that: what is 3+3?." in posts[2].text


async def test_a_bare_mention_is_asked_what_it_wants(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        driver.server.say(-1001, "@palaver_bot")
        (post,) = await driver.posted("group")
        assert "What would you like" in post.text
        assert model.requests == []


async def test_an_answer_follows_its_group_into_the_supergroup(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        driver.server.add_group(-2002)
        gone = ApiError(400, "Bad Request: group chat was upgraded", migrate_to_chat_id=-2002)
        driver.server.fail_next("sendMessage", gone)
        await driver.say("group", "hello")
        await until(lambda: finished(driver.server, -2002))


async def test_a_text_whose_formatting_is_refused_is_shown_without_it(driver, tmp_path, model):
    model.answer = lambda messages: "some **bold** words"
    refusal = ApiError(400, "Bad Request: can't parse entities: no reason")
    async with driving(driver, tmp_path, model):
        driver.server.fail_next("sendMessage", refusal, lambda p: bool(p.get("entities")))
        await driver.say("dm", "go")
        (post,) = await driver.answered("dm")
        assert post.text == "some bold words"


async def test_an_answer_that_the_platform_refuses_is_said_to_be_refused(driver, tmp_path, model):
    model.answer, model.piece_s = lambda messages: "Words that are not taken.", 0.3
    refusal = ApiError(400, "Bad Request: MESSAGE_CONTENT_NOT_TAKEN")
    async with driving(driver, tmp_path, model):
        for method in ("sendMessage", "editMessageText"):
            for _ in range(9):
                driver.server.fail_next(method, refusal, lambda p: "not taken" in p.get("text", ""))
        await driver.say("dm", "go")
        await until(
            lambda: "does not take my answer" in "".join(p.text for p in driver.server.posts(77))
        )
        (post,) = driver.server.posts(77)
        assert not post.markup, "what grew became the sentence, and can be stopped no more"
        driver.server.faults.clear()
        model.answer = lambda messages: "Other words."
        await driver.say("dm", "and now?")
        await until(lambda: driver.server.posts(77)[-1].text == "Other words.")


async def test_drafts_preview_a_private_answer_which_ends_as_one_message(driver, tmp_path, model):
    model.answer, model.piece_s = lambda messages: "Words of an answer. " * 15, 0.02
    async with driving(driver, tmp_path, model, telegram_stream="drafts"):
        await driver.say("dm", "go")
        (post,) = await driver.answered("dm")
        assert post.text == ("Words of an answer. " * 15).strip()
        assert post.updates == 0
        drafts = driver.server.drafts[77]
        assert len(drafts) >= 2
        assert len({number for number, _ in drafts}) == 1
        await driver.say("group", "go")
        await driver.answered("group")
        assert list(driver.server.drafts) == [77]


async def test_refused_drafts_give_way_to_edits(driver, tmp_path, model):
    model.answer, model.piece_s = lambda messages: "Words of an answer. " * 15, 0.02
    refusal = ApiError(400, "Bad Request: method is not available")
    async with driving(driver, tmp_path, model, telegram_stream="drafts"):
        driver.server.fail_next("sendMessageDraft", refusal)
        await driver.say("dm", "go")
        (post,) = await driver.answered("dm")
        assert post.text == ("Words of an answer. " * 15).strip()
        assert post.updates >= 1


def photo(name):
    return [{"file_id": name, "file_unique_id": name, "width": 9, "height": 9}]


async def test_a_photo_is_shown_to_the_model_small_and_without_its_secrets(driver, tmp_path, model):
    exif = Image.Exif()
    exif[0x010E] = "where I live"
    async with driving(driver, tmp_path, model):
        driver.server.add_file("big", picture(4000, 2000, exif=exif))
        driver.server.say(77, "", photo=photo("big"), caption="what is this?")
        await driver.answered("dm")
        (shown,) = sent_pictures(model.requests[0])
        assert max(shown.size) == 1536
        assert not shown.getexif()
        stored = await driver.app.core.redis.lrange("palaver:{0}:history:telegram:77:", 0, -1)
        assert b"base64" not in b"".join(stored)


async def test_a_file_that_telegram_refuses_for_a_moment_is_read_after_it(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        driver.server.add_file("p", picture(64, 64))
        flood = ApiError(429, "Too Many Requests: retry after 1", retry_after=1)
        driver.server.fail_next("getFile", flood)
        driver.server.say(77, "", photo=photo("p"), caption="what is this?")
        await driver.answered("dm")
        assert len(sent_pictures(model.requests[0])) == 1
        assert [method for _, method, _ in driver.server.calls].count("getFile") == 2


async def test_a_follow_up_is_about_the_picture_before_it(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        driver.server.add_file("p", picture(64, 64))
        driver.server.say(77, "", photo=photo("p"), caption="what is this?")
        await driver.answered("dm", 1)
        await driver.say("dm", "and what colour is it?")
        await driver.answered("dm", 2)
        assert len(sent_pictures(model.requests[1])) == 1
        assert "is from earlier" in said(model.requests[1]["messages"][-1])


async def test_a_model_that_cannot_see_is_told_so(driver, tmp_path, model):
    model.faults.append(status(400, '{"error": {"message": "image_url is not supported"}}'))
    async with driving(driver, tmp_path, model):
        driver.server.add_file("p", picture(64, 64))
        driver.server.say(77, "", photo=photo("p"), caption="what is this?")
        (post,) = await driver.answered("dm")
        assert "you cannot see the pictures" in post.text
        assert isinstance(model.requests[1]["messages"][-1]["content"], str)


@pytest.mark.parametrize(
    ("name", "data", "read"),
    [
        ("notes.md", b"# Plan\nbuy tea", "buy tea"),
        ("表.csv", "名,数\n茶,1".encode("gb18030"), "茶,1"),
        ("long.txt", b"x" * 50_000, "the rest is left out"),
        ("odd.txt", b"a\0b", "could not be read"),
        ("paper.pdf", pdf("Tea is a drink"), "[page 1]\nTea is a drink"),
        ("long.pdf", pdf("word " * 10_000), "the rest is left out"),
        ("empty.pdf", pdf(""), "holds no text"),
        ("odd.pdf", b"%PDF-1.7 nothing", "is no PDF"),
        ("app.exe", b"MZ", "of a kind that you cannot read"),
    ],
)
async def test_a_file_is_read_or_the_model_told_why_not(driver, tmp_path, model, name, data, read):
    model.answer = lambda _: "I have read it"
    async with driving(driver, tmp_path, model):
        driver.server.add_file("f", data)
        document = {"file_id": "f", "file_unique_id": "f", "file_name": name}
        driver.server.say(77, "", document=document, caption="read this")
        await driver.answered("dm")
        assert read in model.requests[0]["messages"][-1]["content"]


async def test_a_file_that_says_nothing_of_itself_is_known_by_its_bytes(driver, tmp_path, model):
    model.answer = lambda _: "I have seen it"
    async with driving(driver, tmp_path, model):
        for number, (data, seen) in enumerate(
            [(png(), "image_url"), (b"just words", "just words"), (pdf("Tea"), "[page 1]")], 1
        ):
            driver.server.add_file(f"f{number}", data)
            document = {"file_id": f"f{number}", "file_unique_id": "f", "file_name": "noext"}
            document["mime_type"] = "application/octet-stream"
            driver.server.say(77, "", document=document, caption="what is it?")
            await driver.answered("dm", number)
            assert seen in str(model.requests[-1]["messages"][-1]["content"])


VOICE = {"file_id": "v", "file_unique_id": "v", "duration": 2, "mime_type": "audio/ogg"}


async def test_a_model_that_hears_is_sent_the_voice_itself_once(driver, tmp_path, model):
    async with driving(driver, tmp_path, model, llm_hears=True):
        driver.server.add_file("v", b"OggS voice")
        driver.server.say(77, "", voice=VOICE)
        await driver.answered("dm")
        text, sound = model.requests[0]["messages"][-1]["content"]
        assert "voice message" in text["text"]
        assert sound == {
            "type": "input_audio",
            "input_audio": {"data": "T2dnUyB2b2ljZQ==", "format": "ogg"},
        }
        await driver.say("dm", "and?")
        await driver.answered("dm", 2)
        assert "input_audio" not in str(model.requests[1])


async def test_a_voice_message_is_heard(driver, tmp_path, model):
    async with driving(driver, tmp_path, model, audio_model="whisper-1"):
        driver.server.add_file("v", b"OggS voice")
        driver.server.say(77, "", voice=VOICE)
        (post,) = await driver.answered("dm")
        assert model.heard == [("whisper-1", "voice.ogg", b"OggS voice")]
        assert "what is the time?" in post.text


@pytest.mark.parametrize("said", [{"text": " "}, {"error": {"message": "no"}}, []])
async def test_a_voice_message_that_cannot_be_heard_is_said_to_be_so(driver, tmp_path, model, said):
    model.said = said
    async with driving(driver, tmp_path, model, audio_model="whisper-1"):
        driver.server.add_file("v", b"OggS voice")
        driver.server.say(77, "", voice=VOICE)
        (post,) = await driver.answered("dm")
        assert "could not be read" in post.text


async def test_without_an_audio_model_a_voice_message_is_not_fetched(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        driver.server.say(77, "", voice=VOICE)
        (post,) = await driver.answered("dm")
        assert "you cannot hear it" in post.text


async def test_a_reply_to_an_older_answer_carries_it_and_to_the_last_does_not(
    driver, tmp_path, model
):
    model.answer = lambda messages: f"Answer number {len(model.requests)}."
    async with driving(driver, tmp_path, model):
        for number in (1, 2):
            await driver.say("dm", f"question {number}")
            await driver.answered("dm", number)
        first, second = driver.server.posts(77)
        driver.server.say(77, "more of that", reply_to=second.id)
        await driver.answered("dm", 3)
        driver.server.say(77, "and of that", reply_to=first.id)
        await driver.answered("dm", 4)
        last, older = (said(request["messages"][-1]) for request in model.requests[2:])
        assert "Answer number" not in last
        assert "> Answer number 1." in older


async def test_retry_replaces_the_answer_it_stands_under(driver, tmp_path, model):
    model.answer = lambda messages: f"Answer number {len(model.requests)}."
    async with driving(driver, tmp_path, model):
        await driver.say("dm", "question")
        await driver.answered("dm")
        await driver.press("dm", "retry")
        await until(lambda: driver.server.posts(77)[0].text == "Answer number 2.")
        await driver.say("dm", "the next")
        await driver.answered("dm", 2)
        assert driver.server.posts(77)[0].text == "Answer number 2."
        contents = [message["content"] for message in model.requests[2]["messages"][1:]]
        assert contents == ["question", "Answer number 2.", "the next"]


async def test_an_edit_that_changes_no_word_and_one_of_a_command_do_nothing(
    driver, tmp_path, model
):
    async with driving(driver, tmp_path, model):
        said = driver.server.say(77, "what is 2+2?")
        await driver.answered("dm", 1)
        driver.server.edit(said, sender_tag="new")
        driver.server.edit(said, link_preview_options={"is_disabled": True})
        command = driver.server.say(77, "/image a fox")
        await driver.answered("dm", 2)
        driver.server.edit(command, "/image a red fox")
        await driver.say("dm", "the next")
        await driver.answered("dm", 3)
        assert len(model.requests) == 2
        assert len(model.image_requests) == 1


async def test_a_command_that_is_edited_into_a_question_is_answered(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        said = driver.server.say(77, "/usage")
        await driver.posted("dm")
        driver.server.edit(said, "what is tea?")
        await until(lambda: len(model.requests) == 1)
        await driver.answered("dm", 1)
        driver.server.edit(said, "what is coffee?")
        await until(lambda: "coffee" in str(model.requests[-1]))
        assert "what is tea?" not in str(model.requests[-1]), "it was answered anew"


async def test_a_remark_and_a_forward_that_comes_later_are_one_answer(driver, tmp_path, model):
    """The forward comes when the remark is being answered: its post becomes that of both."""
    model.piece_s = 0.2
    ben = {"id": 5, "is_bot": False, "first_name": "Ben"}
    origin = {"type": "user", "date": 1, "sender_user": ben}
    async with driving(driver, tmp_path, model):
        driver.server.say(77, "Is this a scam?")
        await asyncio.sleep(0.3)
        driver.server.say(77, "You won!", forward_origin=origin)
        (post,) = await driver.answered("dm")
        assert "Is this a scam?" in post.text
        assert "You won!" in post.text
        await asyncio.sleep(0.5)
        assert len(driver.server.posts(77)) == 1


@pytest.mark.parametrize("gap_s", [0, 0.3, 0.8])
@pytest.mark.parametrize("piece_s", [0, 0.1])
async def test_a_remark_and_what_is_forwarded_behind_it_is_asked_as_one_whenever_it_comes(
    driver, tmp_path, model, gap_s, piece_s
):
    """However soon the answer to the remark alone is whole, and with each forward once."""
    model.piece_s = piece_s
    ben = {"id": 5, "is_bot": False, "first_name": "Ben"}
    origin = {"type": "user", "date": 1, "sender_user": ben}
    async with driving(driver, tmp_path, model):
        driver.server.say(77, "Is this a scam?")
        await asyncio.sleep(gap_s)
        driver.server.say(77, "You won!", forward_origin=origin)
        driver.server.say(77, "Pay first!", forward_origin=origin)
        await until(lambda: "Pay first!" in str(model.requests) and finished(driver.server, 77))
        await asyncio.sleep(1.2)
        asked = model.requests[-1]["messages"][-1]["content"]
        assert [asked.count(one) for one in ("a scam?", "You won!", "Pay first!")] == [1, 1, 1]
        assert len(model.requests) <= 2
        assert len(driver.server.posts(77)) == 1
        # What is said while it still ends would be taken for an addition.
        await at_rest(driver.app.core)
        await driver.say("dm", "and now?")
        await driver.answered("dm", 2)
        told = [one for one in model.requests[-1]["messages"] if one["role"] == "user"]
        assert len(told) == 2


async def test_a_list_of_chats_follows_a_group_into_its_supergroup(driver, tmp_path, model):
    # core.telegram.org/bots/api#message: migrate_to_chat_id
    async with driving(driver, tmp_path, model, allowed_chats=("telegram:-1001",)):
        driver.server.add_group(-2002)
        driver.server.add_group(-3003)
        driver.server.say(-1001, "", migrate_to_chat_id=-2002)
        driver.server.say(-3003, "", migrate_to_chat_id=-3004)
        driver.server.say(-2002, "@palaver_bot hello")
        driver.server.say(-3003, "@palaver_bot hello")
        await until(lambda: finished(driver.server, -2002))
        assert len(model.requests) == 1


async def test_what_was_decided_and_set_about_a_group_follows_it_into_its_supergroup(
    tmp_path, model
):
    """Blocked stays blocked, for members too, allowed stays allowed, and so do its budgets."""
    # core.telegram.org/bots/api#message: migrate_to_chat_id
    driver = TelegramDriver()
    async with driving(driver, tmp_path, model, open=False, owners=("telegram:77",)):
        server, services = driver.server, driver.app.core.services
        members, budgets = services.requests.members, services.budgets
        server.add_group(-3003)
        for group in (-2002, -3004):
            server.add_group(group)
        for place, role in (("-1001", Role.MEMBER), ("-3003", Role.BLOCKED), ("78", Role.MEMBER)):
            one = Member(role, by="telegram:77", at=1.0)
            await members.decide("telegram", f"telegram:{place}", one, by_owner=True, owned=True)
        limit = read_limit("place", "1 tokens/day", who="telegram:-1001")
        await budgets.change("telegram", field_of("place", "telegram:-1001"), lambda _: [limit])
        server.say(-1001, "@palaver_bot hello", user=server.person(79, "Eve"))
        await until(lambda: finished(server, -1001))
        server.say(-1001, "", migrate_to_chat_id=-2002)
        server.say(-3003, "", migrate_to_chat_id=-3004)

        async def moved():
            known = await members.all("telegram")
            set_now = await budgets.set_by_admins("telegram", ["place telegram:-2002"])
            return {"telegram:-2002", "telegram:-3004"} <= set(known) and set_now

        (limit,) = await until(moved)
        assert limit.who == "telegram:-2002"
        assert "telegram:-3003" not in await members.all("telegram")
        server.say(-3004, "@palaver_bot hello", user=server.person(78, "Bob"))
        server.say(-2002, "@palaver_bot and now?", user=server.person(79, "Eve"))
        await until(lambda: any("used up" in one.text for one in server.posts(-2002)))
        assert len(model.requests) == 1
        assert server.posts(-3004) == []


async def test_in_a_group_what_is_passed_on_behind_an_answered_remark_is_answered_in_its_post(
    driver, tmp_path, model
):
    origin = {"type": "hidden_user", "date": 1, "sender_user_name": "Mystery"}
    async with driving(driver, tmp_path, model):
        await driver.say("group", "Is this a scam?")
        history = keys.history(conversation_id("telegram", "-1001"))
        await until(lambda: driver.app.core.redis.llen(history))
        driver.server.say(-1001, "You won!", forward_origin=origin)
        await until(lambda: "You won!" in str(model.requests))
        await driver.answered("group")
        asked = str(model.requests[-1]["messages"][-1])
        assert asked.index("Is this a scam?") < asked.index("You won!")
        assert len(driver.server.posts(-1001)) == 1

        async def replaced():
            return b"You won!" in (await driver.app.core.redis.lindex(history, -1))

        await until(replaced)
        assert await driver.app.core.redis.llen(history) == 1
        assert len(model.requests) == 2


async def test_an_edit_while_its_question_is_answered_replaces_the_answer(driver, tmp_path, model):
    model.piece_s = 0.1
    async with driving(driver, tmp_path, model):
        said = driver.server.say(77, "what is the capital of France, please?")
        await until(lambda: driver.server.posts(77))
        driver.server.edit(said, link_preview_options={"is_disabled": True})
        driver.server.edit(said, "what is the capital of Spain?")
        await until(lambda: finished(driver.server, 77))
        (post,) = driver.server.posts(77)
        assert post.text == "Echo of what is the capital of Spain? -- before that: nothing."
        assert len(model.requests) == 2


async def test_a_file_that_could_not_be_read_is_told_of_with_its_own_question_alone(
    driver, tmp_path, model
):
    async with driving(driver, tmp_path, model):
        driver.server.add_file("odd", b"a\0b")
        document = {"file_id": "odd", "file_unique_id": "u", "file_name": "odd.txt"}
        driver.server.say(77, "", caption="see?", document=document)
        await driver.answered("dm", 1)
        fetched = [method for _, method, _ in driver.server.calls].count("getFile")
        await driver.say("dm", "and now?")
        await driver.answered("dm", 2)
        assert "could not be read" in said(model.requests[0]["messages"][-1])
        assert "could not be read" not in said(model.requests[1]["messages"][-1])
        assert [method for _, method, _ in driver.server.calls].count("getFile") == fetched


async def test_pieces_that_come_to_different_processes_by_webhook_are_one_question(
    redis, tmp_path, model, monkeypatch
):
    monkeypatch.setattr("core.turn.bursts.QUIET_S", 2.0)
    server = TelegramServer()
    server.add_group(-1001)
    server.add_file("p", picture(9, 9))
    values = {
        "telegram_bot_token": TOKEN,
        "telegram_webhook_secret": "hook-secret",
        "public_url": "https://bot.example",
        "llm_base_url": model.url,
        "llm_model": "scripted",
        "redis_url": redis.url,
    }
    headers = {"X-Telegram-Bot-Api-Secret-Token": "hook-secret"}
    async with server.running(), aiohttp.ClientSession() as session:
        values["telegram_api_url"] = server.url
        async with (
            palaver(tmp_path / "a", **values) as one,
            palaver(tmp_path / "b", **values) as two,
        ):
            photo = [{"file_id": "p", "file_unique_id": "p", "width": 9, "height": 9}]
            for at in range(3):
                caption = {"caption": "@palaver_bot compare"} if at == 1 else {}
                server.say(-1001, "", photo=photo, media_group_id="g", **caption)
                hook = f"{(one, two)[at % 2].url}/telegram/webhook"
                update = server.updates.popleft()
                async with session.post(hook, json=update, headers=headers) as response:
                    assert response.status == 200
            await until(lambda: finished(server, -1001))
            (asked,) = model.requests
            assert len(sent_pictures(asked)) == 3
