"""The operator's page: who may use it, what it shows, and what it changes."""

import asyncio
import csv
import io
import itertools
import re
import threading
import time
from dataclasses import replace
from functools import partial
from importlib import resources
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from bots.reload import watch
from core.admin.entry import WRONG_S
from core.admin.over_time import csv_of, plotted, row_of, top
from core.admin.routes import TYPES
from core.counting import quantile
from core.errors import ConfigError
from core.messages import Incoming, Sender, Spent, conversation_id
from core.models.additions import Additions, StoredKey, joined
from core.models.palaver_file import PalaverFile
from core.people.roles import Role
from core.said import Said, Span
from core.store import keys
from core.store.additions import open_additions
from core.store.use import Row, days
from core.store.values import DeadLetter
from core.tasks import end
from tests.contracts.drivers import TelegramDriver, driving
from tests.harness import Browser, at_rest, settings_for, until
from tests.servers.telegram import ApiError

DEPLOY = Path(__file__).parents[2] / "deploy"
TOKEN = "a-token-of-the-operator"
REAL_SLEEP = asyncio.sleep


class Operator(Browser):
    """A browser on the operator's page."""

    async def sign_in(self, **body):
        async with self.http.post(f"{self.url}/admin/session", json=body) as response:
            return response.status

    async def see(self, name):
        async with self.http.get(f"{self.url}/admin/api/{name}") as response:
            return await response.json() if response.status == 200 else response.status

    async def do(self, act, headers=None, **body):
        url = f"{self.url}/admin/api/{act}"
        async with self.http.post(url, json=body, headers=headers or {}) as response:
            told = response.content_type == "application/json"
            return response.status, await response.json() if told else {}

    async def changes(self):
        return (await self.see("changes"))["changes"]


@pytest.fixture
def driver():
    return TelegramDriver()


async def role_of(core, name):
    (found,) = await core.services.requests.members.look("telegram", [name])
    return Role.STRANGER if found is None else found.role


async def test_only_an_owner_gets_in_and_no_other_site_and_nobody_by_guessing(
    driver, tmp_path, model, monkeypatch
):
    more = {"admin_token": TOKEN, "owners": "telegram:77", "admins": "telegram:78"}
    async with driving(driver, tmp_path, model, **more):
        core, url = driver.app.core, driver.app.url
        visits = core.services.visits
        async with Operator(url) as owner, Operator(url) as other:
            assert await owner.see("now") == 403
            assert (await owner.do("maintenance", on=True))[0] == 403
            # A link of somebody who is no owner, and one to the other page, open nothing.
            for sender, to in (("telegram:78", "admin"), ("telegram:77", "page")):
                link = await visits.invite(Sender(sender, "Ann"), to)
                assert await owner.sign_in(link=link) == 403
            link = await visits.invite(Sender("telegram:77", "Ann"), "admin")
            assert await owner.sign_in(link=link) == 200
            assert await other.sign_in(link=link) == 403
            assert (await owner.see("now"))["me"] == "Ann"
            # Another site's script may send the cookie's browser here: it is told by its Origin.
            evil = {"Origin": "https://evil.example"}
            assert (await owner.do("maintenance", headers=evil, on=True))[0] == 403
            assert (await owner.see("now"))["maintenance"] == ""
            async with owner.http.post(
                f"{url}/admin/api/maintenance", data='{"on": true}'
            ) as response:
                assert response.status == 415
            assert await other.sign_in(token="wrong") == 403
            assert await other.sign_in(token=TOKEN) == 200
            assert (await other.see("now"))["me"] == "ADMIN_TOKEN"
            # The cookie is of no use to scripts and other sites, and the store holds a digest.
            cookie = next(iter(owner.http.cookie_jar))
            assert (cookie["httponly"], cookie["samesite"]) == (True, "Strict")
            names = [name.decode() async for name in core.redis.scan_iter("*visit*")]
            assert not any(cookie.value in name for name in names)
            # Whoever is an owner no more is out at once.
            monkeypatch.setitem(core.services.access._roles, "telegram:77", Role.ADMIN)
            assert await owner.see("now") == 403


