"""`palaver.toml` with anything in any place: read, or refused in one line that names the place."""

import msgspec
import pytest

from core.errors import ConfigError
from core.mcp.entry import ServerEntry
from core.models import palaver_file
from core.models.palaver_file import read_palaver_file
from core.models.parameters import Parameters
from core.people.personas import personas_of, places_of

GOOD = {
    "model": {"name": '"a"', "base_url": '"http://127.0.0.1:1"', "model": '"m"'},
    "persona": {"name": '"p"', "text": '"t"'},
    "place": {"id": '"telegram:1"'},
    "budget": {"of": '"person"', "most": '["1 usd/day"]'},
    "filter": {"action": '"mask"', "words": '["bad"]'},
    "moderation": {"base_url": '"http://127.0.0.1:1"', "model": '"m"'},
    "tools.server": {"name": '"s"', "command": '["true"]', "allow": '["*"]'},
    "model.parameters": {},
}
TYPES = {
    "model": palaver_file.ModelEntry,
    "persona": palaver_file.PersonaEntry,
    "place": palaver_file.PlaceEntry,
    "budget": palaver_file.BudgetEntry,
    "filter": palaver_file.FilterEntry,
    "moderation": palaver_file.ModerationEntry,
    "tools.server": ServerEntry,
    "model.parameters": Parameters,
}
WRONG = (
    "3", "-1", "true", '"x"', '""', "[]", "{}", "[1]", "-1e308", "nan", "inf", "1e308",
    "9223372036854775807", "1979-05-27T07:32:00Z", '["x", 3]', "{a = 1}", '"\\u0000"',
    f'"{"x" * 10_000}"', '["(a+)+$"]', '["["]', '["\\u0000"]', '["/dev/zero"]', '"/dev/zero"',
    '"telegram:"', '"line\\nbreak"', '{ "A\\nB" = "x" }', "[nan, 1.0, -2.0]", "[[1]]",
)  # fmt: skip


def table(kind, fields):
    head = f"[{kind}]" if kind in ("moderation", "model.parameters") else f"[[{kind}]]"
    return "\n".join([head, *(f"{name} = {value}" for name, value in fields.items()), ""])


def opened(path):
    """All that is made of the file at the start."""
    file = read_palaver_file(path)
    personas = personas_of(file.persona, path.parent)
    places_of(file.place, path.parent, personas)
    for direction in ("question", "answer"):
        file.filter_of(direction, path.parent)


@pytest.mark.parametrize("kind", GOOD)
def test_whatever_stands_in_a_field_is_read_or_refused_in_one_line(tmp_path, kind):
    path = tmp_path / "palaver.toml"
    first = "" if kind == "model" else table("model", GOOD["model"])
    refused = 0
    for field in msgspec.structs.fields(TYPES[kind]):
        for wrong in WRONG:
            fields = {**GOOD[kind], field.name: wrong}
            if field.name == "url":
                fields.pop("command", "")
            path.write_text(first + table(kind, fields))
            try:
                opened(path)
            except ConfigError as error:
                refused += 1
                assert str(error).startswith("PALAVER_CONFIG: "), (field.name, wrong)
                assert "\n" not in str(error)
    assert refused > 10


@pytest.mark.parametrize(
    "text",
    [b"\xff\xfe", b"\x00", b"x = " + b"[" * 3_000 + b"]" * 3_000, b"a" * 200_000, b"model = 3"],
)
def test_whatever_stands_in_the_file_is_refused_in_one_line(tmp_path, text):
    path = tmp_path / "palaver.toml"
    path.write_bytes(text)
    with pytest.raises(ConfigError, match="PALAVER_CONFIG"):
        opened(path)


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        ("model", "key", "[]"),
        ("model", "at_once", "-1"),
        ("model", "whole_s", "nan"),
        ("model", "price", "[nan, 1.0, 1.0]"),
        ("model", "name", '""'),
        ("persona", "name", '"two\\nlines"'),
        ("persona", "knows", '["/dev/zero"]'),
        ("place", "id", '"telegram"'),
        ("place", "timezone", '"Europe/Berln"'),
        ("budget", "who", '"ann"'),
        ("budget", "most", "[]"),
        ("tools.server", "places", '["Telegram:1"]'),
        ("tools.server", "command", '["a\\u0000b"]'),
        ("tools.server", "headers", '{"A\\nB" = "X"}'),
        ("model.parameters", "temperature", "nan"),
    ],
)
def test_what_could_never_work_is_refused_at_the_start(tmp_path, kind, field, value):
    path = tmp_path / "palaver.toml"
    first = "" if kind == "model" else table("model", GOOD["model"])
    path.write_text(first + table(kind, {**GOOD[kind], field: value}))
    with pytest.raises(ConfigError, match="PALAVER_CONFIG"):
        opened(path)
