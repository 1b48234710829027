"""The HTTP server and the page, as strangers and neighbours use them."""

import asyncio
import gzip
import io
import re
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

import aiohttp
import multidict
import pytest
from aiohttp import web
from aiohttp.compression_utils import ZLibDecompressor
from playwright.async_api import async_playwright

from bots.web.proxies import PERSON
from core.border import SET_ASIDE
from core.connections import Connections
from core.large_bodies import MOST_LARGE
from core.messages import conversation_id
from core.traces import structure
from tests.attacks.watching import watched
from tests.harness import palaver, until
from tests.page.conftest import CHROMIUM, FLAGS, ask, bot, in_a_browser


@pytest.fixture
async def app(tmp_path, model):
    async with palaver(tmp_path, web_chat=True, llm_base_url=model.url, llm_model="x") as running:
        yield running


@asynccontextmanager
async def raw(url, sent):
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(sent)
    try:
        yield reader
    finally:
        writer.close()


async def healthy(url):
    async with aiohttp.ClientSession() as session, session.get(f"{url}/healthz") as response:
        return response.status == 200


HOSTS = [b"[::1", b"[zz]", b"a b", b"a/b", b"x:99999", b"x:y", b"", b"\xff", b"a@b", b"a:1:2"]


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("path", [b"/", b"/healthz", b"/api/conversations", b"/static/app.js"])
async def test_a_host_header_that_is_none_is_a_bad_request(app, caplog, host, path):
    async with raw(app.url, b"GET %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (path, host)) as reader:
        assert b" 400 " in await reader.readline()
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.parametrize(
    "origin", ["https://[", "null", "http://", "https://evil.example", "127.0.0.1"]
)
async def test_a_strange_origin_is_another_site(app, origin):
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{app.url}/api/session", json={}, headers={"Origin": origin}) as response,
    ):
        assert response.status == 403
        async with session.post(
            f"{app.url}/admin/session", json={}, headers={"Origin": origin}
        ) as response:
            assert response.status == 403


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff\xfe", b'{"key": 3}', b'{"key": "' + b"x" * 9])
async def test_a_body_that_is_none_is_a_bad_request(app, body):
    headers = {"Content-Type": "application/json"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{app.url}/api/session", data=body, headers=headers) as response,
        session.post(f"{app.url}/admin/session", data=body, headers=headers) as of_admin,
    ):
        assert (response.status, of_admin.status) in ((400, 400), (400, 403))


async def test_who_holds_connections_open_keeps_nobody_out(app):
    """Half a head each, more of them than the server takes; the eldest make room."""
    held = []
    try:
        for _ in range(Connections()._most + 100):
            held.append(await asyncio.open_connection(*urlsplit(app.url).netloc.split(":")))
            held[-1][1].write(b"GET / HT")
        assert await healthy(app.url)
    finally:
        for _, writer in held:
            writer.transport.abort()


async def test_a_head_that_never_ends_is_cut(app, monkeypatch):
    monkeypatch.setattr("core.connections.IDLE_S", 1.0)
    async with raw(app.url, b"GET / HTTP/1.1\r\nHost: x") as reader:
        assert await asyncio.wait_for(reader.read(), 15) == b""


async def test_a_body_that_never_ends_is_cut(app, monkeypatch):
    monkeypatch.setattr("core.connections.BODY_S", 1.0)
    head = (
        b"POST /api/session HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        b"Content-Length: 99\r\n\r\n{"
    )
    async with raw(app.url, head) as reader:
        assert await asyncio.wait_for(reader.read(), 15) == b""


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "GZIP", "gzip, gzip", "x"])
@pytest.mark.parametrize("path", ["/api/session", "/api/conversations/thread-12345", "/nowhere"])
async def test_a_body_that_would_have_to_be_unpacked_is_refused(app, caplog, encoding, path):
    headers = {"Content-Type": "application/json", "Content-Encoding": encoding}
    async with (
        aiohttp.ClientSession(
            cookies={"palaver": "ab" * 16}, headers=headers, skip_auto_headers=("Accept-Encoding",)
        ) as session,
        session.post(f"{app.url}{path}", data=b"\x1f\x8bjunk", compress=None) as response,
    ):
        assert response.status == 415
        assert response.headers["Accept-Encoding"] == "identity"
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.parametrize("path", ["/healthz", "/api/session", "/api/ask", "/callbacks/x", "/no"])
async def test_a_small_body_that_unpacks_to_200_mb_is_never_unpacked(app, monkeypatch, path):
    unpacked = []
    monkeypatch.setattr(
        ZLibDecompressor, "decompress_sync", lambda *_, **__: unpacked.append(1) or b""
    )
    body = gzip.compress(bytes(200_000_000))
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(f"{app.url}{path}", data=body, compress=None) as response,
    ):
        assert response.status == 415
    assert await healthy(app.url)
    assert not unpacked


