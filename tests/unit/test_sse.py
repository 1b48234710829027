"""The event-stream decoder, on web-platform-tests' `eventsource/format-*` and at every cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.models.sse import Decoder

X = "x" * 2048
CASES = {
    "bom": ("\ufeffdata:1\n\n\ufeffdata:2\n\ndata:3\n\n", ["1", "3"]),
    "bom-2": ("\ufeff\ufeffdata:1\n\ndata:2\n\ndata:3\n\n", ["2", "3"]),
    "comments": (
        f"data:1\r:\0\n:\r\ndata:2\n:{X}\rdata:3\n:data:fail\r:{X}\ndata:4\n\n",
        ["1\n2\n3\n4"],
    ),
    "data-before-final-empty-line": ("retry:1000\ndata:test1\n\nid:test\ndata:test2", ["test1"]),
    "field-data": ("data:\n\ndata\ndata\n\ndata:test\n\n", ["", "\n", "test"]),
    "field-event": ("event:test\ndata:x\n\ndata:x\n\n", ["x", "x"]),
    "field-id": ("id:a\ndata:1\n\ndata:2\n\nid\ndata:3\n\n", ["1", "2", "3"]),
    "field-event-empty": ("event: \ndata:data\n\n", ["data"]),
    "field-id-null": ("id:\0\0\ndata:hello\n\n", ["hello"]),
    "field-parsing": (
        "data:\0\ndata:  2\rData:1\ndata\0:2\ndata:1\r\0data:4\nda-ta:3\rdata_5\n"
        "data:3\rdata:\r\n data:32\ndata:4\n\n",
        ["\0\n 2\n1\n3\n\n4"],
    ),
    "field-unknown": (
        "data:test\n data\ndata\nfoobar:xxx\njustsometext\n:thisisacommentyay\ndata:test\n\n",
        ["test\n\ntest"],
    ),
    "leading-space": ("data:\ttest\rdata: \ndata:test\n\n", ["\ttest\n\ntest"]),
    "newlines": ("data:test\r\ndata\ndata:test\r\n\r", ["test\n\ntest"]),
    "null-character": ("data:\0\n\n\n\n", ["\0"]),
    "utf-8": ("data:ok…\n\n", ["ok…"]),
}


def decode(pieces):
    decoder = Decoder()
    return [event.data.decode() for piece in pieces for event in decoder.feed(piece)]


@pytest.mark.parametrize("name", CASES)
def test_a_case_of_the_standard_gives_its_events_however_it_is_cut(name):
    """Whole, byte by byte, and in two at every place."""
    text, expected = CASES[name]
    data = text.encode()
    assert decode([data]) == expected
    assert decode([data[i : i + 1] for i in range(len(data))]) == expected
    for cut in range(1, len(data)):
        assert decode([data[:cut], data[cut:]]) == expected


def test_ids_last_until_the_next_and_types_only_for_one_event():
    decoder = Decoder()
    events = decoder.feed(b"id:a\ndata:1\n\ndata:2\n\nid\nevent:test\ndata:3\n\ndata:4\n\n")
    assert [event.id for event in events] == ["a", "a", "", ""]
    assert [event.type for event in events] == ["message", "message", "test", "message"]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("retry:03000\n", 3000),
        ("retry:3000\nretry:1000x\n", 3000),
        ("retry\n", None),
    ],
)
def test_retry_takes_digits_only(sent, kept):
    decoder = Decoder()
    decoder.feed(sent.encode())
    assert decoder.retry_ms == kept


def test_what_was_cut_off_can_still_be_looked_at():
    decoder = Decoder()
    assert decoder.feed(b"data: [DO") == []
    decoder.feed(b"NE]")
    assert decoder.unfinished == b"[DONE]"


@pytest.mark.parametrize("cut", [0, 5, 20])
def test_an_event_of_several_lines_that_was_cut_off_is_still_one(cut):
    """Also behind messages that were taken at once."""
    last = b"event: error\nid: 7\ndata: gone"
    decoder = Decoder()
    for piece in (b"data: a\n\n", b"data: b\n\n" + last[:cut], last[cut:]):
        if decoder.messages(piece) is None:
            decoder.feed(piece)
    assert decoder.unfinished == b"gone"
    assert (decoder.unfinished_type, decoder.last_id) == ("error", "7")


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=5))
def test_any_bytes_give_the_same_events_however_they_are_cut(data, cuts):
    """The decoder never raises, and never sees a read's boundary."""
    places = sorted({0, len(data), *(cut for cut in cuts if cut <= len(data))})
    pieces = [data[a:b] for a, b in zip(places, places[1:], strict=False)]
    whole, cut_up = Decoder(), Decoder()
    assert whole.feed(data) == [event for piece in pieces for event in cut_up.feed(piece)]


PARTS = [
    *(b"data: ", b"data: ", b"\n\n", b"\n\n", b"data:", b"\n", b"\r", b"\r\n", b"a", b"{}"),
    *(b"event: error\n", b"id: 1\n", b": hm\n", b"\xef\xbb\xbf", b"data: a\n\ndata: b\n\n"),
]


@given(st.lists(st.sampled_from(PARTS), max_size=25).map(b"".join), st.integers(1, 40))
def test_messages_of_one_line_are_what_feeding_gives(stream, size):
    """The short way round gives the same events, whatever the stream, however it is cut."""
    fed, short, events, data = Decoder(), Decoder(), [], []
    for at in range(0, len(stream), size):
        piece = stream[at : at + size]
        events += fed.feed(piece)
        some = short.messages(piece)
        data += [one.data for one in short.feed(piece)] if some is None else some
    assert data == [one.data for one in events]
    assert (short.last_id, short.unfinished) == (fed.last_id, fed.unfinished)
