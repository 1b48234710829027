"""Our own page is known by its host and port, however a browser or a proxy writes them."""

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from core.net.own_site import check_origin

PUBLIC = "https://Bücher.Example:443"


def asks(origin, host, public_url, *, local=False):
    headers = {"Host": host, "Origin": origin}
    request = make_mocked_request("POST", "/api/session", headers=headers)
    try:
        check_origin(request, local=local, public_url=public_url)
    except web.HTTPForbidden:
        return False
    return True


@pytest.mark.parametrize(
    ("origin", "host", "public_url"),
    [
        # A proxy ends TLS, and passes the Host header on, or writes another.
        ("https://xn--bcher-kva.example", "xn--bcher-kva.example", PUBLIC),
        ("https://xn--bcher-kva.example", "127.0.0.1:8080", PUBLIC),
        ("https://bot.example", "bot.example:443", "https://bot.example/"),
        ("https://bot.example", "localhost:8080", "https://BOT.example"),
        ("http://bot.example:8080", "bot.example:8080", "http://bot.example:8080"),
        ("http://192.168.1.7", "192.168.1.7:80", ""),
        ("http://[::1]:8080", "[0:0::1]:8080", ""),
    ],
)
def test_every_spelling_of_our_own_address_is_our_page(origin, host, public_url):
    assert asks(origin, host, public_url)


@pytest.mark.parametrize(
    ("origin", "host", "public_url"),
    [
        ("https://bot.example:444", "bot.example", "https://bot.example"),
        ("https://evil.example", "bot.example", "https://bot.example"),
        ("https://bot.example.evil.example", "bot.example", "https://bot.example"),
        ("https://bot.example@evil.example", "bot.example", "https://bot.example"),
        ("http://localhost:3000", "localhost:8080", ""),
        ("http://evil.example", "evil.example", ""),
        ("null", "127.0.0.1", ""),
        ("", "127.0.0.1", ""),
        ("file:///", "localhost", ""),
    ],
)
def test_every_other_address_is_another_site(origin, host, public_url):
    assert not asks(origin, host, public_url)
