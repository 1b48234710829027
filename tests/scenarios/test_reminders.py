"""Reminders: asked for in words, told when they are due, on each platform."""

import time
from datetime import UTC, datetime

import msgspec
import pytest
from msgspec.structs import replace

from core.store import keys
from core.store.reminder import Reminder
from core.times.rules import Rule, preceding
from tests.contracts.drivers import SlackDriver, TelegramDriver, WebDriver, driving, started
from tests.harness import until

EVERYWHERE = pytest.mark.parametrize(
    "driver", [TelegramDriver, SlackDriver, WebDriver], ids=lambda one: one.name
)


async def kept(driver):
    """All reminders in the store."""
    stored = await driver.app.core.redis.hvals(keys.REMINDERS)
    return [msgspec.json.decode(one, type=Reminder) for one in stored]


async def bring_forward(driver, seconds_ago, rule=None):
    """As if the only reminder had been due so long ago, and everybody away since."""
    reminders = driver.app.core.services.reminders
    (one,) = await kept(driver)
    stored = await reminders.get(one.id)
    await reminders.change(stored, replace(one, due=time.time() - seconds_ago, rule=rule))


async def shows(driver, place, *words):
    """The posts of *place*, once one of them has all *words*."""

    async def there():
        posts = await driver.posts(place)
        return posts if any(all(one in post.text for one in words) for post in posts) else None

    return await until(there)


@EVERYWHERE
async def test_a_reminder_is_confirmed_told_once_and_over(driver, tmp_path, model):
    driver = driver()
    async with driving(driver, tmp_path, model, timezone="Asia/Shanghai"):
        place = driver.places[0]
        await driver.say(place, "/remind in 1 second call Anna")
        await shows(driver, place, "Asia/Shanghai", "call Anna")
        posts = await shows(driver, place, "⏰", "call Anna")
        assert sum("⏰\n" in post.text for post in posts) == 1
        assert await kept(driver) == []
        assert model.requests == []


@EVERYWHERE
async def test_the_button_takes_a_reminder_back_and_the_list_cancels_by_number(
    driver, tmp_path, model
):
    driver = driver()
    async with driving(driver, tmp_path, model):
        place = driver.places[0]
        await driver.say(place, "/remind friday 9:00 call Anna")
        await shows(driver, place, "call Anna")
        (one,) = await kept(driver)
        await driver.press(place, f"remind undo {one.id}")
        await shows(driver, place, "cancelled")
        assert await kept(driver) == []
        await driver.say(place, "/remind every weekday 8:30 stand-up")
        await until(lambda: kept(driver))
        await driver.say(place, "/remind edit 1 tuesday 10:00")
        await shows(driver, place, "Tuesday", "10:00", "stand-up")
        (one,) = await kept(driver)
        assert (one.text, one.rule) == ("stand-up", None)
        await driver.say(place, "/remind")
        await shows(driver, place, "#1", "stand-up", "/remind cancel 1")
        # A list in the order of times keeps the numbers, which Markdown would count anew.
        await driver.say(place, "/remind in 30 minutes tea")
        await shows(driver, place, "#2", "tea")
        await driver.say(place, "/remind list")
        posts = await shows(driver, place, "#1", "#2", "stand-up", "tea")
        rows = [line for line in posts[-1].text.splitlines() if "#" in line]
        assert ["tea" in row for row in rows] == ["#2" in row for row in rows] == [True, False]
        await driver.say(place, "/remind cancel 2")
        await until(lambda: left(driver, 1))
        await driver.say(place, "/remind in 40 minutes coffee")
        await until(lambda: left(driver, 2))
        await driver.say(place, "/remind cancel all")
        await shows(driver, place, "cancelled", "stand-up", "coffee")
        assert await kept(driver) == []


async def left(driver, count):
    return len(await kept(driver)) == count