ODD = [
    b"\xff",
    b"100-continue\xff",
    b"\xed\xa0\x80",
    b"x" * 8_000,
    b"1e999",
    b"; ; =; \xe9=\xe9",
    b"[",
]
READ = [
    *(b"Expect", b"Cookie", b"Origin", b"Range", b"If-None-Match", b"If-Modified-Since"),
    *(b"Accept-Language", b"Authorization", b"Content-Type", b"Content-Encoding", b"Last-Event-ID"),
    *(b"Upgrade", b"Content-Length", b"Transfer-Encoding", b"Sec-Fetch-Site", b"X-Forwarded-For"),
]


@pytest.mark.parametrize("name", READ, ids=bytes.decode)
async def test_no_header_makes_an_error_of_the_servers_or_fills_the_log(app, caplog, name):
    for value in ODD:
        for line in (b"GET /", b"GET /nowhere", b"POST /api/session", b"PUT /admin/api/now"):
            head = b"%s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s: %s\r\n\r\n" % (line, name, value)
            async with raw(app.url, head) as reader:
                status = int((await asyncio.wait_for(reader.readline(), 15)).split()[1])
            assert status < 500, (line, value)
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.parametrize(
    ("value", "path", "right"),
    [
        (b"\xff", b"/", 417),
        (b"tea", b"/nowhere", 417),
        (b"100-Continue", b"/", 200),
        (b"\xff", b"/healthz", 417),
    ],
)
async def test_what_is_not_expected_here_is_refused(app, value, path, right):
    """RFC 9110, 10.1.1 and 15.5.18."""
    head = b"GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nExpect: %s\r\n\r\n" % (path, value)
    async with raw(app.url, head) as reader:
        status = int((await asyncio.wait_for(reader.readline(), 15)).split()[1])
        if status == 100:
            assert await reader.readline() == b"\r\n"
            status = int((await asyncio.wait_for(reader.readline(), 15)).split()[1])
    assert status == right


async def test_who_hangs_up_in_the_middle_of_a_body_fills_no_log(app, caplog):
    """A million of them would be a million tracebacks."""
    before = counted("http.request", "ConnectionResetError")
    for path in (b"/api/session", b"/admin/session", b"/api/conversations/thread-12345"):
        head = b"POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: palaver=%s\r\n" % (path, b"ab" * 16)
        head += b"Content-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
        async with raw(app.url, head):
            await asyncio.sleep(0.1)
    await until(lambda: counted("http.request", "ConnectionResetError") >= before + 3)
    assert not [record for record in caplog.records if record.exc_info]


def counted(border, reason):
    return SET_ASIDE.labels(border, reason)._value.get()


async def test_a_fault_of_ours_behind_a_request_is_told_by_its_type(app, caplog, monkeypatch):
    def broken(*_):
        raise ValueError("hidden-word")

    monkeypatch.setattr("core.http.generate_latest", broken)
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{app.url}/metrics") as response,
    ):
        assert response.status == 500
        assert "hidden-word" not in await response.text()
    (record,) = [record for record in caplog.records if record.exc_info]
    assert "ValueError" in structure(record.exc_info[1])


@pytest.mark.parametrize("target", [b"http://[/", b"http://[::1", b"//[", b"http://a:b/"])
async def test_a_target_that_is_none_fills_no_log(app, caplog, target):
    for _ in range(3):
        async with raw(app.url, b"GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" % target) as reader:
            assert b" 40" in await reader.readline()
    assert not [record for record in caplog.records if record.exc_info]


