"""Shards: which part of the store a key is in, told from its name alone.

A cluster puts keys of one hash tag on one server. So the tag is the shard: `palaver:{0}`,
`palaver:{1}`, ... A tenant lives in one shard, whole: all that one script changes has the tenant's
name in it, and scripts change several keys at once. Which shard that is, its name tells for ever
(`Layout`); nobody has to ask, and no two processes can disagree.

What belongs to the deployment stays in shard 0: the registry of tenants, settings of the operator,
what the page keeps, and what is found by a random token. First tenants (`telegram`) are there too.
People of a tenant that is elsewhere are guests on the page: their conversations there name that
tenant, and are kept with it.

Some keys name no tenant, but are changed with those of one, or for its calls: dead letters, the
queue of reminders, costs by model, the levels of buckets (`Bucket.of`). Each shard has its own.

All the house writes `palaver:{0}` for the shard where it is at home; the client of another shard
(`core.store.sharded`) puts its own tag there, and takes it off again from what it reads.
"""

import re
import zlib
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import msgspec

from core.store import keys
from core.tenant_names import NAME, OWN, home_tenant

_OF_TENANT = frozenset(
    (
        *("mail", "state", "posts", "askers", "history", "speakers", "ratings", "recent", "asked"),
        *("always", "memory", "signed-in", "sign-in-code", "seen", "ready", "lanes", "running"),
        *("parked", "crowd", "crowd-posts", "overheard", "overheard-order", "reminders-of"),
        *("reminders-in", "zone", "members", "owner-code", "requests", "spent", "account"),
        *("holds", "limits", "tally", "moved"),
    )
)
"""The kinds of keys that begin with a tenant's name. All others are in shard 0 by themselves."""
_OR_OTHER = ("seen", "spent")
"""Those that may begin with another word: `seen:due:`, `spent:model:`."""
_DEPLOYMENTS = tuple(kind("") for kind in (keys.told, keys.gesture, keys.answer))
"""Keys of shard 0 that are looked for by a pattern, though no other shard has any."""
_START = f"{keys.TAG}:"
_TAGGED = re.compile(r"palaver:\{(\d{1,3})\}:")
_TENANT = re.compile(NAME)


class Layout(msgspec.Struct, frozen=True):
    """How many shards a store has, and which tenants were there before it had several.

    *first*: these stay in shard 0, where all that they know stands.
    """

    count: int = 1
    first: frozenset[str] = frozenset()

    def shard_of(self, tenant: str) -> int:
        """The shard of *tenant*; of the deployment, if it is empty."""
        return zlib.crc32(tenant.encode()) % self.count if self.spreads(tenant) else 0

    def spreads(self, tenant: str) -> bool:
        """Whether *tenant* may be in any of several shards."""
        return self.count > 1 and OWN in tenant and tenant not in self.first


@cache
def tag(shard: int) -> str:
    """What all keys of *shard* begin with."""
    return f"palaver:{{{shard}}}"


def shard_in(name: str) -> int | None:
    """The shard that the key *name*, as the server calls it, is in; None if it is none of ours."""
    found = _TAGGED.match(name)
    return int(found[1]) if found else None


def home_of(name: str) -> str:
    """The tenant that the key *name* (as the house calls it) belongs to; empty: it names none.

    Also good for a pattern, if it names the tenant.
    """
    kind, _, rest = name.removeprefix(_START).partition(":")
    if kind not in _OF_TENANT:
        return ""
    if kind == "account":
        # account:OF:PER[:MODELS]:WHO:PERIOD. The models may be called anything.
        of, *parts = rest.split(":")
        rest = ":".join(parts[-2 if of == "tenant" else -3 :])
    elif kind == "askers":
        rest = rest.partition(":")[2]
    tenant = home_tenant(rest)
    if not _TENANT.fullmatch(tenant) or (kind in _OR_OTHER and OWN not in tenant):
        return ""
    return tenant


def everywhere(pattern: str) -> bool:
    """Whether keys of *pattern* may be in any shard."""
    return not home_of(pattern) and not pattern.startswith(_DEPLOYMENTS)


def names_at(args: Sequence[Any]) -> Sequence[int]:
    """Where in the command *args* the names of keys are."""
    command = args[0]
    if command in ("EVALSHA", "EVAL"):
        return range(3, 3 + int(args[2]))
    if command in ANY_NUMBER or command in ("RENAME", "RENAMENX"):
        return range(1, len(args))
    if command == "XREADGROUP":
        streams = [text(one) for one in args].index("STREAMS") + 1
        return range(streams, streams + (len(args) - streams) // 2)
    if command == "SCAN":
        return [at for at in range(2, len(args)) if text(args[at - 1]) == "MATCH"]
    return (1,) if len(args) > 1 and _is_ours(args[1]) and command != "PUBLISH" else ()


def homes_in(args: Sequence[Any]) -> set[str]:
    """The tenants that the keys of the command *args* belong to."""
    return {home for at in names_at(args) if (home := home_of(text(args[at])))}


ANY_NUMBER = ("DEL", "UNLINK", "EXISTS")
"""Commands for any number of keys, each for itself. Their answer is a sum."""


def placed(args: Sequence[Any], shard: int) -> list[Any]:
    """The command *args*, with its keys called as they stand in *shard*."""
    found = list(args)
    for at in names_at(args):
        if _is_ours(args[at]):
            found[at] = in_shard(text(args[at]), shard)
    return found


def in_shard(name: str, shard: int) -> str:
    """The key *name*, as the house calls it, as it is called in *shard*."""
    return f"{tag(shard)}:{name.removeprefix(_START)}"


def plain(name: Any) -> Any:
    """*name*, told by the server, as the house calls it."""
    whole = text(name)
    found = _TAGGED.match(whole)
    if found is None:
        return name
    called = _START + whole[found.end() :]
    return called.encode() if isinstance(name, bytes) else called


def text(one: Any) -> str:
    """An argument of a command as text."""
    return one.decode(errors="replace") if isinstance(one, bytes) else str(one)


def _is_ours(one: Any) -> bool:
    return text(one).startswith(_START) if isinstance(one, str | bytes) else False


def read_answer(args: Sequence[Any], answer: Any) -> Any:
    """*answer* to the command *args*, with the names of keys as the house calls them."""
    if args[0] == "SCAN":
        cursor, names = answer
        return cursor, [plain(one) for one in names]
    if args[0] == "XREADGROUP" and isinstance(answer, Mapping):
        return {plain(name): entries for name, entries in answer.items()}
    if args[0] == "XREADGROUP" and answer:
        return [[plain(name), entries] for name, entries in answer]
    return answer
