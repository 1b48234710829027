"""What stands between a model and its tools: journals, consents, arguments, and MCP servers' words.

Journals are written by any version; schemas, descriptions and results are strangers'.
"""

import asyncio
import json
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import msgspec
from hypothesis import strategies as st

from bench.fuzz.border import Border, nearly
from core.mcp.answers import DESCRIPTION_CHARS, NAME_CHARS, TEXT_CHARS, text_of, told
from core.mcp.entry import ServerEntry
from core.mcp.frames import FRAME_BYTES, Done, Failed, Listed, Progress, frame, news, read_frame
from core.models.tool_calls import ToolCall
from core.store.accounts import read_hold, read_limits
from core.store.journal import PREFIX, RoundRecord, StepRecord, read_rounds
from core.store.reminder import mail_of, read_occurrence, reminder_in
from core.tools.arguments import ArgumentCheck

_STEP = StepRecord(ToolCall("c", "t", "{}"), tool="t", state="done", output="o")
_REMINDER = {
    "id": "r",
    "person": {"id": "test:1", "name": "Ann"},
    "conversation": "test:chat:",
    "text": "t",
    "due": 1.8e9,
    "zone": "UTC",
    "rule": {"cron": "0 9 * * *"},
}
_STORED = nearly(
    msgspec.to_builtins(RoundRecord("e", 1, (_STEP,))),
    msgspec.to_builtins(_STEP),
    {"accounts": {"palaver:{0}:account:x": {"usd": 1}}},
    [{"of": "person", "unit": "usd", "most": 1, "per": "day"}],
    _REMINDER,
)
_SCHEMAS = nearly(
    {"type": "object", "properties": {"a": {"type": "string", "pattern": "^(a+)+$"}}},
    {"type": "object", "required": ["a"], "additionalProperties": False},
    {"$ref": "#/$defs/x", "$defs": {"x": {"$ref": "#/$defs/x"}}},
    {"$ref": "file:///etc/passwd"},
    {"anyOf": [{"type": "object", "minProperties": 1e999}, {"format": "regex"}]},
)
_ARGUMENTS = nearly({"a": "a" * 30 + "!"}, {"b": {"c": [1, None]}}, {}, [1], "x")
_BLOCKS = st.lists(
    st.builds(
        SimpleNamespace,
        type=st.sampled_from(("text", "resource", "resource_link", "audio", "image", "future")),
        text=st.text(max_size=50) | st.just("x" * 20_000),
        name=st.text(max_size=10),
        uri=st.text(max_size=10),
        mime_type=st.text(max_size=10),
        resource=st.builds(SimpleNamespace, text=st.none() | st.text(), uri=st.text(max_size=5)),
    ),
    max_size=5,
)
_ENTRY = ServerEntry("s", command=("x",), allow=("*",), trust=True)


def _stored(raw: bytes) -> None:
    read_rounds({PREFIX + b"e:1": raw, b"fence": raw})
    for record in read_rounds({PREFIX + b"e:1": raw}):
        _ = record.ended, record.name, record.round
    for account in read_hold(raw):
        assert ":account:" in account
    read_limits([raw, None])
    if (reminder := reminder_in(raw)) is not None:
        assert read_occurrence(mail_of(reminder, 0)) is not None


def _called(case: tuple[bytes, bytes]) -> None:
    try:
        schema = json.loads(case[0])
    except (ValueError, RecursionError):
        return
    with suppress(ValueError):
        check = ArgumentCheck(schema if isinstance(schema, dict) else {})
        check.read(case[1].decode(errors="replace"))


def _answered(case: tuple[list[Any], Any, str, dict[str, Any]]) -> None:
    blocks, structured, text, schema = case
    result = SimpleNamespace(content=blocks, structured_content=structured)
    assert len(text_of(result)) <= TEXT_CHARS + 100
    tool: Any = SimpleNamespace(
        name=text, description=text * 1_000, title=text, input_schema=schema, annotations=None
    )
    listed = list(told([tool]))
    for one in listed:
        assert len(one.name) <= NAME_CHARS
        assert len(one.description) <= DESCRIPTION_CHARS + 1
        _ENTRY.effect(one)
    for message in (Listed(tuple(listed)), Done(1, text), Failed(1, "broken", text), Progress(1)):
        with suppress(ValueError):
            assert len(frame(message)) <= FRAME_BYTES + 4


def _framed(raw: bytes) -> None:
    async def read() -> None:
        reader = asyncio.StreamReader()
        reader.feed_data(raw)
        reader.feed_eof()
        with suppress(EOFError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            news.decode(await read_frame(reader))

    _RUNNER.run(read())


_RUNNER = asyncio.Runner()
_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)
_SAID = frame(Done(1, "text"))
_FRAMES = st.one_of(
    st.binary(max_size=60),
    st.binary(max_size=20).map(lambda some: _SAID + some),
    st.integers(0, len(_SAID)).map(lambda at: _SAID[:at]),
    st.tuples(st.integers(0, len(_SAID) - 1), st.integers(0, 255)).map(
        lambda spot: _SAID[: spot[0]] + bytes([spot[1]]) + _SAID[spot[0] + 1 :]
    ),
)
_READERS: tuple[Any, ...] = (_stored, _called, _answered, _framed)
BORDER = Border(
    st.one_of(
        st.tuples(st.just(0), _STORED),
        st.tuples(st.just(1), st.tuples(_SCHEMAS, _ARGUMENTS)),
        st.tuples(
            st.just(2),
            st.tuples(_BLOCKS, _JSON, st.text(max_size=200), st.dictionaries(st.text(), _JSON)),
        ),
        st.tuples(st.just(3), _FRAMES),
    ),
    lambda case: _READERS[case[0]](case[1]),
)
