"""Personas: how the bot speaks, chosen with `/persona`; those we bring and the operator's own."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from core.errors import ConfigError
from core.models.file import PersonaEntry

TEXT_BYTES = 40_000
"""A persona's text goes with every question."""


class Persona(msgspec.Struct, frozen=True):
    """*text* is told to the model; *model* answers, where nobody chose another.

    *starters*: what one may ask it, offered as buttons when it is chosen.
    """

    text: str = ""
    model: str = ""
    starters: tuple[str, ...] = ()


Personas = Mapping[str, Persona]
"""By the name that `/persona` takes, in the order in which they are shown."""

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
    """Ours and those of *entries*, which may replace ours; their texts stand *beside* the file.

    Raises:
        ConfigError: a text cannot be read, or is too long.
    """
    own = {entry.name.lower(): _read(entry, beside) for entry in entries}
    return {**OURS, **own}


def _read(entry: PersonaEntry, beside: Path) -> Persona:
    text = entry.text
    if entry.text_in:
        try:
            text = (beside / entry.text_in).read_text("utf-8")
        except (OSError, ValueError) as error:
            raise ConfigError("PALAVER_CONFIG", f"persona {entry.name}: {error}") from error
    if len(text.encode()) > TEXT_BYTES:
        raise ConfigError("PALAVER_CONFIG", f"persona {entry.name}: more than {TEXT_BYTES} bytes")
    return Persona(text.strip(), entry.model, entry.starters)
