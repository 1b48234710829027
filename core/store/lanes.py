"""Lanes: one person's turns in one conversation.

A group is one conversation with one history, and with one line of turns for everybody the
twentieth who asks would wait for nineteen answers. But who asks waits only for answers of one's
own. So mailbox, entry in the ready stream, lease, fence, checkpoint and stop belong to a lane: a
person in a conversation. Different people's turns run side by side, one's own stay in order.

History stays one, because people in a group hear each other. A turn begins with what was
committed when it began, and its commit adds one whole exchange, so that no turn ever sees half
of another. The fence is per lane for the same reason that the lease is: it keeps an earlier try
from ending what a later try of the *same* turn began, and other people's turns are no tries of
it. What belongs to everybody (preferences, summary, history) is not written back as it was read,
but changed: one field, one newer summary, the one exchange that is answered anew.

What is said meanwhile holds for turns that begin after it: `/model` and the like; and `/new`
forgets what is committed then, so that answers which are running enter the new history, each as
one exchange.

Only so many lanes run at once in a place, for its budget is one; the others are *parked* in
order, and whoever ends hands the slot to the next. A private conversation has one lane, whose
names in the store are those of the conversation. Versions before lanes gave groups the same, so
such mail is still served, in the order in which it came, and who has some there is put behind it.
"""

from collections.abc import Mapping

import msgspec

from core.messages import ConversationId, Incoming, place_of, split_conversation
from core.store import keys
from core.store.values import is_conversation, words

MARK = "|"
"""Between conversation and person in a lane's name; in no id of a platform."""


def streams(platform: str) -> tuple[str, str]:
    """The ready streams: of conversations with one lane, and of lanes in groups."""
    return keys.ready(platform), keys.lanes(platform)


class Lane(msgspec.Struct, frozen=True):
    """The turns of *person* in *conversation*; all of them, where *person* is empty."""

    conversation: ConversationId
    person: str = ""

    @property
    def name(self) -> str:
        return f"{self.conversation}{MARK}{self.person}" if self.person else self.conversation

    @property
    def own_keys(self) -> list[str]:
        """Its mail, its state, the conversation's history and state, the two ready streams."""
        conversation = self.conversation
        return [
            keys.mail(self.name),
            keys.state(self.name),
            keys.history(conversation),
            keys.state(conversation),
            *streams(split_conversation(conversation)[0]),
        ]

    def shares(self, person: str) -> list[str]:
        """What runs and what is parked, of *person* and in the place."""
        place = place_of(self.conversation)
        return [keys.running(person), keys.parked(person), keys.running(place), keys.parked(place)]


def lane_of(incoming: Incoming) -> Lane:
    """The lane in which *incoming* is answered."""
    alone = incoming.private or bool(incoming.moved_to)
    return Lane(incoming.conversation, "" if alone else incoming.sender.id)


def lane_named(name: str) -> Lane:
    conversation, mark, person = name.rpartition(MARK)
    return Lane(ConversationId(conversation), person) if mark else Lane(ConversationId(name))


def lane_at(stream: str, entry: Mapping[bytes, bytes]) -> tuple[Lane, str] | None:
    """The lane of an *entry* in a ready *stream*, and from whom its first mail is.

    None where it names nothing of the stream's platform.
    """
    try:
        conversation = ConversationId(entry[b"c"].decode())
    except (KeyError, UnicodeDecodeError):
        return None
    # The first versions wrote no person.
    person = words(entry.get(b"p"))
    if not is_conversation(conversation):
        return None
    platform = split_conversation(conversation)[0]
    if stream == keys.ready(platform):
        return Lane(conversation), person
    return (Lane(conversation, person), person) if stream == keys.lanes(platform) else None
