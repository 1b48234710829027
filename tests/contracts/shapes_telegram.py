"""Telegram's shapes, as its server tells them.

Field by field from core.telegram.org/bots/api#message and, where that is silent, from
tdlib/telegram-bot-api, Client.cpp (`JsonMessage`, `JsonUpdate`).
"""

from tests.contracts.shapes import ANSWER, NOTHING, Case
from tests.servers.telegram import BOT

GROUP = -1001
ANONYMOUS = {
    "id": 1087968824,
    "is_bot": True,
    "first_name": "Group",
}
CHANNEL_BOT = {"id": 136817688, "is_bot": True, "first_name": "Channel"}
TELEGRAM = {"id": 777000, "is_bot": False, "first_name": "Telegram"}
CHANNEL = {"id": -100777, "type": "channel", "title": "City News"}
BEN = {"id": 5, "is_bot": False, "first_name": "Ben"}
DATE = 1_700_000_000


def file(name, **more):
    return {"file_id": name, "file_unique_id": name, **more}


def poll(question, **more):
    return {
        "id": "1",
        "question": question,
        "options": [
            {"persistent_id": "a", "text": "Tea", "voter_count": 2},
            {"persistent_id": "b", "text": "Coffee", "voter_count": 1},
        ],
        "total_voter_count": 3,
        "is_closed": False,
        "is_anonymous": True,
        "type": "regular",
        "allows_multiple_answers": False,
        "allows_revoting": True,
        "members_only": False,
        **more,
    }


STICKER = file("s", type="regular", width=1, height=1, is_animated=False, is_video=False)
VIDEO = file("v", width=1, height=1, duration=3)
USER_ORIGIN = {"type": "user", "date": DATE, "sender_user": BEN}


def says(text="", chat=77, **more):
    return lambda server: server.say(chat, text, **more)


def in_group(text="", **more):
    return says(text, GROUP, **more)


def case(sent, send, *sees, shows=ANSWER, place="dm", not_seen=""):
    return Case("telegram", sent, lambda driver: send(driver.server), sees, shows, place, not_seen)


def replying(text, said="", chat=GROUP, **more):
    """*text* as a reply to Ben's message *said* with the fields *more*."""

    def send(server):
        first = server.say(chat, said, user=BEN)
        server.updates.pop()
        server.say(chat, text, reply_to=first.id)
        replied = server.updates[-1]["message"]["reply_to_message"]
        replied.update(more)

    return send


def album_in_group(server):
    """With privacy off, every piece comes; only one names us, here not the first."""
    server.add_file("p", b"")
    for at in range(3):
        caption = {"caption": "@palaver_bot compare these"} if at == 1 else {}
        photo = [file("p", width=9, height=9)]
        server.say(GROUP, "", photo=photo, media_group_id="g", **caption)


def paste_in_group(server):
    server.say(GROUP, "@palaver_bot " + "a" * 4080)
    server.say(GROUP, "the end of it")


def remark_on_forward(server):
    server.say(77, "Is this a scam?")
    server.say(77, "You won a prize!", forward_origin=USER_ORIGIN)


def mention_added(server):
    said = server.say(GROUP, "what is the time?")
    server.edit(said, "@palaver_bot what is the time?")


def comment_in_thread(server):
    """A comment under a channel's post replies to its copy in the group, by itself."""
    post = server.say(
        GROUP,
        "The bridge is closed.",
        user=TELEGRAM,
        sender_chat=CHANNEL,
        is_automatic_forward=True,
    )
    server.say(GROUP, "@palaver_bot until when?", reply_to=post.id)
    replied = server.updates[-1]["message"]["reply_to_message"]
    replied.update(sender_chat=CHANNEL, is_automatic_forward=True)


def in_topic_of_ours(server):
    topic = server.add_topic(-1002)
    server.say(-1002, "people talk here", topic=topic)
    service = server.updates[-1]["message"]["reply_to_message"]
    service["from"] = BOT


def reply_to_us_for_another(server):
    post = server._post(GROUP, "An answer of mine.", {})
    server.say(GROUP, "@weather_bot is that so?", reply_to=post["message_id"])


