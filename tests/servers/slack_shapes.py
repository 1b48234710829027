"""
What people send on Slack, as Slack tells it: the shapes of messages, each with its source.

Ids and words are made up; the fields are those that were seen. `says` is what the model must be
told, `not_says` what it must not.
"""

from dataclasses import dataclass, field

FORWARDED = {
    # node-slack-sdk, types of attachments; seen with `text: ""` on the event itself.
    "is_share": True,
    "is_msg_unfurl": True,
    "author_id": "U02",
    "author_name": "Bob",
    "channel_id": "C02",
    "ts": "1700000000.000900",
    "from_url": "https://loop.slack.com/archives/C02/p1700000000000900",
    "fallback": "[date] Bob: the numbers are wrong",
    "message_blocks": [
        {
            "team": "T01",
            "channel": "C02",
            "ts": "1700000000.000900",
            "message": {
                "blocks": [
                    {
                        "type": "rich_text",
                        "elements": [
                            {
                                "type": "rich_text_section",
                                "elements": [{"type": "text", "text": "the numbers are wrong"}],
                            }
                        ],
                    }
                ]
            },
        }
    ],
}


def rich(*elements):
    return {"type": "rich_text", "elements": list(elements)}


def section(*pieces):
    return {"type": "rich_text_section", "elements": list(pieces)}


def text(words, **style):
    return {"type": "text", "text": words, **({"style": style} if style else {})}


@dataclass
class Shape:
    name: str
    says: tuple
    text: str = ""
    more: dict = field(default_factory=dict)
    not_says: tuple = ()


SHAPES = (
    Shape(
        "a forwarded message",
        ("forwarded message of Bob in #random", "> the numbers are wrong"),
        more={"attachments": [FORWARDED]},
    ),
    Shape(
        "a forwarded message with a file",
        ("forwarded message of Bob", "report.txt"),
        text="what is this?",
        more={
            "attachments": [
                {
                    **FORWARDED,
                    "files": [
                        {"id": "F9", "name": "report.txt", "mimetype": "text/plain", "size": 5}
                    ],
                }
            ]
        },
    ),
    Shape(
        "rich text alone",
        ("- first\n- second", "1. one\n2. two", "```\ncode()\n```", "> said", "🎉", "`x`"),
        more={
            "blocks": [
                rich(
                    section(
                        text("look "),
                        {"type": "emoji", "name": "tada", "unicode": "1f389"},
                        text("x", code=True),
                    ),
                    {
                        "type": "rich_text_list",
                        "style": "bullet",
                        "elements": [section(text("first")), section(text("second"))],
                    },
                    {
                        "type": "rich_text_list",
                        "style": "ordered",
                        "elements": [section(text("one")), section(text("two"))],
                    },
                    {"type": "rich_text_preformatted", "elements": [text("code()")]},
                    {"type": "rich_text_quote", "elements": [text("said")]},
                )
            ]
        },
    ),
    Shape(
        "names",
        ("@Bob", "#random", "@engineers", "@here", "Jan 1st", "the page (https://a.b/c)"),
        text="ask <@U02> in <#C02> and <!subteam^S01>, <!here>, by "
        "<!date^1700000000^{date}^https://x.y|Jan 1st> see <https://a.b/c|the page>",
        not_says=("U02", "C02", "S01"),
    ),
    Shape(
        "a pasted table",
        ("| Month | Sum |", "| --- | --- |", "| May | 12 |"),
        text="add these up",
        more={
            "blocks": [
                {
                    "type": "table",
                    "rows": [
                        [
                            {"type": "raw_text", "text": "Month"},
                            {"type": "raw_text", "text": "Sum"},
                        ],
                        [
                            {"type": "rich_text", "elements": [section(text("May"))]},
                            {"type": "raw_number", "value": 12, "text": "12"},
                        ],
                    ],
                }
            ]
        },
    ),
    Shape(
        "a canvas",
        ("[canvas: Roadmap]",),
        text="thoughts?",
        more={
            "files": [
                {
                    "id": "F1",
                    "mode": "quip",
                    "filetype": "quip",
                    "title": "Roadmap",
                    "name": "Roadmap",
                    "mimetype": "application/vnd.slack-docs",
                    "url_private": "https://files.slack.com/x",
                }
            ]
        },
    ),
    Shape(
        "huddle notes",
        ("[canvas: Huddle notes: 1/2]",),
        text="sum up",
        more={
            "files": [
                {
                    "id": "F2",
                    "mode": "canvas",
                    "filetype": "canvas",
                    "title": "Huddle notes: 1/2",
                    "huddle_transcript_file_id": "F3",
                }
            ]
        },
    ),
    Shape(
        "a list",
        ("[list: Bugs]",),
        text="which first?",
        more={"files": [{"id": "F4", "mode": "list", "filetype": "list", "title": "Bugs"}]},
    ),
    Shape(
        "an e-mail",
        ("e-mail: Offer", "> Dear all, prices rise."),
        text="is that fair?",
        more={
            "files": [
                {
                    "id": "F5",
                    "mode": "email",
                    "filetype": "email",
                    "subject": "Offer",
                    "plain_text": "Dear all, prices rise.",
                }
            ]
        },
    ),
    Shape(
        "a voice clip",
        ("[attached audio: audio_message.webm]", "what Slack heard", "> call me back"),
        more={
            "files": [
                {
                    "id": "F6",
                    "name": "audio_message.webm",
                    "mimetype": "video/webm",
                    "subtype": "slack_audio",
                    "mode": "hosted",
                    "url_private": "https://files.slack.com/clip",
                    "transcription": {
                        "status": "complete",
                        "preview": {"content": "call me back", "has_more": False},
                    },
                }
            ],
            "subtype": "file_share",
        },
    ),
    Shape(
        "a link's preview",
        ("what Slack shows of https://news.example/a", "> Big news"),
        text="true? <https://news.example/a>",
        more={
            "attachments": [
                {
                    "from_url": "https://news.example/a",
                    "title": "Big news",
                    "text": "It happened.",
                    "is_app_unfurl": True,
                }
            ]
        },
    ),
    Shape(
        "what an app attached",
        ("> Build 7 failed", "attached by an app"),
        text="why?",
        more={"attachments": [{"title": "Build 7 failed", "fields": [], "color": "f00"}]},
    ),
    Shape(
        "what they look at",
        ("shows them the channel #random",),
        text="summarise",
        more={"app_context": {"entities": [{"type": "slack#/types/channel_id", "value": "C02"}]}},
    ),
    Shape(
        "a broken character",
        ("a broken � character",),
        text="a broken \ud83d character",
    ),
)

ODD = (
    # What no document describes: each is acknowledged, and harms nobody.
    {"type": "message", "channel": "D01", "user": 5, "text": "x", "ts": "1.1"},
    {"type": "message", "channel": ["D01"], "user": "U01", "text": "x", "ts": "1.1"},
    {"type": "message", "channel": "D01", "user": "U01", "text": {"a": 1}, "ts": "1.1"},
    {"type": "message", "channel": "D01", "user": "U01", "text": "x", "ts": None},
    {
        "type": "message",
        "channel": "D01",
        "user": "U01",
        "ts": "9.1",
        "blocks": "no list",
        "files": {"no": "list"},
        "attachments": [None, 1, "x"],
    },
    {"type": "message", "subtype": "message_changed", "channel": "D01", "message": "gone"},
    {"type": "message", "subtype": "message_deleted", "channel": "D01", "ts": "1.2"},
    {"type": 7},
    {"type": "app_home_opened", "tab": "home"},
    {"type": "agent_session_stopped"},
    {},
)
