"""What comes with an address from outside: where it leads is judged, and what is there bounded."""

import gzip
import ipaddress
import socket
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st
from yarl import URL

from core.credentials import Credential, origin_at
from core.errors import AddressRefused, FetchError
from core.net import outside as outside_module
from core.net.addresses import is_public
from core.net.outside import Outside
from core.net.urls import read_url
from core.net.way import Way
from tests.servers.loopback import listening

INSIDE_4 = [
    *("127.0.0.1", "127.8.9.1", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255"),
    *("192.168.1.1", "169.254.169.254", "100.64.0.1", "100.127.255.255", "192.0.0.1"),
    *("192.0.2.1", "198.51.100.7", "203.0.113.9", "198.18.0.1", "198.19.255.255", "224.0.0.1"),
    *("239.255.255.250", "240.0.0.1", "255.255.255.255", "168.63.129.16", "192.88.99.1"),
]
INSIDE_6 = [
    *("::", "::1", "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1"),
    *("::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:0:127.0.0.1", "::127.0.0.1", "::8.8.8.8"),
    *("64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::a00:1", "2002:7f00:1::", "2002:808:808::"),
    *("2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1", "2001:2::1", "2001:20::1", "100::1"),
    *("2606:4700::5efe:7f00:1", "2606:4700::200:5efe:a00:1", "3fff::1", "5f00::1", "4000::1"),
]
PUBLIC = [
    *("8.8.8.8", "1.1.1.1", "93.184.216.34", "172.32.0.1", "100.128.0.1", "168.63.129.17"),
    *("2606:4700::1111", "2a00:1450:4001::200e", "2400:cb00::1"),
]


@pytest.mark.parametrize("address", [*INSIDE_4, *INSIDE_6, "", "localhost", "1", "1.2.3", "\ud800"])
def test_an_address_that_may_lead_inside_is_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_the_open_internet_is_public(address):
    assert is_public(address)


@given(st.ip_addresses(v=4))
@settings(max_examples=500)
def test_no_form_of_an_ipv4_address_in_ipv6_gets_further_than_the_address_itself(address):
    number = int(address)
    forms = [
        number,
        0xFFFF << 32 | number,
        0x0064FF9B << 96 | number,
        0x0064FF9B0001 << 80 | number,
        0x2002 << 112 | number << 80,
        0x20010000 << 96 | (number ^ 0xFFFFFFFF),
        0x26064700 << 96 | 0x00005EFE << 32 | number,
        0xFE80 << 112 | 0x02005EFE << 32 | number,
    ]
    assert not any(is_public(str(ipaddress.IPv6Address(form))) for form in forms)
    if not address.is_global:
        assert not is_public(str(address))


@given(st.ip_addresses(v=6))
@settings(max_examples=500)
def test_what_python_calls_private_is_never_public(address):
    if not address.is_global or address.is_multicast:
        assert not is_public(str(address))


NO_ADDRESS = [
    *("https://[", "http://[::1", "https://", "http:///x", "//x/y", "x", "", "/etc/passwd"),
    *("http://x:0/", "http://x:99999/", "http://x:-1/", "http://x:y/", "http://x: 80/"),
    *("http://2130706433/", "http://127.1/", "http://0x7f000001/", "http://0177.1/", "http://0/"),
    *("http://1.2.3.4.5/", "http://256.256.256.256.0x1/", "http://a.1/"),
    *("http://u:p@x/", "http://u@x/", "http://@x/", "http://x\\@y/", "http:\\\\x/", "http://x\\y/"),
    *("http://x\r\nHost: y/", "http://x/\n", "http://x/\x00", "http://x/ y", "\thttp://x/"),
    *("http://\ud800/", "http://x/\udfff", "http://x\u202e.com/", "http://x;y/"),
    *("http://a..b/x\u2028", "http://[fe80::1%25eth0]/", "http://[::ffff:1.2.3.4%lo]/"),
    *("http://%31%32%37.0.0.1/", "http://x%2f@y/", "http://" + "a" * 64 + ".com/\u200b"),
    *("data:text/plain,x", "file:///etc/passwd", "ftp://x/", "gopher://x/", "javascript:x"),
    *("http://" + "a" * 1_000_000, "http://x/" + "a" * 1_000_000, "http://[" + ":" * 3_000),
]


@pytest.mark.parametrize("address", NO_ADDRESS, ids=range(len(NO_ADDRESS)))
def test_an_odd_address_is_none(address):
    with pytest.raises(AddressRefused) as refused:
        read_url(address)
    assert len(str(refused.value)) < 100


@given(
    st.one_of(
        st.text(),
        st.text(alphabet="http:/[]@%.0123456789abx-\\#?&= \n\ud800é。", max_size=60),
        st.builds("{}://{}{}".format, st.sampled_from(["http", "https"]), st.text(), st.text()),
    )
)
@settings(max_examples=1_000)
def test_any_text_is_an_address_or_is_refused(text):
    try:
        url = read_url(text)
    except AddressRefused:
        return
    assert url.scheme in ("http", "https")
    assert url.raw_host
    assert url.raw_user is None
    assert 0 < url.port < 65536
    assert origin_at(text) is not None


@given(st.text(max_size=80))
@settings(max_examples=500)
def test_a_credential_goes_nowhere_else_whatever_the_address_is(text):
    credential = Credential((("Authorization", "x"),), "https://api.example/v1", ("slack.com",))
    for address in (
        text,
        f"https://{text}",
        f"https://api.example{text}",
        f"https://slack.com{text}",
    ):
        if credential.to(address):
            assert (URL(address).host or "").removesuffix(".slack.com") in (
                "slack.com",
                "api.example",
            )


# The fetch itself, over real sockets.


@asynccontextmanager
async def serving(handler):
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    async with listening(app) as url:
        yield url


async def get(address, **more):
    async with Outside(Way()) as outside:
        return await outside.get(address, **{"most_bytes": 1_000_000, "most_s": 5, **more})


@pytest.fixture
def asked():
    return []


@pytest.fixture
async def inside(asked):
    async def handler(request):
        asked.append(request.path)
        return web.Response(text="secrets of the inside")

    async with serving(handler) as url:
        yield url


@pytest.fixture
def any_port(monkeypatch):
    """Loopback servers have ports of their own; what is tested is the judging of addresses."""
    monkeypatch.setattr(outside_module, "PORTS", range(65536))


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "[::ffff:127.0.0.1]", "localhost", "[::1]", "127.0.0.2"]
)
async def test_the_connection_itself_is_judged(inside, asked, any_port, host):
    with pytest.raises(FetchError):
        await get(inside.replace("127.0.0.1", host))
    assert asked == []


