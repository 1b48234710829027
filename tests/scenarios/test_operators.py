"""The operator's page when several operators, odd words and old tabs meet there."""

import asyncio
import csv
import io

import msgspec
import pytest

from core.admin.over_time import csv_of, plotted
from core.admin.said import in_language
from core.languages.catalogue import CATALOGUE, LANGUAGES
from core.messages import Incoming, Sender, Spent, conversation_id
from core.people.roles import Role
from core.store import keys
from core.store.audit import TARGET_CHARS, Change
from core.store.pulse import policies
from core.store.use import Row, Use, days
from core.store.values import DeadLetter, read_dead_letter
from core.tools.servers import _waiting
from tests.contracts.drivers import SlackDriver, TelegramDriver, driving
from tests.harness import at_rest, until
from tests.scenarios.test_admin import TOKEN, Operator, role_of
from tests.scenarios.test_visits import Page, link_for, public

BOB = "telegram:78"


@pytest.fixture
def driver():
    return TelegramDriver()


def settings(**more):
    return {"admin_token": TOKEN, "owners": "telegram:77", "open": False, **more}


async def letter(core, name):
    """A question of Bob that was set aside."""
    mail = Incoming(
        event_id=f"telegram:{name}",
        conversation=conversation_id("telegram", "78"),
        sender=Sender(BOB, "Bob"),
        text=name,
    )
    one = DeadLetter("no answer after several tries", msgspec.json.encode(mail).decode())
    await core.redis.rpush(keys.DEAD, msgspec.json.encode(one))


async def test_a_question_set_aside_is_asked_once_however_many_put_it_back(driver, tmp_path, model):
    async with driving(driver, tmp_path, model, **settings(allowed_users=BOB)):
        core = driver.app.core
        async with Operator(driver.app.url) as one, Operator(driver.app.url) as other:
            await one.sign_in(token=TOKEN)
            await other.sign_in(token=TOKEN)
            for n in range(3):
                await letter(core, f"pears {n}")
            marks = [found["mark"] for found in (await one.see("letters"))["letters"]]
            back = {"do": "requeue", "marks": marks}
            told = await asyncio.gather(*(who.do("letters", **back) for who in (one, other) * 3))
            assert sorted(status for status, _ in told) == [200] + [409] * 5
            assert (await other.do("letters", do="drop", marks=marks))[1]["stale"] is True
            await at_rest(core)
            asked = [body["messages"][-1]["content"] for body in model.requests]
            assert sorted(asked) == ["pears 0", "pears 1", "pears 2"]
            assert [change["act"] for change in await one.changes()] == ["requeue"]
            # What was left is told.
            await letter(core, "plums")
            await core.redis.rpush(keys.DEAD, "no letter")
            marks = [found["mark"] for found in (await one.see("letters"))["letters"]]
            status, told = await one.do("letters", do="requeue", marks=marks)
            assert (status, told["count"]) == (200, 1)
            assert told["told"].startswith("1 of 2.")


