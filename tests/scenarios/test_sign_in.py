"""People sign in to a tool server, each for themselves, and answers that waited for it go on."""

import re
from contextlib import asynccontextmanager

import pytest

from core.errors import ConfigError
from core.mcp.entry import ServerEntry
from core.settings import Settings
from core.store.sign_ins import SignIns, open_sign_ins
from core.store.vault import Vault
from tests.attacks.watching import free_port
from tests.contracts.drivers import SlackDriver, TelegramDriver, WebDriver, driving, started
from tests.harness import until
from tests.scenarios.test_check import check
from tests.servers.authorization import Authorization, Browser
from tests.servers.mcp_http import McpHttp
from tests.servers.redis import redis_at
from tests.servers.tools import calling, outputs

KEY = "an-accounts-key-of-32-characters"
LINK = re.compile(r"http://127\.0\.0\.1:\d+/sign-in/[\w-]+")


@asynccontextmanager
async def crm(authorization=None, **more):
    """A server that wants people to sign in, and its authorization server."""
    authorization = authorization or Authorization(**more)
    server = McpHttp(user=authorization.user_of)
    async with server.running(*authorization.routes()):
        authorization.at(server.url)
        server.challenge = authorization.challenge()
        yield server, authorization
    assert not server.broken
    assert not authorization.broken


def settings(tmp_path, server, more=""):
    path = tmp_path / "palaver.toml"
    path.write_text(
        f'[[tools.server]]\nname = "crm"\nurl = "{server.url}"\nsign_in = true\n'
        f'allow = ["*"]\nread = ["whoami", "echo"]\n{more}\n'
    )
    port = free_port()
    return {
        "palaver_config": path,
        "public_url": f"http://127.0.0.1:{port}",
        "http_port": port,
        "accounts_key": KEY,
    }


@asynccontextmanager
async def with_crm(driver, tmp_path, model, **more):
    """The program on the platform of *driver*, with such a server."""
    async with (
        crm(**more) as (server, authorization),
        driving(driver, tmp_path, model, **settings(tmp_path, server)),
    ):
        yield server, authorization


async def told(driver, place):
    if isinstance(driver, SlackDriver) and place == "dm":
        # Also outside the thread in which the person wrote.
        return [one.shown for (channel, _), one in driver.server.posts.items() if channel == "D01"]
    return [one.text for one in await driver.posts(place)]


async def link_in(driver, place, count=1):
    """The newest link in the private chat *place*, once there are *count*."""

    async def found():
        links = [link for text in await told(driver, place) for link in LINK.findall(text)]
        return links[-1] if len(links) >= count else None

    return await until(found)


async def signed_in(authorization, link, user, browser=None):
    """What *user* must say in the chat, after they opened *link* and agreed."""
    browser = browser or Browser()
    status, away, _ = await browser.get(link)
    assert status == 302
    status, _, page = await browser.get(await authorization.approve(away, user))
    assert status == 200
    return re.search(r"/tools code \d{8}", page)[0]


async def said(driver, place, text):
    async def found():
        return [one for one in await driver.posts(place) if text in one.text]

    return await until(found)


WHOAMI = ("", [("crm__whoami", {})])


@pytest.mark.parametrize(
    ("make", "private", "group"),
    [(TelegramDriver, "dm", "group"), (SlackDriver, "dm", "channel"), (WebDriver, "page", "page")],
)
async def test_a_person_gets_a_link_in_private_signs_in_and_the_answer_goes_on_by_itself(
    make, private, group, tmp_path, model
):
    driver = make()
    calling(model, ("Let me see.", [("crm__sign_in", {})]), WHOAMI)
    web = {"web_chat": "open"} if make is WebDriver else {}
    async with (
        crm() as (server, authorization),
        driving(driver, tmp_path, model, **settings(tmp_path, server), **web),
    ):
        await driver.say(group, "what is new in the crm?")
        await said(driver, group, "not signed in there")
        link = await link_in(driver, private)
        links = [one for one in await driver.posts(group) if LINK.search(one.text)]
        assert not links or private == group
        assert not server.calls
        code = await signed_in(authorization, link, "ann")
        await driver.say(private, code)
        (post,) = await said(driver, group, "RESULT The person is signed in. Call its tools. / ann")
        assert "not signed in there" not in post.text
        # The link works once.
        assert (await Browser().get(link))[0] == 410
        assert await said(driver, private, "You are signed in to")
        # No secret was ever shown to the model.
        told = str(model.requests)
        for secret in (*authorization.access, *authorization.refresh, link, code):
            assert secret not in told
        await driver.say(private, "/tools sign out crm")
        await said(driver, private, "signed out")
        assert len(authorization.revoked) == 2
        calling(model, WHOAMI)
        await driver.say(private, "again")
        await link_in(driver, private, 2)
    assert authorization.asked == ["authorization_code"]