async def test_who_guesses_the_token_waits_and_locks_nobody_out(
    driver, tmp_path, model, monkeypatch
):
    """Behind one proxy all have one address. So what is counted is what waits, and not who asks."""
    waits = []

    async def sleep(seconds):
        waits.append(seconds)
        await REAL_SLEEP(0 if len(waits) == 1 else 60)

    async with driving(driver, tmp_path, model, admin_token=TOKEN, owners="telegram:77"):
        core, url = driver.app.core, driver.app.url
        monkeypatch.setattr("core.admin.entry.MOST_WRONG", 3)
        monkeypatch.setattr("core.admin.entry.asyncio", SimpleNamespace(sleep=sleep))
        before = {name async for name in core.redis.scan_iter("*")}
        async with Operator(url) as guesser, Operator(url) as owner:
            assert await guesser.sign_in(token="wrong-1") == 403
            many = [asyncio.create_task(guesser.sign_in(token=f"wrong-{n}")) for n in range(40)]
            await until(lambda: sum(one.done() for one in many) == 37)
            assert {one.result() for one in many if one.done()} == {403}
            assert waits == [WRONG_S] * 4, "three wait, and the others hold no connection"
            after = {name async for name in core.redis.scan_iter("*")}
            assert not [name for name in after - before if b"admin" in name or b"told" in name]
            assert await owner.sign_in(token=TOKEN) == 200
            assert (await owner.see("now"))["me"] == "ADMIN_TOKEN"
            await end(many)
            # Who hangs up makes room.
            await guesser.http.close()


@pytest.mark.parametrize("token", ["short-but-mixed", "a" * 40, "12" * 8, "abcdefg" * 3])
def test_a_token_that_could_be_guessed_is_refused(tmp_path, token):
    with pytest.raises(ValueError, match=r"at least (16|8 different) characters"):
        settings_for(tmp_path, admin_token=token)


async def test_an_owner_asks_the_bot_for_the_link_and_what_they_change_is_noted_and_undone(
    driver, tmp_path, model
):
    more = {"admin_token": TOKEN, "owners": "telegram:77", "open": False}
    async with driving(driver, tmp_path, model, **more):
        core = driver.app.core
        async with Operator(driver.app.url) as operator:
            await operator.sign_in(token=TOKEN)
            await driver.say("dm2", "May I?")
            asked = await until(lambda: _asked(operator))
            assert (asked[0]["person"], asked[0]["name"]) == ("telegram:78", "Bob")
            assert (await operator.do("role", id="telegram:78", role="member"))[0] == 200
            await until(lambda: any("go ahead" in one.text for one in driver.server.posts(78)))
            assert await _asked(operator) == []
            await driver.say("dm2", "apples")
            await driver.answered("dm2")
            # Who decided, from what to what; the same for a command in a chat.
            await driver.say("dm", "/block telegram:78")
            await until(lambda: _role_is(core, "telegram:78", Role.BLOCKED))
            by_chat, by_page = (await operator.changes())[:2]
            assert [by_page[name] for name in ("by", "act", "target", "before", "after")] == [
                "token",
                "role",
                "telegram:78",
                "stranger",
                "member",
            ]
            assert (by_chat["by"], by_chat["after"]) == ("telegram:77", "blocked")
            # What holds no more cannot be taken back; what holds can.
            assert (await operator.do("undo", name=by_page["id"]))[0] == 409
            assert (await operator.do("undo", name=by_chat["id"]))[0] == 200
            assert await role_of(core, "telegram:78") is Role.MEMBER
            assert (await operator.changes())[0]["undoes"] == by_chat["id"]
            for name in ("", "x", "$", "9" * 30, "1-1"):
                assert (await operator.do("undo", name=name))[0] == 409
            # What the settings say, and who is nobody, nobody changes here.
            for name in ("telegram:77", "web:someone", "nobody", "telegram:", "telegram:1\n2"):
                status, told = await operator.do("role", id=name, role="blocked")
                assert (status, bool(told["wrong"])) == (409, True)
            assert (await operator.do("role", id="telegram:-1001", role="owner"))[0] == 409
            assert (await operator.do("role", id="telegram:78", role="god"))[0] == 400
            visits = core.services.visits
            cookie = await visits.begin(await visits.invite(Sender("telegram:78", "Bob"), "page"))
            assert await visits.person(cookie) is not None
            assert (await operator.do("sign-out", name="telegram:78"))[0] == 200
            assert await visits.person(cookie) is None
            await _money(operator, core)
            await _settings(operator, core)
            await _concerns(operator, driver)