async def test_of_two_operators_the_later_one_takes_nothing_back_unseen(driver, tmp_path, model):
    async with driving(driver, tmp_path, model, **settings()):
        core, url = driver.app.core, driver.app.url
        async with Operator(url) as one, Operator(url) as other:
            await one.sign_in(token=TOKEN)
            await other.sign_in(token=TOKEN)
            # A role.
            assert (await one.do("role", id=BOB, role="admin", was="stranger"))[0] == 200
            status, told = await other.do("role", id=BOB, role="blocked", was="stranger")
            assert (status, told["stale"], await role_of(core, BOB)) == (409, True, Role.ADMIN)
            # The same role again is no change.
            assert (await one.do("role", id=BOB, role="admin"))[0] == 200
            assert len(await one.changes()) == 1
            # The additions.
            mark = (await other.see("additions"))["mark"]
            mine, theirs = (f'[[persona]]\nname = "{who}"\ntext = "x"' for who in "ab")
            assert (await one.do("additions", text=mine, was=mark))[0] == 200
            assert (await other.do("additions", text=theirs, was=mark))[0] == 409
            assert (await one.see("additions"))["text"] == mine
            # A setting of a place.
            place = {"place": "telegram:-1001", "name": "persona"}
            assert (await one.do("place", **place, value="teacher", was="reset"))[0] == 200
            assert (await other.do("place", **place, value="coder", was="reset"))[0] == 409
            # Budgets of several kinds hold side by side, also when they are set at the same moment.
            limits = ("1 usd/day", "2 usd/month", "3 tokens/day", "4 pictures/day", "5 tools/day")
            who = {"tenant": "telegram", "of": "person", "who": BOB}
            await asyncio.gather(*(one.do("budget", **who, limit=limit) for limit in limits))
            assert len((await one.see("budgets"))["budgets"]) == len(limits)
            # Maintenance begins once, and a change is taken back once.
            began = await asyncio.gather(*(who.do("maintenance", on=True) for who in (one, other)))
            assert sorted(status for status, _ in began) == [200, 409]
            change = (await one.changes())[0]
            assert (change["act"], change["before"], change["after"]) == (
                "maintenance",
                False,
                True,
            )
            undone = await asyncio.gather(
                *(who.do("undo", name=change["id"]) for who in (one, other))
            )
            assert sorted(status for status, _ in undone) == [200, 409]
            assert (await one.see("now"))["maintenance"] == ""


@pytest.mark.parametrize(
    "name",
    ["telegram:@ann", "telegram:*", "telegram:=cmd", "telegram:1e3", "telegram:78:5", "telegram:x"],
)
async def test_what_can_be_nobodys_id_is_refused(driver, tmp_path, model, name):
    async with (
        driving(driver, tmp_path, model, **settings()),
        Operator(driver.app.url) as operator,
    ):
        await operator.sign_in(token=TOKEN)
        asked = {
            "role": {"id": name, "role": "member"},
            "budget": {"tenant": "telegram", "of": "person", "who": name, "limit": "1 usd/day"},
            "broadcast": {"text": "News", "places": ["telegram:78", name]},
            "sign-out": {"name": name},
        }
        for act, body in asked.items():
            status, told = await operator.do(act, **body)
            assert (status, name in told["wrong"]) == (409, True), act
        assert await operator.changes() == []


async def test_an_id_of_slack_that_has_no_digit_is_one(tmp_path, model):
    slack = SlackDriver()
    more = {"admin_token": TOKEN, "owners": "slack:U01", "open": False}
    async with driving(slack, tmp_path, model, **more), Operator(slack.app.url) as operator:
        await operator.sign_in(token=TOKEN)
        for name, status in (("slack:UABCDEFG", 200), ("slack:ann", 409), ("slack:42", 409)):
            assert (await operator.do("role", id=name, role="member"))[0] == status


async def test_odd_requests_are_refused_and_leave_nothing(driver, tmp_path, model):
    async with (
        driving(driver, tmp_path, model, **settings()),
        Operator(driver.app.url) as operator,
    ):
        core = driver.app.core
        await operator.sign_in(token=TOKEN)
        # Digits of other scripts are no id of the store.
        assert await operator.see("changes?before=\u0663-\u0663") == 400
        assert (await operator.do("undo", name="\uff11-\uff11"))[0] == 409
        # Nothing runs, so nothing is cancelled, kept or noted.
        assert (await operator.do("cancel"))[0] == 409
        assert (await operator.do("accept", name="nobody"))[0] == 409
        assert not await core.redis.exists(keys.BROADCAST)
        assert await operator.changes() == []
        await core.services.audit.note(Change("reload", "x" * 10_000, "token"))
        assert len((await operator.changes())[0]["target"]) == TARGET_CHARS


