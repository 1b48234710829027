"""The tenants of a platform: its bots or workspaces, each with credentials of its own.

Several stand in one variable, separated by commas, or each in a table of `palaver.toml`:

[[telegram]]
name = "shop"               # its own name: its people and chats are called telegram+shop:42
token_env = "SHOP_TOKEN"    # the variable that holds its token; or: token = "123:abc"
stream = "drafts"           # any other setting of the platform, for this tenant alone

Without a name it is called by its id. One of them has the plain name of the platform: the one that
had it before, else the first. `name = "telegram"` says which one.
"""

import hashlib
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import SecretStr, ValidationError

from bots.plugin import Plugin
from core.credentials import secret_in
from core.errors import ConfigError
from core.models.text_files import text_in
from core.secret import keep_secret
from core.settings import Settings
from core.store.tenants import Wanted
from core.tenant_names import OWN

_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
ENV = "_env"
"""Behind the name of a setting: the variable that holds its value."""


class Tenant(NamedTuple):
    """A tenant as it is set up. *name*: as `Platform.name`; empty: nobody chose one."""

    name: str
    settings: Settings
    bot: str


def tenants_of(
    plugin: Plugin[Any], settings: Settings, known: Mapping[str, str]
) -> dict[str, tuple[Settings, Wanted]]:
    """The tenants of *plugin* by name. *known*: the names that bots had before.

    Raises:
        ConfigError: one of them cannot be told from another, or is set up wrongly.
    """
    listed = [*_of_variable(plugin, settings), *_of_file(plugin, settings)]
    alone = len(listed) == 1
    names = {*known.values(), *(one.name for one in listed)}
    plain_is_taken = plugin.name in names and not alone
    found: dict[str, tuple[Settings, Wanted]] = {}
    bots: dict[str, str] = {}
    for one in listed:
        bot = f"{plugin.name} {one.bot}" if one.bot else ""
        name = one.name or known.get(bot, "")
        if not name:
            if plain_is_taken and not bot:
                raise ConfigError(plugin.switch, "one of several does not tell whose it is")
            name = f"{plugin.name}{OWN}{one.bot}" if plain_is_taken else plugin.name
            plain_is_taken = True
        if name in found or bot in bots:
            text = f"{name} and {bots.get(bot, name)} are one: each needs a bot and a name"
            raise ConfigError(plugin.switch, text)
        if bot:
            bots[bot] = name
        digest = _digest(plugin, one.settings)
        found[name] = one.settings, Wanted(bot, bool(one.name) or alone, digest)
    return found


def listed_in(path: Path) -> dict[str, Any]:
    """The tables of the file *path*, of which some may be of platforms.

    Raises:
        ConfigError: it cannot be read, or is no TOML.
    """
    try:
        return tomllib.loads(text_in(path))
    except OSError as error:
        raise ConfigError("PALAVER_CONFIG", f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError("PALAVER_CONFIG", f"{path}: {error}") from error


def _of_variable(plugin: Plugin[Any], settings: Settings) -> Iterator[Tenant]:
    if not plugin.tenant:
        yield Tenant(plugin.name, settings, "")
        return
    for value in getattr(settings, plugin.tenant).get_secret_value().split(","):
        if value.strip():
            one = settings.model_copy(update={plugin.tenant: SecretStr(value.strip())})
            yield Tenant("", one, plugin.bot(one))


def _of_file(plugin: Plugin[Any], settings: Settings) -> Iterator[Tenant]:
    path = settings.palaver_config if plugin.tenant else None
    if path is None:
        return
    entries = listed_in(path).get(plugin.name, [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ConfigError("PALAVER_CONFIG", f"{path}: a tenant is written as [[{plugin.name}]]")
    for entry in entries:
        yield _of_entry(plugin, settings, entry, f"{path}: {plugin.name}")


def _of_entry(
    plugin: Plugin[Any], settings: Settings, entry: Mapping[str, Any], where: str
) -> Tenant:
    given = dict(entry)
    own = given.pop("name", "")
    if not isinstance(own, str) or (own and not _NAME.fullmatch(own)):
        text = f"{where}: a name has letters, digits, - and _, at most 40"
        raise ConfigError("PALAVER_CONFIG", text)
    where = f"{where} {own}".rstrip()
    values = {name: getattr(settings, name) for name in plugin.settings.model_fields}
    values[plugin.tenant] = SecretStr("")
    for key, value in given.items():
        in_variable = key.endswith(ENV) and isinstance(value, str)
        field = _field(plugin, key.removesuffix(ENV) if in_variable else key)
        if not field:
            raise ConfigError("PALAVER_CONFIG", f"{where}: there is no setting {key[:40]!r}")
        values[field] = secret_in(value, where) if in_variable else value
    try:
        own_values = plugin.settings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]  # Only its name and the reason: the value may be a secret.
        reason = str(first["msg"]).removeprefix("Value error, ")
        raise ConfigError("PALAVER_CONFIG", f"{where}: {first['loc'][0]}: {reason}") from None
    made = settings.model_copy(update=dict(own_values))
    for secret in _secrets(plugin, made):
        keep_secret(secret)
    if not getattr(made, plugin.tenant).get_secret_value():
        short = plugin.tenant.removeprefix(f"{plugin.name}_").removeprefix("bot_")
        raise ConfigError("PALAVER_CONFIG", f"{where}: it needs {short} or {short}{ENV}")
    name = own if own in ("", plugin.name) else f"{plugin.name}{OWN}{own}"
    return Tenant(name, made, plugin.bot(made))


def _field(plugin: Plugin[Any], key: str) -> str:
    """The setting of *plugin* that *key* means: `token` is `telegram_bot_token`."""
    meant = (f"{plugin.name}_{key}", f"{plugin.name}_bot_{key}")
    return next((one for one in meant if one in plugin.settings.model_fields), "")


def _secrets(plugin: Plugin[Any], settings: Settings) -> Sequence[str]:
    values = [getattr(settings, name) for name in plugin.settings.model_fields]
    return [one.get_secret_value() for one in values if isinstance(one, SecretStr) and one]


def _digest(plugin: Plugin[Any], settings: Settings) -> str:
    shown = repr([getattr(settings, name) for name in plugin.settings.model_fields])
    shown += repr(_secrets(plugin, settings))
    return hashlib.sha256(shown.encode(errors="replace")).hexdigest()
