"""Installations of Slack's app that come, go and are renewed at unlucky moments."""

import asyncio
import time

import aiohttp
from msgspec.structs import replace
from slack_sdk.web.async_client import AsyncWebClient

from bots.slack.admins import Admins
from bots.slack.installation import Installation, OAuth, decoded, encoded
from bots.slack.meant import shared
from core.people.roles import Role
from core.store import keys
from core.store.safe import SharedSafe
from core.store.vault import Vault
from tests.harness import at_rest, readiness, until
from tests.scenarios.test_slack_workspaces import (
    Browser,
    asked,
    impatient,
    installed,
    of_an_organisation,
    serving,
    slack_away,
)
from tests.servers.redis import redis_at
from tests.servers.slack import BOT_TOKEN, SlackError, SlackServer
from tests.servers.slack_app import SlackApp

__all__ = ["impatient"]
OTHER_KEY = "x" * 32


async def kept(running):
    return {name.decode() for name in await running.core.redis.hgetall(keys.safe("slack"))}


async def test_a_workspace_taken_out_twice_leaves_its_organisation_installed(tmp_path, model):
    """An event of it names both. Delivered again, it finds no more than the organisation."""
    app = SlackApp()
    one, two = app.workspaces.values()
    of_an_organisation(two)
    async with app.running(), serving(tmp_path, model, app) as running:
        await installed(running, app, "T01")
        assert (await Browser(running, app).install("T02"))[0] == 200
        await asked(two, "hello")
        assert await kept(running) == {"T01", "E01"}
        one.bot_token = "revoked"
        for _ in range(3):
            one.deliver(
                "events_api",
                {
                    "type": "event_callback",
                    "team_id": "T01",
                    "enterprise_id": "E01",
                    "event_time": int(time.time()),
                    "event": {"type": "app_uninstalled"},
                },
            )
            await until(lambda: not one._deliveries)
        assert await kept(running) == {"E01"}
        assert one.unacked == []
        await asked(two, "still there?", "D02")


async def test_whether_the_app_was_taken_out_is_asked_of_slack_again_while_it_is_away(
    tmp_path, model
):
    """Nobody is thrown out because of an event alone, and nothing is forgotten."""
    app = SlackApp(("T01",))
    (one,) = app.workspaces.values()
    one.retry_s = (0.05, 0.1, 0.1)
    async with app.running(), serving(tmp_path, model, app) as running:
        await installed(running, app, "T01")
        one.event({"type": "app_uninstalled"})
        await until(lambda: not one._deliveries)
        assert await kept(running) == {"T01"}, "its token is good"
        one.faults += [("auth.test", slack_away())]
        one.event({"type": "app_uninstalled"})
        await until(lambda: not one._deliveries)
        assert one.unacked == []
        app.uninstall("T01")
        await until(lambda: not one._deliveries)
        assert await kept(running) == set()


async def test_who_takes_the_app_out_while_its_token_is_renewed_is_not_installed_again(
    tmp_path, model, monkeypatch
):
    """Slack's answer to a renewal may come after the app is gone."""
    app = SlackApp(("T01",), rotates=True)
    async with app.running(), serving(tmp_path, model, app) as running:
        await installed(running, app, "T01")
        await at_rest(running.core)
        answered, go_on, renew = asyncio.Event(), asyncio.Event(), OAuth.renew

        async def slow(oauth, old):
            newer = await renew(oauth, old)
            answered.set()
            await go_on.wait()
            return newer

        monkeypatch.setattr(OAuth, "renew", slow)
        safe = running.core.lent.safe("slack")
        one = decoded(await safe.get("T01"))
        await safe.put("T01", encoded(replace(one, until=time.time() + 600)))
        await answered.wait()
        app.uninstall("T01")
        await asyncio.sleep(0.1)  # Its events are on their way.
        go_on.set()
        await until(lambda: not app.workspaces["T01"]._deliveries)
        assert await kept(running) == set()


async def test_who_installs_twice_while_an_answer_ends_is_served_with_the_last_token(
    tmp_path, model
):
    """Both times the one before must leave first, and gets the grace time for that."""
    app = SlackApp(("T01",))
    (one,) = app.workspaces.values()
    one.retry_s = (0.1, 0.5, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0)
    async with app.running(), serving(tmp_path, model, app, grace_s=1.0) as running:
        await installed(running, app, "T01")
        model.piece_s = 3600.0
        one.say("D02", "a long story")
        await until(lambda: "a long story" in str(model.requests[-1]))
        for _ in range(2):
            assert (await Browser(running, app).install("T01"))[0] == 200
        model.piece_s = 0.0
        await asked(one, "are you there?", "D01")


async def test_an_event_of_a_workspace_whose_token_cannot_be_read_is_not_acknowledged(
    tmp_path, model
):
    """Another process may already write with a newer key."""
    app = SlackApp()
    one, two = app.workspaces.values()
    for each in (one, two):
        each.retry_s = (0.05, 0.05, 0.05)
    async with app.running(), serving(tmp_path, model, app) as running:
        await installed(running, app, "T01")
        redis = running.core.redis
        elsewhere = SharedSafe(redis, running.core.pubsub, Vault((OTHER_KEY,)), "slack")
        two.bot_token = "xoxb-two"
        for team, workspace in app.workspaces.items():
            found = Installation(team, workspace.bot_token, at=time.time())
            await elsewhere.put(team, encoded(found))
        assert await asked(one, "served with what is known of it", "D02")
        two.say("D01", "not lost")
        await until(lambda: not two._deliveries)
        assert len(two.unacked) == 1
        own = running.core.lent.safe("slack")
        await own.put("T02", encoded(Installation("T02", "xoxb-two", at=time.time())))
        assert await asked(two, "and now?", "D02")


