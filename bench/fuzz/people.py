"""What people type behind a command: times and zones, settings, budgets, facts, sums.

Each is read, or refused by the errors that its reader names. A time that is understood can be
followed and shown, in any zone and at any moment.
"""

from contextlib import suppress
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, Literal

from hypothesis import strategies as st

from bench.fuzz.border import Border
from core.languages.catalogue import LANGUAGES
from core.people.budgets import read_amount, read_limit
from core.people.facts import holds_secret, one_line
from core.times.rules import following, is_rule, least_gap_s, zone_named
from core.times.spoken import NotUnderstoodError, PastError, TooFarError, shown, understand
from core.times.zones import zone_meant
from core.tools.calculate import calculate
from core.turn.commands.remind import _question, _target
from core.turn.commands.setting import SETTINGS, Unfit
from core.turn.commands.settings import read_wish

_TAGS: tuple[Any, ...] = tuple(LANGUAGES)
_WORDS = sorted(
    {
        one.lstrip("*")
        for language in LANGUAGES.values()
        for words in language.times.values()
        for word in words
        for one in word.split("|")
    }
)
_ZONES = ("UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Apia", "Africa/Monrovia")
_SIGNS = (
    *(
        ":",
        ".",
        "/",
        "-",
        ",",
        " ",
        "h",
        "点",
        "半",
        "٣",
        "²",
        "\u202e",
        "\u200d",
        "\ud800",
        "\x00",
    ),
    *("9", "24", "31", "2027", "9" * 50, "1e9", "$", "k", "%", "^", "(", ")", "!", "gpt-5*"),
    *("usd/day", "tokens", "a week", "person", "place", "grant", "reset", "everywhere", "recent"),
)
_PIECES = st.one_of(
    st.sampled_from(_WORDS),
    st.sampled_from(_SIGNS),
    st.sampled_from((*SETTINGS, "Europe/Berlin", "on", "off", "us", "ask:")),
    st.integers(-3, 10_000).map(str),
    st.text(max_size=6),
)
_MOMENTS = st.floats(0, 4e9) | st.sampled_from((0.0, 1.7e9, 1774749600.0, 4.1e9))


def _context(text: str, tag: Any) -> Any:
    """As much of a turn's context as the readers of settings look at."""
    tools = [SimpleNamespace(name=name) for name in ("time", "crm__find", "crm__make")]
    services = SimpleNamespace(personas={"default": None, "coder": None}, tools=tools)
    return SimpleNamespace(
        language=tag,
        first=SimpleNamespace(text=text, of_place=False, place_name=text),
        turn=SimpleNamespace(in_thread=False),
        services=services,
        choosable=["fast", "large"],
        may_choose=lambda name: name == "fast",
    )


def _typed(case: tuple[str, Literal["en"], str, float]) -> None:
    text, tag, zone_name, at = case
    _time(text, tag, zone_name, at)
    zone_meant(text)
    context = _context(text, tag)
    wish = read_wish(context)
    for setting in SETTINGS.values():
        with suppress(Unfit):
            value = setting.read(context, wish.value or text)
            assert isinstance(value, bool) or len(value) <= max(4_000, len(text))
    for of in ("person", "place", "tenant"):
        with suppress(ValueError):
            assert read_limit(of, text).most >= -1  # type: ignore[arg-type] # each is one
    with suppress(ValueError):
        read_amount(text)
    with suppress(ValueError):
        assert len(calculate(text)) < 10_000
    holds_secret(text)
    assert "\n" not in one_line(text)


def _time(text: str, tag: Any, zone_name: str, at: float) -> None:
    zone = zone_named(zone_name) or UTC
    _, text = _target(text, [tag])
    try:
        said = understand(text, datetime.fromtimestamp(at, zone), [tag])
    except (NotUnderstoodError, PastError, TooFarError):
        return
    _question(said.text, [tag])
    assert len(said.text) <= len(text)
    shown(said.at, zone, tag).encode()
    if said.rule is not None:
        assert is_rule(said.rule)
        least_gap_s(said.rule, zone, said.at)
        again, missed = following(said.rule, zone, said.at, max(at, said.at))
        assert missed >= 0
        assert again is None or again > said.at


BORDER = Border(
    st.tuples(
        st.lists(_PIECES, max_size=9).map(" ".join) | st.lists(_PIECES, max_size=9).map("".join),
        st.sampled_from(_TAGS),
        st.sampled_from(_ZONES),
        _MOMENTS,
    ),
    _typed,
)