async def _settings(operator, core):
    group = "telegram:-1001"
    choose = {"place": group, "name": "persona"}
    assert (await operator.do("place", **choose, value="teacher"))[0] == 200
    assert (await operator.do("place", place=group, name="voice", value="off"))[0] == 200
    assert (await operator.see(f"place?id={group}"))["chosen"] == {
        "persona": "teacher",
        "voice": "off",
    }
    held = await core.inbox.places.chosen(conversation_id("telegram", "-1001"))
    assert (held.preferences.persona, held.preferences.voice) == ("teacher", False)
    for name, value in (("persona", "nobody"), ("when", "often"), ("lang", "?"), ("theme", "x")):
        assert (await operator.do("place", place=group, name=name, value=value))[0] == 409
    assert (await operator.do("place", place="web:me", name="lang", value="de"))[0] == 400
    _, chosen = (await operator.changes())[:2]
    assert (chosen["before"], chosen["after"]) == ("reset", "teacher")
    assert (await operator.do("undo", name=chosen["id"]))[0] == 200
    assert (await operator.see(f"place?id={group}"))["chosen"] == {"voice": "off"}


async def _concerns(operator, driver):
    """What a group is concerned by is told there; in private, people choose that for themselves."""
    group, server = "telegram:-1001", driver.server
    choose = partial(operator.do, "place", place=group)

    def last():
        return server.posts(-1001)[-1].text

    # Telegram does not show us yet what people write there: the operator hears of it.
    status, told = await choose(name="context", value="recent 20")
    assert (status, "privacy mode" in told["told"]) == (200, True)
    assert "context is recent 20 (chosen here)" in last()
    assert (await choose(name="when", value="useful"))[0] == 200
    assert (await choose(name="system", value="You speak of gardens."))[0] == 200
    shown = await operator.see(f"place?id={group}")
    assert shown["chosen"]["context"] == "recent 20"
    assert shown["chosen"]["system"] == "You speak of gardens."
    assert shown["settings"]["when"]["choices"] == ["mention", "reply", "always", "useful"]
    assert "when is useful" in last()
    overheard = driver.app.core.services.overheard
    said = Said(
        message="5", at=time.time(), author="Ann", text="Roses are red.", person="telegram:77"
    )
    span = Span(most=9, most_chars=900)
    await overheard.keep(conversation_id("telegram", "-1001"), said)
    assert len((await overheard.read(conversation_id("telegram", "-1001"), span)).said) == 1
    change = next(one for one in await operator.changes() if one["target"] == f"{group} context")
    assert (await operator.do("undo", name=change["id"]))[0] == 200
    assert "context is off (default)" in last()
    assert (await overheard.read(conversation_id("telegram", "-1001"), span)).said == ()
    # Who cannot be told is not overheard.
    server.fail_next("sendMessage", ApiError(403, "Forbidden: bot was kicked"))
    status, told = await choose(name="context", value="recent 50")
    assert (status, "could not be told" in told["wrong"]) == (409, True)
    assert "context" not in (await operator.see(f"place?id={group}"))["chosen"]
    private = await operator.see("place?id=telegram:78")
    assert {"context", "when", "system"}.isdisjoint(private["settings"])
    assert (await operator.do("place", place="telegram:78", name="system", value="x"))[0] == 409


async def _money(operator, core):
    budget = {"tenant": "telegram", "of": "person", "who": "telegram:78"}
    assert (await operator.do("budget", **budget, limit="2 usd/day"))[0] == 200
    assert (await operator.do("budget", **budget, limit="lots"))[0] == 409
    assert (await operator.do("budget", **{**budget, "who": "slack:U1"}, limit="1 usd/day"))[
        0
    ] == 409
    assert (await operator.do("budget", **budget, grant="1 usd"))[0] == 200
    assert (await operator.see("budgets"))["budgets"][0]["limit"] == "$2.00 / day"
    granted, was_set = (await operator.changes())[:2]
    assert (granted["act"], granted["after"]) == ("grant", "1 usd")
    assert (await operator.do("undo", name=granted["id"]))[0] == 409
    assert (await operator.do("undo", name=was_set["id"]))[0] == 200
    for odd in ("", "x", "*", "1-1", "\0"):
        assert (await operator.do("undo", name=odd))[0] == 409
        assert await operator.see(f"changes?before={quote(odd)}") in (400, {"changes": []})
    assert (await operator.see("budgets"))["budgets"] == []