async def test_one_persons_account_is_never_used_for_another_on_any_replica(tmp_path, model):
    driver = TelegramDriver()
    calling(model, WHOAMI)
    async with (
        crm() as (server, authorization),
        redis_at(tmp_path / "redis") as redis,
        driver.running(),
    ):
        one = {**settings(tmp_path, server), "redis_url": redis.url}
        two = {**one, "http_port": 0}
        async with (
            started(driver, tmp_path / "one", model, **one) as first,
            started(driver, tmp_path / "two", model, **two) as second,
        ):
            bob = driver.server.person(78, "Bob")
            for place, user in (("dm", "ann"), ("dm2", "bob")):
                await driver.say(place, "/tools sign in crm")
                code = await signed_in(authorization, await link_in(driver, place), user)
                await driver.say(place, code)
                await said(driver, place, "You are signed in to")
            # What was offered through one of them is known to both.
            known = [one.core.services.servers.known for one in (first, second)]
            await until(lambda: all("crm__whoami" in one() for one in known))
            for n in range(4):
                driver.server.say(-1001, f"@palaver_bot {n}", user=driver.server.person())
                driver.server.say(-1001, f"@palaver_bot {n}", user=bob)
            await driver.answered("group", 8)
    asked = {}
    for request in model.requests:
        told = [one["content"] for one in request["messages"] if one["role"] == "user"]
        if done := outputs(request):
            asked.setdefault(told[-1].partition(":")[0], set()).update(done)
    assert asked == {"Ann": {"ann"}, "Bob": {"bob"}}


async def test_a_link_that_is_passed_on_gives_nobody_the_account_of_another(tmp_path, model):
    """Mallory sends Ann her own link, and Ann signs in with it."""
    driver = TelegramDriver()
    async with with_crm(driver, tmp_path, model) as (_, authorization):
        await driver.say("dm2", "/tools sign in crm")
        code = await signed_in(authorization, await link_in(driver, "dm2"), "ann")
        # Ann does as the page says, and Mallory can only guess.
        await driver.say("dm", code)
        await said(driver, "dm", "no sign-in of yours")
        for guess in range(5):
            await driver.say("dm2", f"/tools code {guess:08}")
        await driver.say("dm2", code)
        await until(lambda: _count(driver, "dm2", "no sign-in of yours", 6))
        sign_ins = driver.app.core.services.sign_ins
        assert not await sign_ins.servers_of("telegram:78")
        assert not await sign_ins.servers_of("telegram:77")


async def _count(driver, place, text, count):
    return sum(text in one.text for one in await driver.posts(place)) >= count


async def test_a_link_begins_a_bounded_number_of_walks(tmp_path, model, monkeypatch):
    """Each is kept, and a link may have come into other hands."""
    monkeypatch.setattr("core.store.sign_ins.MOST_WALKS", 3)
    driver = TelegramDriver()
    async with with_crm(driver, tmp_path, model):
        await driver.say("dm", "/tools sign in crm")
        link = await link_in(driver, "dm")
        statuses = [(await Browser().get(link))[0] for _ in range(5)]
        assert statuses == [302, 302, 302, 410, 410]


async def test_who_comes_back_must_be_who_set_out_and_only_once(tmp_path, model):
    driver = TelegramDriver()
    async with with_crm(driver, tmp_path, model) as (_, authorization):
        for number, fault in enumerate(("browser", "state", "iss", "no iss", "error", "twice")):
            await driver.say("dm", "/tools sign in crm")
            browser = Browser()
            _, away, _ = await browser.get(await link_in(driver, "dm", number + 1))
            back = await authorization.approve(away, "ann")
            match fault:
                case "browser":
                    assert (await Browser().get(back))[0] == 410
                case "state":
                    wrong = re.sub(r"state=[^&]+", "state=x", back)
                    assert (await browser.get(wrong))[0] == 410
                case "iss":
                    wrong = re.sub(r"iss=[^&]+", "iss=https%3A%2F%2Fevil.example", back)
                    assert (await browser.get(wrong))[0] == 400
                case "no iss":
                    wrong = re.sub(r"&iss=[^&]+", "", back)
                    assert (await browser.get(wrong))[0] == 400
                case "error":
                    wrong = re.sub(r"code=[^&]+", "error=access_denied", back)
                    assert (await browser.get(wrong))[0] == 400
                case "twice":
                    assert (await browser.get(back))[0] == 200
                    assert (await browser.get(back))[0] == 410
    assert authorization.asked == ["authorization_code"]


async def test_tokens_that_end_are_renewed_once_however_many_ask(tmp_path, model):
    driver = TelegramDriver()
    reads = [("crm__echo", {"text": str(n)}) for n in range(4)]
    calling(model, ("", reads))
    # Each refresh token counts once, and each access token is over at once.
    async with with_crm(driver, tmp_path, model, lasts=1) as (server, authorization):
        await driver.say("dm", "/tools sign in crm")
        code = await signed_in(authorization, await link_in(driver, "dm"), "ann")
        authorization.lasts = 3600
        await driver.say("dm", code)
        await said(driver, "dm", "You are signed in to")
        await driver.say("dm", "go")
        await driver.answered("dm")
        assert authorization.asked == ["authorization_code", "refresh_token"]
        # The server takes a token for ended before its time: it is renewed within the call.
        authorization.access.clear()
        await driver.say("dm", "go")
        await driver.answered("dm", 2)
        assert authorization.asked[2:] == ["refresh_token"]
        assert len(server.calls) == 8
        # Neither token is good any more: the person is asked.
        authorization.access.clear()
        authorization.refresh.clear()
        await driver.say("dm", "go")
        await link_in(driver, "dm", 2)
        assert len(server.calls) == 8


