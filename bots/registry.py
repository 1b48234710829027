"""Finds the platforms, puts their settings beside the core's, and builds those that are on.

No platform is named here. A folder of `bots` with a `plugin.py` is one. So is whatever an installed
package names as an entry point of the group `palaver.platforms`.
"""

import pkgutil
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import cache, partial
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import Any, NamedTuple, cast

from pydantic import create_model

import bots
from bots.finding import Finding
from bots.plugin import GROUP, Lent, Plugin, Shared
from bots.tenants import listed_in, tenants_of
from core.errors import ConfigError, StoreError
from core.languages.catalogue import CATALOGUE, say
from core.lending import Lent as Services
from core.platform import Platform
from core.settings import Settings
from core.store.tenants import Tenants, Wanted
from core.telemetry import logger
from core.tenant_names import kind_of
from core.turn.commands import MENU

AnyPlugin = Plugin[Any]
log = logger(__name__)


@cache
def own() -> tuple[AnyPlugin, ...]:
    """The platforms of this package."""
    folders = sorted(one.name for one in pkgutil.iter_modules(bots.__path__) if one.ispkg)
    modules = [f"bots.{folder}.plugin" for folder in folders]
    return tuple(import_module(module).PLUGIN for module in modules if find_spec(module))


@cache
def found() -> tuple[AnyPlugin, ...]:
    """Our own platforms, and those of installed packages.

    Raises:
        ConfigError: an installed package names something that is not a platform.
    """
    plugins = list(own())
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        try:
            plugin = point.load()
        except Exception as error:
            text = f"of the installed package cannot be loaded: {type(error).__name__}"
            raise ConfigError(f"platform {point.name}", text) from error
        if not isinstance(plugin, Plugin) or plugin.name in {one.name for one in plugins}:
            raise ConfigError(f"platform {point.name}", "is no platform, or is there already")
        plugins.append(plugin)
    return tuple(plugins)


@cache
def settings_of(plugins: tuple[AnyPlugin, ...]) -> type[Settings]:
    """One class of the core's settings and those of *plugins*.

    Names, secrets and defaults of all of them are looked up in it.
    """
    groups: tuple[Any, ...] = (Settings, *(plugin.settings for plugin in plugins))
    composed: Any = create_model("Settings", __base__=groups, __doc__=Settings.__doc__)
    made = cast("type[Settings]", composed)
    made.tenanted = tuple(plugin.name for plugin in plugins if plugin.tenant)
    return made


def read_settings(**given: Any) -> Settings:
    """The settings from the environment and `.env`. Those in *given* win."""
    return settings_of(found())(**given)


def turned_on(settings: Settings) -> list[AnyPlugin]:
    """The platforms that *settings* turn on, and those of which `palaver.toml` lists tenants."""
    shared = shared_by(settings)
    path = settings.palaver_config
    tables = listed_in(path) if path is not None else {}
    answers = {
        plugin: (plugin.tenant and plugin.name in tables) or plugin.on(settings, shared)
        for plugin in found()
        if isinstance(settings, plugin.settings)
    }
    alone = not any(answers.values())
    return [plugin for plugin, on in answers.items() if on or (on is None and alone)]


async def build(services: Services) -> Sequence[Platform]:
    """The platforms that the settings turn on, each tenant. Only their libraries are imported.

    Raises:
        ConfigError: none is on, one of them lacks a library, or a tenant is set up wrongly.
    """
    settings = services.settings
    if not turned_on(settings):
        raise ConfigError(", ".join(plugin.switch for plugin in found()), "nothing is on")
    tenants = all_tenants(settings, await known_bots(services.tenants))
    services.tenants.wanted = {name: one.wanted for name, one in tenants.items()}
    for plugin in turned_on(settings):
        plugin.host(settings, _lent(services, plugin.name))
    return [built(name, one, services) for name, one in tenants.items()]


class Tenant(NamedTuple):
    """One tenant of *plugin*, with its own *settings*."""

    plugin: AnyPlugin
    settings: Settings
    wanted: Wanted


def all_tenants(settings: Settings, known: Mapping[str, str]) -> dict[str, Tenant]:
    """All tenants that *settings* and `palaver.toml` turn on, by name.

    Raises:
        ConfigError: one of them is set up wrongly.
    """
    return {
        name: Tenant(plugin, own, wanted)
        for plugin in turned_on(settings)
        for name, (own, wanted) in tenants_of(plugin, settings, known).items()
    }


async def known_bots(tenants: Tenants) -> Mapping[str, str]:
    """The names of bots, as far as the store tells them now. `Tenants.hold` looks again."""
    try:
        return await tenants.known()
    except StoreError as error:
        log.warning("names of bots not known", reason=str(error))
        return {}


def built(name: str, tenant: Tenant, services: Services) -> Platform:
    """The platform of *tenant*.

    Raises:
        ConfigError: it lacks a library.
    """
    plugin = tenant.plugin
    try:
        return plugin.build(tenant.settings, _lent(services, name))
    except ImportError as error:
        # Its library is missing, or it was written for another version of Palaver.
        raise ConfigError(plugin.switch, f"its platform cannot be built: {error}") from error


def checks(
    settings: Settings, known: Mapping[str, str]
) -> list[tuple[str, AsyncIterator[Finding]]]:
    """For each tenant that can be tried: its name, and the trial."""
    tenants = all_tenants(settings, known)
    tried = [
        (name, one.plugin.check(one.settings, shared_by(settings, name)))
        for name, one in tenants.items()
    ]
    served = {one.plugin.name for one in tenants.values()}
    tried += [
        (plugin.name, plugin.check(settings, shared_by(settings, plugin.name)))
        for plugin in turned_on(settings)
        if plugin.name not in served
    ]
    return [(name, findings) for name, findings in tried if findings is not None]


def web_page(services: Services) -> Platform | None:
    """The chat page alone, if it is on."""
    on = [plugin for plugin in turned_on(services.settings) if plugin.name == "web"]
    return on[0].build(services.settings, _lent(services, "web")) if on else None


def shared_by(settings: Settings, tenant: str = "") -> Shared:
    """What the operator chose for all platforms."""
    hears = bool(settings.wake_words)
    keeps = bool(settings.accounts_key.get_secret_value())
    return Shared(settings.way, settings.public_url, settings.loopback, hears, tenant, keeps)


def _lent(services: Services, tenant: str) -> Lent:
    return Lent(
        shared=shared_by(services.settings, tenant),
        leases=services.leases,
        recent=services.recent,
        post_log=services.post_log,
        secret=services.secret,
        spare=services.spare,
        standing=services.standing,
        speak=say,
        menus=_menus(),
        commands=services.commands,
        overhears=services.overhears,
        visits=services.visits,
        known=services.tenants.hold,
        hosting=services.hosting,
        safe=partial(services.safe, kind_of(tenant)),
    )


def _menus() -> Mapping[str, Mapping[str, str]]:
    """Each command's line, by a language's two letters; "" for all other languages."""
    codes = {tag.split("-")[0] for tag in CATALOGUE.locales}
    return {code: CATALOGUE.menu(MENU, code) for code in ("", *sorted(codes))}