async def _asked(operator):
    found = await operator.see("people")
    return next(one["asked"] for one in found["tenants"] if one["tenant"] == "telegram")


async def _role_is(core, name, role):
    return await role_of(core, name) is role


async def test_maintenance_letters_and_a_message_to_many_places(
    driver, tmp_path, model, monkeypatch
):
    monkeypatch.setattr("core.store.maintenance.LOOK_AGAIN_S", 0.0)
    monkeypatch.setattr("core.admin.broadcasting.PAUSE_S", 0.0)
    more = {"admin_token": TOKEN, "owners": "telegram:77"}
    async with driving(driver, tmp_path, model, **more):
        core = driver.app.core
        async with Operator(driver.app.url) as operator:
            await operator.sign_in(token=TOKEN)
            await operator.do("maintenance", on=True)
            await driver.say("dm2", "apples")
            await until(lambda: any("worked on" in one.text for one in driver.server.posts(78)))
            await driver.say("dm", "pears")
            await driver.answered("dm")
            assert [one["messages"][-1]["content"] for one in model.requests] == ["pears"]
            await operator.do("maintenance", on=False)
            assert (await operator.changes())[0]["before"] is True

            # A question set aside is named without its words; it is asked again, or dropped.
            for name in ("one", "two"):
                mail = Incoming(
                    event_id=f"telegram:{name}",
                    conversation=conversation_id("telegram", "78"),
                    sender=Sender("telegram:78", "Bob"),
                    text=f"secret {name}",
                )
                letter = DeadLetter("it failed", msgspec.json.encode(mail).decode())
                await core.redis.rpush(keys.DEAD, msgspec.json.encode(letter))
            letters = (await operator.see("letters"))["letters"]
            assert "secret" not in str(letters)
            assert (await operator.do("letters", do="drop", marks=[letters[0]["mark"]]))[1] == {
                "count": 1
            }
            assert (await operator.do("letters", do="requeue", marks=[letters[1]["mark"]]))[1] == {
                "count": 1
            }
            await driver.answered("dm2")
            assert model.requests[-1]["messages"][-1]["content"] == "secret two"

            await at_rest(core)
            places = [one["id"] for one in (await operator.see("places"))["places"]]
            assert set(places) == {"telegram:77", "telegram:78"}
            news = {"text": "**News** for all", "places": [*places, "telegram:404"]}
            assert (await operator.do("broadcast", text="x", places=["web:me"]))[0] == 409
            assert (await operator.do("broadcast", **news))[0] == 200
            sending = await until(lambda: _sent(operator))
            assert (sending["done"], sending["failed"]) == (3, ["telegram:404"])
            for chat in (77, 78):
                assert sum("News for all" in one.text for one in driver.server.posts(chat)) == 1
            monkeypatch.setattr("core.admin.broadcasting.PAUSE_S", 60.0)
            await operator.do("broadcast", **news)
            assert (await operator.do("broadcast", **news))[0] == 409
            monkeypatch.setattr("core.admin.broadcasting.PAUSE_S", 0.0)
            await operator.do("cancel")

            # Tools that only read can be tried.
            status, told = await operator.do(
                "try", tool="calculate", arguments={"expression": "6*7"}
            )
            assert (status, "42" in told["text"]) == (200, True)
            assert (await operator.do("try", tool="calculate", arguments={"x": 1}))[0] == 409
            assert (await operator.do("try", tool="remind", arguments={}))[0] == 409


async def _sent(operator):
    sending = (await operator.see("places"))["sending"]
    return sending if sending and sending["state"] == "done" else None


