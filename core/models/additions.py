"""What is added to `palaver.toml` on the operator's page: the same tables, for all replicas.

Less is allowed than in the file: nothing that reads files or starts programs, and no secret. A key
has a name there; its value is kept apart, encrypted, is never shown, and goes to one server only.
"""

import tomllib
from collections.abc import Iterator, Mapping

import msgspec
from msgspec.structs import replace

from core.credentials import STORED, keep_stored, origin_at
from core.errors import ConfigError
from core.models.palaver_file import (
    BudgetEntry,
    FilterEntry,
    ModelEntry,
    PalaverFile,
    PersonaEntry,
    PlaceEntry,
    check,
)
from core.net.urls import fault_of

WHERE = "what was added on the operator's page"
TEXT_CHARS = 100_000


class StoredKey(msgspec.Struct, frozen=True):
    """A key, and the address of the API that it is for."""

    secret: str
    url: str


class Additions(msgspec.Struct, frozen=True):
    """The text, and the keys by name. *version*: another one for other additions."""

    text: str = ""
    keys: Mapping[str, StoredKey] = {}
    version: str = ""


class _Tables(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    model: tuple[ModelEntry, ...] = ()
    filter: tuple[FilterEntry, ...] = ()
    persona: tuple[PersonaEntry, ...] = ()
    place: tuple[PlaceEntry, ...] = ()
    budget: tuple[BudgetEntry, ...] = ()


def joined(file: PalaverFile, additions: Additions) -> PalaverFile:
    """*file* with *additions*. Where both speak of the same, the file holds.

    Raises:
        ConfigError: the additions are wrong.
    """
    try:
        added = msgspec.convert(tomllib.loads(additions.text[:TEXT_CHARS]), _Tables)
    except (ValueError, RecursionError) as error:
        raise ConfigError("PALAVER_CONFIG", f"{WHERE}: {error}") from error
    for fault in _faults(added, additions.keys):
        raise ConfigError("PALAVER_CONFIG", f"{WHERE}: {fault}")
    keep_stored({name: key.secret for name, key in additions.keys.items()})
    models, personas = {one.name for one in file.model}, {one.name for one in file.persona}
    places = {one.id for one in file.place}
    whole = replace(
        file,
        model=(*file.model, *(_stored(one) for one in added.model if one.name not in models)),
        filter=(*file.filter, *added.filter),
        persona=(*file.persona, *(one for one in added.persona if one.name not in personas)),
        place=(*file.place, *(one for one in added.place if one.id not in places)),
        budget=(*file.budget, *added.budget),
    )
    check(whole, WHERE)
    return whole


def _stored(entry: ModelEntry) -> ModelEntry:
    return replace(entry, key=tuple(f"{STORED}{name}" for name in _names(entry)) or "")


def _names(entry: ModelEntry) -> tuple[str, ...]:
    return tuple(filter(None, (entry.key,) if isinstance(entry.key, str) else entry.key))


def _faults(added: _Tables, keys: Mapping[str, StoredKey]) -> Iterator[str]:
    for model in added.model:
        if model.headers:
            yield f"{model.name}: headers may hold secrets: put them into the file"
        if fault := fault_of(model.base_url, query=False):
            yield f"{model.name}: base_url {fault}"
        for name in _names(model):
            key = keys.get(name)
            if key is None:
                yield f"{model.name}: there is no key named {name}"
            elif origin_at(key.url) != origin_at(model.base_url):
                yield f"{model.name}: the key {name} is for {key.url}"
    if any(map(_reads_files, (*added.persona, *added.place, *added.filter))):
        yield "text_in, knows and words_in name files: put them into the file"


def _reads_files(entry: object) -> bool:
    names = ("text_in", "knows", "words_in")
    return any(getattr(entry, name, None) for name in names)
