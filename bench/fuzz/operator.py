"""What an operator may write: lists, names of variables, URLs with secrets."""

from pathlib import Path

from hypothesis import strategies as st

from bench.fuzz.border import Border
from core.secret import secrets_of, shown_url
from core.settings import Settings
from core.spelling import doubts

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
    ]
)


def _read(parts: list[str]) -> None:
    text = "".join(parts)
    settings = Settings(
        _env_file=None, allowed_users=text, admins=text, wake_words=text, system_prompt=text
    )
    settings.system_prompt.encode()
    repr(settings).encode("utf-8", "surrogatepass")
    doubts(settings, {text[:40]: text, "SYSTEM_PROMPT": text}, Path("nowhere"))
    secrets_of(text)
    assert _WORD not in shown_url(f"redis://user:{_WORD}@{text}")


BORDER = Border(st.lists(_PARTS, max_size=8), _read)
