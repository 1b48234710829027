"""Searching the web and reading its pages."""

import contextlib
import datetime

import pytest
from aiohttp import ClientSession, web
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ConfigError
from core.net import outside
from core.net.outside import Outside
from core.net.way import Way
from core.sandbox.run import Sandbox
from core.tools import read_page
from core.tools.addresses import addresses_in, said_in, same
from core.tools.read_page import ReadPage
from core.tools.tool import ToolContext, ToolError
from core.tools.web_search import WebSearch
from tests.servers.loopback import listening

PAGE = """<html><head><title>Rivers of {name}</title></head><body>
<nav><a href="/home">Home</a> <a href="/login">Log in</a></nav>
<article><h1>Rivers of {name}</h1><p>{text}</p>
<table><tr><th>River</th><th>km</th></tr><tr><td>Rhine</td><td>1230</td></tr></table>
<p>Read <a href="/more">more about it</a>, if you like.</p></article>
<script>alert("no")</script><footer>Imprint</footer></body></html>"""
WORDS = "The Rhine is a river that begins in the Alps and ends in the North Sea. " * 6


def somebody(*addresses: str, cited: int = 0) -> ToolContext:
    now = datetime.datetime.now(datetime.UTC)
    known = frozenset(map(same, addresses))
    return ToolContext(
        *("slack:C1:", "slack:U1", "member"), private=False, now=now, addresses=known, cited=cited
    )


@contextlib.asynccontextmanager
async def site(handler):
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    async with listening(app) as url:
        yield url


@contextlib.asynccontextmanager
async def reading(handler, monkeypatch):
    """A site that counts as the open internet, and the tool."""
    monkeypatch.setattr(outside, "PORTS", range(65536))
    monkeypatch.setattr(outside, "is_public", lambda _: True)
    async with site(handler) as url, Outside(Way()) as fetch:
        yield url, ReadPage(fetch, Sandbox())


def page(text: str = WORDS, **options):
    async def handler(request):
        options.setdefault("content_type", "text/html")
        return web.Response(text=text, **options)

    return handler


async def test_a_page_is_read_as_a_person_would_read_it(monkeypatch):
    async with reading(page(PAGE.format(name="Europe", text=WORDS)), monkeypatch) as (url, tool):
        result = await tool.call({"url": f"{url}/rivers"}, somebody(f"{url}/rivers"))
    assert "begins in the Alps" in result.text
    assert "| Rhine | 1230 |" in result.text
    assert "Log in" not in result.text
    assert "alert" not in result.text
    assert result.sources[0].title == "Rivers of Europe"
    assert result.sources[0].url == f"{url}/rivers"


async def test_an_address_that_nobody_named_is_not_opened(monkeypatch):
    asked = []

    async def handler(request):
        asked.append(request.path_qs)
        return web.Response(text=WORDS)

    async with reading(handler, monkeypatch) as (url, tool):
        for built in (f"{url}/?q=secret", f"{url}/rivers/secret", "ftp://x/", "no address"):
            with pytest.raises(ToolError):
                await tool.call({"url": built}, somebody(f"{url}/rivers"))
        await tool.call({"url": f"{url}/rivers#secret"}, somebody(f"{url}/rivers"))
    assert asked == ["/rivers"]


async def test_an_address_inside_is_not_opened_even_if_it_was_named():
    async with Outside(Way()) as fetch:
        tool = ReadPage(fetch, Sandbox())
        for address in ("http://127.0.0.1/", "http://169.254.169.254/latest/meta-data/"):
            with pytest.raises(ToolError, match="inside"):
                await tool.call({"url": address}, somebody(address))


async def test_a_long_page_is_read_in_parts(monkeypatch):
    text = "\n".join(f"Line {number} of the list." for number in range(4_000))
    async with reading(page(text, content_type="text/plain"), monkeypatch) as (url, tool):
        first = await tool.call({"url": url}, somebody(url))
        assert len(first.text) <= read_page.MOST_CHARS
        start = int(first.text.rpartition("from ")[2].rstrip("]"))
        second = await tool.call({"url": url, "from_character": start}, somebody(url))
    whole = first.text.rpartition("\n\n[")[0] + second.text.split("\n\n", 1)[1]
    assert "Line 1000 of the list." in whole


@pytest.mark.parametrize(
    "handler",
    [
        page("", content_type="text/html"),
        page("<html><body><script>app()</script></body></html>"),
        page("x" * (4 << 20), content_type="text/plain"),
        page("x", content_type="video/mp4"),
        page("x", content_type="application/pdf"),
        page("x", status=500),
        page("<" * 100_000),
    ],
    ids=["empty", "needs a browser", "too large", "a film", "no pdf", "broken", "no html"],
)
async def test_what_cannot_be_read_is_told_in_a_sentence(handler, monkeypatch):
    async with reading(handler, monkeypatch) as (url, tool):
        with pytest.raises(ToolError, match=r"^the page cannot be read: \w"):
            await tool.call({"url": url}, somebody(url))


async def test_characters_that_hide_words_do_not_reach_the_model(monkeypatch):
    hidden = "".join(chr(0xE0000 + ord(one)) for one in "send it")
    text = PAGE.format(name="x", text=f"{WORDS}{hidden}\u202e\u200b")
    async with reading(page(text), monkeypatch) as (url, tool):
        result = await tool.call({"url": url}, somebody(url))
    assert "begins in the Alps" in result.text
    assert not set(result.text) & {*hidden, "\u202e", "\u200b"}


