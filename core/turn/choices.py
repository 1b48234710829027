"""What holds for a turn: which persona answers, which model with which parameters, and the time."""

import datetime
from dataclasses import dataclass
from typing import Any

from core.messages import Preferences
from core.people.personas import Persona, Place
from core.people.roles import Role
from core.times.rules import zone_named
from core.turn.services import Services

NAME_CHARS = 100
ALL, OFF = "all", "off"
"""Of tools."""


def one_line(name: str, most: int = NAME_CHARS) -> str:
    """*name*, which somebody gave a place, as a line that can stand in quotes."""
    shown = "".join(one if one.isprintable() else " " for one in name).replace('"', "'")
    return " ".join(shown.split())[:most]


@dataclass(frozen=True, slots=True)
class Choices:
    """What *preferences*, the operator's *place* and the settings say together.

    *role* is what the person who asks is where it is about money. *local*: they ask on a local
    platform.
    """

    services: Services
    preferences: Preferences
    place: Place
    role: Role
    local: bool

    @property
    def persona(self) -> Persona:
        """The persona that was chosen here, else the place's. A removed one counts as none."""
        name = self.preferences.persona or self.place.persona
        return self.services.personas.get(name, Persona())

    @property
    def model(self) -> str:
        """The name of the model to ask; empty: the default model.

        A choice that the operator forbade later does not count.
        """
        chosen = self.preferences.model
        return (chosen if self.may_choose(chosen) else "") or self.preset_model

    @property
    def choosable(self) -> list[str]:
        """The models to show to the person who asks."""
        access, offered = self.services.access, self.services.model.names
        return access.choosable(self.role, offered, local=self.local)

    def may_choose(self, model: str) -> bool:
        """Whether the person who asks may choose *model*."""
        access, offered = self.services.access, self.services.model.names
        return access.may_choose(model, self.role, offered, local=self.local)

    @property
    def preset_model(self) -> str:
        """The model that persona and place name, or empty.

        A persona that somebody chose goes before the place; that of the place goes after it.
        """
        preset = [self.persona.model, self.place.model]
        if not self.preferences.persona:
            preset.reverse()
        return preset[0] or preset[1]

    @property
    def options(self) -> dict[str, Any]:
        """The model's parameters, by OpenAI's names. Those of the persona go before the place's."""
        return {**self.place.options, **self.persona.options}

    @property
    def now(self) -> datetime.datetime:
        """The time in the zone chosen here, else in the operator's, else in the machine's."""
        names = self.preferences.timezone, self.place.timezone, self.services.settings.timezone
        zone = next(filter(None, map(zone_named, names)), None)
        return datetime.datetime.now(zone or datetime.UTC).astimezone(zone)

    @property
    def context(self) -> str:
        """What the model is told of what was said here to others (`core.turn.hearing`)."""
        return self.preferences.context or self.services.settings.context

    @property
    def tools(self) -> tuple[str, ...]:
        """Patterns of the tools that people chose here, of those that the operator allows."""
        chosen = self.preferences.tools
        return ("*",) if chosen in ("", ALL) else () if chosen == OFF else tuple(chosen.split())

    @property
    def about(self) -> str:
        """What the model is told of the place: how it is called, what it is for, what it knows."""
        name, about = self.preferences.name, self.preferences.about or self.place.about
        parts = (
            f'The place where you are is called "{name}".' if name else "",
            f"This is the place where you are: {about}" if about else "",
            self.place.text,
        )
        return "\n\n".join(filter(None, parts))
