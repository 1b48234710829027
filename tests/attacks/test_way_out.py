"""One way out: whatever leaves takes the proxy that is set, and nothing of the environment."""

import asyncio
import ssl
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest
from aiohttp import connector, web
from hypothesis import given
from hypothesis import strategies as st

from bots.telegram.files import Files
from core.errors import AttachmentLost, AttachmentTooLarge, ConfigError, PalaverError
from core.messages import Attachment
from core.net.way import Way
from tests.contracts.drivers import SlackDriver, TelegramDriver, driving
from tests.harness import palaver, until

PROXY = "http://proxy.example:3128"


@pytest.mark.parametrize(
    ("past", "url"),
    [
        ("", "http://127.0.0.1:8080/"),
        ("", "http://localhost/"),
        ("", "http://[::1]/"),
        ("*", "https://api.example/"),
        ("api.example", "https://api.example/"),
        ("example", "https://api.example/"),
        (".example", "https://api.example/"),
        ("*.example", "https://api.example/"),
        ("x, API.example ,y", "https://api.example./v1"),
        ("api.example:443", "https://api.example/"),
        ("10.0.0.0/8", "http://10.1.2.3/"),
        ("10.1.2.3:80", "http://10.1.2.3/"),
        ("fd00::/8", "http://[fd00::5]/"),
        ("[fd00::5]:80", "http://[fd00::5]/"),
        ("fd00::5", "http://[fd00::5]/"),
    ],
)
def test_what_no_proxy_names_is_reached_past_it(past, url):
    assert Way(PROXY, past).proxy_for(url) is None


@pytest.mark.parametrize(
    ("past", "url"),
    [
        ("", "https://api.example/"),
        ("pi.example", "https://api.example/"),
        ("api.example:80", "https://api.example/"),
        ("api.example", "https://api.example.evil/"),
        ("10.0.0.0/8", "http://11.1.2.3/"),
        ("10.0.0.0/8", "http://ten.example/"),
        ("10.0.0.0/99, :, /, [, ., ", "http://10.1.2.3/"),
    ],
)
def test_all_else_takes_it(past, url):
    assert Way(PROXY, past).proxy_for(url) == PROXY


@given(st.text(max_size=60))
def test_any_no_proxy_is_understood_somehow(past):
    assert Way(PROXY, past).proxy_for("https://api.example/") in (None, PROXY)


def test_a_way_tells_no_password():
    assert "secret" not in repr(Way("http://user:secret@proxy.example:3128"))


def test_certificates_that_are_none_are_the_operators_to_mend(tmp_path):
    (tmp_path / "ca.pem").write_text("no certificate")
    for path in ("ca.pem", "missing.pem"):
        with pytest.raises(ConfigError, match="CA_BUNDLE"):
            Way(ca=str(tmp_path / path)).tls()
    # aiohttp's own context, for all sessions: reading the usual certificates takes 20 ms.
    assert Way().tls() is True
    assert connector._SSL_CONTEXT_VERIFIED.verify_mode == ssl.CERT_REQUIRED


