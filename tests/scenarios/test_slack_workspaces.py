"""Many Slack workspaces with one app: installed, answered, renewed, shared, taken out again."""

import time
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bots.registry import checks
from bots.slack import meant
from bots.slack.installation import decoded, encoded
from core.store import keys
from tests.harness import at_rest, palaver, readiness, settings_for, until
from tests.servers.redis import redis_at
from tests.servers.slack import APP_TOKEN, SECRET
from tests.servers.slack_app import CLIENT_ID, CLIENT_SECRET, SlackApp

KEY = "k" * 32
PUBLIC = "https://bot.example"


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr("core.starting.AGAIN_S", (0.2,))
    monkeypatch.setattr("bots.slack.workspaces.LOOK_S", 0.3)
    # As where it really runs: Bolt reads these too, and would then look for tokens in files.
    monkeypatch.setenv("SLACK_CLIENT_ID", CLIENT_ID)
    monkeypatch.setenv("SLACK_CLIENT_SECRET", CLIENT_SECRET)


@asynccontextmanager
async def serving(tmp_path, model, app, *, replicas=1, **more):
    """*replicas* programs on one store; events go to the last one."""
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(redis_at(tmp_path / "redis"))
        running = []
        for number in range(replicas):
            values = {
                "slack_client_id": CLIENT_ID,
                "slack_client_secret": CLIENT_SECRET,
                "slack_signing_secret": SECRET,
                "slack_api_url": app.api_url,
                "public_url": PUBLIC,
                "accounts_key": KEY,
                "redis_url": redis.url,
                "llm_base_url": model.url,
                "llm_model": "scripted",
                **more,
            }
            one = palaver(tmp_path / str(number), **values)
            running.append(await stack.enter_async_context(one))
            if not values.get("slack_app_token"):
                for workspace in app.workspaces.values():
                    workspace.events_url = f"{running[-1].url}/slack/events"
        yield running[0] if replicas == 1 else running


def of_an_organisation(workspace):
    """The app is installed in *workspace* for its whole organisation."""
    workspace.org = "E01"
    workspace.do_auth_test = lambda parameters: {
        "url": workspace.url,
        "team": "Org",
        "user": "palaver",
        "team_id": "E01",
        "enterprise_id": "E01",
        "is_enterprise_install": True,
        "user_id": workspace.bot_user,
    }