async def test_new_visitors_of_one_address_are_counted(app):
    statuses = []
    for _ in range(25):
        async with (
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
            session.post(f"{app.url}/api/session", json={}) as response,
        ):
            statuses.append(response.status)
    assert statuses == [200] * 20 + [403] * 5


async def test_a_session_of_an_earlier_version_goes_on(app):
    """0.1 set the cookie with the page; its value is what names the visitor."""
    cookies = {"palaver": "ab" * 16}
    async with aiohttp.ClientSession(cookies=cookies) as session:
        async with session.post(f"{app.url}/api/session", json={}) as response:
            assert response.cookies["palaver"].value == "ab" * 16
        body = {"id": "abcdefgh", "text": "hello"}
        path = f"{app.url}/api/conversations/thread-12345"
        async with session.post(path, json=body) as response:
            assert response.status == 202


@asynccontextmanager
async def guarded(tmp_path, model, **more):
    """A server that others can reach, and the key of its link."""
    values = {"http_host": "0.0.0.0", "web_chat": True, "llm_base_url": model.url}
    async with palaver(tmp_path, **{**values, "llm_model": "x", **more}) as running:
        from bots.registry import web_page

        async with web_page(running.core.lent) as page:
            yield running, page.identity.rpartition("=")[2]


async def test_a_server_that_others_reach_lets_in_who_has_the_link(tmp_path, model):
    async with guarded(tmp_path, model) as (app, key):
        body = {"id": "abcdefgh", "text": "hello"}
        path = f"{app.url}/api/conversations/thread-12345"
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(cookie_jar=jar) as session:
            forged = {"Cookie": "palaver=abababababababab." + "0" * 32}
            for headers in ({}, {"Cookie": "palaver=" + "ab" * 16}, forged):
                async with session.post(path, json=body, headers=headers) as response:
                    assert response.status == 403
            async with session.post(f"{app.url}/api/session", json={"key": key}) as response:
                assert response.status == 200
            async with session.post(path, json=body) as response:
                assert response.status == 202
            await app.core.lent.secret.replace()
            async with session.post(path, json=body) as response:
                assert response.status == 403
        assert key not in str(model.requests)


@pytest.mark.parametrize(
    ("proxies", "headers", "status"),
    [
        ("127.0.0.1", [("X-Forwarded-User", "anna")], 202),
        ("127.0.0.1", [], 403),
        ("127.0.0.1", [("X-Forwarded-User", " ")], 403),
        ("127.0.0.1", [("X-Forwarded-User", "anna"), ("X-Forwarded-User", "root")], 403),
        ("fd00::/8, 127.0.0.0/30", [("X-Forwarded-User", "anna")], 202),
        ("10.0.0.7", [("X-Forwarded-User", "anna")], 403),
        ("", [("X-Forwarded-User", "anna")], 403),
    ],
)
async def test_the_header_of_a_proxy_is_believed_once_and_from_its_address(
    tmp_path, model, proxies, headers, status
):
    settings = {"web_user_header": "X-Forwarded-User", "web_proxies": proxies}
    async with (
        guarded(tmp_path, model, **settings) as (app, _),
        aiohttp.ClientSession(headers=multidict.CIMultiDict(headers)) as session,
    ):
        body = {"id": "abcdefgh", "text": "/usage all"}
        path = f"{app.url}/api/conversations/thread-12345"
        async with session.post(path, json=body) as response:
            assert response.status == status
        if status == 202:
            async with session.get(f"{app.url}/api/conversations") as response:
                assert len(await response.json()) == 1
            (web,) = app.platforms
            person = f"web:{PERSON}0123456789"
            assert not await web.administers(conversation_id("web", "x", "y"), person)


async def test_where_all_may_none_is_asked_for_a_link(tmp_path, model):
    async with (
        guarded(tmp_path, model, web_chat="open") as (app, _),
        aiohttp.ClientSession() as session,
        session.post(f"{app.url}/api/session", json={}) as response,
    ):
        assert response.status == 200


@pytest.mark.parametrize(
    ("host", "right"),
    [
        ("rebound.example", 403),
        ("rebound.example.", 403),
        ("127.0.0.1.evil.example", 403),
        ("10.1.2.3", 200),
        ("[fd00::1]", 200),
        ("mybox", 200),
        ("localhost", 200),
    ],
)
async def test_a_name_that_another_site_could_point_here_is_not_ours(tmp_path, model, host, right):
    async with (
        guarded(tmp_path, model, web_chat="open") as (app, _),
        aiohttp.ClientSession() as session,
        session.get(app.url, headers={"Host": host}) as response,
    ):
        assert response.status == right


