"""`/export` and `/forget`: what is kept belongs to the people it is of."""

import asyncio
import json

import pytest
from msgspec.json import encode

from core.messages import Exchange
from core.store import keys
from tests.contracts.drivers import SlackDriver, TelegramDriver, WebDriver, driving
from tests.harness import at_rest, until
from tests.unit.test_data_page import forever


def typed(driver, text):
    return "!" + text[1:] if driver.name == "slack" else text


async def files_in(driver, place):
    return [one for post in await driver.posts(place) for one in post.downloads]


async def exported(driver, place, count=2):
    async def there():
        found = await files_in(driver, place)
        return found if len(found) >= count else None

    found = await until(there)
    return json.loads(found[-1][1]), found[-2][1].decode()


async def kept_words(app, word):
    """The keys in whose values *word* stands."""
    redis, found = app.core.redis, []
    async for name in redis.scan_iter():
        match await redis.type(name):
            case b"string":
                values = [await redis.get(name)]
            case b"list":
                values = await redis.lrange(name, 0, -1)
            case b"hash":
                values = [*(await redis.hgetall(name)).values()]
            case b"zset":
                values = await redis.zrange(name, 0, -1)
            case b"set":
                values = await redis.smembers(name)
            case _:
                values = []
        if any(word.encode() in value for value in values):
            found.append(name.decode())
    return found


@pytest.mark.parametrize("kind", [TelegramDriver, SlackDriver, WebDriver])
async def test_forget_everything_leaves_nothing_and_the_export_is_empty_then(kind, tmp_path, model):
    driver = kind()
    place = driver.places[0]
    model.answer = lambda messages: "Noted: zanzibar."
    async with driving(driver, tmp_path, model):
        # An answer without a context may be given again.
        await driver.app.core.redis.set(keys.answer("a-digest"), "Noted: zanzibar.")
        await driver.say(place, typed(driver, "/memory add lives in zanzibar"))
        await driver.posted(place, 1)
        await driver.say(place, typed(driver, "/system zanzibar matters"))
        await driver.posted(place, 2)
        await driver.say(place, "I am going to zanzibar")
        await driver.answered(place, 1)
        await driver.say(place, typed(driver, "/export"))
        data, text = await exported(driver, place)
        assert [one["question"] for one in data["conversations"][0]["exchanges"]] == [
            "I am going to zanzibar"
        ]
        assert data["memory"]["facts"][0]["text"] == "lives in zanzibar"
        assert data["spent"]["turns"] == 1
        assert "> I am going to zanzibar" in text
        assert "## Memory\n\n- lives in zanzibar" in text
        assert "- system: zanzibar matters" in text
        assert "- turns: 1" in text
        await driver.say(place, typed(driver, "/forget everything"))
        sure = (await until(lambda: with_button(driver, place, "forget yes"))).commands
        # Nothing happens before the button is pressed.
        assert await kept_words(driver.app, "zanzibar")
        await driver.press(place, next(one for one in sure if one.startswith("forget yes")))
        receipt = await until(lambda: with_text(driver, place, "Erased"))
        assert "exchanges: 1" in receipt.text
        assert "remembered: 1" in receipt.text
        assert await kept_words(driver.app, "zanzibar") == []
        await driver.say(place, typed(driver, "/export"))
        await until(lambda: with_text(driver, place, "I keep nothing of you"))


async def with_button(driver, place, start):
    for post in await driver.posts(place):
        if any(one.startswith(start) for one in post.commands):
            return post
    return None


async def with_text(driver, place, text):
    return next((post for post in await driver.posts(place) if text in post.text), None)


def sent_json(server, chat):
    """What the JSON file says that came in *chat*; the other file is Markdown."""
    for post in server.posts(chat):
        if post.document and post.document.lstrip()[:1] in (b"{", "{"):
            return json.loads(post.document)
    return None


