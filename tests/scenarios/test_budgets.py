"""Budgets stop what would cost too much, tell why, and are shown, set and granted."""

import struct

import pytest

from core.store import keys
from core.store.claim import Claim
from tests.contracts.drivers import SlackDriver, TelegramDriver, driving, started
from tests.harness import until
from tests.servers.slack import BOT_USER

# The scripted model says 11 tokens read and 7 written: 18 an answer.
ADMIN = "telegram:78"


@pytest.fixture
def driver():
    return TelegramDriver()


async def texts(driver, place, count):
    return [post.text for post in await driver.posted(place, count)]


async def asked(driver, place, text, count):
    """The last post of *place*, once there are *count* and none of them grows."""
    await driver.say(place, text)
    return (await texts(driver, place, count))[-1]


async def test_a_budget_hints_stops_says_until_when_and_is_granted_more(driver, tmp_path, model):
    more = {"budgets": "person 40 tokens/day", "budget_contact": "Ann", "timezone": "Asia/Tokyo"}
    async with driving(driver, tmp_path, model, admins=ADMIN, **more):
        await asked(driver, "dm", "one", 1)
        hint = await asked(driver, "dm", "two", 3)
        assert "You have used 90 % of your budget today: 36 of 40 tokens." in hint
        # Four tokens are left, and nobody else spends: the third may have them.
        await asked(driver, "dm", "three", 4)
        refused = await asked(driver, "dm", "four", 5)
        assert refused.startswith("Your budget is used up: 54 of 40 tokens today. It begins anew")
        assert "00:00 (Asia/Tokyo)" in refused
        assert refused.endswith("For more, ask Ann.")
        assert len(model.requests) == 3
        usage = await asked(driver, "dm", "/usage", 6)
        assert "▓▓▓▓▓▓▓▓▓▓ 135 % (54 of 40 tokens)" in usage
        granted = await asked(driver, "dm2", "/budget grant person telegram:77 50 tokens", 1)
        assert "50 tokens more" in granted
        assert "Echo of five" in await asked(driver, "dm", "five", 7)
        assert "Echo of not used up" in await asked(driver, "dm2", "not used up for me", 2)


async def test_on_slack_the_budget_of_a_place_holds_for_all_its_threads(tmp_path, model):
    driver = SlackDriver()
    async with driving(driver, tmp_path, model, budgets="place 10 tokens/week", max_tokens=5):
        await driver.say("channel", "one")
        await driver.answered("channel")
        driver._threads.pop("channel")
        await driver.say("channel", "two")
        await until(
            lambda: "The budget of this place is used up: 18 of 10" in str(driver.server.posts)
        )
        await driver.say("dm", "another place")
        await driver.answered("dm")
        assert len(model.requests) == 2


async def test_at_the_limit_a_cheaper_model_answers_if_the_operator_says_so(
    driver, tmp_path, model
):
    more = {"budgets": "person 20 tokens/month", "over_budget": "cheap"}
    async with driving(driver, tmp_path, model, **more):
        await asked(driver, "dm", "one", 1)
        await asked(driver, "dm", "two", 2)
        await asked(driver, "dm", "three", 4)
        posts = [post.text for post in await driver.answered("dm", 3)]
        assert sum("cheap answers instead" in one for one in posts) == 1
        assert [one["model"] for one in model.requests] == ["scripted", "scripted", "cheap"]


async def test_dollars_need_a_price(driver, tmp_path, model, monkeypatch):
    monkeypatch.setattr("core.models.measured.price_of", lambda *_: ())
    async with driving(driver, tmp_path, model, budgets="person 1 usd/day"):
        refused = await asked(driver, "dm", "one", 1)
        assert "Nobody told me what scripted costs" in refused.replace("`", "")
        assert model.requests == []


async def test_dollars_are_counted_in_millionths(driver, tmp_path, model):
    price = (1.0, 0.1, 10.0)
    async with driving(driver, tmp_path, model, budgets="tenant 0.0001 usd/month", llm_price=price):
        await asked(driver, "dm", "one", 1)
        # 11 tokens at 1 and 7 at 10 dollars a million.
        assert "(81" not in await asked(driver, "dm", "/usage", 3)
        (post,) = [one.text for one in await driver.posts("dm") if "Budget of this bot" in one.text]
        assert "$0.0001" in post


