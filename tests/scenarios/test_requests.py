"""A stranger asks, and an owner decides: with a button, or with `/allow` and `/block`."""

import asyncio
import time
from contextlib import asynccontextmanager

import pytest

from core.messages import conversation_id
from core.people.roles import Member, Role
from core.store import keys
from tests.contracts.drivers import SlackDriver, TelegramDriver, driving
from tests.harness import until
from tests.servers.slack import BOT_USER as BOT

OWNER = {"telegram": "telegram:77", "slack": "slack:U01"}
BOB = {"telegram": "telegram:78", "slack": "slack:U02"}
GROUP = {"telegram": "telegram:-1001", "slack": "slack:C01"}


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr("core.owner_codes.LOOK_S", 0.05)


@pytest.fixture(params=[TelegramDriver, SlackDriver], ids=lambda one: one.name)
def driver(request):
    return request.param()


@asynccontextmanager
async def owned(driver, tmp_path, model, **more):
    """Closed to all but the owner, with whom the bot can speak."""
    more = {"owners": OWNER[driver.name], **more}
    async with driving(driver, tmp_path, model, open=False, **more):
        yield driver.app.core


def private_posts(driver, who="owner"):
    """All posts of ours in private with the owner or Bob, in any thread."""
    server = driver.server
    if driver.name == "telegram":
        return server.posts({"owner": 77, "bob": 78}[who])
    channel = {"owner": "D01", "bob": "D02"}[who]
    return [one for (where, _), one in server.posts.items() if where == channel and one.user == BOT]


def text_of(post):
    return post.text if hasattr(post, "markup") else post.shown


async def wait_for(driver, words, who="owner"):
    """The newest post to *who* with *words*."""

    def there():
        return next((p for p in reversed(private_posts(driver, who)) if words in text_of(p)), None)

    return await until(there)


def press(driver, post, command, person=None):
    if driver.name == "telegram":
        who = driver.server.person(*person) if person else None
        driver.server.press(post, command, user=who) if who else driver.server.press(post, command)
    else:
        driver.server.press(post, command, user=person or "U01")


async def code_in_store(driver):
    """The owner code, as the log shows it."""
    redis = driver.app.core.redis
    return (await until(lambda: redis.get(keys.owner_code(driver.name)))).decode()


def in_group(driver, text, person="bob"):
    server = driver.server
    if driver.name == "telegram":
        who = server.person(78, "Bob") if person == "bob" else server.person()
        text = text if text.startswith("/") else f"@palaver_bot {text}"
        return server.say(-1001, text, user=who)
    return server.say("C01", f"<@{BOT}> {text}", user={"bob": "U02", "ann": "U01"}[person])


async def role_of(core, name):
    found = await core.services.requests.members.look(name.partition(":")[0], [name])
    return found[0] and found[0].role


async def asked(core, driver):
    return await core.services.requests.kept.waiting(driver.name)


async def test_a_stranger_is_let_in_by_a_button_and_told_so(driver, tmp_path, model):
    async with owned(driver, tmp_path, model) as core:
        await driver.say("dm2", "hello?")
        await wait_for(driver, "asked my owner", "bob")
        await driver.say("dm2", "hello??")
        post = await wait_for(driver, "wants to use me")
        assert model.requests == []
        press(driver, post, f"allow {BOB[driver.name]}")
        await wait_for(driver, "go ahead", "bob")
        await wait_for(driver, "may use me now")
        assert await asked(core, driver) == []
        driver.begin_anew()
        await driver.say("dm2", "why is the sky blue?")
        await driver.answered("dm2")
        texts = [text_of(one) for one in private_posts(driver, "bob")]
        assert sum("asked my owner" in one for one in texts) == 1
        assert len([one for one in private_posts(driver) if "wants" in text_of(one)]) == 0