@in_a_browser
async def test_conversations_survive_a_link_from_another_site(app):
    """Followed from a page of another host, the strict cookie of 0.1 was not sent, and replaced."""
    port = urlsplit(app.url).port
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = await browser.new_page()
        await page.goto(app.url)
        await ask(page, "apples")
        await page.wait_for_selector(".entry")
        link = f'<a id="to" href="http://127.0.0.1:{port}/">there</a>'

        async def other_site(route):
            await route.fulfill(body=link, content_type="text/html")

        await page.route("http://elsewhere.example/", other_site)
        await page.goto("http://elsewhere.example/")
        await page.click("#to")
        await page.wait_for_selector(".entry")
        assert "apples" in await bot(page).inner_text()
        await browser.close()


@in_a_browser
async def test_the_link_of_the_start_opens_the_page_and_leaves_no_key_in_the_address(
    tmp_path, model
):
    async with guarded(tmp_path, model) as (app, key), async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = await browser.new_page()
        await page.goto(app.url)
        await page.wait_for_selector("text=come in by the link")
        # The same document, with the key behind the #: the page loads itself anew.
        await page.goto(f"{app.url}/#in={key}")
        await page.wait_for_selector("#text:visible")
        assert key not in page.url
        await ask(page, "apples")
        await until(lambda: bot(page).count())
        await page.goto(app.url)
        await page.wait_for_selector(".entry")
        await browser.close()


async def test_too_long_a_text_is_refused_and_kept_nowhere(app):
    async with aiohttp.ClientSession(cookies={"palaver": "ab" * 16}) as session:
        body = {"id": "abcdefgh", "text": "x" * 200_000}
        path = f"{app.url}/api/conversations/thread-12345"
        async with session.post(path, json=body) as response:
            assert response.status == 413
        async with session.get(f"{app.url}/api/conversations") as response:
            assert await response.json() == []


async def committed(app, count):
    """Whether history holds *count* exchanges, so that nothing is shown any more."""
    names = [name async for name in app.core.redis.scan_iter("*:history:web:*")]
    return bool(names) and await app.core.redis.llen(names[0]) == count


async def test_a_visitor_keeps_a_bounded_number_of_posts(app, monkeypatch, model):
    monkeypatch.setattr("bots.web.own.MOST_POSTS", 4)
    async with aiohttp.ClientSession(cookies={"palaver": "ab" * 16}) as session:
        for number in range(6):
            body = {"id": f"abcdefgh{number}", "text": f"question {number}"}
            path = f"{app.url}/api/conversations/thread-12345"
            async with session.post(path, json=body) as response:
                assert response.status == 202
            await until(lambda n=number: committed(app, n + 1))
        await until(lambda: committed(app, 6))
        async with session.get(f"{path}/events") as response:
            seen = b""
            while b"event: ready" not in seen:
                seen += await response.content.readany()
        # One that grows meanwhile is told again.
        assert len(set(re.findall(rb'event: post\ndata: {"key":(\d+)', seen))) <= 6


async def test_a_visitor_keeps_a_bounded_number_of_conversations(app, monkeypatch):
    monkeypatch.setattr("bots.web.listing.MOST_CONVERSATIONS", 3)
    async with aiohttp.ClientSession(cookies={"palaver": "ab" * 16}) as session:
        for number in range(5):
            path = f"{app.url}/api/conversations/thread-{number}000"
            body = {"id": f"abcdefgh{number}", "text": f"question {number}"}
            async with session.post(path, json=body) as response:
                assert response.status == 202
        async with session.get(f"{app.url}/api/conversations") as response:
            threads = [entry["thread"] for entry in await response.json()]
        assert threads == ["thread-4000", "thread-3000", "thread-2000"]