class Browser:
    """A browser that goes to Slack and back, and keeps its cookies."""

    def __init__(self, running, app):
        self.url, self.app = running.url, app
        self.encrypted = running.core.settings.public_url.startswith("https:")
        self.cookies = {}

    async def set_out(self):
        """Where Slack is asked for consent."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{self.url}/slack/install", allow_redirects=False) as answer,
        ):
            assert answer.status == 302
            self.cookies |= {name: one.value for name, one in answer.cookies.items()}
            (cookie,) = answer.cookies.values()
            assert cookie["httponly"]
            assert bool(cookie["secure"]) == self.encrypted
            return answer.headers["Location"]

    async def come_back(self, url):
        here = url.replace(PUBLIC, self.url)
        async with (
            aiohttp.ClientSession() as session,
            session.get(here, cookies=self.cookies) as answer,
        ):
            return answer.status, await answer.text()

    async def install(self, team, user="U01"):
        return await self.come_back(self.app.approve(await self.set_out(), team, user))


async def asked(workspace, text, channel="D01", **more):
    """The answer to *text* in *workspace*."""
    ts = workspace.say(channel, text, **more)

    def answers():
        thread = more.get("thread") or ts
        return [post for post in workspace.answers(channel, thread) if text in post.shown]

    return (await until(answers))[0].shown


async def started(running, name):
    _, told = await readiness(running.url)
    return name not in str(told)


async def installed(running, app, *teams):
    for team in teams:
        status, page = await Browser(running, app).install(team)
        assert status == 200, page
        await until(partial(started, running, f"slack+{team}"))
        await asked(app.workspaces[team], f"hello {team}")


async def test_workspaces_install_the_app_and_each_is_answered_by_itself(tmp_path, model):
    """Nothing of one is known in another, tokens lie encrypted, and installers are owners."""
    app = SlackApp()
    one, two = app.workspaces.values()
    async with app.running(), serving(tmp_path, model, app, open=False) as running:
        assert (await readiness(running.url))[0] == 200
        await installed(running, app, "T01", "T02")
        await asked(one, "my secret is pineapple")
        await asked(two, "what is my secret?")
        await at_rest(running.core)
        assert "pineapple" not in str(model.requests[-1]["messages"])
        redis = running.core.redis
        names = {key.decode().split(":")[3] async for key in redis.scan_iter(keys.history("*"))}
        assert names == {"slack+T01", "slack+T02"}
        kept = await redis.hgetall(keys.safe("slack"))
        assert {*kept} == {b"T01", b"T02"}
        assert b"xoxb" not in b"".join(kept.values())
        two.say("D02", "may I?", user="U02")
        await until(lambda: two.refused or [p for p in two.posts.values() if "asked" in p.text])
        assert len([r for r in model.requests if "may I?" in str(r)]) == 0, "a stranger"


async def test_the_way_back_is_for_one_browser_and_once(tmp_path, model):
    app = SlackApp()
    async with app.running(), serving(tmp_path, model, app) as running:
        ann, eve = Browser(running, app), Browser(running, app)
        back = app.approve(await ann.set_out(), "T01")
        await eve.set_out()
        assert (await eve.come_back(back))[0] == 400, "another browser, which has its own cookie"
        assert (await ann.come_back(back))[0] == 400, "it was used up by that"
        assert app.exchanges == []
        back = app.approve(await ann.set_out(), "T01")
        assert (await ann.come_back(back))[0] == 200
        assert (await ann.come_back(back))[0] == 400, "a second time"
        assert app.exchanges == ["code"]
        state = parse_qs(urlsplit(await ann.set_out()).query)["state"][0]
        denied = f"{PUBLIC}/slack/oauth_redirect?error=access_denied&state={state}"
        assert (await ann.come_back(denied))[0] == 400
        for wrong in ("", "?code=x", "?state=x&code=y", f"?code=x&state={'s' * 9000}"):
            assert (await ann.come_back(f"{PUBLIC}/slack/oauth_redirect{wrong}"))[0] == 400
        state = parse_qs(urlsplit(await ann.set_out()).query)["state"][0]
        forged = f"{PUBLIC}/slack/oauth_redirect?code=<b>forged</b>&state={state}"
        status, page = await ann.come_back(forged)
        assert status == 502
        assert "forged" not in page


async def test_only_workspaces_that_the_operator_wants_may_install(tmp_path, model):
    app = SlackApp()
    async with (
        app.running(),
        serving(tmp_path, model, app, slack_workspaces="T02") as running,
    ):
        assert (await Browser(running, app).install("T01"))[0] == 403
        await installed(running, app, "T02")
        assert {*await running.core.redis.hgetall(keys.safe("slack"))} == {b"T02"}


async def test_who_takes_the_app_out_is_answered_no_more_and_again_after_installing_anew(
    tmp_path, model
):
    """The others notice nothing. What was said before is still known."""
    app = SlackApp()
    two = app.workspaces["T02"]
    async with app.running(), serving(tmp_path, model, app) as running:
        await installed(running, app, "T01", "T02")
        app.uninstall("T01")

        async def gone():
            return not await running.core.redis.hexists(keys.safe("slack"), "T01")

        await until(gone)
        await asked(two, "still there?")
        assert (await readiness(running.url))[0] == 200
        await installed(running, app, "T01")


async def test_an_event_that_cannot_be_taken_now_comes_again_and_is_not_lost(tmp_path, model):
    """Bolt would acknowledge what it cannot authorise. Here Slack repeats it."""
    app = SlackApp()
    one, _ = app.workspaces.values()
    async with app.running(), serving(tmp_path, model, app) as running:
        await installed(running, app, "T01")
        safe, team = keys.safe("slack"), "T01"
        kept = await running.core.redis.hget(safe, team)
        # Another process took the token, and this one starts with a Slack that is away.
        one.faults += [("auth.test", slack_away()) for _ in range(3)]
        await running.core.redis.hset(safe, team, kept)
        await Browser(running, app).install("T01")
        one.retry_s = (0.1, 0.3, 0.5, 1.0, 2.0, 4.0)
        assert await asked(one, "are you there?")


def slack_away():
    from tests.servers.slack import SlackError

    return SlackError("internal_error")


async def test_an_event_of_a_workspace_that_another_replica_just_installed_is_not_dropped(
    tmp_path, model, monkeypatch
):
    """News of an installation may come later than its first event, or get lost."""
    monkeypatch.setattr("bots.slack.workspaces.LOOK_S", 3600.0)
    monkeypatch.setattr("core.store.safe.SharedSafe._tell", nobody_is_told)
    app = SlackApp(("T01",))
    (one,) = app.workspaces.values()
    one.retry_s = (0.1, 0.3, 0.5, 0.5, 1.0, 2.0, 2.0)
    async with app.running(), serving(tmp_path, model, app, replicas=2) as running:
        await Browser(running[0], app).install("T01")
        assert await asked(one, "do you know me?"), "events go to the other replica"


async def nobody_is_told(safe, name):
    pass


async def test_a_token_that_ends_is_renewed_once_by_all_replicas(tmp_path, model):
    """A refresh token can be used once. Both replicas go on with what one of them got."""
    app = SlackApp(("T01",), rotates=True)
    (one,) = app.workspaces.values()
    async with app.running(), serving(tmp_path, model, app, replicas=2) as running:
        await Browser(running[0], app).install("T01")
        await asked(one, "first")
        await at_rest(running[0].core)  # Else the second question may join the first one's answer.
        safe = running[0].core.lent.safe("slack")
        kept = decoded(await safe.get("T01"))
        assert not kept.due
        await safe.put("T01", encoded(replace(kept, until=time.time() + 600)))
        await until(lambda: app.exchanges.count("refresh"))
        await asked(one, "with the new token")
        assert app.exchanges.count("refresh") == 1
        assert app.refused == []


async def test_a_message_in_a_shared_channel_is_answered_once_by_who_was_called(tmp_path, model):
    """It comes for both workspaces. In the thread, who was called goes on, whoever it comes for."""
    app = SlackApp()
    one, two = app.workspaces.values()
    async with app.running(), serving(tmp_path, model, app) as running:
        await installed(running, app, "T01", "T02")
        for workspace in (one, two):
            workspace.shared = ("C01",)
            workspace.members["C01"] |= {one.bot_user, two.bot_user}
        text = f"<@{two.bot_user}> what do we share?"
        # /apis/slack-connect: one channel, with one id for all; so a `ts` is there once.
        two.posts, two.ts = one.posts, one.ts
        ts = one.say("C01", text)
        event = {"type": "message", "channel": "C01", "user": "U01", "text": text, "ts": ts}
        two.event({**event, "channel_type": "channel"})
        await until(lambda: two.answers("C01", ts))
        await at_rest(running.core)
        one.say("C01", "and now?", thread=ts)
        await until(lambda: len(two.answers("C01", ts)) == 2)
        await at_rest(running.core)
        assert not one.answers("C01", ts)
        assert len(two.answers("C01", ts)) == 2


async def test_an_organisation_installs_once_for_all_its_workspaces(tmp_path, model):
    app = SlackApp(("T01",))
    (one,) = app.workspaces.values()
    of_an_organisation(one)
    async with app.running(), serving(tmp_path, model, app) as running:
        await installed(running, app, "T01")
        one.team = "T77"  # Another workspace of the organisation.
        await asked(one, "and here?", "D02", user="U02")
        await at_rest(running.core)
        found = running.core.redis.scan_iter(keys.history("*"))
        assert {key.decode().split(":")[3] async for key in found} == {"slack+E01"}


async def test_all_installations_are_heard_through_one_socket(tmp_path, model):
    app = SlackApp()
    """While there is none, `/readyz` says it."""
    more = {"slack_app_token": APP_TOKEN, "slack_signing_secret": ""}
    app.sockets_allowed = False
    async with app.running(), serving(tmp_path, model, app, **more) as running:

        async def told():
            status, told = await readiness(running.url)
            return status == 503 and "no event is heard" in told["wrong"]["slack"]

        await until(told)
        app.sockets_allowed = True
        await until(lambda: all(one._sockets for one in app.workspaces.values()))
        await installed(running, app, "T01", "T02")


async def test_one_workspace_by_its_token_and_others_by_installing(tmp_path, model):
    """Who began with a token keeps their name and all that is there, also when it is installed."""
    app = SlackApp()
    one = app.workspaces["T01"]
    one.bot_token = "xoxb-of-the-settings"
    more = {"slack_bot_token": one.bot_token}
    async with app.running(), serving(tmp_path, model, app, **more) as running:
        await asked(one, "my secret is pineapple")
        await installed(running, app, "T02")
        await at_rest(running.core)
        found = running.core.redis.scan_iter(keys.history("*"))
        assert {key.decode().split(":")[3] async for key in found} == {"slack", "slack+T02"}
        name = await running.core.lent.tenants.name_of("slack", "T01")
        assert name == "slack", "an installation of it is called so too"


KEYS = (
    *("authorizations", "team", "enterprise", "team_id", "enterprise_id", "view", "id", "ts"),
    *("is_enterprise_install", "is_ext_shared_channel", "event", "channel", "text", "type"),
    *("message", "thread_ts", "tokens", "bot", "app_installed_team_id", "event_time"),
)
_odd = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(KEYS), _odd, max_size=8))
def test_whose_an_event_is_can_be_asked_of_anything(payload):
    """What is of an odd shape is of nobody, and harms nobody."""
    assert all(isinstance(team, str) and team for team in meant.teams_of(payload))
    meant.shared(payload)
    meant.is_gone(payload)


@pytest.mark.parametrize(
    "missing", ["slack_client_secret", "public_url", "accounts_key", "slack_signing_secret"]
)
async def test_what_is_missing_for_installing_is_named(tmp_path, model, missing):
    """By the start, and by `palaver check`."""
    values = {
        "slack_client_id": CLIENT_ID,
        "slack_client_secret": CLIENT_SECRET,
        "slack_signing_secret": SECRET,
        "public_url": PUBLIC,
        "accounts_key": KEY,
    }
    for chosen, level in ((values, "ok"), (values | {missing: ""}, "FAIL")):
        ((name, findings),) = checks(settings_for(tmp_path, **chosen), {})
        found = [one async for one in findings]
        assert (name, found[0].level) == ("slack", level)
    assert missing.upper() in found[0].text
    app = SlackApp()
    async with app.running():
        with pytest.raises(Exception, match=missing.upper()):
            async with serving(tmp_path, model, app, **{missing: ""}):
                pass