async def test_a_mention_of_a_bot_that_is_not_in_a_shared_channel_crosses_no_border(
    tmp_path, model
):
    """Whoever knows the id of another workspace's bot can write it."""
    app = SlackApp()
    one, two = app.workspaces.values()
    async with app.running(), serving(tmp_path, model, app) as running:
        await installed(running, app, "T01", "T02")
        one.shared, two.channels = ("C01",), {}
        ts = one.say("C01", f"<@{one.bot_user}> <@{two.bot_user}> our plans")
        await until(lambda: one.answers("C01", ts))
        ts = one.say("C01", f"<@{two.bot_user}> our other plans")
        await until(lambda: not one._deliveries)
        await at_rest(running.core)
        one.say("C01", f"<@{one.bot_user}> and you?", thread=ts)
        await until(lambda: one.answers("C01", ts))
        await at_rest(running.core)
        found = running.core.redis.scan_iter("*slack+T02:C01*")
        assert [key async for key in found] == []
        assert not two.answers("C01", ts)


async def test_who_installs_the_workspace_of_the_settings_does_not_own_the_program(tmp_path, model):
    """The owner of the first tenant is the operator of all, and is so by the code in the log."""
    app = SlackApp()
    app.workspaces["T01"].bot_token = "xoxb-of-the-settings"
    more = {"slack_bot_token": "xoxb-of-the-settings", "open": False}
    async with app.running(), serving(tmp_path, model, app, **more) as running:
        await until(lambda: running.platforms[0].me.team)
        assert (await Browser(running, app).install("T01", "U02"))[0] == 200
        assert (await Browser(running, app).install("T02", "U02"))[0] == 200
        rights = running.core.services.rights
        assert await rights.role_of("slack:U02", "slack:D02:") is Role.STRANGER
        assert await rights.role_of("slack+T02:U02", "slack+T02:D02:") is Role.OWNER


async def test_a_workspace_that_the_operator_wants_no_more_is_served_no_more(tmp_path, model):
    app = SlackApp()
    one, two = app.workspaces.values()
    async with app.running(), redis_at(tmp_path / "kept") as redis:
        async with serving(tmp_path, model, app, redis_url=redis.url) as running:
            await installed(running, app, "T01", "T02")
            await at_rest(running.core)
        only = {"redis_url": redis.url, "slack_workspaces": "T02"}
        async with serving(tmp_path, model, app, **only) as running:
            one.say("D02", "let me in")
            await asked(two, "am I in?", "D02")
            await until(lambda: not one._deliveries)
            await at_rest(running.core)
            assert one.unacked == []
            assert "let me in" not in str(model.requests)
            assert await kept(running) == {"T01", "T02"}


async def test_who_took_the_app_out_while_we_were_away_keeps_nobody_from_installing_it(
    tmp_path, model
):
    """A process that is not ready gets no requests, so nobody could come after the last one."""
    app = SlackApp()
    one, two = app.workspaces.values()
    async with app.running(), redis_at(tmp_path / "kept") as redis:
        more = {"redis_url": redis.url}
        async with serving(tmp_path, model, app, **more) as running:
            await installed(running, app, "T01")
            await at_rest(running.core)
        one.bot_token = "revoked"
        async with serving(tmp_path, model, app, **more) as running:

            async def told():
                status, said = await readiness(running.url)
                assert status == 200, said
                return "slack+T01: has not started: Slack does not accept" in str(said["warnings"])

            await until(told)
            await installed(running, app, "T02")
            await at_rest(running.core)
        # The workspace of the settings may go, too, and its token with it.
        async with serving(tmp_path, model, app, slack_bot_token="revoked-too", **more) as running:
            await asked(two, "still there?", "D02")


async def test_admins_of_a_workspace_are_admins_for_the_installation_of_its_organisation():
    """Not so those of another organisation, or of a workspace beside one that installed it."""
    server = SlackServer()
    of_grid = {"is_admin": True, "team_id": "T77"}
    for user, org in (("U01", "E01"), ("U02", "E02")):
        teams = {"enterprise_id": org, "teams": ["T77"]}
        server.about[user] = {**of_grid, "enterprise_user": teams}
    async with server.running(), aiohttp.ClientSession() as session:
        client = AsyncWebClient(BOT_TOKEN, server.api_url, session=session)
        of_org, beside = Admins(client, "E01"), Admins(client, "T01")
        assert await of_org.has("C01", "U01")
        assert not await of_org.has("C01", "U02")
        assert not await beside.has("C01", "U01")


def test_a_message_of_a_shared_channel_that_was_deleted_belongs_to_its_thread():
    """Who answers there may have it waiting, and Slack tells only one of the workspaces."""
    event = {"type": "message", "subtype": "message_deleted", "channel": "C01", "ts": "9.9"}
    was = {"text": "hm", "ts": "2.2", "thread_ts": "1.1"}
    payload = {"is_ext_shared_channel": True, "event": {**event, "previous_message": was}}
    assert shared(payload) == ("C01", "C01:1.1", ())


async def test_a_workspace_that_its_organisation_does_not_grant_us_harms_no_other_one(
    tmp_path, model, capsys
):
    app = SlackApp(("T01",))
    (one,) = app.workspaces.values()
    async with app.running(), serving(tmp_path, model, app) as running:
        await installed(running, app, "T01")
        await at_rest(running.core)
        one.faults += [("chat.startStream", SlackError("team_access_not_granted"))] * 3
        one.faults += [("chat.postMessage", SlackError("team_access_not_granted"))] * 3
        one.say("D02", "from a workspace that is not granted")
        await until(lambda: len(one.faults) < 6)
        await at_rest(running.core)
        one.faults.clear()
        await asked(one, "from another one", "D01")
    assert "platform lost" not in capsys.readouterr().out
