"""`/web`: somebody comes from the bot to the page, and is the same person there."""

import json
import re

import pytest

from core.messages import Sender
from core.people.roles import Member, Role
from core.store import keys
from tests.attacks.watching import free_port
from tests.contracts.drivers import SlackDriver, TelegramDriver, driving
from tests.harness import Browser, until

OWNER = {"telegram": "telegram:77", "slack": "slack:U01"}
BOB = {"telegram": "telegram:78", "slack": "slack:U02"}
LINK = re.compile(r"http://127\.0\.0\.1:\d+/#me=([\w-]+)")


@pytest.fixture(params=[TelegramDriver, SlackDriver], ids=lambda one: one.name)
def driver(request):
    return request.param()


def public():
    port = free_port()
    return {"web_chat": True, "http_port": port, "public_url": f"http://127.0.0.1:{port}"}


class Page(Browser):
    """A browser on the page."""

    async def session(self, **body):
        async with self.http.post(f"{self.url}/api/session", json=body) as response:
            return response.status, await response.json()

    async def sign_out(self):
        async with self.http.delete(f"{self.url}/api/session") as response:
            return response.status

    async def get(self, path):
        async with self.http.get(self.url + path) as response:
            return response.status, await response.text()

    async def ask(self, text, thread="thread-of-mine", **more):
        body = {"id": f"event-{abs(hash(text))}", "text": text, **more}
        async with self.http.post(f"{self.url}/api/conversations/{thread}", json=body) as response:
            return response.status


async def link_for(driver, place="dm"):
    await driver.say(place, "/web")

    async def found():
        for post in reversed(await driver.posts(place)):
            if match := LINK.search(post.text):
                return match[1]
        return None

    return await until(found)


async def test_who_comes_by_a_link_is_the_same_person_until_they_are_shut_out(
    driver, tmp_path, model
):
    me, bob = OWNER[driver.name], BOB[driver.name]
    more = {"open": False, "owners": me, "allowed_users": bob, **public()}
    async with driving(driver, tmp_path, model, **more):
        core = driver.app.core
        await driver.say("dm2", "apples")
        await driver.answered("dm2")
        driver.begin_anew()
        link = await link_for(driver, "dm2")
        async with Page(driver.app.url) as page, Page(driver.app.url) as thief:
            # Without a link or the server's key nobody comes in.
            assert (await page.session())[0] == 403
            assert await page.session(link=link) == (200, {"welcome": True})
            assert (await thief.session(link=link))[0] == 410
            assert (await thief.get("/api/elsewhere"))[0] == 403
            status, told = await page.session()
            assert (status, told["platform"]) == (200, driver.name)
            # The store holds neither the link nor the cookie.
            cookie = next(one.value for one in page.http.cookie_jar if "person" in one.key)
            kept = [name.decode() async for name in core.redis.scan_iter("*visit*")]
            assert kept
            assert not any(cookie in one or link in one for one in kept)
            # They ask as themselves: role, memory and budget are those of the person.
            assert await page.ask("pears") == 202
            (asked,) = await until(lambda: _asked(core, bob))
            assert asked.startswith("web:p-")
            assert await page.ask("/allow") == 202
            # What they said on their platform, and nobody else's.
            status, talks = await page.get("/api/elsewhere")
            (talk,) = json.loads(talks)
            assert (talk["platform"], talk["said"][0][0]) == (driver.name, "apples")
            # Whoever shuts them out ends their session.
            members = core.services.requests.members
            blocked = Member(Role.BLOCKED, "Bob", me, 1.0)
            await members.decide(driver.name, bob, blocked, by_owner=True, owned=True)
            assert (await page.session())[0] == 403
            assert await page.ask("plums") == 403
            assert (await page.get("/api/elsewhere"))[0] == 403


async def _asked(core, person):
    asked = await core.services.visits._archive.asked_by(person)
    return [one.conversation for one in asked if one.conversation.startswith("web:")]


async def test_a_group_never_sees_a_link_and_forget_everything_signs_out(tmp_path, model):
    driver = TelegramDriver()
    async with driving(driver, tmp_path, model, **public()):
        core = driver.app.core
        await driver.say("group", "/web")
        (post,) = await driver.posted("group")
        assert "in private" in post.text
        assert not LINK.search(post.text)
        link = await until(
            lambda: next(
                (m[1] for one in driver.server.posts(77) if (m := LINK.search(one.text))), None
            )
        )
        async with Page(driver.app.url) as page:
            assert (await page.session(link=link))[0] == 200
            assert await page.ask("pears") == 202
            await until(lambda: _asked(core, "telegram:77"))
            await until(lambda: _listed(page))
            await driver.say("dm", "/forget everything")
            await until(lambda: _button(driver))
            await driver.press("dm", await _button(driver))
            await until(lambda: _signed_out(page))
            boards = [name async for name in core.redis.scan_iter(keys.board("web:p-*"))]
            fields = [field for one in boards for field in await core.redis.hkeys(one)]
            assert not [field for field in fields if field.isdigit()]


async def test_a_slash_command_in_a_channel_sends_the_link_in_private(tmp_path, model):
    driver = SlackDriver()
    async with driving(driver, tmp_path, model, **public()):
        server = driver.server
        server.slash("/palaver", "web", "C01", "U01")
        await until(lambda: any("in private" in one.shown for _, one in server.ephemerals))
        assert not any(LINK.search(one.shown) for _, one in server.ephemerals)
        links = [LINK.search(one.shown) for (at, _), one in server.posts.items() if at == "D01"]
        assert any(links)
        assert not any(
            LINK.search(one.shown) for (at, _), one in server.posts.items() if at == "C01"
        )


async def _listed(page):
    return json.loads((await page.get("/api/conversations"))[1])


async def _button(driver):
    return next(
        (one for post in await driver.posts("dm") for one in post.commands if "yes" in one), None
    )


async def _signed_out(page):
    return (await page.session())[0] == 403


async def test_without_an_address_web_says_so(tmp_path, model):
    driver = TelegramDriver()
    async with driving(driver, tmp_path, model, web_chat=True):
        await driver.say("dm", "/web")
        (post,) = await driver.posted("dm")
        assert "PUBLIC_URL" in post.text
        await driver.say("dm", "/admin")
        posts = await driver.posted("dm", 2)
        assert "only the bot's owner" in posts[-1].text.lower()


async def test_a_link_to_one_page_opens_no_other_and_a_new_browser_signs_out_the_oldest(
    tmp_path, model, monkeypatch
):
    monkeypatch.setattr("core.store.visits.MOST_SESSIONS", 2)
    driver = TelegramDriver()
    async with driving(driver, tmp_path, model, **public()):
        visits = driver.app.core.services.visits
        person = Sender("telegram:77", "Ann")
        assert await visits.begin(await visits.invite(person, "admin")) == ""
        links = [await visits.invite(person, "page") for _ in range(3)]
        cookies = [await visits.begin(link) for link in links]
        assert await visits.person(cookies[0]) is None
        assert [await visits.person(one) for one in cookies[1:]] == [person, person]
        await visits.end(person.id)
        assert await visits.person(cookies[2]) is None
