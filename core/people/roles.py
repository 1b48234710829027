"""Roles, and the one table of who may do what.

In a group, what changes something for others needs a role; one's own things do not. In private
nobody else is concerned, so there most things need none. What spends the operator's money, or lets
people in, needs a role of the whole bot: to be an admin of some group is not enough.
"""

import enum
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

import msgspec

from core.errors import ConfigError


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
    "operate",
]
"""`others`: Stop, Retry, Continue, the buttons under a picture, and the like, for the answer to
somebody else. `tools`: a tool that costs much or has effects outside. `always`: that it need not
ask. `own data`, `place data`: to show, export or forget what is kept of oneself, or of a whole
place. `operate`: the operator's page."""


class Least(NamedTuple):
    """The least role that an act needs in a *group* and in *private*.

    *everywhere*: it must be a role of the whole bot, and not only of the place.
    """

    group: Role
    private: Role
    everywhere: bool = False


MONEY: frozenset[Act] = frozenset(("budget", "any model"))
"""What spends the operator's money. The owner of one more bot or workspace runs that alone, so for
these they are members, unless the settings name them."""
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
        "operate": Least(Role.OWNER, Role.OWNER, everywhere=True),
    }
)


def read_role(setting: str, name: str) -> Role:
    """The role that the operator calls *name*.

    Raises:
        ConfigError: there is none.
    """
    role = {"member": Role.MEMBER, "admin": Role.ADMIN, "owner": Role.OWNER}.get(name.strip())
    if role is None:
        raise ConfigError(setting, f"there is no role {name.strip()[:40]!r}: member, admin, owner")
    return role


def read_rights(entries: Iterable[str]) -> Mapping[Act, Least]:
    """The table as RIGHTS changes it. Each entry is `act=role`, for groups and in private.

    Raises:
        ConfigError: an act or role is unknown, or members could let people in or spend money.
    """
    table = dict(RIGHTS)
    for entry in entries:
        name, _, role = entry.partition("=")
        act = next((one for one in RIGHTS if one == name.strip().replace("_", " ")), None)
        if act is None:
            acts = ", ".join(RIGHTS)
            raise ConfigError("RIGHTS", f"there is no act {name.strip()[:40]!r}: {acts}")
        least, to = RIGHTS[act], read_role("RIGHTS", role)
        if least.everywhere and to < least.group:
            raise ConfigError("RIGHTS", f"{act} needs {least.group.name.lower()} at least")
        table[act] = Least(to, to, least.everywhere)
    return table


class Member(msgspec.Struct, frozen=True, omit_defaults=True):
    """What somebody with the right to decided about a person or a place, as the store keeps it.

    *by*: the id of who decided that. *at*: when, in seconds since the epoch. *language*: an IETF
    tag or empty.
    """

    role: Role = Role.STRANGER
    name: str = ""
    by: str = ""
    at: float = 0.0
    language: str = ""


def in_place(person: str, place: str) -> str:
    """The name under which the role of *person* in *place* alone is kept (both `platform:id`)."""
    return f"{person}@{place}"


def person_in(name: str) -> str:
    """The person (or place) of *name*, which may be that of their role in one place."""
    return name.partition("@")[0]


def tenant_of(name: str) -> str:
    """The tenant of the person, place or conversation with the id *name*."""
    return name.partition(":")[0]