class Proxy:
    """A forwarding proxy that knows some names."""

    def __init__(self, **ports):
        self.ports = ports
        self.asked = []
        self.headers = []

    @asynccontextmanager
    async def running(self):
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self._tasks = set()
        async with server:
            host, port = server.sockets[0].getsockname()
            yield f"http://user:proxy-password@{host}:{port}"
            for task in self._tasks:
                task.cancel()

    async def _accept(self, reader, writer):
        self._tasks.add(asyncio.current_task())
        try:
            await self._serve(reader, writer)
        except (OSError, KeyError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _serve(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        line, rest = head.split(b"\r\n", 1)
        method, target, _ = line.decode().split()
        parts = urlsplit(target if "://" in target else f"//{target}")
        self.asked.append(parts.hostname)
        self.headers.append(rest)
        up, down = await asyncio.open_connection("127.0.0.1", self.ports[parts.hostname])
        if method == "CONNECT":
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        else:
            path = target.partition(parts.netloc)[2]
            closing = rest.replace(b"Connection: keep-alive", b"Connection: close")
            down.write(f"{method} {path} HTTP/1.1\r\n".encode() + closing)
        await self._both_ways(reader, writer, up, down)

    async def _both_ways(self, reader, writer, up, down):
        await asyncio.wait(
            [
                asyncio.ensure_future(self._pipe(reader, down)),
                asyncio.ensure_future(self._pipe(up, writer)),
            ],
            return_when=asyncio.FIRST_COMPLETED,
        )
        down.close()

    async def _pipe(self, reader, writer):
        while piece := await reader.read(65_536):
            writer.write(piece)
            await writer.drain()


class Socks(Proxy):
    """The same by SOCKS 5, with a user (RFC 1928, RFC 1929)."""

    @asynccontextmanager
    async def running(self):
        async with super().running() as url:
            yield url.replace("http://", "socks5://")

    async def _serve(self, reader, writer):
        version, count = await reader.readexactly(2)
        methods = await reader.readexactly(count)
        assert (version, 2 in methods) == (5, True)
        writer.write(b"\x05\x02")
        _, length = await reader.readexactly(2)
        user = await reader.readexactly(length)
        (length,) = await reader.readexactly(1)
        self.headers.append(user + b":" + await reader.readexactly(length))
        writer.write(b"\x01\x00")
        _, command, _, kind = await reader.readexactly(4)
        assert (command, kind) == (1, 3)  # The name itself: nobody else resolved it.
        (length,) = await reader.readexactly(1)
        name = (await reader.readexactly(length)).decode()
        await reader.readexactly(2)
        self.asked.append(name)
        up, down = await asyncio.open_connection("127.0.0.1", self.ports[name])
        writer.write(b"\x05\x00\x00\x01" + bytes(6))
        await self._both_ways(reader, writer, up, down)


def port_of(url):
    return urlsplit(url).port


@pytest.mark.parametrize("kind", [Proxy, Socks])
async def test_models_telegram_and_their_files_take_the_proxy(tmp_path, model, kind):
    driver = TelegramDriver()
    async with driver.running():
        server = driver.server
        names = {"model.example": port_of(model.url), "telegram.example": port_of(server.url)}
        proxy = kind(**names)
        async with proxy.running() as url:
            more = {
                **driver.settings(),
                "telegram_api_url": "http://telegram.example",
                "llm_base_url": "http://model.example/v1",
                "llm_model": "x",
                "https_proxy": url,
            }
            async with palaver(tmp_path, **more):
                server.add_file("f1", b"the cat sat")
                document = {"file_id": "f1", "file_unique_id": "u", "file_name": "a.txt"}
                server.say(77, "", document=document, caption="what is it?")
                await until(lambda: any("Echo" in post.text for post in server.posts(77)))
    assert set(proxy.asked) == set(names)
    assert "the cat sat" in str(model.requests[-1]["messages"])
    user = {Proxy: b"Proxy-Authorization: Basic", Socks: b"user:proxy-password"}[kind]
    assert all(user in one for one in proxy.headers)
    assert not any("proxy-password" in str(one) for one in model.requests)


@pytest.mark.parametrize("kind", [Proxy, Socks])
async def test_slack_takes_the_proxy(tmp_path, model, kind):
    driver = SlackDriver()
    async with driver.running():
        port = port_of(driver.server.url)
        proxy = kind(**{"slack.example": port, "127.0.0.1": port})
        async with proxy.running() as url:
            more = {
                **driver.settings(),
                "slack_api_url": "http://slack.example/api/",
                "llm_base_url": model.url,
                "llm_model": "x",
                "https_proxy": url,
            }
            async with palaver(tmp_path, **more):
                ts = driver.server.say("D01", "hello")
                await until(lambda: driver.server.answers("D01", ts))
    assert "slack.example" in proxy.asked


@pytest.mark.parametrize("platform", [TelegramDriver, SlackDriver])
async def test_the_environments_proxy_is_nobodys(platform, tmp_path, model, monkeypatch):
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    driver = platform()
    async with driving(driver, tmp_path, model):
        await driver.say("dm", "hello")
        assert await driver.posted("dm", 1)


# Telegram's files: their addresses hold the token.

TOKEN = "123456:very-secret-token"


class _Bot:
    """Answers `getFile` alone."""

    def __init__(self, path, size=0):
        self._file = type("File", (), {"file_path": path, "file_size": size})()

    async def get_file(self, ref):
        return self._file


@pytest.fixture
async def download():
    asked = []

    async def handler(request):
        asked.append(request.path)
        if "gone" in request.path:
            return web.Response(status=404)
        if "moved" in request.path:
            return web.Response(status=302, headers={"Location": "http://127.0.0.1:1/x"})
        return web.Response(body=b"a" * 5_000)

    app = web.Application()
    app.router.add_get("/{path:.*}", handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"

    async with Way().session() as session:

        async def get(path, most=10_000, size=0):
            path = path.replace("ROOT", f"{url}/file/bot{TOKEN}")
            files = Files(session, _Bot(path, size), url, TOKEN)
            return await files.download(Attachment("file", "f1", "a.txt"), most)

        get.asked = asked
        yield get
    await runner.cleanup()


async def test_a_file_of_telegrams_is_bounded_whatever_it_said(download):
    assert len(await download("ROOT/documents/a b.txt")) == 5_000
    for most, size in ((4_999, 0), (4_999, 3), (4_999, 10**12)):
        with pytest.raises(AttachmentTooLarge):
            await download("ROOT/documents/a.txt", most, size)


@pytest.mark.parametrize(
    "path",
    [
        *("", "ROOT/", "ROOT/../../x", "ROOT/..", "/etc/passwd", "ROOT//etc/passwd"),
        *("http://evil.example/x", "https://evil.example/", "file:///etc/passwd", "ftp:x"),
        f"/etc/{TOKEN}/../passwd",
    ],
)
async def test_a_path_that_leads_elsewhere_is_not_followed(download, path):
    with pytest.raises(AttachmentLost):
        await download(path)
    assert download.asked == []


@pytest.mark.parametrize("path", ["ROOT/gone", "ROOT/moved", "ROOT/" + "a" * 100_000])
async def test_no_error_tells_the_token(download, path):
    with pytest.raises(PalaverError) as error:
        await download(path)
    chain = [error.value]
    while cause := chain[-1].__cause__:
        chain.append(cause)
    assert not any("very-secret" in str(one) or TOKEN in repr(one) for one in chain)


async def test_a_bot_api_server_on_this_machine_tells_a_path(download, tmp_path):
    folder = tmp_path / TOKEN / "documents"
    folder.mkdir(parents=True)
    (folder / "a.txt").write_bytes(b"here")
    (folder / "link.txt").symlink_to("/etc/passwd")
    assert await download(f"{folder}/a.txt") == b"here"
    with pytest.raises(AttachmentTooLarge):
        await download(f"{folder}/a.txt", 3)
    # What is not here is asked for by HTTP: a link, and the path of another machine.
    for name in ("link.txt", "b.txt"):
        assert await download(f"{folder}/{name}") == b"a" * 5_000
    # As the library tells the path of another machine.
    assert await download(f"ROOT/{folder}/b.txt") == b"a" * 5_000
