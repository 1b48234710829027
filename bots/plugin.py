"""What a platform tells about itself before it is built: its settings, and how to build it.

A folder of `bots` has a `plugin.py` with one `PLUGIN`. A package of its own names its `PLUGIN` as
an entry point of the group `palaver.platforms`. The registry finds both. A `plugin.py` imports its
platform's library only inside its functions, so a platform that is off costs no time at the start.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from pydantic import BaseModel

from bots.finding import Finding
from core.languages.catalogue import Speak
from core.lent import (
    CommandInfo,
    Hosts,
    Known,
    Leases,
    Overhears,
    PostLog,
    Recent,
    Safe,
    Secret,
    Spare,
    Standing,
    Visits,
)
from core.messages import Incoming
from core.net.way import Way
from core.platform import Platform
from core.tenant_names import own_name_of

GROUP = "palaver.platforms"
SettingsT = TypeVar("SettingsT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Shared:
    """What the operator chose for all platforms.

    Args:
        way: the way out for every call.
        public_url: the address of our HTTP server for the world; empty if there is none.
        loopback: whether only this machine reaches the server.
        overhear: whether anywhere messages to nobody in particular may turn out to be for us.
        tenant: the name of the tenant that is meant, as `Platform.name`: `telegram+shop`.
        keeps: whether there is a key for what `Lent.safe` keeps.
    """

    way: Way
    public_url: str
    loopback: bool
    overhear: bool
    tenant: str = ""
    keeps: bool = False

    def path(self, path: str) -> str:
        """*path* of our HTTP server, for this tenant alone."""
        own = own_name_of(self.tenant)
        return f"{path}/{own}" if own else path


@dataclass(frozen=True, slots=True)
class Lent:
    """What the program lends a platform while it serves.

    Args:
        shared: what the operator chose for all.
        leases: for a platform that allows one reader at a time.
        recent: for a platform that sends one gesture as several messages.
        post_log: for a platform that keeps no posts itself.
        secret: for signatures.
        spare: for calls that nobody waits for.
        standing: whether the sender of an incoming may ask. Somebody blocked gets no answer at all.
        speak: the sentences that the platform itself says.
        menus: each command's line, by a language's two letters; "" for all other languages.
        commands: what an adapter may know of each command that people type.
        overhears: where the core wants what is said to nobody in particular.
        visits: for a page on which people of other platforms may be who they are there.
        known: keeps whose credentials turned out to be this tenant's.
        hosting: for tenants that come and go; None if nothing is served.
        safe: keeps their credentials. Raises `ConfigError` if the operator set no key for it.
    """

    shared: Shared
    leases: Leases
    recent: Recent
    post_log: PostLog
    secret: Secret
    spare: Spare
    standing: Callable[[Incoming], Awaitable[Standing]]
    speak: Speak
    menus: Mapping[str, Mapping[str, str]]
    commands: Mapping[str, CommandInfo]
    overhears: Overhears
    visits: Visits
    known: Known
    hosting: Hosts | None
    safe: Callable[[], Safe]


def _no_more(settings: BaseModel, lent: Lent) -> None:
    return None


def _nobody(settings: BaseModel) -> str:
    return ""


def _nothing(settings: BaseModel, shared: Shared) -> AsyncIterator[Finding] | None:
    return None


@dataclass(frozen=True, slots=True)
class Plugin(Generic[SettingsT]):
    """One platform.

    Args:
        name: the same as `Platform.name`. Its settings begin with it.
        settings: its settings. Each field is a variable of the same name in capitals.
        switch: the setting that turns it on, as the operator writes it.
        on: whether the settings turn it on. None: only if no other platform is on.
        build: makes the platform. It makes no call yet.
        check: tries its credentials for `palaver check`. It changes nothing outside.
        ids: a pattern of the ids of its people and chats, in the lists of who may ask.
        bare_ids: a pattern of ids that need no platform name before them; empty: none.
        aliases: wrong names that people write, and the settings that they mean.
        local: it decides itself whom it lets in, so the lists of who may ask do not apply.
        tenant: the setting that holds what one tenant is known by, such as a token; empty: there
            can be only one tenant.
        bot: which bot the settings belong to, as far as they tell.
        host: for tenants that come and go by themselves. It gives `Lent.hosting` what serves them.
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
    tenant: str = ""
    bot: Callable[[SettingsT], str] = _nobody
    host: Callable[[SettingsT, Lent], None] = _no_more
