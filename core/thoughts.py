"""Thoughts in places whose messages each begin a thread, as on Slack.

There each message outside of threads is a conversation of its own. One that goes on from its
sender's last message, whose answer has not ended, is put into the conversation of that one. Which
messages are one thought: `core.turn.bursts`.
"""

from functools import partial

import msgspec
from msgspec.structs import replace

from core.messages import ConversationId, Incoming, place_of, split_conversation
from core.retry import retry_until_available
from core.store.lanes import lane_of
from core.store.places import Places
from core.store.recent import SharedRecent
from core.store.values import read_each
from core.turn.bursts import belongs

_incoming = msgspec.json.Decoder(Incoming)


class Thoughts:
    """Knows what each person said lately. Its methods wait for an absent store."""

    def __init__(self, places: Places, recent: SharedRecent) -> None:
        self._places = places
        self._recent = recent

    async def placed(self, incoming: Incoming) -> Incoming:
        """*incoming*, in the conversation in which it is to be answered."""
        thread = split_conversation(incoming.conversation)[2]
        if not thread or thread != incoming.message or incoming.command:
            return incoming
        place = place_of(incoming.conversation)
        name = f"thought:{place}:{incoming.sender.id}"
        changes = incoming.edited or incoming.deleted
        before = await self._look(name)
        if changes:
            there = next((one for one in before if one.message == incoming.message), incoming)
            return replace(incoming, conversation=there.conversation)
        earlier = [one for one in before if one.message != incoming.message]
        if earlier and await self.goes_on(incoming, earlier[-1].conversation):
            incoming = replace(incoming, conversation=earlier[-1].conversation)
        kept = msgspec.json.encode(incoming)
        await retry_until_available(partial(self._recent.keep, name, kept), "keep a thought")
        return incoming

    async def goes_on(self, incoming: Incoming, conversation: ConversationId) -> bool:
        """Whether *incoming* belongs to what its sender waits to be answered in *conversation*."""
        lane = lane_of(replace(incoming, conversation=conversation))
        waiting = await retry_until_available(partial(self._places.waiting, lane), "waiting")
        if not waiting or not belongs(waiting[-1:], incoming, thoughts=True):
            return False
        chosen = partial(self._places.chosen, conversation)
        return (await retry_until_available(chosen, "chosen")).preferences.burst

    async def _look(self, name: str) -> list[Incoming]:
        kept = await retry_until_available(partial(self._recent.look, name), "look back")
        return read_each(_incoming, kept, "store.recent")