async def test_a_group_is_let_in_by_a_button_and_its_members_with_it(driver, tmp_path, model):
    """And told so once, however many of them waited."""
    async with owned(driver, tmp_path, model) as core:
        in_group(driver, "hello?")
        post = await wait_for(driver, "wants to use me")
        assert "in `" in text_of(post) or "in " in text_of(post)
        if driver.name == "telegram":
            eve = driver.server.person(79, "Eve")
            driver.server.say(-1001, "@palaver_bot and me?", user=eve)
        else:
            driver.server.say("C01", f"<@{BOT}> and me?", user="U03")
        await until(lambda: len_is(core, driver, 2))
        press(driver, post, f"allow {GROUP[driver.name]}")
        await wait_for(driver, "may use me now")
        await until(lambda: told_here(driver))
        assert len(told_here(driver)) == 1
        in_group(driver, "why is the sky blue?")
        await until(lambda: model.requests)
        assert await role_of(core, BOB[driver.name]) is None


async def test_a_blocked_person_gets_no_word_any_more(driver, tmp_path, model):
    async with owned(driver, tmp_path, model) as core:
        await driver.say("dm2", "hello?")
        post = await wait_for(driver, "wants to use me")
        press(driver, post, f"block {BOB[driver.name]}")
        await wait_for(driver, "no answer")
        count = len(private_posts(driver, "bob"))
        await driver.say("dm2", "hello??")
        driver.begin_anew()
        await driver.say("dm", "a question of the owner")
        await driver.answered("dm")
        assert len(private_posts(driver, "bob")) == count
        assert await role_of(core, BOB[driver.name]) is Role.BLOCKED
        assert len(model.requests) == 1


async def test_a_crowd_of_strangers_gives_the_owner_a_few_posts(driver, tmp_path, model):
    async with owned(driver, tmp_path, model) as core:
        for number in range(20):
            if driver.name == "telegram":
                driver.server.add_private(100 + number, f"P{number}")
                who = driver.server.person(100 + number, f"P{number}")
                driver.server.say(100 + number, "hi", user=who)
            else:
                driver.server.people[f"U1{number:02}"] = f"P{number}"
                driver.server.dms[f"D1{number:02}"] = f"U1{number:02}"
                driver.server.say(f"D1{number:02}", "hi", user=f"U1{number:02}")
        await until(lambda: len_is(core, driver, 20))
        await wait_for(driver, "shows who waits")
        await until(lambda: len(private_posts(driver)) == 6)
        await driver.say("dm", "/allow")
        listed = await wait_for(driver, "Let somebody in")
        assert "(+" in text_of(listed)


def told_here(driver):
    """Our posts in the group that say who may use us."""
    server = driver.server
    posts = server.posts(-1001) if driver.name == "telegram" else server.posts.values()
    words = ("may use me now: go", "are let in now")
    return [one for one in posts if any(word in text_of(one) for word in words)]


async def test_of_two_owners_who_press_at_once_the_first_decides(driver, tmp_path, model):
    """The other is told what holds; by a command they may decide anew."""
    async with owned(driver, tmp_path, model) as core:
        decide = core.services.requests.members.decide
        bob, who = BOB[driver.name], {"by_owner": True, "owned": True}
        await driver.say("dm2", "hello?")
        post = await wait_for(driver, "wants to use me")
        ours = Member(Role.BLOCKED, by="x:cat", at=time.time())
        assert await decide(driver.name, bob, ours, **who) == "done"
        press(driver, post, f"allow {bob}")
        told = text_of(await wait_for(driver, "decided this already"))
        assert "x:cat" in told
        assert "no answer" in told
        assert await role_of(core, bob) is Role.BLOCKED
        await driver.say("dm", f"/allow {bob}")
        await until(lambda: is_role(core, bob, Role.MEMBER))
        both = [Member(role, by=role.name, at=2.0) for role in (Role.MEMBER, Role.BLOCKED)]
        told = await asyncio.gather(*(decide("x", "x:1", one, **who, since=1.0) for one in both))
        assert sorted(told) == ["decided", "done"]