async def test_people_and_places_are_shown_with_the_names_that_are_known(driver, tmp_path, model):
    async with driving(driver, tmp_path, model, **settings(allowed_users=BOB)):
        core = driver.app.core
        async with Operator(driver.app.url) as operator:
            await operator.sign_in(token=TOKEN)
            await driver.say("dm2", "apples")
            await driver.answered("dm2")
            await at_rest(core)
            budget = {"tenant": "telegram", "of": "person", "who": BOB, "limit": "2 usd/day"}
            assert (await operator.do("budget", **budget))[0] == 200
            await letter(core, "pears")
            name = (await core.services.requests.members.look("telegram", [BOB]))[0]
            assert name is None
            for part in ("people", "budgets", "changes", "letters"):
                assert (await operator.see(part))["names"][BOB] == "Bob", part
            # A group by its title.
            month = days(1)[0][:7]
            row = msgspec.json.encode({"turns": 1, "name": "Gardeners"})
            await core.redis.hset(
                keys.tally("telegram", month), mapping={"place telegram:-1001": row}
            )
            await core.redis.hset(
                keys.tally("telegram", days(1)[0]), mapping={"place telegram:-1001": row}
            )
            assert (await operator.see("places"))["names"]["telegram:-1001"] == "Gardeners"


async def test_each_change_of_a_key_tells_where_it_went_before_and_after_and_never_the_key(
    driver, tmp_path, model
):
    more = settings(accounts_key="k" * 20)
    async with driving(driver, tmp_path, model, **more), Operator(driver.app.url) as operator:
        await operator.sign_in(token=TOKEN)
        for url, secret in (("https://a.example", "sk-1"), ("https://b.example", "sk-2"), ("", "")):
            assert (await operator.do("key", name="mine", url=url, secret=secret))[0] == 200
        told = [(one.get("before"), one["after"]) for one in await operator.changes()]
        assert told == [
            ("set for https://b.example", "forgotten"),
            ("set for https://a.example", "set for https://b.example"),
            (None, "set for https://a.example"),
        ]
        assert "sk-" not in str(await operator.changes())


def test_a_name_turns_nothing_round_behind_it():
    spent = [{"person telegram:7": Row(Spent(cost_usd=1), "\u202eevil\u2066")}]
    assert list(plotted(spent, "")["person"]["usd"]) == ["evil (telegram:7)"]


async def test_what_was_kept_in_part_is_not_taken_back(driver, tmp_path, model):
    """A letter of other scripts has up to four bytes: 900 of them are more than the log keeps."""
    async with (
        driving(driver, tmp_path, model, **settings()),
        Operator(driver.app.url) as operator,
    ):
        await operator.sign_in(token=TOKEN)
        place = {"place": "telegram:-1001", "name": "system"}
        for value in ("\u4f60" * 900, "Be brief."):
            assert (await operator.do("place", **place, value=value))[0] == 200
        change = (await operator.changes())[0]
        assert change["cut"] is True
        assert (await operator.do("undo", name=change["id"]))[0] == 409
        shown = await operator.see("place?id=telegram:-1001")
        assert shown["chosen"]["system"] == "Be brief."


async def test_who_was_told_of_maintenance_in_the_chat_is_told_on_the_page_too(
    driver, tmp_path, model, monkeypatch
):
    monkeypatch.setattr("core.store.maintenance.LOOK_AGAIN_S", 0.0)
    async with driving(driver, tmp_path, model, **settings(allowed_users=BOB), **public()):
        core, url = driver.app.core, driver.app.url
        link = await link_for(driver, "dm2")
        async with Operator(url) as operator, Page(url) as page:
            await operator.sign_in(token=TOKEN)
            assert (await page.session(link=link))[0] == 200
            assert (await operator.do("maintenance", on=True))[0] == 200
            await driver.say("dm2", "pears")
            await until(lambda: any("worked on" in one.text for one in driver.server.posts(78)))
            assert await page.ask("plums") == 202

            async def told():
                boards = [name async for name in core.redis.scan_iter(keys.board("web:*:*"))]
                posts = [post for name in boards for post in await core.redis.hvals(name)]
                return any(b"worked on" in post for post in posts)

            await until(told)
            assert model.requests == []


