"""Personas and places: how the bot speaks, and what it knows in which chat.

A person chooses a persona with `/persona`. Some are built in, the operator may write others. A
place is what the operator sets for one chat or channel. It holds there until somebody chooses
something else.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from core.errors import ConfigError
from core.messages import ConversationId, place_id
from core.models.palaver_file import PersonaEntry, PlaceEntry
from core.models.text_files import text_in
from core.people.roles import tenant_of

TOLD_BYTES = 100_000
"""The longest text of a persona or a place. It is sent with every question."""


class Persona(msgspec.Struct, frozen=True):
    """How the bot speaks.

    Args:
        text: instructions for the model.
        model: the model that answers if nobody chose another.
        options: parameters of the request, by OpenAI's names.
        starters: questions that are offered as buttons when the persona is chosen.
    """

    text: str = ""
    model: str = ""
    options: Mapping[str, Any] = {}
    starters: tuple[str, ...] = ()


class Place(msgspec.Struct, frozen=True):
    """What holds in one chat or channel.

    *about* and *text* are for the model: what the place is for, and what it must know. *timezone*
    is a name of the IANA list, or empty. *tools*: patterns of those that may be used.
    """

    about: str = ""
    text: str = ""
    persona: str = ""
    model: str = ""
    options: Mapping[str, Any] = {}
    timezone: str = ""
    tools: tuple[str, ...] = ("*",)


Personas = Mapping[str, Persona]
"""Personas by the name that `/persona` takes, in the order in which they are shown."""
Places = Mapping[str, Place]
"""Places by `platform:id`; also what holds in all places of a tenant, by its name."""

DEFAULT = "default"
OURS: Personas = {
    DEFAULT: Persona(),
    "concise": Persona("Answer in as few words as the question allows."),
    "teacher": Persona(
        "Explain as a patient teacher: simple words, an example, then a check question."
    ),
    "coder": Persona(
        "You are a senior programmer. Prefer working code with short comments over prose."
    ),
    "translator": Persona(
        "Translate what you are sent: into English, or into Chinese if it is English. "
        "Give the translation only."
    ),
}


def personas_of(entries: Iterable[PersonaEntry], beside: Path) -> Personas:
    """The built-in personas and those of *entries*. An entry may replace a built-in one.

    Args:
        beside: the folder of the files that *entries* name.

    Raises:
        ConfigError: a file cannot be read, or a persona is too long.
    """
    own: dict[str, Persona] = {}
    for entry in entries:
        who = f"persona {entry.name}"
        texts = [entry.text, *_read([entry.text_in] if entry.text_in else [], beside, who)]
        text = _told(texts, entry.knows, beside, who)
        options = entry.parameters.options
        own[entry.name.lower()] = Persona(text, entry.model, options, entry.starters)
    return {**OURS, **own}


def places_of(entries: Sequence[PlaceEntry], beside: Path, personas: Personas) -> Places:
    """The places of *entries*.

    Raises:
        ConfigError: as in `personas_of`, or a place has a persona that is none of *personas*.
    """
    for entry in entries:
        if entry.persona and entry.persona.lower() not in personas:
            text = f"place {entry.id}: there is no persona named {entry.persona}"
            raise ConfigError("PALAVER_CONFIG", text)
    return {
        entry.id: Place(
            _told([entry.about], (), beside, f"place {entry.id}"),
            _told((), entry.knows, beside, f"place {entry.id}"),
            entry.persona.lower(),
            entry.model,
            entry.parameters.options,
            _zone(entry),
            entry.tools,
        )
        for entry in entries
    }


def place_at(places: Places, conversation: ConversationId) -> Place:
    """What the operator set for the place of *conversation*, else for all of its tenant."""
    return places.get(place_id(conversation)) or places.get(tenant_of(conversation)) or Place()


def _zone(entry: PlaceEntry) -> str:
    try:
        return ZoneInfo(entry.timezone).key if entry.timezone else ""
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        text = f"place {entry.id}: {entry.timezone} is no time zone, such as Europe/Berlin"
        raise ConfigError("PALAVER_CONFIG", text) from error


def _told(texts: Sequence[str], knows: Sequence[str], beside: Path, who: str) -> str:
    known = [f"What you should know:\n{text}" for text in _read(knows, beside, who)]
    told = "\n\n".join(filter(None, [*texts, *known]))
    if len(told.encode()) > TOLD_BYTES:
        raise ConfigError("PALAVER_CONFIG", f"{who}: more than {TOLD_BYTES:,} bytes to tell")
    return told


def _read(names: Sequence[str], beside: Path, who: str) -> Sequence[str]:
    try:
        return [text_in(beside / name).strip() for name in names]
    except (OSError, ValueError) as error:
        raise ConfigError("PALAVER_CONFIG", f"{who}: {error}") from error