async def test_of_many_cookies_only_ours_is_read(app, monkeypatch):
    """To read 8 kB of them takes 7 ms, in which nobody else is served."""
    read = []
    monkeypatch.setattr(
        "aiohttp.web_request.parse_cookie_header", lambda raw: read.append(raw) or []
    )
    cookies = "; ".join(["a=b"] * 1500)
    ours = "palaver=wrong; xpalaver=wrong; palaver = " + "ab" * 16
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        for path in ("", "/admin", "/admin/api/now", "/api/conversations/thread-12345/events"):
            headers = {"Cookie": cookies}
            async with session.get(f"{app.url}{path}", headers=headers) as response:
                assert response.status in (200, 403)
        body, headers = {"id": "abcdefgh", "text": "hello"}, {"Cookie": f"{cookies}; {ours}"}
        path = f"{app.url}/api/conversations/thread-12345"
        async with session.post(path, json=body, headers=headers) as response:
            assert response.status == 202
    assert read == []


async def test_large_bodies_wait_for_one_another_and_small_ones_for_none(app, monkeypatch):
    """A thousand bodies of two megabytes at once would be two gigabytes."""
    head = b"POST /api/session HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    large = head + b"Content-Length: 2000000\r\n\r\n{"
    streams = [
        await asyncio.open_connection(*urlsplit(app.url).netloc.split(":")) for _ in range(40)
    ]
    try:
        for _, writer in streams:
            writer.write(large)
        await asyncio.sleep(0.3)
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{app.url}/api/session", json={}) as response,
        ):
            assert response.status == 200
        rest = b'"' + b" " * 1_999_998 + b"}"
        reader, writer = streams[-1]
        writer.write(rest)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.readline(), 0.5)
        # Who hangs up makes room.
        for _, other in streams[:-1]:
            other.transport.abort()
        assert b" 400 " in await asyncio.wait_for(reader.readline(), 15)
    finally:
        for _, writer in streams:
            writer.transport.abort()


async def test_large_prompts_that_wait_for_their_answer_keep_no_large_body_out(
    tmp_path, model, monkeypatch
):
    """A model may think for half an hour. Their own bound keeps them from filling the memory."""
    monkeypatch.setattr("core.api.LARGE_BYTES", 20 * 100_000)
    thinking = asyncio.Event()

    async def think(request):
        await request.read()
        await thinking.wait()
        return web.json_response({"choices": [{"message": {"content": "at last"}}]})

    model.faults += [think] * 40
    values = {"llm_base_url": model.url, "llm_model": "x", "api_token": "program"}
    async with (
        palaver(tmp_path, web_chat=True, **values) as app,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session,
    ):

        async def ask():
            headers = {"Authorization": "Bearer program"}
            prompt = {"prompt": "x" * 99_000}
            async with session.post(f"{app.url}/api/ask", json=prompt, headers=headers) as response:
                told = await response.json()
                return told.get("answer") or told["error"]

        asked = [asyncio.create_task(ask()) for _ in range(19)]
        try:
            # More than there are places. Each has given its own back.
            await until(lambda: len(model.faults) == 40 - 19)
            body = {"q": "x" * 100_000}
            async with session.post(f"{app.url}/api/session", json=body) as response:
                assert response.status == 200
            # One more has room, half of the places are for those that wait for it.
            asked += [asyncio.create_task(ask()) for _ in range(30)]
            await until(lambda: sum(one.done() for one in asked) == 30 - 1 - MOST_LARGE // 2)
            async with session.post(f"{app.url}/api/session", json=body) as response:
                assert response.status == 200
            assert len(model.faults) == 40 - 20
        finally:
            thinking.set()
        told = await asyncio.gather(*asked)
        assert told.count("at last") == 20 + MOST_LARGE // 2
        assert set(told) == {"at last", "too many questions at once"}


async def test_what_large_bodies_hold_is_given_back_and_is_bounded(replica):
    """Of 600 of two megabytes those that wait hold little, and those that are answered nothing."""
    body = b'{"q": "' + b"x" * 1_999_000 + b'"}'
    headers = {"Content-Type": "application/json"}
    async with (
        watched(replica, web_chat=True) as app,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), headers=headers) as session,
    ):

        async def post():
            with suppress(aiohttp.ClientError):
                url = f"http://127.0.0.1:{app.port}/api/session"
                async with session.post(url, data=io.BytesIO(body)) as response:
                    return response.status

        told = await asyncio.gather(*(post() for _ in range(600)))
        assert 200 in told
        assert app.unharmed()