@EVERYWHERE
async def test_a_schedule_asks_its_question_for_the_person_and_shows_it(driver, tmp_path, model):
    driver = driver()
    async with driving(driver, tmp_path, model):
        place = driver.places[0]
        await driver.say(place, "/remind every weekday 8:30 ask: what is new?")
        await shows(driver, place, "I will answer this here")
        await bring_forward(driver, 1)
        await shows(driver, place, "⏰", "what is new?", "Echo of what is new?")
        assert len(model.requests) == 1


async def test_a_schedule_that_wants_a_summary_of_the_channel_is_told_what_was_said_there(
    tmp_path, model
):
    """By a slash command that nobody saw, without a word before it, and in the channel."""
    driver = SlackDriver()
    async with driving(driver, tmp_path, model, context="thread"):
        server, now = driver.server, time.time()
        server.slash("/palaver", "remind every weekday 8:30 summarise this channel")
        await until(lambda: kept(driver))
        (one,) = await kept(driver)
        assert one.asks
        assert one.conversation == "slack:C01:"
        server._clock = now - 30 * 3600
        for text, hours in (("too long ago", 0), ("we take the blue one", 20), ("no, red", 25)):
            server._clock = now + (hours - 30) * 3600
            said = server.say("C01", text, user="U02")
            server.posts["C01", said].at = server._clock
        server._clock = now
        await bring_forward(driver, 1)
        await until(lambda: model.requests)
        asked = str(model.requests[-1]["messages"])
        # What was asked for by a slash command, and is told in private, is listed by one too.
        server.slash("/palaver", "remind in an hour tea")
        await until(lambda: "tea" in str(server.ephemerals))
        server.slash("/palaver", "remind list")
        await until(
            lambda: "remind undo" in str(server.ephemerals[-1][1].blocks) and server.ephemerals[2:]
        )
        assert "tea" in server.ephemerals[-1][1].shown
        assert "summarise this channel" in asked
        assert "we take the blue one" in asked
        assert "no, red" in asked
        assert "too long ago" not in asked


@pytest.mark.parametrize(
    ("rule", "nth", "hours"),
    [
        (Rule(cron="30 8 * * 1-5"), 1, 72),
        (Rule(cron="30 8 * * 1-5"), 2, 96),
        (Rule(minutes=90), 1, 1.5),
        (Rule(cron="0 9 1 * *"), 1, 168),
        (None, 1, 24),
    ],
)
def test_what_came_before_a_time_is_found(rule, nth, hours):
    monday = datetime(2026, 11, 30, 8, 30, tzinfo=UTC).timestamp()
    assert preceding(rule, UTC, monday, nth) == monday - hours * 3600


async def test_what_was_missed_is_told_late_and_once(tmp_path, model):
    driver = TelegramDriver()
    async with driving(driver, tmp_path, model):
        await driver.say("dm", "/remind every hour drink")
        await shows(driver, "dm", "drink")
        await bring_forward(driver, 3.5 * 3600, Rule(minutes=60))
        posts = await shows(driver, "dm", "⏰", "I was away", "3 times")
        assert sum("away" in post.text for post in posts) == 1
        (one,) = await kept(driver)
        assert one.due > time.time()


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("yesterday call", "over already"),
        ("in 0 seconds call", "over already"),
        ("in 1000000000 years call", "five years"),
        ("every second call", "at least 5 minutes"),
        ("every 30 minutes ask: news?", "at least 60 minutes"),
        ("call Anna", "I did not understand when"),
        ("friday 9:00", "The text is missing"),
        ("cancel 7", "no reminder number 7"),
        ("zone Mars/Olympus", "do not know this time zone"),
        ("friday 9:00 " + "x" * 1100, "too long"),
    ],
)
async def test_what_cannot_be_is_told_in_one_sentence(asked, words, tmp_path, model):
    driver = TelegramDriver()
    async with driving(driver, tmp_path, model):
        await driver.say("dm", f"/remind {asked}")
        await shows(driver, "dm", words)
        assert await kept(driver) == []


