"""Slack's shapes, as its server tells them; see `tests.servers.slack_shapes` for their sources."""

from functools import partial

from tests.contracts.shapes import NOTHING, Case
from tests.servers.slack import BOT_ID, BOT_USER
from tests.servers.slack_shapes import FORWARDED, SHAPES, rich, section, text


def asks(driver, text, place="dm", **more):
    """A question, in a thread of its own."""
    channel = {"dm": "D01", "channel": "C01"}[place]
    driver._threads[place] = driver.server.say(channel, text, **more)


def said(driver, shape):
    asks(driver, shape.text, **shape.more)


def talk(driver):
    driver.server.say("C01", "lunch?")


def changed(driver, **more):
    """A change of a message of a person's, which alters none of its words."""
    message = {"type": "message", "user": "U01", "text": "see this", "ts": "1700000000.1"}
    driver.server.changed("D01", {**message, **more}, message)


def noticed(driver, **more):
    event = {"type": "message", "channel": "D01", "channel_type": "im", "text": "", "ts": "1.2"}
    driver.server.event({**event, "user": "U01", **more})


def quiet(sent, send, place="dm"):
    return Case("slack", sent, send, shows=NOTHING, place=place)


CASES = [
    Case("slack", "a question", partial(asks, text="what is tea?"), ("what is tea?",)),
    Case(
        "slack",
        "a bare word that is a command elsewhere",
        partial(asks, text="image formats: which one?"),
        ("image formats: which one?",),
    ),
    *(Case("slack", shape.name, partial(said, shape=shape), shape.says) for shape in SHAPES),
    Case(
        "slack",
        "a mention of us among others",
        partial(asks, text=f"so <@U02>, and <@{BOT_USER}>, why?", place="channel"),
        ("so @Bob, and, why?",),
        place="channel",
    ),
    Case(
        "slack",
        "rich text, a file and a forwarded message with a file, and no text",
        partial(
            asks,
            text="",
            place="channel",
            blocks=[rich(section({"type": "user", "user_id": BOT_USER}, text(" compare them")))],
            files=[{"id": "F8", "name": "mine.txt", "mimetype": "text/plain", "size": 5}],
            attachments=[
                {
                    **FORWARDED,
                    "files": [{"id": "F9", "name": "his.txt", "mimetype": "text/plain", "size": 5}],
                }
            ],
        ),
        ("compare them", "forwarded message of Bob", "mine.txt", "his.txt"),
        place="channel",
    ),
    Case(
        "slack",
        "a mention of us in a list",
        partial(
            asks,
            text=f"• <@{BOT_USER}> do this",
            place="channel",
            blocks=[
                rich(
                    {
                        "type": "rich_text_list",
                        "style": "bullet",
                        "elements": [
                            section({"type": "user", "user_id": BOT_USER}, text(" do this")),
                            section(text("and that")),
                        ],
                    }
                )
            ],
        ),
        ("- do this\n- and that",),
        place="channel",
    ),
    Case(
        "slack",
        "our name in code",
        partial(
            asks,
            text=f"use `&lt;@{BOT_USER}&gt;`",
            place="channel",
            blocks=[rich(section(text("use "), text(f"<@{BOT_USER}>", code=True)))],
        ),
        shows=NOTHING,
        place="channel",
    ),
    Case(
        "slack",
        "many mentions, ours the last",
        partial(
            asks,
            text=" ".join(f"<@U{n:02}X>" for n in range(25)) + f" <@{BOT_USER}> who votes?",
            place="channel",
        ),
        ("who votes?",),
        place="channel",
    ),
    Case(
        "slack",
        "somebody of another workspace",
        partial(
            asks,
            text=f"<@{BOT_USER}> hi",
            place="channel",
            user="W77",
            user_profile={"display_name": "Eve"},
        ),
        ("Eve: hi",),
        place="channel",
    ),
    Case(
        "slack",
        "blocks that are newer than we are",
        partial(asks, text="", blocks=[{"type": "hologram", "of": "a cat"}]),
        ("something of a kind that you cannot read",),
    ),
    Case(
        "slack",
        "a reply that is also shown in the channel",
        partial(asks, text=f"<@{BOT_USER}> why?", place="channel", subtype="thread_broadcast"),
        ("Ann: why?",),
        place="channel",
    ),
    Case(
        "slack",
        "a heading and a small line",
        partial(
            asks,
            text="",
            blocks=[
                {"type": "header", "text": {"type": "plain_text", "text": "Big news"}},
                {"type": "context", "elements": [{"type": "mrkdwn", "text": "by Ann"}]},
            ],
        ),
        ("Big news", "by Ann"),
    ),
    Case(
        "slack",
        "a file that the plan hides",
        partial(asks, text="what?", files=[{"id": "F1", "mode": "hidden_by_limit"}]),
        ("the workspace's plan hides it",),
    ),
    quiet("another app's message", partial(noticed, subtype="bot_message", bot_id="B9", text="x")),
    quiet("a reminder", partial(noticed, subtype="reminder_add", text="set a reminder")),
    quiet(
        "a link that Slack unfurled", partial(changed, attachments=[{"from_url": "https://a.b"}])
    ),
    quiet("a language that Slack found", partial(changed, language={"locale": "de-DE"})),
    quiet("a thread's counters", partial(changed, reply_count=2, latest_reply="1.3")),
    quiet("a bot's edit", partial(changed, text="x", edited={"user": "B07", "ts": "1.4"})),
    quiet("a notice of Slack's", partial(noticed, user="USLACK", text="Your trial ends.")),
    quiet("a huddle", partial(noticed, subtype="huddle_thread", room={"participants": []})),
    quiet("a canvas that changed", partial(noticed, subtype="tabbed_canvas_updated")),
    quiet("somebody who joined", partial(noticed, subtype="channel_join")),
    quiet("another bot", partial(noticed, bot_id="B07", user="U07", text="beep")),
    quiet("our own words", partial(noticed, bot_id=BOT_ID, user=BOT_USER, text="hello")),
    quiet("talk in a channel", talk, "channel"),
]