async def test_what_happened_is_counted_by_the_hour_and_the_day_and_goes_with_the_person(
    driver, tmp_path, model, monkeypatch
):
    monkeypatch.setattr("core.counting.EVERY_S", 0.05)
    more = {"admin_token": TOKEN, "owners": "telegram:77", "llm_price": "1,1,1000"}
    async with driving(driver, tmp_path, model, **more):
        core = driver.app.core
        async with Operator(driver.app.url) as operator:
            await operator.sign_in(token=TOKEN)
            await driver.say("dm", "apples")
            await driver.answered("dm")
            await at_rest(core)
            row = await until(lambda: _counted(operator))
            assert (row["questions"], row["failed"], row["models"]) == (1, 0, {"scripted": 1})
            assert row["usd"] > 0
            assert all(0 < part < 10 for part in row["first"])
            assert all(0 < part < 10 for part in row["whole"])
            await _scraped(operator, driver.app.url)
            month = await operator.see("over-time?range=30d")
            assert month["rows"][-1]["people"] == 1
            assert month["top"]["person"][0]["who"] == "telegram:77"
            ((named, dollars),) = month["spent"]["person"]["usd"].items()
            assert "telegram:77" in named
            assert len(dollars) == len(month["dates"]) == 30
            assert dollars[-1] > 0
            assert month["top"]["model"][0]["who"] == "scripted"
            replica = await until(lambda: _idle(operator))
            assert replica["wrong"] == {}
            assert replica["models"][0]["name"] == "scripted"
            # Every key has an end, and who forgets everything is in none of them.
            for name in [one async for one in core.redis.scan_iter(keys.use("*"))]:
                assert 0 < await core.redis.ttl(name) <= 95 * 24 * 3600
            await core.inbox.engine.eraser.everything("telegram:77")
            spent = await core.redis.hgetall(keys.tally("telegram", days(1)[0]))
            assert b"person telegram:77" not in spent
            assert b"model scripted" in spent
            async with operator.http.get(
                f"{driver.app.url}/admin/api/over-time?range=24h&as=csv"
            ) as response:
                table = list(csv.DictReader(io.StringIO((await response.text()).lstrip("\ufeff"))))
            assert len(table) == 24
            assert table[-1]["questions"] == "1"
            async with operator.http.get(
                f"{driver.app.url}/admin/api/over-time?range=7d&as=costs"
            ) as response:
                table = list(csv.DictReader(io.StringIO((await response.text()).lstrip("\ufeff"))))
            # Of a person who was forgotten, and of their chat, no row is left.
            assert [(one["kind"], one["id"]) for one in table] == [("model", "scripted")]
            assert await operator.see("over-time?range=1y") == 400


async def _scraped(operator, url):
    """What `deploy/` asks Prometheus for stands in `/metrics`, and what happened was counted."""
    async with operator.http.get(f"{url}/metrics") as response:
        families = {one.name: one for one in text_string_to_metric_families(await response.text())}
    there = {sample.name for one in families.values() for sample in one.samples}
    for name in ("prometheus-rules.yaml", "grafana-dashboard.json"):
        asked = set(re.findall(r"palaver_\w+", (DEPLOY / name).read_text("utf-8")))
        known = {
            one for one in asked if one in there or re.sub(r"_(bucket|total)$", "", one) in families
        }
        assert asked == known, name
    for lag in ("palaver_loop_lag_seconds", "palaver_whole_text_seconds"):
        ends = [one for one in families[lag].samples if one.labels.get("le") == "+Inf"]
        assert sum(one.value for one in ends) > 0, lag


async def _idle(operator):
    (replica,) = (await operator.see("now"))["replicas"]
    return None if replica["running"] else replica


async def _counted(operator):
    rows = (await operator.see("over-time?range=24h"))["rows"]
    found = [one for one in rows if one["questions"] and one["first"][0] is not None and one["usd"]]
    return found[0] if found else None


FILE = """
[[model]]
name = "fast"
base_url = "{url}"
model = "scripted"

[[persona]]
name = "{persona}"
text = "Speak."

[[filter]]
action = "mask"
words = ["{word}"]

[[budget]]
of = "person"
most = "{most} usd/day"
"""