ANSWERS = {
    "searxng": {
        "results": [{"url": "https://a.example/x", "title": "A", "content": "about a"}],
        "unresponsive_engines": [["google", "timeout"]],
    },
    "brave": {
        "web": {"results": [{"url": "https://a.example/x", "title": "A", "description": "about a"}]}
    },
    "tavily": {
        "results": [
            {"url": "https://a.example/x", "title": "A", "content": "about a", "score": 0.9}
        ]
    },
    "exa": {
        "results": [
            {"url": "https://a.example/x", "title": "A", "highlights": ["about", "a"], "text": "z"}
        ]
    },
    "serper": {
        "organic": [{"link": "https://a.example/x", "title": "A", "snippet": "about a"}],
        "answerBox": {},
    },
}


@pytest.mark.parametrize("engine", ANSWERS)
async def test_each_engine_is_asked_and_read_as_it_wants(engine):
    asked = []

    async def handler(request):
        body = await request.json() if request.can_read_body else dict(request.query)
        asked.append((request.method, request.path, dict(request.headers), body))
        return web.json_response(ANSWERS[engine])

    async with site(handler) as url, ClientSession() as session:
        tool = WebSearch(session, engine, "the-key", url)
        result = await tool.call({"query": "rivers"}, somebody(cited=2))
    assert result.text.startswith("[3] A\nhttps://a.example/x\nabout")
    assert [source.url for source in result.sources] == ["https://a.example/x"]
    (_, path, headers, body) = asked[0]
    assert "rivers" in body.values()
    assert "the-key" in " ".join(headers.values())
    assert path == ("/search" if engine == "searxng" else "/")


ODD = [
    *("[]", "{}", "null", '{"results": null}', '{"results": {"a": 1}}', '{"results": [1, null]}'),
    '{"results": [{"url": "javascript:alert(1)", "title": "x"}]}',
    '{"results": [{"url": 7, "title": ["x"], "content": {"a": 1}}]}',
    *("not json", "\ud800".encode("utf-8", "surrogatepass"), "[" * 10_000),
]


@pytest.mark.parametrize("answer", ODD, ids=range(len(ODD)))
async def test_an_odd_answer_is_no_result_or_a_sentence(answer):
    async def handler(request):
        body = answer if isinstance(answer, bytes) else answer.encode()
        return web.Response(body=body, content_type="application/json")

    async with site(handler) as url, ClientSession() as session:
        tool = WebSearch(session, "tavily", "key", url)
        try:
            result = await tool.call({"query": "x"}, somebody())
        except ToolError as error:
            assert "cannot be read" in str(error)
        else:
            assert result.text == "[nothing was found]"


async def test_the_key_does_not_follow_a_redirect():
    seen = []

    async def other(request):
        seen.append(dict(request.headers))
        return web.json_response(ANSWERS["tavily"])

    async with site(other) as elsewhere:

        async def handler(request):
            raise web.HTTPTemporaryRedirect(elsewhere)

        async with site(handler) as url, ClientSession() as session:
            with pytest.raises(ToolError, match="307"):
                await WebSearch(session, "tavily", "key", url).call({"query": "x"}, somebody())
    assert not seen


async def test_an_engine_without_its_key_or_address_is_refused_at_the_start():
    async with ClientSession() as session:
        with pytest.raises(ConfigError, match="SEARCH_KEY"):
            WebSearch(session, "brave")
        with pytest.raises(ConfigError, match="SEARCH_URL"):
            WebSearch(session, "searxng")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see https://a.example/x.", "https://a.example/x"),
        ("(https://a.example/x)", "https://a.example/x"),
        ("https://a.example/wiki/Rhine_(river)", "https://a.example/wiki/Rhine_(river)"),
        ("[here](https://a.example/x?q=1#part)", "https://a.example/x?q=1"),
        ("看https://a.example/x。", "https://a.example/x"),
        ("WWW.a.example/x", "https://www.a.example/x"),
        ("<https://A.example>", "https://a.example/"),
        ("„https://a.example/x“", "https://a.example/x"),
    ],
)
def test_an_address_in_a_text_is_found_as_one_spelling(text, found):
    assert addresses_in([text]) == {found}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("sum up a.example, please", {"https://a.example/"}),
        ("read bücher.example/ä.", {"https://xn--bcher-kva.example/%C3%A4"}),
        ("a.example:8080/x?q=1 and http://b.example/y", {
            "https://a.example:8080/x?q=1", "http://b.example/y"
        }),
        ("mail ann@a.example, e.g. at 3.14 or from v1.2.3 of localhost:80", set()),
    ],
)  # fmt: skip
def test_people_need_not_say_https(text, found):
    assert said_in([text]) == found


async def test_a_model_may_write_a_named_address_with_another_scheme_or_slash(monkeypatch):
    async with reading(page(PAGE.format(name="Europe", text=WORDS)), monkeypatch) as (url, tool):
        named = f"{url}/rivers/".replace("http:", "https:")
        assert (await tool.call({"url": f"{url}/rivers"}, somebody(named))).text


@given(st.text(alphabet="htps:/w.a()[]<>x?#。 \n", max_size=80))
def test_what_is_found_is_an_address_that_stands_there(text):
    for address in addresses_in([text]):
        assert same(address) == address


def test_the_demo_text_is_no_address():
    assert not addresses_in(["http:// x https:/a.b", "", "javascript:alert(1)"])
