"""What Telegram, or what stands in for it, may send: the bad harms nobody but itself."""

import io
import json
import zlib
from contextlib import suppress

import pytest
from aiohttp import web

from core.border import SET_ASIDE
from tests.contracts.drivers import TelegramDriver, driving, hooked
from tests.harness import palaver, until
from tests.servers.telegram import BOT, ApiError, old_poll, sent


@pytest.fixture
def driver():
    return TelegramDriver()


def aside(reason):
    return SET_ASIDE.labels("telegram.update", reason)._value.get()


SURE = {"date": 1, "message_id": 1, "chat": {"id": 77, "type": "private"}}
ANN = {"id": 77, "is_bot": False, "first_name": "Ann"}
DEEP = {"message": {**SURE, "from": ANN, "text": "x", "odd": json.loads("[" * 90 + "]" * 90)}}
UNREADABLE = {
    "no date": ({"message": {"message_id": 1, "chat": SURE["chat"], "text": "x"}}, "KeyError"),
    "text no text": ({"message": {**SURE, "from": ANN, "text": 5}}, "AttributeError"),
    "date of no calendar": ({"message": {**SURE, "from": ANN, "date": 1e20}}, "OverflowError"),
    "a message that is none": ({"message": "hello"}, "AttributeError"),
    "gigantic": ({"message": {**SURE, "from": ANN, "text": "x" * 2_000_000}}, "too large"),
    "deep": (DEEP, "too large"),
}


async def goes_on_behind(bad, driver, tmp_path, model):
    """Two polls get *bad*. The updates are set aside once, and what comes next is answered."""
    driver.server.fail_next("getUpdates", bad)
    driver.server.fail_next("getUpdates", bad)
    values = {"llm_base_url": model.url, "llm_model": "scripted", **driver.settings()}
    before = aside("no JSON")
    async with palaver(tmp_path, **values):
        await driver.say("dm", "hello")
        await driver.answered("dm")
    assert aside("no JSON") == before + 1
    offsets = [p.get("offset") for _, m, p in driver.server.calls if m == "getUpdates"]
    assert 6 in offsets


@pytest.mark.parametrize(("update", "reason"), UNREADABLE.values(), ids=UNREADABLE)
async def test_an_update_that_cannot_be_read_is_set_aside_and_the_next_answered(
    driver, update, reason, tmp_path, model, caplog
):
    async with driving(driver, tmp_path, model):
        before, polls = aside(reason), len(driver.server.calls)
        driver.server.push(dict(update))
        await driver.say("dm", "still there?")
        (post,) = await driver.answered("dm")
        assert "Echo of still there?" in post.text
        assert aside(reason) == before + 1
        gets = [one for one in driver.server.calls[polls:] if one[1] == "getUpdates"]
        assert len(gets) < 10
        assert "Ann" not in caplog.text


async def test_a_poll_of_an_older_server_harms_no_other_and_what_replies_to_it_is_answered(
    driver, tmp_path, model
):
    """Bot API 9.6 and 10.0 made fields of polls required, which a self-hosted server leaves out."""
    async with driving(driver, tmp_path, model):
        before = aside("TypeError")
        driver.server.say(-1001, "", poll=old_poll("Tea or coffee?"))
        asked = driver.server.say(77, "which of them?")
        driver.server.updates[-1]["message"]["reply_to_message"] = {
            **driver.server._shown(asked),
            "poll": old_poll("Tea or coffee?"),
        }
        await driver.say("dm2", "hello")
        await driver.answered("dm2")
        (post,) = await driver.answered("dm")
        assert "which of them?" in post.text
        assert aside("TypeError") == before + 2


async def test_a_post_that_is_told_back_in_an_unknown_shape_is_sent_once(driver, tmp_path, model):
    """What we reply to comes back in the answer of `sendMessage`: it may be such a poll."""
    async with driving(driver, tmp_path, model):

        async def odd(request):
            form = await sent(request)
            body = driver.server._post(-1001, form["text"], {})
            body["reply_to_message"] = {**body, "poll": old_poll("Tea?")}
            return web.json_response({"ok": True, "result": body})

        driver.server.fail_next("sendMessage", odd)
        await driver.say("group", "hello")
        await until(lambda: any("Echo of" in post.text for post in driver.server.posts(-1001)))
        assert len(driver.server.posts(-1001)) == 1


@pytest.mark.parametrize(
    "result",
    ['"text"', "{}", "5", "[7]", '[{"message": {}}]', "[null, {}]", '[{"update_id": true}]'],
)
async def test_an_answer_that_is_no_list_of_updates_is_asked_for_again_in_peace(
    driver, result, tmp_path, model
):
    async def odd(request):
        return web.Response(
            text=f'{{"ok": true, "result": {result}}}', content_type="application/json"
        )

    async with driver.running():
        driver.server.fail_next("getUpdates", odd)
        driver.server.fail_next("getUpdates", odd)
        values = {"llm_base_url": model.url, "llm_model": "scripted", **driver.settings()}
        async with palaver(tmp_path, **values):
            await driver.say("dm", "hello")
            await driver.answered("dm")
            assert sum(method == "getUpdates" for _, method, _ in driver.server.calls) < 8