async def test_a_changed_file_holds_without_a_restart_and_a_wrong_one_changes_nothing(
    driver, tmp_path, model, monkeypatch
):
    monkeypatch.setattr("bots.reload.LOOK_S", 0.02)
    path = tmp_path / "palaver.toml"

    def write(**words):
        path.write_text(FILE.format(url=model.url, **words))

    write(persona="pirate", word="grape", most=5)
    more = {"admin_token": TOKEN, "owners": "telegram:77", "palaver_config": path}
    async with driving(driver, tmp_path, model, **more):
        core = driver.app.core
        async with Operator(driver.app.url) as operator:
            await operator.sign_in(token=TOKEN)
            path.write_text("[[model]]\nname = 1")
            status, told = await operator.do("reload")
            assert (status, "palaver.toml" in told["wrong"]) == (409, True)
            assert "pirate" in core.services.personas
            # A bot that is set up wrongly is in the same file: nothing of it is taken.
            write(persona="poet", word="apples", most=7)
            path.write_text(f'{path.read_text()}\n[[telegram]]\nname = "../shop"')
            status, told = await operator.do("reload")
            assert (status, "a name has letters" in told["wrong"]) == (409, True)
            assert "pirate" in core.services.personas
            read_in = []
            monkeypatch.setattr(
                "core.clients.joined",
                lambda *of: read_in.append(threading.current_thread()) or joined(*of),
            )
            write(persona="poet", word="apples", most=7)
            assert (await operator.do("reload"))[0] == 200
            assert "pirate" not in core.services.personas
            assert threading.main_thread() not in read_in
            assert read_in
            assert "poet" in core.services.personas
            await driver.say("dm", "grape and apples")
            await driver.answered("dm")
            asked = model.requests[-1]["messages"][-1]["content"]
            assert ("grape and " in asked, "apples" in asked) == (True, False)
            (budget,) = (await operator.see("budgets"))["budgets"]
            assert budget["limit"] == "$7.00 / day"
            # Each replica sees by itself that its file was changed.
            renew = partial(core.models.renewal.take, core.services.budgets)
            watching = asyncio.create_task(watch(replace(core.lent, renew=renew)))
            looks = itertools.count()

            def changed():
                # Whoever watches may not have begun yet.
                if (look := next(looks)) % 20 == 0:
                    write(persona="clown", word="grape", most=look + 1)
                return "clown" in core.services.personas

            await until(changed)
            await end([watching])


ADDED = """
[[persona]]
name = "pirate"
text = "Speak like a pirate."

[[model]]
name = "extra"
base_url = "{url}"
model = "extra-1"
key = "mine"
"""


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('[[persona]]\nname = "x"\ntext_in = "/etc/passwd"', "name files"),
        ('[[place]]\nid = "telegram:1"\nknows = ["/etc/passwd"]', "name files"),
        ('[[tools.server]]\nname = "x"\ncommand = ["sh"]', "tools"),
        (
            '[[model]]\nname = "x"\nbase_url = "https://a.example"\nmodel = "m"\nkey = "PATH"',
            "PATH",
        ),
        (ADDED.format(url="https://evil.example"), "is for https://api.example"),
        (
            '[[model]]\nname = "x"\nbase_url = "https://a.example"\nmodel = "m"\n'
            'headers = {a = "b"}',
            "secrets",
        ),
        *(
            (f'[[model]]\nname = "x"\nbase_url = "{url}"\nmodel = "m"', fault)
            for url, fault in (
                ("https://u:p@a.example", "a password"),
                ("https://:p@a.example", "a password"),
                ("https://sk-1@a.example/v1", "a password"),
                ("https://a.example/v1?key=sk-1", "a key"),
                ("https://a.example/v1?", "a key"),
                ("https://a.example/v1#sk-1", "a key"),
            )
        ),
        ("no toml", "added"),
    ],
)
def test_what_is_added_on_the_page_reads_no_file_starts_nothing_and_sends_no_key_elsewhere(
    text, fault
):
    keys = {"mine": StoredKey("secret", "https://api.example/v1")}
    with pytest.raises(ConfigError, match=fault) as refused:
        joined(PalaverFile(), Additions(text, keys))
    assert "sk-1" not in str(refused.value)