async def test_pictures_an_hour_have_a_limit(driver, tmp_path, model):
    async with driving(driver, tmp_path, model, pictures_per_hour=1):
        await driver.say("dm", "/image a fox")
        await driver.answered("dm", 1)
        refused = await asked(driver, "dm", "/image one more", 2)
        assert "Your budget is used up: 1 of 1 picture this hour." in refused
        assert "Echo of a question" in await asked(driver, "dm", "a question", 3)


async def test_all_models_of_a_comparison_count(driver, tmp_path, model):
    async with driving(
        driver, tmp_path, model, budgets="person 100 tokens/day", allowed_models="*"
    ):
        await driver.say("dm", "/compare --models=a,b hello")
        await driver.answered("dm", 1)
        assert "(36 of 100 tokens)" in await asked(driver, "dm", "/usage", 3)


async def test_admins_set_and_lift_budgets_and_others_only_see_them(driver, tmp_path, model):
    async with driving(driver, tmp_path, model, admins=ADMIN, budgets="person 500 tokens/day"):
        refused = await asked(driver, "dm", "/budget person off", 1)
        assert "500" not in refused
        assert "500 tokens" in await asked(driver, "dm", "/budget", 2)
        said = await asked(driver, "dm2", "/budget person telegram:77 10 tokens/day", 1)
        assert "person telegram:77" in said
        assert "of 10 tokens" in await asked(driver, "dm", "/budget", 3)
        assert "of 500 tokens" in await asked(driver, "dm2", "/budget", 2)
        await asked(driver, "dm2", "/budget person off", 3)
        await asked(driver, "dm2", "/budget person telegram:77 off", 4)
        assert "There is no budget here" in await asked(driver, "dm", "/budget", 4)
        for number, wrong in enumerate(
            ("person slack:U1 1 usd/day", "grant person 1 usd", "person")
        ):
            assert "Set a budget" in await asked(driver, "dm2", f"/budget {wrong}", 5 + number)


async def test_a_person_is_named_by_an_id_a_mention_or_a_reply(tmp_path, model):
    telegram, slack = TelegramDriver(), SlackDriver()
    async with driving(telegram, tmp_path / "t", model, admins=ADMIN):
        said = await asked(telegram, "dm2", "/budget person 77 5 usd/day", 1)
        assert "person telegram:77" in said
        assert "person telegram:77" in await asked(telegram, "dm2", "/budget 77 off", 2)
        assert "place telegram:-1001" in await asked(telegram, "dm2", "/budget -1001 1 usd/day", 3)
        assert "telegram:77: $5.00" in await asked(telegram, "dm2", "/budget 77 5 usd/day", 4)
        assert "Set a budget" in await asked(telegram, "dm2", "/budget 77 nothing", 5)
        ann, bob = telegram.server.person(), telegram.server.person(78, "Bob")
        words = telegram.server.say(-1001, "just talk", user=ann)
        telegram.server.say(-1001, "/budget grant 1 usd", reply_to=words.id, user=bob)
        granted = (await texts(telegram, "group", 1))[-1]
        assert "$1.00 more for person telegram:77" in granted
    async with driving(slack, tmp_path / "s", model, admins=("slack:U01",)):
        server = slack.server
        for text, shown in (
            ("person <@U02> 5 usd/day", "From now on `person slack:U02`: $5.00"),
            ("grant <@U02|bob the 1st> 1 usd", "$1.00 more for `person slack:U02`"),
            ("<@U02> nothing", "Set a budget"),
            ("<#C02|random> 3 usd/day", "From now on `place slack:C02`: $3.00"),
            ("<@U02> off", "No more budgets by admins for `person slack:U02`"),
        ):
            server.slash("/palaver", f"budget {text}")
            await until(lambda shown=shown: shown in str([*server.ephemerals, *server.responses]))
        # How much somebody has used is told to them alone.
        server.slash("/palaver", "budget <@U02> 20 tokens/day")
        await until(lambda: "20 tokens" in str(server.ephemerals))
        server.say("C01", f"<@{BOT_USER}> one", user="U02")
        hint = "You have used 90 % of your budget"
        await until(
            lambda: any(who == "U02" and hint in post.shown for who, post in server.ephemerals)
        )
        assert hint not in str(server.posts)


