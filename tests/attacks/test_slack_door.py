"""Slack's door, as strangers knock at it: nobody comes in, and nobody's traceback is logged."""

import asyncio
import time
from urllib.parse import parse_qs, urlsplit

from bots.slack.install import BACK
from core.net.round_trip import RoundTrip, new_traveller
from core.store import keys
from tests.attacks.test_http import raw
from tests.harness import palaver
from tests.scenarios.test_slack_workspaces import PUBLIC, Browser, serving
from tests.servers.slack import BOT_TOKEN, SECRET, SlackServer
from tests.servers.slack_app import SlackApp

NOW = str(int(time.time())).encode()
KNOCKS = [
    # docs.slack.dev/authentication/verifying-requests-from-slack: a time in seconds, hex digits.
    (b"abc", b"v0=00", b"application/json", b"{}"),
    (b"9" * 5000, b"v0=00", b"application/json", b"{}"),
    (b"1e9", b"v0=00", b"application/json", b"{}"),
    (NOW, b"v0=\xc3\xa9", b"application/json", b"{}"),
    (NOW, b"v0=\xff", b"application/json", b"{}"),
    (NOW, b"v0=00", b"application/json; charset=klingon", b"{}"),
    (NOW, b"v0=00", b"application/json; charset=rot13", b"{}"),
    (NOW, b"v0=00", b"application/json", b"{\xff}"),
    (NOW, b"v0=00", b"application/x-www-form-urlencoded", b"payload=%FF%"),
]


async def knock(url, head, body=b""):
    head += b"\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n" % len(body)
    async with raw(url, head + body) as reader:
        return int((await asyncio.wait_for(reader.readline(), 15)).split()[1])


async def answers(url):
    found = []
    for at, signature, kind, body in KNOCKS:
        head = (
            b"POST /slack/events HTTP/1.1\r\nX-Slack-Request-Timestamp: %s\r\n"
            b"X-Slack-Signature: %s\r\nContent-Type: %s" % (at, signature, kind)
        )
        found.append(await knock(url, head, body))
    return found


async def test_what_slack_did_not_sign_is_refused_whatever_it_holds(tmp_path, model, caplog):
    server, values = SlackServer(), {"llm_base_url": model.url, "llm_model": "x"}
    values |= {"slack_bot_token": BOT_TOKEN, "slack_signing_secret": SECRET}
    async with (
        server.running(),
        palaver(tmp_path, slack_api_url=server.api_url, **values) as running,
    ):
        assert await answers(running.url) == [401] * len(KNOCKS)
    assert not [record for record in caplog.records if record.exc_info]


async def test_so_it_is_with_many_workspaces_and_on_the_way_back_from_slack(
    tmp_path, model, caplog
):
    app = SlackApp()
    async with app.running(), serving(tmp_path, model, app) as running:
        assert await answers(running.url) == [401] * len(KNOCKS)
        for query in (b"state=x&code=y", b"state=%FF&code=%FF", b"state=%ED%A0%80"):
            head = b"GET /slack/oauth_redirect?%s HTTP/1.1\r\n" % query
            head += b"Cookie: palaver-slack-install=\xff"
            assert await knock(running.url, head) == 400
    assert not [record for record in caplog.records if record.exc_info]


async def kept(redis):
    """All but what the process tells of itself every few seconds."""
    own = tuple(name.encode() for name in (keys.REPLICAS, keys.PULSE, keys.use("")))
    return {name async for name in redis.scan_iter("*") if not name.startswith(own)}


async def test_who_sets_out_to_install_without_end_leaves_nothing_in_the_store(
    tmp_path, model, monkeypatch
):
    """And who comes back without end leaves no more than a bound."""
    monkeypatch.setattr("core.store.safe.MOST_REDEEMED", 5)
    app = SlackApp()
    async with app.running(), serving(tmp_path, model, app) as running:
        redis, browsers = running.core.redis, [Browser(running, app) for _ in range(20)]
        before = await kept(redis)
        ways = [await browser.set_out() for browser in browsers]
        assert await kept(redis) - before == set()
        for browser, way in zip(browsers, ways, strict=True):
            (state,) = parse_qs(urlsplit(way).query)["state"]
            assert (await browser.come_back(f"{PUBLIC}{BACK}?state={state}"))[0] == 400
        (left,) = await kept(redis) - before
        assert left == keys.redeemed("slack").encode()
        assert (await redis.zcard(left), await redis.ttl(left) > 0) == (5, True)
        assert (await Browser(running, app).install("T01"))[0] == 200


async def test_a_state_is_ours_and_of_the_last_ten_minutes(monkeypatch):
    trip, traveller = RoundTrip("a", "/back", 600, secure=True), new_traveller()
    state = trip.state(traveller, "key")
    assert trip.browser_in(state, "key") == traveller.digest
    until, digest, signature = state.split(".")
    later = f"{int(until) + 600}.{digest}.{signature}"
    other = RoundTrip("b", "/back", 600, secure=True).state(traveller, "key")
    strange = (
        "",
        ".",
        "..",
        "...",
        "x.y.z",
        "\ud800.\ud800",
        f"{digest}.{signature}",
        later,
        other,
    )
    assert {trip.browser_in(one, "key") for one in strange} == {""}
    assert trip.browser_in(state, "another key") == ""
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 601)
    assert trip.browser_in(state, "key") == ""
