"""A turn as the store keeps it: what it starts from, how far it has come, and what it cost."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TypedDict

import msgspec
from msgspec.structs import asdict

from core.messages import (
    ConversationId,
    Exchange,
    Incoming,
    Preferences,
    Spent,
    Summary,
    place_of,
)
from core.people.budgets import Account, Limit
from core.store.journal import RoundRecord, read_rounds
from core.store.layers import Layers, Scope, read_layer
from core.store.memories import Memory, read_memory
from core.store.values import number, read, words

_exchange = msgspec.json.Decoder(Exchange)
_summary = msgspec.json.Decoder(Summary)


class Checkpoint(msgspec.Struct, frozen=True):
    """How far an answer has come.

    *pages* are the handles of the surfaces, in order. *picture* is the handle of an unfinished
    picture. *done*: *text* is whole; only its last showing and the commit are missing. *at*: how
    many characters this try has written. *pieces*: how many mails *text* answers; older versions
    did not write it (0). *asked*, *begun*: how many tokens this try was sent, and after how many
    characters of *text* it began. *spent*: what the tries before it cost; if *done*, all of them.
    """

    event_id: str
    text: str = ""
    pages: tuple[str, ...] = ()
    done: bool = False
    picture: str = ""
    at: int = 0
    pieces: int = 0
    asked: int = 0
    begun: int = 0
    spent: Spent = Spent()

    @property
    def posts(self) -> tuple[str, ...]:
        """The posts that already stand on the screen."""
        return (*self.pages, self.picture) if self.picture else self.pages


_checkpoint = msgspec.json.Decoder(Checkpoint)


class Turn(msgspec.Struct, frozen=True):
    """All that a turn starts from.

    *tries*: the starts so far and this one, as `START` and `FAILED` of `core.store.claim` count
    them. *placeholder*: the post that told the person to wait. *moved_to*: where the conversation
    moved. *layers*: where each of the *preferences* was chosen. *in_thread*: whether the
    conversation is not its whole place. *since*: when its history was last forgotten.
    *limits*: the budgets that admins set, weakest first.
    *held*: the accounts in which an earlier try has reserved. *rounds*: what earlier tries kept in
    their journal. *memory*: what the person of the lane's first mail wants remembered. *reworded*:
    the exchange of which that mail is another wording.
    """

    mail: tuple[Incoming, ...]
    history: tuple[Exchange, ...]
    preferences: Preferences
    checkpoint: Checkpoint | None
    stop: str
    tries: int
    placeholder: str = ""
    summary: Summary = Summary()
    moved_to: ConversationId = ConversationId("")
    layers: Layers = Layers()
    in_thread: bool = False
    since: float = 0.0
    limits: tuple[Limit, ...] = ()
    held: tuple[str, ...] = ()
    rounds: tuple[RoundRecord, ...] = ()
    memory: Memory = Memory()
    reworded: Exchange | None = None


class Ending(TypedDict, total=False):
    """How a turn may end besides its exchange.

    Args:
        replaces: the event id of an exchange that is removed from history first.
        forget_all: remove all exchanges and the summary from history.
        everywhere: do that in all threads of this place too.
        preferences: what holds here from now on. Only what this turn changed is written.
        chosen: what was chosen in *scope* (if it is absent: here), by the names of
            `Preferences`; None: inherited again.
        dead: why the mail could not be answered. The mail then becomes dead letters.
        spent: the cost of the turn by model. The conversation, place and person pay it too.
        posts: the handles of all posts of the turn.
        accounts: the budgets in which it counts. What was reserved is given back in any case.
    """

    replaces: str
    forget_all: bool
    everywhere: bool
    preferences: Preferences | None
    chosen: Mapping[str, object]
    scope: Scope
    dead: str
    spent: Mapping[str, Spent]
    accounts: Sequence[Account]
    posts: Sequence[str]


def read_turn(
    mail: Sequence[Incoming],
    lane: Sequence[bytes],
    history: Sequence[bytes],
    conversation: Sequence[bytes | None],
    place: Sequence[bytes | None],
    tenant: bytes | None,
    memory: Sequence[bytes],
    *,
    in_thread: bool,
) -> Turn:
    """Read what `load.lua` returns.

    *conversation* and *place* are fields of their states. *place* holds what was chosen for the
    place, and since when its threads remember. It counts only *in_thread*: otherwise the
    conversation is the place.
    """
    own, (preferences, summed, moved, *forgotten) = dict(_pairs(lane)), conversation
    here, of_tenant = read_layer(preferences), read_layer(tenant)
    layers, since = Layers(place=here, tenant=of_tenant), 0.0
    if in_thread:
        layers, since = Layers(here, read_layer(place[0]), of_tenant), number(place[1])
    if kept_s := retention_s(layers.preferences):
        # A summary would outlive what it is of, so there is none.
        since, summed = max(since, time.time() - kept_s), None
    past, summary = read_past(history, summed, since)
    saved = own.get(b"checkpoint")
    return Turn(
        mail=tuple(mail),
        history=past,
        preferences=layers.preferences,
        checkpoint=read(_checkpoint, saved, "store.checkpoint") if saved else None,
        stop=words(own.get(b"stop")),
        tries=int(number(own.get(b"tries"))),
        placeholder=words(own.get(b"note")),
        summary=summary,
        moved_to=ConversationId(words(moved)),
        layers=layers,
        in_thread=in_thread,
        since=max(since, *map(number, forgotten), 0.0),
        rounds=read_rounds(own),
        memory=read_memory(dict(_pairs(memory))),
    )


def retention_s(preferences: Preferences) -> int:
    """How many seconds exchanges are kept by the place's own choice; 0: as the operator chose."""
    days = preferences.retention.removesuffix("d")
    return int(days) * 24 * 3600 if days.isascii() and days.isdigit() and len(days) < 5 else 0


