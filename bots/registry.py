"""Finds the platforms, puts their settings beside the core's, and builds those that are on.

No platform is named here. A folder of `bots` with a `plugin.py` is one. So is whatever an installed
package names as an entry point of the group `palaver.platforms`.
"""

import pkgutil
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import Any, cast

from pydantic import create_model

import bots
from bots.finding import Finding
from bots.plugin import GROUP, Lent, Plugin, Shared
from core.errors import ConfigError
from core.languages.catalogue import CATALOGUE, say
from core.platform import Platform
from core.service import Lent as Services
from core.settings import Settings
from core.turn.commands import MENU

AnyPlugin = Plugin[Any]


@cache
def own() -> tuple[AnyPlugin, ...]:
    """The platforms of this package."""
    folders = sorted(one.name for one in pkgutil.iter_modules(bots.__path__) if one.ispkg)
    modules = [f"bots.{folder}.plugin" for folder in folders]
    return tuple(import_module(module).PLUGIN for module in modules if find_spec(module))


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
    return cast("type[Settings]", composed)


def read_settings(**given: Any) -> Settings:
    """The settings from the environment and `.env`. Those in *given* win."""
    return settings_of(found())(**given)


def turned_on(settings: Settings) -> list[AnyPlugin]:
    """The platforms that *settings* turn on."""
    shared = _shared(settings)
    answers = {
        plugin: plugin.on(settings, shared)
        for plugin in found()
        if isinstance(settings, plugin.settings)
    }
    alone = not any(answers.values())
    return [plugin for plugin, on in answers.items() if on or (on is None and alone)]


def build(services: Services) -> Sequence[Platform]:
    """The platforms that the settings turn on. Only their libraries are imported.

    Raises:
        ConfigError: none is on, or one of them lacks a library.
    """
    settings = services.settings
    if not turned_on(settings):
        raise ConfigError(", ".join(plugin.switch for plugin in found()), "nothing is on")
    return [_built(plugin, services) for plugin in turned_on(settings)]


def _built(plugin: AnyPlugin, services: Services) -> Platform:
    try:
        return plugin.build(services.settings, _lent(services))
    except ImportError as error:
        # Its library is missing, or it was written for another version of Palaver.
        raise ConfigError(plugin.switch, f"its platform cannot be built: {error}") from error


def checks(settings: Settings) -> list[tuple[str, AsyncIterator[Finding]]]:
    """For each platform that is on and can be tried: its name, and the trial."""
    shared = _shared(settings)
    tried = [(plugin.name, plugin.check(settings, shared)) for plugin in turned_on(settings)]
    return [(name, findings) for name, findings in tried if findings is not None]


def web_page(services: Services) -> Platform | None:
    """The chat page alone, if it is on."""
    on = [plugin for plugin in turned_on(services.settings) if plugin.name == "web"]
    return on[0].build(services.settings, _lent(services)) if on else None


def _shared(settings: Settings) -> Shared:
    return Shared(
        settings.way, settings.public_url, settings.loopback, overhear=bool(settings.wake_words)
    )


def _lent(services: Services) -> Lent:
    return Lent(
        shared=_shared(services.settings),
        leases=services.leases,
        recent=services.recent,
        post_log=services.post_log,
        secret=services.secret,
        spare=services.spare,
        standing=services.rights.standing,
        speak=say,
        menus=_menus(),
        commands=services.commands,
        overhears=services.overhears,
        visits=services.visits,
    )


def _menus() -> Mapping[str, Mapping[str, str]]:
    """Each command's line, by a language's two letters; "" for all other languages."""
    codes = {tag.split("-")[0] for tag in CATALOGUE.locales}
    return {code: CATALOGUE.menu(MENU, code) for code in ("", *sorted(codes))}
