"""What `REDIS_URL` may say, and what is told of the rest."""

import pytest

from core.errors import ConfigError
from core.store.address import read_address
from tests.scenarios.test_command import run


@pytest.mark.parametrize(
    "query",
    [
        *("cluster=true", "decode_responses=true", "socket_timeout=5", "max_connections=5"),
        *("health_check_interval=30", "host=elsewhere", "connection_class=x", "path=/tmp/x"),
        *("ssl_cert_reqs=none", "retry_on_timeout=true", "family=0"),
    ],
)
@pytest.mark.parametrize(
    "url", ["redis://localhost/0", "redis+sentinel://one,two/main", "unix:///tmp/valkey.sock"]
)
def test_an_option_that_is_not_taken_is_named(url, query):
    with pytest.raises(ConfigError, match=query.partition("=")[0]):
        read_address(f"{url}?{query}")


def test_the_options_of_the_server_are_taken():
    address = read_address("rediss://localhost?db=3&ssl_cert_reqs=none&client_name=palaver")
    assert address.options["db"] == 3
    assert address.options["ssl_cert_reqs"] == "none"
    assert address.tls


@pytest.mark.parametrize(
    "url",
    [
        *("redis://:ab?hidden=word@127.0.0.1/0", "redis://user#hidden:word@127.0.0.1/0"),
        *("redis://127.0.0.1/hidden", "redis+sentinel://127.0.0.1/group/0/hidden"),
    ],
)
def test_an_address_that_means_something_else_than_it_says_is_refused_without_its_words(url):
    with pytest.raises(ConfigError) as refused:
        read_address(url)
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize("url", ["redis://localhost", "unix:///tmp/valkey.sock"])
def test_a_password_for_sentinels_is_not_taken_where_there_are_none(url):
    with pytest.raises(ConfigError, match="without redis\\+sentinel://: sentinel_password"):
        read_address(f"{url}?sentinel_password=x")


@pytest.mark.parametrize("command", ["run", "check"])
async def test_such_an_option_is_one_sentence(tmp_path, command):
    url = "redis://:hidden-word@127.0.0.1:1/0?socket_timeout=5"
    code, out, err = await run(tmp_path, command, REDIS_URL=url)
    assert code == 1
    assert "REDIS_URL: has an option that is not taken: socket_timeout" in out + err
    assert "unexpected" not in out
    assert "hidden-word" not in out + err