async def asked_in_group(driver, user, name, text):
    server = driver.server
    count, kept = len(server.posts(-1001)), len(await history_of(driver))
    server.say(-1001, f"@palaver_bot {text}", user=server.person(user, name))
    await driver.posted("group", count + 1)
    await until(lambda: "retry" in str(server.posts(-1001)[-1].markup))

    async def committed():
        return len(await history_of(driver)) == kept + 1

    await until(committed)


async def history_of(driver, conversation="telegram:-1001:"):
    raw = await driver.app.core.redis.lrange(keys.history(conversation), 0, -1)
    return [json.loads(one)["question"] for one in raw]


async def test_who_was_blocked_may_still_see_and_erase_what_is_kept_of_them(tmp_path, model):
    driver = TelegramDriver()
    async with driving(driver, tmp_path, model, open=False, owners=("telegram:78",)):
        await driver.say("dm2", "/allow 77")
        await until(lambda: driver.server.posts(78))
        await driver.say("dm", "I am going to zanzibar")
        await driver.answered("dm")
        await driver.say("dm2", "/block 77")
        await until(lambda: len(driver.server.posts(78)) == 2)
        asked = len(model.requests)
        await driver.say("dm", "why am I blocked?")
        await driver.say("dm", "/export")
        data, _ = await exported(driver, "dm")
        assert data["conversations"][0]["exchanges"][0]["question"] == "I am going to zanzibar"
        assert await driver.app.core.redis.exists(keys.history("telegram:77:"))
        await driver.say("dm", "/forget")
        history = keys.history("telegram:77:")
        await until(lambda: gone(driver.app.core.redis, history))
        assert len(model.requests) == asked


async def gone(redis, name):
    return not await redis.exists(name)


async def test_in_a_group_a_member_gets_and_forgets_their_own_part_and_an_admin_the_whole(
    tmp_path, model
):
    driver = TelegramDriver()
    async with driving(driver, tmp_path, model):
        server = driver.server
        server.chat_admins[-1001] = {79}
        server.add_private(79, "Eve")
        await asked_in_group(driver, 77, "Ann", "apples")
        await asked_in_group(driver, 78, "Ann", "pears")
        server.say(-1001, "/export", user=server.person(78, "Ann"))
        data, _ = await exported(driver, "dm2")
        (only,) = data["conversations"]
        assert [one["question"] for one in only["exchanges"]] == ["pears"]
        server.say(-1001, "/export", user=server.person(79, "Eve"))
        told = await until(lambda: sent_json(server, 79))
        (whole,) = told["conversations"]
        assert [one["question"] for one in whole["exchanges"]] == ["apples", "pears"]
        server.say(-1001, "/forget", user=server.person(78, "Ann"))
        await until(lambda: with_text(driver, "group", "erased what I kept of you"))
        assert await history_of(driver) == ["apples"]
        server.say(-1001, "/forget", user=server.person(79, "Eve"))
        await until(lambda: with_text(driver, "group", "all that I kept"))
        assert await history_of(driver) == []


async def test_forget_everything_spares_others_and_follows_a_group_that_moved(tmp_path, model):
    driver = TelegramDriver()
    async with driving(driver, tmp_path, model):
        server = driver.server
        await asked_in_group(driver, 77, "Ann", "apples")
        await asked_in_group(driver, 78, "Ann", "pears")
        redis = driver.app.core.redis
        # As `move.lua` leaves it: the history is elsewhere, and the old name says where.
        await redis.rename(keys.history("telegram:-1001:"), keys.history("telegram:-1009:"))
        await redis.hset(keys.state("telegram:-1001:"), "moved", "telegram:-1009:")
        # Of a version without an index.
        old = Exchange("old", "Ann", "plums", "kept", 1.0, person="telegram:77")
        theirs = Exchange("other", "Ann", "cherries", "kept", 1.0, person="telegram:78")
        await redis.rpush(keys.history("telegram:-1005:"), encode(old), encode(theirs))
        await driver.say("dm", "/forget everything")
        sure = (await until(lambda: with_button(driver, "dm", "forget yes"))).commands
        # Somebody else presses, or types what the button says: nothing of anybody's is erased.
        server.say(78, f"/{sure[0]}", user=server.person(78, "Ann"))
        await until(lambda: with_text(driver, "dm2", "for the person who asked"))
        assert await history_of(driver, "telegram:-1009:") == ["apples", "pears"]
        server.say(77, f"/{sure[0].rsplit(' ', 1)[0]} 1700000000")
        await until(lambda: with_text(driver, "dm", "too long ago"))
        await driver.press("dm", sure[0])
        receipt = await until(lambda: with_text(driver, "dm", "Erased"))
        assert "exchanges: 2" in receipt.text
        assert "conversations they were in: 2" in receipt.text
        assert await history_of(driver, "telegram:-1009:") == ["pears"]
        assert await history_of(driver, "telegram:-1005:") == ["cherries"]