def exchange_in(raw: bytes) -> Exchange | None:
    return read(_exchange, raw, "store.history") if raw else None


def read_past(
    history: Sequence[bytes], summed: bytes | None, since: float
) -> tuple[tuple[Exchange, ...], Summary]:
    """What a place that remembers *since* then has of a history and its summary."""
    past = (exchange_in(raw) for raw in history)
    summary = read(_summary, summed or b"{}", "store.summary") or Summary()
    kept = tuple(one for one in past if one is not None and one.at >= since and not one.aside)
    return kept, summary if summary.until >= since else Summary()


def changes(turn: Turn | None, after: Preferences | None) -> Mapping[str, object]:
    """The choices in *after* that differ from those *turn* began with.

    The value None means: from now on it is inherited.
    """
    if after is None or turn is None:
        return {}
    above = turn.layers.above("thread" if turn.in_thread else "place")
    old, new = _own(turn.preferences, above), _own(after, above)
    return {name: new.get(name) for name in old | new if old.get(name) != new.get(name)}


def _own(preferences: Preferences, above: Preferences) -> dict[str, object]:
    chosen = asdict(preferences).items()
    return {name: value for name, value in chosen if value != getattr(above, name)}


def accounts_of(
    conversation: ConversationId, person: str, spent: Mapping[str, Spent]
) -> Mapping[str, Spent]:
    """Who pays how much: conversation, place and person all of it, each model its own part."""
    total = sum(spent.values(), Spent())
    whole = dict.fromkeys((conversation, place_of(conversation), person), total)
    return {**whole, **{f"model:{model}": cost for model, cost in spent.items()}}


def read_spent(flat: Sequence[bytes]) -> Spent:
    numbers = {words(name): number(value) for name, value in _pairs(flat)}
    money = numbers.pop("cost_usd", 0.0)
    whole = {name: round(value) for name, value in numbers.items()}
    return msgspec.convert({**whole, "cost_usd": money}, Spent, strict=False)


def _pairs(flat: Sequence[bytes]) -> Iterator[tuple[bytes, bytes]]:
    return zip(flat[::2], flat[1::2], strict=True)
