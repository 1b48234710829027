"""Our own page is known by its host and port, however a browser or a proxy writes them."""

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from pydantic import ValidationError

from bots.web.proxies import Proxies
from core.net.own_site import check_origin, counted_as
from tests.harness import settings_for

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


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("public_url", "https://bot.example/?key=1"),
        ("public_url", "https://bot.example/#in"),
        ("web_user_header", "X User"),
        ("web_user_header", "X-User:"),
        ("web_proxies", "proxy"),
        ("web_proxies", "10.0.0.0/33"),
        ("web_proxies", "127.0.0.1:80"),
    ],
)
def test_what_could_never_work_is_refused_at_the_start(tmp_path, name, value):
    with pytest.raises(ValidationError, match=name):
        settings_for(tmp_path, **{name: value})


def test_one_machine_is_one_asker_whatever_it_is_given():
    """RFC 6177: a site has a /64 at least for itself."""
    request = make_mocked_request("GET", "/")
    names = {
        remote: counted_as(request.clone(remote=remote))
        for remote in ("2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1", "::ffff:10.0.0.7")
    }
    assert names["2001:db8::1"] == names["2001:db8::ffff:1"] != names["2001:db8:0:1::1"]
    assert names["::ffff:10.0.0.7"] == "10.0.0.7"


def test_a_proxy_is_known_by_its_network_however_its_address_is_told():
    headers = {"X-Forwarded-User": "anna"}
    request = make_mocked_request("GET", "/", headers=headers)
    proxies = Proxies("X-Forwarded-User", "10.0.0.0/8, FD00::1")
    told = [
        bool(proxies.visitor(request.clone(remote=remote)))
        for remote in ("10.9.9.9", "::ffff:10.0.0.7", "fd00:0::1", "fd00::2", "11.0.0.1", "")
    ]
    assert told == [True, True, True, False, False, False]
    with pytest.raises(ValueError, match="proxy"):
        Proxies("X-Forwarded-User", "proxy")