async def test_a_person_s_zone_goes_before_the_operator_s(tmp_path, model):
    driver = TelegramDriver()
    async with driving(driver, tmp_path, model, timezone="Asia/Shanghai"):
        await driver.say("dm", "/remind zone berlin")
        await shows(driver, "dm", "Europe/Berlin")
        await driver.say("dm", "/remind 2027-12-24 18:00 presents")
        await shows(driver, "dm", "2027-12-24 18:00 (Europe/Berlin)")
        (one,) = await kept(driver)
        assert one.due == 1829667600.0


async def test_in_a_group_us_is_everybody_and_me_is_named_under_my_message(tmp_path, model):
    driver = TelegramDriver()
    async with driving(driver, tmp_path, model):
        driver.server.say(-1001, "/remind@palaver_bot us in 1 second stand-up")
        await shows(driver, "group", "⏰\n", "stand-up")
        asked = driver.server.say(-1001, "/remind@palaver_bot in 1 second **call** @all\n/stop")
        await shows(driver, "group", "⏰ Ann", "stop")
        posts = [post for post in driver.server.posts(-1001) if "⏰ Ann" in post.text]
        assert [post.reply_to for post in posts] == [asked.id]
        # As data: no mark, no mention and no command of it works.
        assert "/stop" not in posts[0].text
        assert "@all" not in posts[0].text
        driver.server.say(
            -1001,
            "/remind@palaver_bot friday 9:00 x",
            forward_origin={"type": "hidden_user", "date": 1, "sender_user_name": "Eve"},
        )
        await driver.say("topic", "/remind@palaver_bot in 1 second of the topic")
        await shows(driver, "topic", "⏰", "of the topic")
        assert await kept(driver) == [], "a forward is no command"


async def test_another_person_cannot_take_my_reminder_back(tmp_path, model):
    driver = TelegramDriver()
    async with driving(driver, tmp_path, model):
        driver.server.say(-1001, "/remind@palaver_bot us friday 9:00 stand-up")
        posts = await until(
            lambda: [post for post in driver.server.posts(-1001) if "stand-up" in post.text]
        )
        (one,) = await kept(driver)
        bob = driver.server.person(78, "Bob")
        driver.server.press(posts[0], f"remind undo {one.id}", user=bob)
        await until(lambda: any("admin" in one for one in driver.server.alerts))
        assert await kept(driver) == [one]


async def test_a_lost_chat_ends_its_reminders(tmp_path, model):
    driver = TelegramDriver()
    async with driving(driver, tmp_path, model):
        for number in range(2):
            await driver.say("group", f"/remind@palaver_bot friday 9:0{number} x")
        await until(lambda: two(driver))
        driver.server.gone.add(-1001)
        one, _ = await kept(driver)
        reminders = driver.app.core.services.reminders
        stored = await reminders.get(one.id)
        await reminders.change(stored, replace(one, due=time.time() - 1))
        await until(lambda: left(driver, 0))


async def two(driver):
    return len(await kept(driver)) == 2


@pytest.mark.parametrize(("allowed", "told"), [("telegram:77", True), ("telegram:5", False)])
async def test_after_a_restart_only_who_may_still_ask_is_reminded(allowed, told, tmp_path, model):
    driver = TelegramDriver()
    async with driver.running():
        async with started(driver, tmp_path, model):
            await driver.say("dm", "/remind friday 9:00 ask: news?")
            await shows(driver, "dm", "news?")
        async with started(driver, tmp_path, model, allowed_users=allowed):
            await bring_forward(driver, 600)
            await until(lambda: left(driver, 0))
            if told:
                await shows(driver, "dm", "⏰", "I was away", "Echo of news?")
                return
            metric = driver.app.core.services.metrics.reminders.labels("refused")
            await until(lambda: metric._value.get() == 1)
            assert model.requests == []