async def test_the_names_of_thousands_take_few_commands(driver, tmp_path, model):
    async with driving(driver, tmp_path, model, **settings()):
        core = driver.app.core
        use = Use(core.redis)
        ids = [f"telegram:{n}" for n in range(3_000)]
        row = msgspec.json.encode({"turns": 1, "name": "Bob"})
        await core.redis.hset(
            keys.tally("telegram", days(1)[0][:7]), mapping={"person telegram:78": row}
        )
        before = (await core.redis.info("commandstats")).get("cmdstat_hmget", {}).get("calls", 0)
        assert await use.names(ids) == {"telegram:78": "Bob"}
        after = (await core.redis.info("commandstats"))["cmdstat_hmget"]["calls"]
        assert after - before <= 20


async def test_tables_are_headed_in_the_operators_language(driver, tmp_path, model):
    async with (
        driving(driver, tmp_path, model, **settings()),
        Operator(driver.app.url) as operator,
    ):
        await operator.sign_in(token=TOKEN)
        url = f"{driver.app.url}/admin/api/over-time?range=24h&as=csv"
        async with operator.http.get(url, headers={"Accept-Language": "de"}) as response:
            first, *rows = csv.reader(io.StringIO((await response.text()).lstrip("\ufeff")))
        assert first[:3] == ["Zeit", "Fragen", "beantwortet"]
        assert "erster Text p95" in first
        assert len(rows) == 24


def test_a_table_loses_no_digit_and_runs_nothing_behind_any_countrys_separator():
    rows = [
        {"n": 12345678.0, "usd": -0.25, "who": text}
        for text in ("a;=cmd()", "a,+1", 'a;" =1', "x\n=1", "a | -1", "\t@x", ";;=1", "O'Neil - 5")
    ]
    told = csv_of(rows).decode("utf-8-sig")
    read = list(csv.DictReader(io.StringIO(told)))
    assert {(row["n"], row["usd"]) for row in read} == {("12345678", "-0.25")}
    assert read[-1]["who"] == "O'Neil - 5"
    for separator in ",;|\t":
        for row in csv.reader(io.StringIO(told), delimiter=separator):
            # A number of ours may stand first.
            texts = [cell for cell in row if not cell.startswith(("-0.25", "12345678,-0.25"))]
            assert not [cell for cell in texts if cell.lstrip(' "').startswith(tuple("=+-@"))]


class _Redis:
    """A store that may evict, and writes nothing to disk."""

    shards = ()

    async def info(self, part):
        told = {"maxmemory_policy": "allkeys-lru"}
        return told if part == "memory" else {"aof_enabled": 0}

    async def config_get(self, _):
        return {"save": ""}


async def test_what_processes_say_of_themselves_is_read_in_every_language():
    warnings = await policies(_Redis())
    assert len(warnings) == 2
    changed = _waiting(["crm__find"])
    said = [
        *warnings,
        f"tool server crm: {changed}",
        "telegram: has not started: no answer in 20 s",
        "slack+shop: lost: it does not answer",
        "not renewed: telegram",
        DeadLetter("no answer after several tries", "").reason,
        read_dead_letter(b"?").reason,
    ]
    for tag in LANGUAGES:
        for one in said:
            told = in_language(one, tag)
            kept = [
                word for word in ("allkeys-lru", "crm__find", "telegram: ", "20") if word in one
            ]
            assert all(word in told for word in kept)
            assert tag == "en" or told != one, (tag, one)
    assert "crm__find" in in_language(said[2], "ar")
    # What others say stays.
    for other in ("Unauthorized", "x: y", "", "it does not answer!" * 100):
        assert in_language(other, "de") == other
    assert len(CATALOGUE.texts("fa", "csv_heads")["csv_heads"]) == 29