async def test_what_is_kept_is_encrypted_bound_to_its_person_and_erased(tmp_path, model):
    driver = TelegramDriver()
    async with with_crm(driver, tmp_path, model) as (_, authorization):
        await driver.say("dm", "/tools sign in crm")
        code = await signed_in(authorization, await link_in(driver, "dm"), "ann")
        await driver.say("dm", code)
        await said(driver, "dm", "You are signed in to")
        core = driver.app.core
        sign_ins: SignIns = core.services.sign_ins
        kept = await core.redis.hget("palaver:{0}:signed-in:telegram:77", "crm")
        for secret in (*authorization.access, *authorization.refresh, KEY):
            assert secret.encode() not in kept
        # Whoever can write to the store cannot give Bob what is Ann's.
        await core.redis.hset("palaver:{0}:signed-in:telegram:78", "crm", kept)
        assert await sign_ins.account("telegram:78", "crm") is None
        assert await sign_ins.account("telegram:77", "crm") is not None
        await driver.say("dm", "/forget everything")
        (post,) = await said(driver, "dm", "erase")
        await driver.press("dm", post.commands[0])
        await until(lambda: _gone(core.redis))
        # First erased, then revoked: who revokes may wait long for a server that is away.
        await until(lambda: len(authorization.revoked) == 2)


async def _gone(redis):
    return not await redis.exists("palaver:{0}:signed-in:telegram:77")


async def test_more_scope_is_asked_for_when_a_tool_needs_it(tmp_path, model):
    driver = TelegramDriver()
    calling(model, WHOAMI)
    async with with_crm(driver, tmp_path, model) as (server, authorization):
        await driver.say("dm", "/tools sign in crm")
        code = await signed_in(authorization, await link_in(driver, "dm"), "ann")
        await driver.say("dm", code)
        await said(driver, "dm", "You are signed in to")
        # RFC 6750, 3.1
        authorization.needs_scope = "crm.write"
        server.challenge = 'Bearer error="insufficient_scope", scope="crm.write"'
        await driver.say("dm", "go")
        link = await link_in(driver, "dm", 2)
        server.challenge = authorization.challenge()
        code = await signed_in(authorization, link, "ann")
        await driver.say("dm", code)
        await said(driver, "dm", "RESULT ann")


@pytest.mark.parametrize(
    ("metadata", "told"),
    [
        ({"code_challenge_methods_supported": ["plain"]}, "PKCE"),
        ({"issuer": "https://evil.example"}, "another name"),
        ({"token_endpoint": "http://192.168.0.1/token"}, "not https"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "not https"),
        ({"registration_endpoint": "https://127.0.0.2/register"}, "inside"),
        ({"registration_endpoint": None}, "client_id"),
    ],
)
async def test_an_authorization_server_that_cannot_be_trusted_is_refused(
    tmp_path, model, metadata, told
):
    driver = TelegramDriver()
    async with with_crm(driver, tmp_path, model) as (_, authorization):
        authorization.metadata = metadata
        await driver.say("dm", "/tools sign in crm")
        status, away, page = await Browser().get(await link_in(driver, "dm"))
    assert status == 502
    assert not away
    assert told in page
    assert not authorization.clients


async def test_check_says_where_people_sign_in_or_what_is_missing(tmp_path, model):
    async with crm() as (server, authorization):
        ready = settings(tmp_path, server)
        known = {"LLM_BASE_URL": model.url, "LLM_MODEL": "scripted", "IMAGE_BASE_URL": model.url}
        given = {name.upper(): str(value) for name, value in ready.items()}
        code, said = await check(tmp_path, None, **known, **given)
        assert f"crm: people sign in at {authorization.base}" in said
        assert code == 0
        code, said = await check(tmp_path, None, **known, **{**given, "ACCOUNTS_KEY": ""})
        assert "ACCOUNTS_KEY is not set" in said
        assert code != 0


@pytest.mark.parametrize("missing", ["accounts_key", "public_url"])
def test_a_server_that_people_sign_in_to_does_not_start_without_what_that_needs(missing):
    entries = [ServerEntry("crm", url="https://crm.example/mcp", sign_in=True)]
    values = {"accounts_key": KEY, "public_url": "https://bot.example", missing: ""}
    with pytest.raises(ConfigError) as error:
        open_sign_ins(None, None, Settings(_env_file=None, **values), entries)
    assert error.value.setting == missing.upper()


def test_a_new_key_reads_what_the_old_one_sealed_and_no_other_key_does():
    old = Vault(("an old key of 16+ characters",))
    new = Vault(("a new key of 16+ characters", "an old key of 16+ characters"))
    assert new.unseal(old.seal(b"it")) == b"it"
    assert old.unseal(new.seal(b"it")) is None
    assert old.unseal(b"garbage") is None
