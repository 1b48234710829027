"""What a platform tells of itself before it is built: its settings, and how to build it.

Each folder of `bots` with a `plugin.py` holds one `PLUGIN`; a package of its own names it as an
entry point of the group `palaver.platforms`. The registry finds both. A `plugin.py` imports its
platform's library only inside its functions: who has not turned it on does not wait for it.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from pydantic import BaseModel

from bots.finding import Finding
from core.lent import Leases, PostLog, Recent, Secret, Spare
from core.messages import Incoming
from core.net.way import Way
from core.platform import Platform

GROUP = "palaver.platforms"
SettingsT = TypeVar("SettingsT", bound=BaseModel)


class Speak(Protocol):
    """One of the sentences of the catalogue, in *language* (an IETF tag) or the nearest."""

    def __call__(self, name: str, language: str, /, **values: object) -> str: ...


@dataclass(frozen=True, slots=True)
class Shared:
    """What the operator chose for all platforms.

    Args:
        way: the way out, for every call.
        public_url: how the world reaches our HTTP server; empty: it does not.
        loopback: only this machine reaches it.
        overhear: what is said in a group to nobody in particular is wanted too.
    """

    way: Way
    public_url: str
    loopback: bool
    overhear: bool


@dataclass(frozen=True, slots=True)
class Lent:
    """What the program lends a platform while it serves.

    Args:
        shared: what the operator chose for all.
        leases: for a platform that allows one reader at a time.
        recent: for a platform that tells of one gesture in several messages.
        board: for a platform that keeps no posts of its own.
        secret: for who signs something.
        spare: for calls that nobody waits for.
        may_ask: whether the lists admit who said this.
        speak: sentences for what the platform itself has to say.
        menus: each command's line, by the first letters of a language; "" for all others.
        menu_in_threads: the commands, where threads are followed.
        choices: what may stand behind the commands that take one of a list.
    """

    shared: Shared
    leases: Leases
    recent: Recent
    post_log: PostLog
    secret: Secret
    spare: Spare
    may_ask: Callable[[Incoming], bool]
    speak: Speak
    menus: Mapping[str, Mapping[str, str]]
    menu_in_threads: Sequence[str]
    choices: Mapping[str, Sequence[str]]


def _nothing(settings: BaseModel, shared: Shared) -> AsyncIterator[Finding] | None:
    return None


@dataclass(frozen=True, slots=True)
class Plugin(Generic[SettingsT]):
    """One platform.

    Args:
        name: as `Platform.name`; its settings begin with it.
        settings: its group of settings. Each field is a variable of the same name in capitals.
        switch: the setting that turns it on, as the operator writes it.
        on: whether the settings turn it on; None: only if no other platform is on.
        build: makes the platform, and calls nothing yet.
        check: tries its credentials for `palaver check`; changes nothing outside.
        ids: what its people's and chats' ids look like (a pattern), in the lists of who may ask.
        bare_ids: those that are known as its own without its name before them; empty: none.
        aliases: names that people write instead of its settings' names, and those.
        local: it lets people in by itself, so the lists of who may ask do not apply.
    """

    name: str
    settings: type[SettingsT]
    switch: str
    on: Callable[[SettingsT, Shared], bool | None]
    build: Callable[[SettingsT, Lent], Platform]
    check: Callable[[SettingsT, Shared], AsyncIterator[Finding] | None] = _nothing
    ids: str = r"\S+"
    bare_ids: str = ""
    aliases: Mapping[str, str] = field(default_factory=dict, hash=False)
    local: bool = False