async def test_usage_of_all_is_for_admins_alone_and_comes_with_a_file(driver, tmp_path, model):
    async with driving(driver, tmp_path, model, admins=ADMIN):
        await asked(driver, "dm", "one", 1)
        assert "**People**" not in await asked(driver, "dm", "/usage all", 2)
        await driver.say("dm2", "/usage all")
        await until(lambda: any(post.document for post in driver.server.posts(78)))
        posts = await driver.posts("dm2")
        assert "1 answer, 18 tokens" in posts[0].text
        ((name, data),) = [one for post in posts for one in post.downloads]
        rows = data.decode("utf-8-sig").splitlines()
        assert name == "usage.csv"
        assert rows[0].startswith("kind,id,name,turns,prompt_tokens")
        assert any(row.startswith("person,telegram:77,") for row in rows)
        assert any(row.startswith("model,scripted,") for row in rows)
        await asked(driver, "group", "in the group", 1)
        await driver.say("dm2", "/usage all")
        # Places have names too.
        await until(lambda: any("Friends" in post.text for post in driver.server.posts(78)))
        said = await asked(driver, "group", "/usage@palaver_bot all", 2)
        assert "**People**" not in said


async def test_a_turn_takes_one_step_more_with_budgets_and_none_without(
    driver, tmp_path, model, monkeypatch
):
    reserved = []
    reserve = Claim.reserve

    async def counting(claim, event_id, amounts, sure):
        reserved.append([one.limit.of for one, _ in amounts])
        return await reserve(claim, event_id, amounts, sure)

    monkeypatch.setattr(Claim, "reserve", counting)
    async with driving(driver, tmp_path, model):
        await asked(driver, "dm", "one", 1)
        assert reserved == []
    budgets = "person 1m tokens/day, place 1m tokens/week, tenant 5 pictures/month"
    async with driving(driver, tmp_path / "again", model, budgets=budgets):
        await asked(driver, "dm", "two", 1)
        assert reserved == [["person", "place"]]
        redis = driver.app.core.redis
        # The answer stands a moment before its commit.
        await until(lambda: redis.llen(keys.history("telegram:77:")))
        assert not await redis.exists(keys.holds("telegram"))


async def test_who_asks_too_fast_is_told_once_and_stop_is_free(driver, tmp_path, model):
    async with driving(driver, tmp_path, model, questions_per_minute=2):
        await asked(driver, "dm", "one", 1)
        await asked(driver, "dm", "two", 2)
        assert "2 a minute are allowed" in await asked(driver, "dm", "three", 3)
        await driver.say("dm", "four")
        await driver.say("dm", "/usage")
        assert "2 answers" in (await texts(driver, "dm", 4))[-1]
        await driver.say("dm2", "another person")
        await driver.answered("dm2")
        assert len(model.requests) == 3


async def test_minutes_of_speech_are_counted_and_stop(driver, tmp_path, model):
    """The recording says that it is 90 seconds long; the first minute would have been left."""
    sound = b"OggS" + bytes(24) + b"OpusHead" + bytes(9000)
    sound += b"OggS\x00\x04" + struct.pack("<q", 48_000 * 90) + bytes(20)
    more = {"audio_model": "hears", "audio_price": 0.02, "budgets": "person 1 minutes/day"}
    async with driving(driver, tmp_path, model, **more):
        driver.server.add_file("v1", sound)
        voice = {"file_id": "v1", "file_unique_id": "v", "duration": 90, "file_size": len(sound)}
        driver.server.say(77, "", voice=voice)
        await driver.answered("dm")
        usage = await asked(driver, "dm", "/usage", 2)
        assert "100 %" not in usage
        assert "150 % (1.5 of 1 minute)" in usage
        assert "$0.0300" in usage
        driver.server.say(77, "", voice={**voice, "file_id": "v2", "file_unique_id": "w"})
        assert (
            "Your budget is used up: 1.5 of 1 minute today." in (await texts(driver, "dm", 3))[-1]
        )
        assert len(model.heard) == 1


async def test_what_a_try_has_used_that_ended_with_its_process_is_counted(driver, tmp_path, model):
    model.answer, model.piece_s = lambda messages: "some words of it. " * 40, 0.3
    more = {"budgets": "person 10k tokens/day", "grace_s": 0.05}
    async with driver.running():
        async with started(driver, tmp_path, model, **more):
            await driver.say("dm", "one")
            await until(lambda: driver.server.posts(77))
        model.piece_s = 0.001
        async with started(driver, tmp_path, model, **more) as running:
            await driver.answered("dm")
            redis = running.core.redis
            await until(lambda: redis.llen(keys.history("telegram:77:")))
            spent = await redis.hgetall(keys.spent("telegram:77"))
            # 11 read and 7 written by the second try; the first was sent as much as it.
            assert float(spent[b"prompt_tokens"]) > 11 + 30
            assert float(spent[b"completion_tokens"]) > 7
            assert float(spent[b"estimated"]) == 1
            assert not await redis.exists(keys.holds("telegram"))