@pytest.mark.parametrize(
    "bad", ['{"update_id": 5, "x": ]}', '{"update_id": 5, "x": %s}' % ("9" * 5000)]
)
async def test_one_update_that_is_no_json_is_skipped_alone(driver, bad, tmp_path, model, caplog):
    """Its own letters never reach a log."""
    async with driver.running():

        async def with_bad(request):
            return web.Response(
                text=f'{{"ok": true, "result": [{bad}, {{"update_id": 6}}]}}',
                content_type="application/json",
            )

        await goes_on_behind(with_bad, driver, tmp_path, model)
        assert '"x"' not in caplog.text


@pytest.mark.parametrize("text", ["lone \ud800 half", "\udfff", "two \ud83d\ude00 halves \ude00"])
async def test_broken_characters_are_cleaned_at_the_border(driver, text, tmp_path, model):
    async with driving(driver, tmp_path, model):
        person = driver.server.person(77, f"Ann {text}")
        driver.server.say(77, f"what is {text}?", user=person)
        document = {"file_id": "f", "file_unique_id": "f", "file_name": f"{text}.txt"}
        driver.server.add_file("f", b"tea")
        await driver.answered("dm", 1)
        driver.server.say(77, "", document=document, caption="read", user=person)
        await driver.answered("dm", 2)
        assert "�" in model.requests[0]["messages"][-1]["content"]


async def test_numbers_that_begin_anew_after_a_quiet_week_are_read(driver, tmp_path, model):
    # core.telegram.org/bots/api#update: "If there are no new updates for at least a week, then
    # identifier of the next update will be chosen randomly instead of sequentially."
    async with driving(driver, tmp_path, model):
        await driver.say("dm", "before")
        await driver.answered("dm", 1)
        driver.server.next_update = 12
        driver.server.end_polls()
        await until(lambda: not driver.server._ended.is_set())
        await driver.say("dm", "after")
        posts = await driver.answered("dm", 2)
        assert "Echo of after" in posts[-1].text


async def test_a_webhook_is_answered_200_for_what_cannot_be_read(tmp_path, model):
    async with hooked(tmp_path, model) as (_, running, session):
        hook = f"{running.url}/telegram/webhook"
        right = {"X-Telegram-Bot-Api-Secret-Token": "hook-secret"}
        poll = {"update_id": 1, "message": {**SURE, "from": ANN, "poll": old_poll("Tea?")}}
        bodies = [b"[" * 100_000, b"", b'"\\ud800"', b"[]", json.dumps(poll).encode()]
        bodies += [json.dumps({"update_id": 2, **one}).encode() for one, _ in UNREADABLE.values()]
        for body in bodies:
            async with session.post(hook, data=io.BytesIO(body), headers=right) as response:
                assert response.status == 200


async def test_an_error_page_is_told_in_short(driver, tmp_path, model, caplog):
    async def page(request):
        return web.Response(
            status=502, text="<html>" + "Ann's words " * 1000, content_type="text/html"
        )

    async with driving(driver, tmp_path, model):
        driver.server.fail_next("getUpdates", page)
        driver.server.fail_next("sendMessage", ApiError(502, "Bad Gateway"))
        await driver.say("dm", "hello")
        await driver.answered("dm")
        assert "Ann's words" not in caplog.text


async def test_what_is_replied_to_may_be_of_any_shape(driver, tmp_path, model):
    """Each of these passes the library, and one or another place of ours would stumble."""
    async with driving(driver, tmp_path, model):
        for odd in ({"text": 5}, {"caption": ["x"]}, {"photo": []}, {"reply_markup": {}}):
            asked = driver.server.say(77, "what of this?")
            replied = {**driver.server._shown(asked), "from": BOT, "date": 1, **odd}
            driver.server.updates[-1]["message"]["reply_to_message"] = replied
        await driver.say("dm2", "hello")
        await driver.answered("dm2")
        gets = [one for one in driver.server.calls if one[1] == "getUpdates"]
        assert len(gets) < 12


@pytest.mark.parametrize("zipped", [False, True])
async def test_an_answer_without_end_is_read_no_further_than_an_answer_can_be(
    driver, zipped, tmp_path, model
):
    """Nor unpacked further; the update that it begins with is skipped."""
    sent = []
    begin = b'{"ok": true, "result": [{"update_id": 5, "message": {"text": "'

    async def endless(request):
        head = {"Content-Type": "application/json"} | (
            {"Content-Encoding": "gzip"} if zipped else {}
        )
        response = web.StreamResponse(headers=head)
        await response.prepare(request)
        piece, packer = begin, zlib.compressobj(wbits=31)
        with suppress(ConnectionError):
            for _ in range(200):
                await response.write(packer.compress(piece) if zipped else piece)
                piece = b"a" * 1_000_000
                sent.append(1)
            if zipped:
                await response.write(packer.flush())
        return response

    async with driver.running():
        await goes_on_behind(endless, driver, tmp_path, model)
        assert zipped or len(sent) < 400


async def test_a_batch_of_more_values_than_a_hundred_updates_hold_is_not_built_in_memory(
    driver, tmp_path, model
):
    """Thirty megabytes of empty lists would keep the loop for seconds, and take 800 MB."""
    many = "[]," * 600_000

    async def crowded(request):
        return web.Response(
            text=f'{{"ok": true, "result": [{{"update_id": 5, "x": [{many}[]]}}]}}',
            content_type="application/json",
        )

    async with driver.running():
        await goes_on_behind(crowded, driver, tmp_path, model)