def anonymous_reply(server):
    group = {"id": GROUP, "type": "supergroup", "title": "Friends"}
    more = {"sender_chat": group, "author_signature": "Chief"}
    voice = {"origin": USER_ORIGIN, "voice": file("v", duration=2)}
    post = server._post(GROUP, "An older answer of mine.", {})
    server.say(GROUP, "is that so?", user=ANONYMOUS, reply_to=post["message_id"], **more)
    update = server.updates[-1]["message"]
    update["external_reply"] = voice
    update["reply_to_message"]["voice"] = voice["voice"]
    update["quote"] = {"text": "An older answer", "position": 0}


def album_mention_added(server):
    """The pieces name nobody, until the caption of one is edited."""
    server.add_file("p", b"")
    photo = [file("p", width=9, height=9)]
    for at in range(2):
        caption = {"caption": "compare these"} if at else {}
        said = server.say(GROUP, "", photo=photo, media_group_id="g", **caption)
    caption = "@palaver_bot compare these"
    entities = [{"type": "mention", "offset": 0, "length": 12}]
    more = {"photo": photo, "media_group_id": "g", "caption_entities": entities}
    server.edit(said, caption=caption, **more)


def reply_to_rich(server):
    """Our own rich answer has no `text`."""
    post = server._post(GROUP, "", {})
    server.say(GROUP, "why?", reply_to=post["message_id"])
    table = {"type": "table", "rows": [{"cells": [{"text": "Tea"}, {"text": "hot"}]}]}
    blocks = [{"type": "paragraph", "text": ["Tea is ", {"type": "bold", "text": "hot"}]}, table]
    server.updates[-1]["message"]["reply_to_message"]["rich_message"] = {"blocks": blocks}


def two_forwards(server):
    server.say(77, "which is true?")
    for words in ("Tea is a fruit.", "Tea is a leaf."):
        server.say(77, words, forward_origin=USER_ORIGIN)


def marked_part(server):
    replying("@palaver_bot why?", "Tea. Coffee. Water.")(server)
    quote = {"text": "Coffee", "position": 5, "is_manual": True}
    server.updates[-1]["message"]["quote"] = quote


def live_location(server):
    said = server.say(77, "", location={"latitude": 1.0, "longitude": 2.0, "live_period": 60})
    server.updates.pop()
    server.edit(said, location={"latitude": 3.0, "longitude": 4.0, "live_period": 60})


