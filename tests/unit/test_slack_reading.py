"""Slack's messages are read whatever they hold, and in proportion to their length."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bots.slack.attached import read_files
from bots.slack.commands import read_command, read_press, read_slash
from bots.slack.inbound import Me, read_event
from bots.slack.listeners import cleaned
from bots.slack.reading import mentioned_in, words
from core.messages import Incoming
from tests.harness import command_infos
from tests.servers.slack_shapes import SHAPES

ME = Me("U0BOT", "T01", command_infos())
KEYS = sorted(
    {
        *("type", "text", "elements", "rows", "style", "user", "ts", "files", "blocks", "name"),
        *("attachments", "message_blocks", "message", "mode", "title", "url", "channel", "fields"),
        *("is_share", "user_id", "unicode", "offset", "indent", "transcription", "preview"),
    }
)
KINDS = ("rich_text", "section", "table", "context", "text", "user", "emoji", "rich_text_list")
loose = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12) | st.sampled_from(KINDS),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6)
    ),
    max_leaves=25,
)
subtypes = st.sampled_from((None, "file_share", "message_changed", "message_deleted", "x"))


@settings(max_examples=400, deadline=None)
@given(blocks=loose, files=loose, attachments=loose, text=loose, other=loose, subtype=subtypes)
def test_no_shape_of_a_message_ends_in_an_error(blocks, files, attachments, text, other, subtype):
    message = {"blocks": blocks, "files": files, "attachments": attachments, "text": text}
    said = {**message, "type": "message", "channel": "D01", "user": "U01", "ts": "1.1"}
    event = {**said, "subtype": subtype, "message": said, "previous_message": other}
    event["app_context"] = other
    body = cleaned({"event": event, "event_id": "Ev1"})
    incoming = read_event(body, ME, {})
    assert incoming is None or isinstance(incoming, Incoming)
    mentioned_in(event)
    if incoming is not None:
        json.dumps(incoming.text).encode()


@settings(max_examples=200, deadline=None)
@given(body=st.dictionaries(st.sampled_from((*KEYS, "actions", "view")), loose))
def test_no_shape_of_a_press_or_a_command_ends_in_an_error(body):
    read_press(body, "slack", "T01")
    read_slash(body, command_infos())


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_a_shape_with_any_part_missing_is_still_read(shape):
    """Every value of the recorded shapes, taken away or replaced, one after the other."""
    whole = {"type": "message", "channel": "D01", "user": "U01", "ts": "1.1", "text": shape.text}
    whole = cleaned({**whole, **shape.more})
    for path in list(_paths(whole)):
        for wrong in (None, 7, "x", [], {}):
            body = {"event": _with(whole, path, wrong)}
            read_event(body, ME, {})


def _paths(value, at=()):
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in pairs:
        yield (*at, key)
        if isinstance(inner, dict | list):
            yield from _paths(inner, (*at, key))


def _with(value, path, wrong):
    if not path:
        return wrong
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _with(value[path[0]], path[1:], wrong)
    return copy


@pytest.mark.parametrize("piece", ["<@U0BOT|", "<!date^1", "<#C1|a", "&lt;", "<", "<a|", "!", "/"])
def test_what_is_opened_and_never_closed_is_read_to_its_end(piece):
    """A quadratic pattern would meet the time-out of the suite here."""
    text = piece * 100_000
    assert len(words(text, {})) <= len(text)
    body = {
        "event": {"type": "message", "channel": "D01", "user": "U01", "ts": "1.1", "text": text}
    }
    read_event(body, ME, {})


@pytest.mark.parametrize(
    "text", ["!new ideas for a party", "/help me with commas?", "!stop that noise"]
)
def test_a_command_that_takes_nothing_is_a_question_where_words_follow(text):
    assert read_command(text, command_infos()) == ("", text)
    assert read_command(text.split()[0], command_infos()) == (text.split()[0][1:], "")


@pytest.mark.parametrize("wish", ["seit gestern", "depuis hier", "最近 50 条", "potato", "last 9"])
def test_what_stands_behind_catchup_is_no_question_to_everybody(wish):
    slash = read_slash({"command": "/palaver", "text": f"catchup {wish}"}, command_infos())
    assert (slash.command, slash.text) == ("catchup", wish)


@pytest.mark.parametrize(("channel", "thread"), [("C01", ""), ("D01", ""), ("C01", "1.1")])
def test_a_press_under_a_message_for_one_person_is_answered_where_that_stands(channel, thread):
    """docs.slack.dev, block_actions payload: such a message is known by its `container` alone."""
    container = {"message_ts": "2.2", "is_ephemeral": True, "thread_ts": thread}
    body = {
        "user": {"id": "U01"},
        "channel": {"id": channel},
        "container": container,
        "actions": [{"value": "forget yes 1 2"}],
    }
    press = read_press(body, "slack", "T01")
    assert press.command == "forget yes 1 2"
    assert press.conversation == f"slack:{channel}:{thread}"
    assert press.under == "2.2"
    assert bool(press.aside) == (channel == "C01")


def test_a_number_or_an_address_that_slack_made_a_link_is_told_as_it_was_written():
    told = words("<tel:+1|+1> <mailto:a@b|a@b> <mailto:a@b|Ann>", {})
    assert told == "+1 a@b Ann (mailto:a@b)"


def test_a_post_of_slack_is_told_of_by_its_title():
    assert read_files([{"mode": "space", "title": "Minutes"}]) == ((), ["[post: Minutes]"])


@pytest.mark.parametrize(
    ("before", "after", "asks"),
    [
        ([], [{"id": "F1"}], True),
        ([{"id": "F1"}], [{"id": "F1"}, {"id": "F2"}], True),
        ([{"id": "F1"}], [{"id": "F1", "thumb_64": "https://files.slack.com/t"}], False),
        ([{"id": "F1"}], [], False),
        (None, "nothing", False),
    ],
    ids=("a file", "one more file", "the same with a thumbnail", "one less", "no list"),
)
def test_an_edit_that_only_adds_a_file_is_a_new_wording(before, after, asks):
    # https://docs.slack.dev/reference/events/message/message_changed
    said = {"type": "message", "user": "U01", "ts": "1.1", "text": "what is this?"}
    event = {
        "type": "message",
        "subtype": "message_changed",
        "channel": "D01",
        "ts": "2.1",
        "message": {**said, "files": after, "edited": {"user": "U01", "ts": "2.0"}},
        "previous_message": {**said, "files": before},
    }
    incoming = read_event({"event": event, "event_id": "Ev1"}, ME, {})
    assert (incoming is not None and incoming.edited) == asks