async def test_a_name_that_leads_inside_is_refused_however_it_resolves(
    inside, asked, any_port, monkeypatch
):
    async def rebinding(self, host, port=0, family=socket.AF_INET):
        found = {"host": "127.0.0.1", "hostname": host, "port": port}
        return [{**found, "family": socket.AF_INET, "proto": 6, "flags": 0}]

    monkeypatch.setattr(aiohttp.DefaultResolver, "resolve", rebinding)
    with pytest.raises(AddressRefused, match="inside"):
        await get(inside.replace("127.0.0.1", "rebound.example"))
    assert asked == []


async def test_an_unusual_port_is_not_asked(inside, asked):
    with pytest.raises(AddressRefused, match="port"):
        await get(inside)
    assert asked == []


async def test_the_host_that_the_operator_named_is_asked_wherever_it_is(inside):
    assert (await get(f"{inside}/x", named=f"{inside}/v1")).data == b"secrets of the inside"


async def test_its_neighbour_is_not(inside, asked, any_port):
    async def handler(request):
        raise web.HTTPFound(f"{inside}/x")

    async with serving(handler) as named:
        with pytest.raises(FetchError):
            await get(f"{named}/x", named=named)
    assert asked == []


async def test_a_circle_of_redirects_ends():
    async def handler(request):
        raise web.HTTPFound(str(request.url))

    async with serving(handler) as named:
        with pytest.raises(FetchError, match="too often"):
            await get(named, named=named)


@pytest.mark.parametrize(
    "to", ["https://[", "", "http://[::1", "\\\\x", "http://u:p@x/", "ftp://x"]
)
async def test_a_redirect_to_no_address_is_refused(to):
    async def handler(request):
        return web.Response(status=302, headers={"Location": to})

    async with serving(handler) as named:
        with pytest.raises(FetchError):
            await get(named, named=named)


async def test_a_compressed_body_is_bounded_by_what_it_unpacks_to():
    bomb = gzip.compress(b"\0" * 200_000_000, 1)

    async def handler(request):
        return web.Response(body=bomb, headers={"Content-Encoding": "gzip"})

    async with serving(handler) as named:
        with pytest.raises(FetchError, match="large"):
            await get(named, named=named)


async def test_who_takes_too_long_is_left():
    async def handler(request):
        response = web.StreamResponse()
        await response.prepare(request)
        async for _ in request.content:
            pass
        while True:
            await response.write(b"a")
            await aiohttp.helpers.asyncio.sleep(0.05)

    async with serving(handler) as named:
        with pytest.raises(FetchError, match="too long"):
            await get(named, named=named, most_s=0.3)


async def test_only_the_kinds_that_are_wanted_are_read():
    async def handler(request):
        return web.Response(body=b"MZ", content_type="application/x-msdownload")

    async with serving(handler) as named:
        with pytest.raises(FetchError, match="kind"):
            await get(named, named=named, kinds=("text/", "application/json"))


async def test_behind_a_proxy_nothing_can_be_judged_so_nothing_is_asked():
    async with Outside(Way("http://127.0.0.1:1")) as outside:
        with pytest.raises(AddressRefused, match="proxy"):
            await outside.get("https://example.com/", most_bytes=10, most_s=1)


async def test_it_carries_nothing_of_ours(monkeypatch, tmp_path):
    netrc = tmp_path / ".netrc"
    netrc.write_text("default login me password secret")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    headers = []

    async def handler(request):
        headers.append(request.headers)
        return web.Response(text="x", headers={"Set-Cookie": "a=b"})

    async with serving(handler) as named, Outside(Way()) as outside:
        for _ in range(2):
            await outside.get(named, most_bytes=10, most_s=5, named=named)
    assert not any("Cookie" in one or "Authorization" in one for one in headers)
