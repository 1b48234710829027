"""SHARDS with workspaces that install the app: each lives in another part of the store."""

import json
import time

from msgspec.structs import replace

from bots.slack.installation import decoded, encoded
from core.store import keys
from core.store.sharded import at_home
from tests.harness import at_rest, readiness, until
from tests.scenarios.test_admin import TOKEN, Operator
from tests.scenarios.test_slack_workspaces import asked, impatient, installed, serving
from tests.scenarios.test_visits import LINK, Page, public
from tests.servers.slack_app import SlackApp

SHARDS = 4
OF_TEAM = {"T01": 1, "T02": 3}
__all__ = ["impatient"]


async def _of(redis, team):
    """All that is kept of the workspace *team*, but for what says how its calls go."""
    found = {}
    async for raw in redis.scan_iter(f"{keys.TAG}:*slack+{team}*"):
        name = raw.decode()
        if name.split(":")[2] not in {"level", "told", "gesture", "running", "ready", "lanes"}:
            found[name] = await redis.dump(name)
    return found


async def test_workspaces_in_different_shards_live_their_lives_and_none_touches_another(
    tmp_path, model
):
    """Installed, asked, renewed, governed, told to, taken out, and installed anew."""
    app = SlackApp(rotates=True)
    one, two = app.workspaces.values()
    more = {"shards": SHARDS, "admin_token": TOKEN, "open": False, **public()}
    async with app.running(), serving(tmp_path, model, app, **more) as running:
        redis = running.core.redis
        await installed(running, app, *OF_TEAM)
        for team, workspace in app.workspaces.items():
            await asked(workspace, f"my secret is of {team}")
        await at_rest(running.core)
        for team, shard in OF_TEAM.items():
            home = at_home(redis, f"slack+{team}")
            assert home.shard == shard
            assert [one async for one in home.scan_iter(keys.history("*"))]
        await _on_the_page(running, model, app)
        await _renewed(running, app, one)
        await _governed(running, one, two)
        await _told(running, app)
        app.uninstall("T01")

        async def gone():
            return not await redis.hexists(keys.safe("slack"), "T01")

        await until(gone)
        await asked(two, "still there?")
        assert (await readiness(running.url))[0] == 200
        await installed(running, app, "T01")
        await at_rest(running.core)


async def _on_the_page(running, model, app):
    """Who comes by a link of their workspace is that person there, and nobody else."""
    for team, workspace in app.workspaces.items():
        workspace.say("D01", "/web")
        link = await until(lambda one=workspace: _link_in(one))
        async with Page(running.url) as page:
            assert await page.session(link=link) == (200, {"welcome": True})
            assert await page.ask(f"on the page, from {team}") == 202
            await until(lambda team=team: f"on the page, from {team}" in str(model.requests[-1]))
            await at_rest(running.core)
            (entry,) = json.loads((await page.get("/api/conversations"))[1])
            assert entry["title"] == f"on the page, from {team}"
            talks = json.loads((await page.get("/api/elsewhere"))[1])
            assert f"my secret is of {team}" in str(talks)
            assert {one["platform"] for one in talks} == {f"slack+{team}"}
            home = at_home(running.core.redis, f"slack+{team}")
            assert [one async for one in home.scan_iter(keys.history(f"web:p-*~slack+{team}:*"))]
            assert await page.sign_out() == 200
            assert (await page.get("/api/elsewhere"))[0] == 403


def _link_in(workspace):
    links = [LINK.search(post.shown) for post in workspace.posts.values()]
    return next((one[1] for one in links if one), None)


async def _renewed(running, app, workspace):
    """A token that ends is renewed once, though it is kept in another shard than the rest."""
    safe, before = running.core.lent.safe("slack"), app.exchanges.count("refresh")
    await safe.put("T01", encoded(replace(decoded(await safe.get("T01")), until=time.time() + 600)))
    await until(lambda: app.exchanges.count("refresh") == before + 1)
    await asked(workspace, "with the new token")
    assert app.refused == []


async def _governed(running, one, two):
    """The owner of a workspace decides about it, and about no other one, whatever is named."""
    redis = running.core.redis
    await at_rest(running.core)
    before = await _of(redis, "T01")
    assert before
    for said in (
        "/block slack+T01:U01",
        "/allow slack+T01:U02",
        "/budget person slack+T01:U01 1 usd/day",
        "/budget place slack+T01:C01 1 usd/day",
        "/budget",
        "/settings everywhere language de",
        "/memory add I am of T02",
    ):
        count = len(two.posts)
        two.say("D01", said)
        await until(lambda count=count: len(two.posts) > count + 1)
        await at_rest(running.core)
    assert await _of(redis, "T01") == before
    assert "my secret is of T01" not in " ".join(post.shown for post in two.posts.values())
    # What the owner decides of the own workspace holds, and is in its shard.
    two.say("D01", "/allow slack+T02:U02")
    await until(lambda: _known(redis, "slack+T02", "slack+T02:U02"))
    assert not await redis.hexists(keys.members("slack+T01"), "slack+T02:U02")


async def _known(redis, tenant, person):
    return await at_home(redis, tenant).hexists(keys.members(tenant), person)


async def _told(running, app):
    """A message of the operator reaches both; questions set aside come back, each in its place."""
    redis = running.core.redis
    for team in OF_TEAM:
        name = f"slack+{team}"
        letter = json.dumps({"reason": "no model", "mail": _mail_of(name)})
        await at_home(redis, name).rpush(keys.DEAD, letter)
    async with Operator(running.url) as operator:
        assert await operator.sign_in(token=TOKEN) == 200
        places = [f"slack+{team}:D01" for team in OF_TEAM]
        assert (await operator.do("broadcast", text="we move on Monday", places=places))[0] == 200
        for workspace in app.workspaces.values():
            await until(
                lambda one=workspace: [p for p in one.posts.values() if "on Monday" in p.shown]
            )
        letters = (await operator.see("letters"))["letters"]
        assert len(letters) == 2
        marks = [one["mark"] for one in letters]
        assert await operator.do("letters", do="requeue", marks=marks) == (200, {"count": 2})
    for workspace in app.workspaces.values():
        await until(
            lambda one=workspace: [p for p in one.posts.values() if "was set aside" in p.shown]
        )
    await at_rest(running.core)


def _mail_of(tenant):
    return json.dumps(
        {
            "event_id": f"{tenant}:set-aside",
            "conversation": f"{tenant}:D01:",
            "sender": {"id": f"{tenant}:U01", "name": "Ann"},
            "text": f"what was set aside of {tenant}?",
            "message": "",
            "private": True,
        }
    )
