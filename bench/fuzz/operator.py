"""What an operator may write: lists, names of variables, URLs with secrets."""

from contextlib import suppress
from pathlib import Path

from hypothesis import strategies as st
from multidict import CIMultiDict
from pydantic import ValidationError
from yarl import URL

from bench.fuzz.border import Border
from bots.registry import read_settings
from bots.spelling import doubts
from core.errors import ConfigError
from core.models.providers import provider_at
from core.net.way import Way
from core.secret import secrets_of, shown_url

_WORD = "".join(reversed("drow-neddih"))
"""Not as it stands: Hypothesis tries the words of its own code."""
_PARTS = st.text(max_size=12) | st.sampled_from(
    [
        "telegram",
        "slack",
        ":",
        ",",
        "@",
        "//",
        "redis://",
        "#",
        "?key=",
        "\ud800",
        "-1001",
        "[",
        "%",
        "http://",
        "socks5://",
        "host.example",
        ":8080",
        "user:pass",
        "]",
        "\r\n",
        "\x00",
        "\xe4",
        "TOKEN",
        _WORD,
        "_",
    ]
)
_ADDRESSES = ("llm_base_url", "image_base_url", "telegram_api_url", "slack_api_url", "public_url")
_SECRETS = ("api_token", "llm_api_key", "slack_bot_token", "telegram_bot_token")


def _read(written: tuple[str, list[str]]) -> None:
    name, parts = written
    text = "".join(parts)
    _take(name, text)
    text = text.replace("\0", "").replace(_WORD, "")
    settings = read_settings(
        _env_file=None, allowed_users=text, admins=text, wake_words=text, system_prompt=text
    )
    settings.system_prompt.encode()
    repr(settings).encode("utf-8", "surrogatepass")
    doubts(settings, {text[:40]: text, "SYSTEM_PROMPT": text}, Path("nowhere"))
    secrets_of(text)
    assert _WORD not in shown_url(f"redis://user:{_WORD}@{text}")


def _take(name: str, text: str) -> None:
    """What passes can be asked, or sent; what does not is refused without a word of it."""
    try:
        settings = read_settings(_env_file=None, **{name: text})
    except ValidationError as error:
        (first,) = error.errors()
        assert _WORD not in first["msg"]
        return
    value = getattr(settings, name)
    if name in _ADDRESSES and value:
        assert URL(value).host
        provider_at(value)
        Way("http://proxy.example:1").proxy_for(value)
    elif name in _SECRETS:
        CIMultiDict({"X": value.get_secret_value()})["X"].encode("latin-1")
    elif name == "https_proxy":
        with suppress(ConfigError):
            Way(value.get_secret_value()).proxy_for("http://host.example/")


_NAMES = st.sampled_from((*_ADDRESSES, *_SECRETS, "https_proxy"))
BORDER = Border(st.tuples(_NAMES, st.lists(_PARTS, max_size=8)), _read)