async def test_several_are_decided_about_at_once_and_a_name_is_no_id(driver, tmp_path, model):
    ids = {"telegram": ("78", "telegram:79"), "slack": ("U78", "slack:U79")}[driver.name]
    async with owned(driver, tmp_path, model) as core:
        await driver.say("dm", f"/block {ids[0]}, {ids[1]}")
        await until(lambda: is_role(core, f"{driver.name}:{ids[0]}", Role.BLOCKED))
        await until(lambda: is_role(core, ids[1], Role.BLOCKED))
        driver.begin_anew()
        await driver.say("dm", f"/allow {' '.join(ids)} member")
        await until(lambda: is_role(core, ids[1], Role.MEMBER))
        await until(lambda: is_role(core, f"{driver.name}:{ids[0]}", Role.MEMBER))
        if driver.name == "slack":
            in_group(driver, "/block <@U02> and <@U03>", "ann")
            await until(lambda: is_role(core, "slack:U03", Role.BLOCKED))
            await until(lambda: is_role(core, "slack:U02", Role.BLOCKED))
        known = await core.services.requests.members.all(driver.name)
        driver.begin_anew()
        await driver.say("dm", "/block BOB WANDA")
        told = text_of(await wait_for(driver, "BOB WANDA"))
        assert "by a mention" in told
        assert await core.services.requests.members.all(driver.name) == known


async def len_is(core, driver, count):
    return len(await asked(core, driver)) == count


async def test_allow_and_block_take_a_mention_or_a_reply(driver, tmp_path, model):
    async with owned(driver, tmp_path, model) as core:
        if driver.name == "telegram":
            said = driver.server.say(-1001, "just talk", user=driver.server.person(78, "Bob"))
            driver.server.say(-1001, "/allow", reply_to=said.id, user=driver.server.person())
        else:
            in_group(driver, "/allow <@U02>", "ann")
        await until(lambda: is_role(core, BOB[driver.name], Role.MEMBER))
        if driver.name == "telegram":
            driver.server.say(-1001, "/block", reply_to=said.id, user=driver.server.person())
        else:
            in_group(driver, "/block <@U02>", "ann")
        await until(lambda: is_role(core, BOB[driver.name], Role.BLOCKED))
        in_group(driver, "/allow here", "ann")
        await until(lambda: is_role(core, GROUP[driver.name], Role.MEMBER))


async def is_role(core, name, role):
    return await role_of(core, name) is role


async def test_an_admin_lets_people_in_and_only_an_owner_names_admins(driver, tmp_path, model):
    async with owned(driver, tmp_path, model) as core:
        await driver.say("dm", f"/allow {BOB[driver.name]} admin")
        await until(lambda: is_role(core, BOB[driver.name], Role.ADMIN))
        await driver.say("dm2", f"/allow {BOB[driver.name]} owner")
        await wait_for(driver, "Only the bot's owner", "bob")
        other = {"telegram": "telegram:99", "slack": "slack:U77"}[driver.name]
        await driver.say("dm2", f"/allow {other}")
        await until(lambda: is_role(core, other, Role.MEMBER))
        await driver.say("dm2", f"/block {OWNER[driver.name]}")
        await wait_for(driver, "operator's settings", "bob")
        assert await role_of(core, BOB[driver.name]) is Role.ADMIN


async def test_the_last_owner_cannot_be_lost(driver, tmp_path, model):
    async with driving(driver, tmp_path, model, open=False):
        core = driver.app.core
        code = await code_in_store(driver)
        await driver.say("dm", code)
        await wait_for(driver, "my owner")
        for text in ("member", "off", "admin"):
            driver.begin_anew()
            await driver.say("dm", f"/allow {OWNER[driver.name]} {text}")
        driver.begin_anew()
        await driver.say("dm", f"/block {OWNER[driver.name]}")
        await until(
            lambda: sum("no owner then" in text_of(one) for one in private_posts(driver)) == 4
        )
        await driver.say("dm", f"/allow {BOB[driver.name]} owner")
        await until(lambda: is_role(core, BOB[driver.name], Role.OWNER))
        await driver.say("dm", f"/allow {OWNER[driver.name]} member")
        await until(lambda: is_role(core, OWNER[driver.name], Role.MEMBER))


