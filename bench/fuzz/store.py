"""Whatever stands in the store: mail, history, state, letters, entries, post logs, sums."""

import msgspec

from bench.fuzz.border import Border, nearly
from core.messages import Exchange, Incoming, Preferences, Sender, Summary, conversation_id
from core.store import lanes, turns, values
from core.store.post_log import place_in

_CHAT = conversation_id("test", "chat")
_MAIL = Incoming(event_id="e", conversation=_CHAT, sender=Sender("test:1", "Ann"), text="hello")
_EXCHANGE = Exchange("e", "Ann", "question", "answer", 1.0)
_DECODERS = [
    msgspec.json.Decoder(kind) for kind in (Exchange, Preferences, Summary, turns.Checkpoint)
]


def _read(raw: bytes) -> None:
    values.read_incoming(raw, "store.mail")
    for decoder in _DECODERS:
        values.read(decoder, raw, "store.value")
    letter = values.read_dead_letter(raw)
    assert letter.incoming is None or letter.incoming.event_id
    assert len(letter.mail) <= max(len(raw), values.MOST_DEAD_BYTES)
    values.words(raw).encode()
    assert abs(values.number(raw)) < float("inf")
    place_in(raw)
    for stream in lanes.streams("test"):
        found = lanes.lane_at(stream, {b"c": raw, b"p": raw})
        assert found is None or found[0].conversation.startswith("test:")
    state = [name for field in (b"checkpoint", b"tries", b"stop", b"note") for name in (field, raw)]
    # The conversation's preferences, summary, new name; the place's.
    turns.read_turn((), state, [raw], [raw] * 3, [raw, raw], raw, in_thread=True)
    turns.read_spent([b"turns", raw, raw, raw])


BORDER = Border(
    nearly(
        msgspec.to_builtins(_MAIL),
        msgspec.to_builtins(_EXCHANGE),
        {"event_id": "e", "text": "t", "pages": ["1"], "done": True},
        {"reason": "r", "mail": msgspec.json.encode(_MAIL).decode()},
        {"text": "t", "until": 1.0},
        "test:chat:",
        12,
    ),
    _read,
)
