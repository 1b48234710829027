"""What Slack tells: events, slash commands, buttons, in all the shapes that people send."""

import itertools
import json
from typing import Any

from hypothesis import strategies as st

from bench.fuzz.border import Border, nearly
from bots.slack.commands import read_press, read_slash
from bots.slack.inbound import Me, read_event
from bots.slack.listeners import cleaned
from bots.slack.reading import mentioned_in
from tests.harness import command_infos
from tests.servers.slack_shapes import SHAPES

_ME = Me("U0BOT", "T01", command_infos())
_SAID = [
    {
        "type": "message",
        "channel": "D01",
        "user": "U01",
        "ts": "1.1",
        "text": shape.text,
        **shape.more,
    }
    for shape in SHAPES
]
_CHANGED: list[dict[str, Any]] = [
    {"type": "message", "subtype": kind, "channel": "C01", "message": one, "previous_message": two}
    for kind in ("message_changed", "message_deleted")
    for one, two in itertools.pairwise(_SAID)
]
_PRESSED = {
    "actions": [{"value": "retry"}],
    "user": {"id": "U01"},
    "channel": {"id": "C01"},
    "message": {"ts": "1.1", "thread_ts": "1.0"},
    "view": {"private_metadata": "D01"},
    "trigger_id": "1",
}
_TYPED = {
    "command": "/palaver",
    "text": "model <@U01|ann> ?",
    "user_id": "U01",
    "channel_id": "C01",
    "trigger_id": "1",
}


def _read(raw: bytes) -> None:
    try:
        event = cleaned(json.loads(raw))
    except (ValueError, RecursionError):
        return
    if not isinstance(event, dict):
        return
    mentioned_in(event)
    incoming = read_event({"event": event, "event_id": "Ev1"}, _ME, {"U01": "Ann"})
    if incoming is not None:
        incoming.text.encode()
    read_press(event, "slack", "T01")
    read_slash(event, command_infos(model=["large"]))


BORDER = Border(nearly(*_SAID, *_CHANGED, _PRESSED, _TYPED) | st.binary(max_size=50), _read)