async def test_an_answer_that_runs_elsewhere_is_shown_and_not_kept(tmp_path, model):
    driver, go_on = TelegramDriver(), asyncio.Event()

    async def slow(request):
        await go_on.wait()
        return await model.stream(request, "The slow answer.")

    async with driving(driver, tmp_path, model):
        model.faults = [slow, slow]
        server = driver.server
        for user in (77, 78):
            server.say(-1001, f"@palaver_bot slow {user}", user=server.person(user, "Ann"))
        await until(lambda: len(model.requests) == 2)
        await driver.say("dm", "/forget everything")
        sure = (await until(lambda: with_button(driver, "dm", "forget yes"))).commands
        await driver.press("dm", sure[0])
        await until(lambda: with_text(driver, "dm", "Erased"))
        go_on.set()
        await driver.answered("group", 2)
        await at_rest(driver.app.core)
        await asked_in_group(driver, 78, "Ann", "and now?")
        assert await history_of(driver) == ["slow 78", "and now?"]


async def test_ten_thousand_exchanges_are_exported(tmp_path, model):
    driver = TelegramDriver()
    model.answer = lambda messages: "yes"
    async with driving(driver, tmp_path, model):
        await driver.say("dm", "hello")
        await driver.answered("dm", 1)
        redis = driver.app.core.redis
        await until(lambda: history_of(driver, "telegram:77:"))
        (one,) = await redis.lrange(keys.history("telegram:77:"), 0, -1)
        for thread in ("", "5"):
            name = f"telegram:77:{thread}"
            await redis.rpush(keys.history(name), *[one] * 5_000)
            await redis.zadd(keys.asked("telegram:77"), {f"p {name}": 1.0})
        await driver.say("dm", "/export")
        data, _ = await exported(driver, "dm")
    assert sum(len(one["exchanges"]) for one in data["conversations"]) == 10_001


async def test_where_no_file_may_be_sent_it_is_said(tmp_path, model):
    driver = SlackDriver()
    async with driving(driver, tmp_path, model):
        await driver.say("dm", "hello")
        await driver.answered("dm", 1)
        driver.refuse_pictures("dm")
        await driver.say("dm", "!export")
        await until(lambda: with_text(driver, "dm", "may not send files"))


async def test_every_key_of_a_running_store_ends_or_has_a_reason_to_stay(tmp_path, model):
    """A turn keeps its lane's state without an end while it runs, so it is looked at afterwards."""
    driver = TelegramDriver()
    model.answers = {"small": "NONE"}
    async with driving(driver, tmp_path, model, small_model="small"):
        await driver.say("dm", "/memory add likes jazz")
        await driver.posted("dm", 1)
        await driver.say("dm", "hello")
        await driver.answered("dm", 1)
        await asked_in_group(driver, 77, "Ann", "apples")
        await driver.say("group", "/usage")
        await driver.posted("group", 2)
        redis, stays = driver.app.core.redis, forever()

        async def endless():
            names = [name.decode() async for name in redis.scan_iter()]
            kinds = {name: name.removeprefix(f"{keys.TAG}:").partition(":")[0] for name in names}
            return [
                name
                for name, kind in kinds.items()
                if kind not in stays and await redis.ttl(name) == -1
            ]

        async def ended():
            return not await endless()

        await until(ended, 5)
