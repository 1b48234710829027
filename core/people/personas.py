"""Personas and places: how the bot speaks, and what it knows where.

A persona is chosen with `/persona`: one of ours, or of the operator's own. A place is what the
operator says of one chat or channel: it holds there until somebody chooses something else.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from core.errors import ConfigError
from core.models.palaver_file import PersonaEntry, PlaceEntry

TOLD_BYTES = 100_000
"""What a persona or a place tells goes with every question."""


class Persona(msgspec.Struct, frozen=True):
    """*text* is told to the model; *model* answers, where nobody chose another.

    Args:
        options: what it is asked with, by OpenAI's names.
        starters: what one may ask it, offered as buttons when it is chosen.
    """

    text: str = ""
    model: str = ""
    options: Mapping[str, Any] = {}
    starters: tuple[str, ...] = ()


class Place(msgspec.Struct, frozen=True):
    """*text* is told to the model there; *persona*, *model*, *options* and *timezone* (a name of
    the IANA list, or empty) hold there.
    """

    text: str = ""
    persona: str = ""
    model: str = ""
    options: Mapping[str, Any] = {}
    timezone: str = ""


Personas = Mapping[str, Persona]
"""By the name that `/persona` takes, in the order in which they are shown."""
Places = Mapping[str, Place]
"""By `platform:id`."""

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
    """Ours and those of *entries*, which may replace ours; their files stand *beside* the file.

    Raises:
        ConfigError: one of them cannot be read, or is too long.
    """
    own: dict[str, Persona] = {}
    for entry in entries:
        who = f"persona {entry.name}"
        texts = [entry.text, *_read([entry.text_in] if entry.text_in else [], beside, who)]
        text = _told(texts, entry.knows, beside, who)
        options = entry.parameters.options
        own[entry.name.lower()] = Persona(text, entry.model, options, entry.starters)
    return {**OURS, **own}


def places_of(entries: Iterable[PlaceEntry], beside: Path) -> Places:
    """The places of *entries*. Raises as `personas_of`."""
    return {
        entry.id: Place(
            _told(
                [f"This is the place where you are: {entry.about}"] if entry.about else [],
                entry.knows,
                beside,
                f"place {entry.id}",
            ),
            entry.persona.lower(),
            entry.model,
            entry.parameters.options,
            _zone(entry),
        )
        for entry in entries
    }


def _zone(entry: PlaceEntry) -> str:
    try:
        return ZoneInfo(entry.timezone).key if entry.timezone else ""
    except (ValueError, OSError) as error:
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
        return [(beside / name).read_text("utf-8").strip() for name in names]
    except (OSError, ValueError) as error:
        raise ConfigError("PALAVER_CONFIG", f"{who}: {error}") from error