async def test_two_owners_who_demote_each_other_at_once_leave_one(driver, tmp_path, model):
    async with owned(driver, tmp_path, model) as core:
        members = core.services.requests.members
        for one in ("x:1", "x:2"):
            await members.decide("x", one, Member(Role.OWNER), by_owner=True, owned=False)
        told = await asyncio.gather(
            *(
                members.decide("x", one, Member(), by_owner=True, owned=False)
                for one in ("x:1", "x:2")
            )
        )
        assert sorted(told) == ["done", "last owner"]


async def test_a_group_becomes_no_owner_or_admin(driver, tmp_path, model):
    async with owned(driver, tmp_path, model) as core:
        for count, role in enumerate(("owner", "admin"), start=1):
            await driver.say("dm", f"/allow {GROUP[driver.name]} {role}")
            await until(lambda wanted=count: helped(driver) == wanted)
        in_group(driver, "/allow here owner", "ann")
        await driver.say("dm", f"/allow {GROUP[driver.name]}")
        await until(lambda: is_role(core, GROUP[driver.name], Role.MEMBER))
        assert len(await core.services.requests.members.all(driver.name)) == 1


def helped(driver):
    """How often the owner was told how to let people in."""
    return sum("Let somebody in" in text_of(one) for one in private_posts(driver))


async def test_a_role_may_hold_in_one_place_alone(driver, tmp_path, model):
    """An admin there chooses for it, is a stranger elsewhere, and may be shut out there alone."""
    bob, group = BOB[driver.name], GROUP[driver.name]
    async with owned(driver, tmp_path, model, place_admins=False) as core:
        rights = core.services.rights
        here = conversation_id(*group.split(":"))
        elsewhere = conversation_id(driver.name, "-1002" if driver.name == "telegram" else "C02")
        in_group(driver, f"/allow {bob} admin here", "ann")
        await until(lambda: is_role(core, f"{bob}@{group}", Role.ADMIN))
        assert await rights.role_of(bob, here) is Role.MEMBER
        assert await rights.role_of(bob, elsewhere) is Role.STRANGER
        in_group(driver, "/settings about Shoes.")
        state = keys.state(here)

        async def chosen():
            return b"Shoes." in (await core.redis.hget(state, "preferences") or b"")

        await until(chosen)
        in_group(driver, f"/block {bob} here", "ann")
        await until(lambda: is_role(core, f"{bob}@{group}", Role.BLOCKED))
        assert await rights.role_of(bob, here) is Role.BLOCKED
        assert await rights.role_of(bob, elsewhere) is Role.STRANGER
        # Whom admins of one place are told of are not those who decide for the bot.
        assert [*await core.services.requests._deciders(driver.name)] == [OWNER[driver.name]]


async def test_what_is_no_id_of_the_platform_names_nobody(driver, tmp_path, model):
    wrong = {
        "telegram": ("telegram:bob", "BOB", "telegram:U02", "telegram:7a", "telegram:"),
        "slack": ("slack:bob", "slack:u02", "77", "telegram:78", "slack:"),
    }[driver.name]
    async with owned(driver, tmp_path, model) as core:
        for count, one in enumerate(wrong, start=1):
            await driver.say("dm", f"/allow {one}")
            await until(lambda wanted=count: helped(driver) == wanted)
        assert await core.services.requests.members.all(driver.name) == {}


@pytest.mark.parametrize("text", ["admin {}", "{}, Admin", "`{}` admin"])
async def test_an_id_is_found_however_it_was_copied(driver, tmp_path, model, text):
    async with owned(driver, tmp_path, model) as core:
        await driver.say("dm", f"/allow {text.format(BOB[driver.name])}")
        await until(lambda: is_role(core, BOB[driver.name], Role.ADMIN))
        assert [*await core.services.requests.members.all(driver.name)] == [BOB[driver.name]]
