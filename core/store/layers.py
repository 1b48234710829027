"""Layers: what was chosen for a thread, for its place, and for everything that the bot serves.

The choices of a thread come before those of its place, and those before the tenant's: the choices
for all places of one bot. A layer holds only what somebody chose there; the rest is inherited.
"""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from core.border import set_aside
from core.messages import ConversationId, Preferences, conversation_id, place_of
from core.store.values import read
from core.tenant_names import home_tenant

Scope = Literal["thread", "place", "tenant"]

_layer = msgspec.json.Decoder(dict[str, Any])
_TYPES = {one.name: one.type for one in msgspec.structs.fields(Preferences)}


class Layers(msgspec.Struct, frozen=True):
    """The choices of each layer by the names of `Preferences`. *thread* is empty in the place."""

    thread: Mapping[str, Any] = {}
    place: Mapping[str, Any] = {}
    tenant: Mapping[str, Any] = {}

    @property
    def preferences(self) -> Preferences:
        """What holds."""
        return Preferences(**{**self.tenant, **self.place, **self.thread})

    def above(self, scope: Scope) -> Preferences:
        """What would hold if nothing were chosen in *scope*, nor below it."""
        above = {} if scope == "tenant" else {**self.tenant}
        return Preferences(**{**above, **(self.place if scope == "thread" else {})})

    def own(self, name: str) -> Any:
        """The choice of *name* in the thread or its place; None if nobody chose it there."""
        return {**self.place, **self.thread}.get(name)

    def source(self, name: str) -> Scope | None:
        """The layer whose choice of *name* holds; None if nobody chose it."""
        layers: dict[Scope, Mapping[str, Any]] = {
            "thread": self.thread,
            "place": self.place,
            "tenant": self.tenant,
        }
        return next((scope for scope, chosen in layers.items() if name in chosen), None)


def read_layer(raw: bytes | None) -> dict[str, Any]:
    """The choices in *raw*. One that cannot be read is set aside, and the next one is read."""
    chosen: dict[str, Any] = {}
    for name, value in (read(_layer, raw or b"{}", "store.preferences") or {}).items():
        if name not in _TYPES:
            continue  # A newer version may know it.
        try:
            chosen[name] = msgspec.convert(value, _TYPES[name])
        except msgspec.ValidationError as error:
            set_aside("store.preferences", error)
    return chosen


Chosen = Mapping[str, object]


def tenant_conversation(conversation: ConversationId) -> ConversationId:
    """What stands for all places of the bot of *conversation*: what holds everywhere is kept so."""
    return conversation_id(home_tenant(conversation), "")


def to_keep(
    conversation: ConversationId, chosen: Chosen, scope: Scope | None
) -> tuple[Chosen, Chosen, ConversationId]:
    """What of *chosen* in *scope* is kept with *conversation* and what above it, and where that.

    *scope*: None means the conversation itself, be it a place or a thread.
    """
    place, tenant = place_of(conversation), tenant_conversation(conversation)
    if scope == "tenant":
        return {}, chosen, tenant
    if scope == "place" and conversation != place:
        return {}, chosen, place
    return chosen, {}, tenant