async def test_models_and_keys_are_added_on_the_page_and_the_keys_are_never_shown(
    driver, tmp_path, model, monkeypatch
):
    monkeypatch.setattr("core.renewal.LOOK_S", 0.05)
    more = {"admin_token": TOKEN, "owners": "telegram:77", "accounts_key": "k" * 20}
    async with driving(driver, tmp_path, model, **more):
        core = driver.app.core
        async with Operator(driver.app.url) as operator:
            await operator.sign_in(token=TOKEN)
            text = ADDED.format(url=model.url)
            assert (await operator.do("additions", text=text))[0] == 409
            key = {"name": "mine", "url": model.url, "secret": "sk-very-secret"}
            for url in (f"{model.url}?key=sk-1234567", model.url.replace("//", "//:sk-1234567@")):
                status, told = await operator.do("key", **{**key, "url": url})
                assert (status, "sk-1234567" in str(told)) == (409, False)
                status, told = await operator.do("additions", text=ADDED.format(url=url))
                assert (status, "sk-1234567" in str(told)) == (409, False)
            assert (await operator.do("key", **key))[0] == 200
            assert (await operator.do("additions", text=text))[0] == 200
            assert "sk-1234567" not in str(
                [await operator.see("additions"), await operator.changes()]
            )
            await driver.say("dm", "/model extra")
            await driver.posted("dm")
            await driver.say("dm", "apples")
            await driver.answered("dm")
            assert model.requests[-1]["model"] == "extra-1"
            assert "pirate" in core.services.personas
            # What needs the key is not left without it; it goes nowhere else; nobody reads it.
            assert (await operator.do("key", name="mine"))[0] == 409
            moved = {**key, "url": "https://evil.example"}
            assert (await operator.do("key", **moved))[0] == 409
            told = [await operator.see(name) for name in ("additions", "changes", "now")]
            assert "sk-very-secret" not in str(told)
            kept = await core.redis.hgetall(keys.ADDED_KEYS)
            assert b"mine" in kept
            assert b"sk-very-secret" not in b"".join(kept.values())
            change = (await operator.changes())[0]
            assert (change["act"], change["after"]) == ("additions", text)
            assert (await operator.do("undo", name=change["id"]))[0] == 200
            assert "pirate" not in core.services.personas
            assert (await operator.do("key", name="mine"))[0] == 200
            assert await core.redis.hgetall(keys.ADDED_KEYS) == {}
            # What another process adds is taken by itself, and what is wrong there changes nothing.
            additions = open_additions(core.redis, core.settings)
            poet = '[[persona]]\nname = "poet"\ntext = "Rhyme."'
            assert await additions.write(poet, was="")
            await until(lambda: "poet" in core.services.personas)


def test_quantiles_are_read_from_buckets():
    counted = {"first|a|0.1": 50, "first|a|1.0": 99, "first|a|+Inf": 100, "first|b|0.1": 0}
    assert quantile(counted, "first", 0.5) == pytest.approx(0.1)
    assert 0.1 < quantile(counted, "first", 0.95) < 1
    assert quantile(counted, "first", 1.0) == 1.0
    assert quantile({}, "first", 0.5) is None


def test_a_table_runs_nothing_in_a_spreadsheet_and_the_top_is_of_all_days():
    row = row_of({"usd|=cmd()": 1.0, "tokens|m|prompt": 5, "tokens|m|cached": 4})
    assert (row["usd"], row["tokens"]) == (1.0, 5)
    told = csv_of([{"at": "=1+1", **row}]).decode()
    assert "'=1+1" in told
    assert "'\uff1d1" in csv_of([{"at": " \uff1d1"}]).decode().replace(" ", "")
    spent = [
        {"person a": Row(Spent(cost_usd=1))},
        {"person a": Row(Spent(cost_usd=2), "Ann"), "person b": Row(Spent(cost_usd=2.5))},
    ]
    assert [(one["who"], one["name"], one["usd"]) for one in top(spent)["person"]] == [
        ("a", "Ann", 3.0),
        ("b", "", 2.5),
    ]


def test_what_each_spent_is_plotted_by_day_for_the_first_five_and_the_rest_without_losing_any():
    days_of = [
        {f"person p{n}": Row(Spent(prompt_tokens=n), "Ann" if n > 8 else "") for n in range(10)},
        {"person p0": Row(Spent(cost_usd=0.5, completion_tokens=7)), "model m": Row(Spent(9))},
    ]
    told = plotted(days_of, "the rest")
    tokens = told["person"]["tokens"]
    assert list(tokens) == ["Ann (p9)", "p8", "p0", "p7", "p6", "the rest"]
    assert [sum(day) for day in zip(*tokens.values(), strict=True)] == [45, 7]
    # Who spent nothing has no line.
    assert told["person"]["usd"] == {"p0": [0, 0.5]}
    assert told["place"] == {"usd": {}, "tokens": {}}


def test_every_file_of_the_page_is_served():
    folder = resources.files("core.admin") / "page"
    assert {*TYPES, "admin.html"} == {one.name for one in folder.iterdir()}
