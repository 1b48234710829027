"""Lanes: one person's turns in one conversation.

A group is one conversation. If all its people shared one queue, the twentieth person would wait
for nineteen answers. So each person has a lane in each conversation, and waits only for their own
answers. Lanes run side by side; the turns of one lane run one after another (`core.store.claim`
says why). Mailbox, entry in the ready stream, lease, fence, checkpoint and stop belong to the lane.

History belongs to the conversation, because people in a group hear each other. A turn sees what was
committed before it began. Its commit adds one whole exchange, so no turn sees half of another one.
A turn does not write back all that it read of preferences, summary and history. It changes only one
field, adds a newer summary, or replaces the one exchange that is answered again.

A command such as `/model` holds for turns that begin after it. `/new` forgets what is committed at
that moment. An answer that is still running then enters the new history as one exchange.

A place has one budget, so only some of its lanes run at once. The others are *parked* in order, and
a turn that ends gives its slot to the next one. A private conversation has one lane, which uses the
conversation's names in the store. Versions before lanes did the same for groups. Mail that they
left is still served in order, and newer mail of its senders is put behind it.
"""

import time
from collections.abc import Mapping

import msgspec

from core.messages import ConversationId, Incoming, place_of
from core.store import keys
from core.store.values import is_conversation, words
from core.tenant_names import home_tenant

MARK = "|"
"""Stands between conversation and person in a lane's name. No platform's id contains it."""


LANE_S = 24 * 3600
"""How long a group's lane is remembered after its last turn: a commit may be sent again."""
ASKERS_S = 8 * 24 * 3600
"""How long, and at least for half of that, it is known for whom a post was made."""


def streams(tenant: str) -> tuple[str, str]:
    """The two ready streams: for conversations with one lane, and for lanes in groups."""
    return keys.ready(tenant), keys.lanes(tenant)


class Lane(msgspec.Struct, frozen=True):
    """The turns of *person* in *conversation*. If *person* is empty: the turns of everybody."""

    conversation: ConversationId
    person: str = ""

    @property
    def name(self) -> str:
        return f"{self.conversation}{MARK}{self.person}" if self.person else self.conversation

    @property
    def own_keys(self) -> list[str]:
        """Mail and state of the lane, history and state of the conversation, both ready streams."""
        conversation = self.conversation
        return [
            keys.mail(self.name),
            keys.state(self.name),
            keys.history(conversation),
            keys.state(conversation),
            *streams(home_tenant(conversation)),
        ]

    @property
    def askers(self) -> str:
        """The key that notes for whom posts are made now."""
        return keys.askers(self.conversation, int(time.time() // (ASKERS_S // 2)))

    @property
    def asker(self) -> tuple[str, int]:
        """For whom posts are made, and how long that is known. In private nobody needs to know."""
        return self.person, ASKERS_S

    def shares(self, person: str) -> list[str]:
        """The keys of what runs and what is parked: for *person*, and for the place."""
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
    """The lane that *entry* of a ready *stream* names, and the sender of its first mail.

    None if the entry names no conversation of the stream's tenant.
    """
    try:
        conversation = ConversationId(entry[b"c"].decode())
    except (KeyError, UnicodeDecodeError):
        return None
    # The first versions wrote no person.
    person = words(entry.get(b"p"))
    if not is_conversation(conversation):
        return None
    tenant = home_tenant(conversation)
    if stream == keys.ready(tenant):
        return Lane(conversation), person
    return (Lane(conversation, person), person) if stream == keys.lanes(tenant) else None
