"""Slack's shapes, as docs.slack.dev/reference/events/message and its subtypes tell them."""

from tests.contracts.shapes import ANSWER, NOTHING, Case

BASE = {"type": "message", "channel": "D01", "channel_type": "im"}


def says(text):
    return lambda driver: driver.say("dm", text)


def event(**fields):
    return lambda driver: driver.server.event({**BASE, **fields})


def case(sent, send, *sees, shows=ANSWER, place="dm"):
    return Case("slack", sent, send, sees, shows, place)


CASES = [
    case("a question", says("what is tea?"), "what is tea?"),
    case(
        "a bare word that is a command elsewhere",
        says("image formats: which one?"),
        "image formats: which one?",
    ),
    case("somebody who joined", event(subtype="channel_join", user="U02", ts="1.1"), shows=NOTHING),
    case("another bot", event(bot_id="B77", user="U77", text="beep", ts="1.2"), shows=NOTHING),
]
