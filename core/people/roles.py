"""Roles, and the one table of who may do what.

In a group, what changes something for others needs a role; one's own things do not. In private
nobody else is concerned, so there most things need none. What spends the operator's money, or lets
people in, needs a role of the whole bot: to be an admin of some group is not enough.
"""

import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

import msgspec


class Role(enum.IntEnum):
    """What a person is to the bot. Each role may do all that the lower ones may."""

    BLOCKED = -1
    STRANGER = 0
    MEMBER = 1
    ADMIN = 2
    OWNER = 3


Act = Literal[
    "ask",
    "image",
    "compare",
    "tools",
    "always",
    "catchup",
    "remind",
    "own data",
    "new",
    "model",
    "persona",
    "system",
    "lang",
    "voice",
    "follow",
    "settings",
    "others",
    "place data",
    "any model",
    "bot settings",
    "budget",
    "usage all",
    "allow",
    "block",
    "name admins",
]
"""`others`: Stop, Retry, Continue, the buttons under a picture, and the like, for the answer to
somebody else. `tools`: a tool that costs much or has effects outside. `always`: that it need not
ask. `own data`, `place data`: to show, export or forget what is kept of oneself, or of a whole
place."""


class Least(NamedTuple):
    """The least role that an act needs in a *group* and in *private*.

    *everywhere*: it must be a role of the whole bot, and not only of the place.
    """

    group: Role
    private: Role
    everywhere: bool = False


_OWN = Least(Role.MEMBER, Role.MEMBER)
_SHARED = Least(Role.ADMIN, Role.MEMBER)
_BOT = Least(Role.ADMIN, Role.ADMIN, everywhere=True)

RIGHTS: Mapping[Act, Least] = MappingProxyType(
    {
        "ask": _OWN,
        "image": _OWN,
        "compare": _OWN,
        "tools": _OWN,
        "always": Least(Role.ADMIN, Role.ADMIN),
        "catchup": _OWN,
        "remind": _OWN,
        "own data": _OWN,
        "new": _SHARED,
        "model": _SHARED,
        "persona": _SHARED,
        "system": _SHARED,
        "lang": _SHARED,
        "voice": _SHARED,
        "follow": _SHARED,
        "settings": _SHARED,
        "others": _SHARED,
        "place data": _SHARED,
        "any model": _BOT,
        "bot settings": _BOT,
        "budget": _BOT,
        "usage all": _BOT,
        "allow": _BOT,
        "block": _BOT,
        "name admins": Least(Role.OWNER, Role.OWNER, everywhere=True),
    }
)


class Member(msgspec.Struct, frozen=True, omit_defaults=True):
    """What somebody with the right to decided about a person or a place, as the store keeps it.

    *by*: the id of who decided that. *at*: when, in seconds since the epoch.
    """

    role: Role = Role.STRANGER
    name: str = ""
    by: str = ""
    at: float = 0.0


def tenant_of(name: str) -> str:
    """The tenant of the person, place or conversation with the id *name*."""
    return name.partition(":")[0]