CASES = [
    # Who.
    case(
        "an anonymous admin in a group",
        in_group(
            "@palaver_bot hello",
            user=ANONYMOUS,
            sender_chat={"id": GROUP, "type": "supergroup", "title": "Friends"},
            author_signature="Chief",
        ),
        "Chief: hello",
        place="group",
    ),
    case(
        "somebody who posts as a channel",
        in_group("@palaver_bot hello", user=CHANNEL_BOT, sender_chat=CHANNEL),
        "City News: hello",
        place="group",
    ),
    case(
        "a channel's automatic forward that names us",
        in_group(
            "@palaver_bot hello", user=TELEGRAM, sender_chat=CHANNEL, is_automatic_forward=True
        ),
        shows=NOTHING,
        place="group",
    ),
    case("a service message of Telegram", says("Login code: 1", user=TELEGRAM), shows=NOTHING),
    case(
        "another bot that names us",
        in_group("@palaver_bot hello", user={**BOT, "id": 9}),
        shows=NOTHING,
        place="group",
    ),
    # What it points at.
    case(
        "a reply to somebody's words",
        replying("@palaver_bot is that so?", "Tea is a fruit."),
        "about this message of Ben",
        "> Tea is a fruit.",
        "is that so?",
        place="group",
    ),
    case(
        "a reply to somebody's document",
        replying("@palaver_bot sum it up", document=file("d", file_name="plan.txt")),
        "plan.txt",
        "sum it up",
        place="group",
    ),
    case(
        "a reply to somebody's voice message",
        replying("@palaver_bot what is said?", voice=file("v", duration=2)),
        "voice.ogg",
        place="group",
    ),
    case(
        "a reply to somebody's video note",
        replying("@palaver_bot what is it?", video_note=file("n", length=1, duration=2)),
        "video message.mp4",
        place="group",
    ),
    case(
        "a reply to a poll",
        replying("@palaver_bot which?", poll=poll("Tea or coffee?")),
        "a poll: Tea or coffee?",
        place="group",
    ),
    case(
        "a reply with a marked part",
        replying("@palaver_bot why?", "Tea. Coffee. Water."),
        "> Tea. Coffee. Water.",
        place="group",
    ),
    case(
        "a reply with a part that they marked",
        marked_part,
        "> Coffee\n\nwhy?",
        place="group",
        not_seen="Water",
    ),
    case(
        "a reply to a rich answer of ours",
        reply_to_rich,
        "> Tea is hot",
        "Tea | hot",
        "why?",
        place="group",
    ),
    case(
        "a reply to a poll of another chat",
        says("who wins?", external_reply={"origin": USER_ORIGIN, "poll": poll("Tea or coffee?")}),
        "> a poll: Tea or coffee?",
        "who wins?",
    ),
    case(
        "a reply from another chat, with a quote",
        says(
            "why?",
            external_reply={"origin": USER_ORIGIN, "document": file("d", file_name="plan.txt")},
            quote={"text": "Tea first", "position": 0},
        ),
        "message of Ben",
        "> Tea first",
        "plan.txt",
    ),
    case(
        "a reply from another chat, of which bots are told nothing else",
        says(
            "what is that?",
            external_reply={
                "origin": {"type": "channel", "date": DATE, "chat": CHANNEL, "message_id": 3}
            },
        ),
        "message of City News",
        "its words are not shown to bots",
    ),
    case(
        "a reply to a story",
        says("nice?", reply_to_story={"chat": CHANNEL, "id": 3}),
        "a story of City News: bots cannot see stories",
        "nice?",
    ),
    case(
        "an anonymous admin's reply to an older answer of ours, with a voice of another chat",
        anonymous_reply,
        "> An older answer",
        "voice.ogg",
        "Chief: ",
        "is that so?",
        place="group",
    ),
    case(
        "a comment under a channel's post",
        comment_in_thread,
        "message of City News",
        "> The bridge is closed.",
        "until when?",
        place="group",
    ),
    case("talk in a topic that we made", in_topic_of_ours, shows=NOTHING, place="topic"),
    case(
        "a forwarded message",
        says("You won!", forward_origin=USER_ORIGIN),
        "a forwarded message, written by Ben",
        "> You won!",
    ),
    case(
        "a forward of who hides",
        says(
            "You won!",
            forward_origin={"type": "hidden_user", "date": DATE, "sender_user_name": "Mystery"},
        ),
        "written by Mystery",
    ),
    case(
        "a forward from a channel",
        says(
            "News!",
            forward_origin={"type": "channel", "date": DATE, "chat": CHANNEL, "message_id": 1},
        ),
        "written by City News",
    ),
    case(
        "a forward with a button",
        says(
            "You won!",
            forward_origin=USER_ORIGIN,
            reply_markup={"inline_keyboard": [[{"text": "Take it", "url": "https://evil.test/x"}]]},
        ),
        "> You won!\n> [a button: Take it (https://evil.test/x)]",
    ),
    case("a remark and two forwards behind it", two_forwards, "which is true?", "fruit", "leaf"),
    case("a command in a forward", says("/new", forward_origin=USER_ORIGIN), "> /new"),
    case(
        "a remark and a forward behind it",
        remark_on_forward,
        "Is this a scam?",
        "> You won a prize!",
    ),
    case(
        "a link that hides its address",
        says(
            "see here",
            entities=[
                {"type": "text_link", "offset": 4, "length": 4, "url": "https://tea.example/x"}
            ],
        ),
        "see here (https://tea.example/x)",
    ),
    # Groups.
    case(
        "an album, one piece of which names us",
        album_in_group,
        "compare these",
        "photo.jpg]\n\n[attached image: photo.jpg",
        place="group",
    ),
    case("a cut paste whose beginning names us", paste_in_group, "aaathe end of it", place="group"),
    case(
        "a mention added by an edit of an album's caption",
        album_mention_added,
        "[attached image: photo.jpg]\n\ncompare these\n\n[attached image: photo.jpg]",
        place="group",
    ),
    case(
        "our name in code, and once more as a mention",
        in_group(
            "what does @palaver_bot mean, @palaver_bot ?",
            entities=[
                {"type": "code", "offset": 10, "length": 12},
                {"type": "mention", "offset": 29, "length": 12},
            ],
        ),
        "what does @palaver_bot mean,",
        place="group",
        not_seen="@palaver_bot ?",
    ),
    case(
        "our name in code alone",
        in_group(
            "it is @palaver_bot there",
            entities=[{"type": "code", "offset": 6, "length": 12}],
        ),
        shows=NOTHING,
        place="group",
    ),
    case(
        "our name in capitals, in a video's caption",
        in_group(caption="@PALAVER_BOT what is it?", video={**VIDEO, "mime_type": "video/mp4"}),
        "video.mp4",
        "what is it?",
        place="group",
    ),
    case(
        "our name as a link to us",
        in_group(
            "Palaver what is tea?",
            entities=[{"type": "text_mention", "offset": 0, "length": 7, "user": BOT}],
        ),
        "Ann: what is tea?",
        place="group",
    ),
    case("a mention added by an edit", mention_added, "what is the time?", place="group"),
    case(
        "a reply to us that names another bot",
        reply_to_us_for_another,
        shows=NOTHING,
        place="group",
    ),
    case("a sticker in a group", in_group(sticker=STICKER), shows=NOTHING, place="group"),
    # Every kind.
    case(
        "a sticker",
        says(sticker={**STICKER, "emoji": "🦊", "set_name": "Foxes"}),
        "[sent: a sticker 🦊 of the set Foxes]",
    ),
    case(
        "a poll",
        says(poll=poll("Tea or coffee?")),
        "a poll: Tea or coffee?",
        "Tea (2) / Coffee (1)",
    ),
    case(
        "a closed quiz",
        says(poll=poll("2 + 2?", type="quiz", is_closed=True, correct_option_ids=[1])),
        "a closed poll: 2 + 2?",
    ),
    case(
        "a piece of music",
        says(
            caption="who plays?",
            audio=file("v", duration=3, performer="Bach", title="Air", mime_type="audio/mpeg"),
        ),
        "Bach - Air.mp3",
        "who plays?",
    ),
    case(
        "what another bot wrote for them",
        says("Is 20 degrees warm?", via_bot={"id": 9, "is_bot": True, "first_name": "W"}),
        "Is 20 degrees warm?",
    ),
    case("a dice", says(dice={"emoji": "🎯", "value": 6}), "🎯 rolled: 6"),
    case(
        "a location",
        says(location={"latitude": 52.5, "longitude": 13.4}),
        "latitude 52.50000, longitude 13.40000",
    ),
    case("a live location that moves on", live_location, shows=NOTHING),
    case(
        "a venue",
        says(
            location={"latitude": 1.0, "longitude": 2.0},
            venue={
                "location": {"latitude": 1.0, "longitude": 2.0},
                "title": "Café",
                "address": "Main St",
            },
        ),
        "a venue: Café, Main St",
    ),
    case(
        "a contact", says(contact={"phone_number": "+1", "first_name": "Zoe"}), "a contact: Zoe, +1"
    ),
    case("a story", says(story={"chat": CHANNEL, "id": 3}), "bots cannot see stories"),
    case(
        "a checklist",
        says(
            checklist={
                "title": "Shop",
                "tasks": [
                    {"id": 1, "text": "tea"},
                    {"id": 2, "text": "milk", "completion_date": DATE},
                ],
            }
        ),
        "a checklist: Shop: [ ] tea; [x] milk",
    ),
    case(
        "a game",
        says(game={"title": "Chess", "description": "White moves", "photo": []}),
        "a game: Chess. White moves",
    ),
    case(
        "an invoice of another bot",
        says(
            invoice={
                "title": "Socks",
                "description": "warm",
                "start_parameter": "x",
                "currency": "EUR",
                "total_amount": 1234,
            }
        ),
        "an invoice: Socks. warm",
    ),
    case(
        "paid media",
        says(
            paid_media={
                "star_count": 5,
                "paid_media": [{"type": "preview", "width": 1, "height": 1, "duration": 1}],
            }
        ),
        "1 for 5 Stars",
    ),
    case("a video", says(video={**VIDEO, "mime_type": "video/mp4"}), "video.mp4"),
    case("a video message", says(video_note=file("n", length=1, duration=2)), "video message.mp4"),
    case(
        "an animation",
        says(
            animation={**VIDEO, "mime_type": "video/mp4"}, document=file("v", mime_type="video/mp4")
        ),
        "animation.mp4",
    ),
    case(
        "a picture of iOS as a file",
        says(
            document=file("h", mime_type="image/heic", file_name="IMG_1.HEIC"),
            caption="what is it?",
        ),
        "IMG_1.HEIC",
    ),
    case(
        "a kind that is newer than we are",
        says(hologram={"x": 1}),
        "something of a kind that you cannot read",
    ),
    case("somebody who joined", in_group(new_chat_members=[BEN]), shows=NOTHING, place="group"),
]
