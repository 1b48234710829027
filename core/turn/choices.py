"""What holds for a turn: which persona answers, which model with which parameters, and the time."""

import datetime
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from core.messages import Preferences
from core.people.personas import Persona, Place
from core.turn.services import Services


@dataclass(frozen=True, slots=True)
class Choices:
    """What *preferences*, the operator's *place* and the settings say together.

    *person* is the id of the person who asks.
    """

    services: Services
    preferences: Preferences
    place: Place
    person: str

    @property
    def persona(self) -> Persona:
        """The persona that was chosen here, else the place's. A removed one counts as none."""
        name = self.preferences.persona or self.place.persona
        return self.services.personas.get(name, Persona())

    @property
    def model(self) -> str:
        """The name of the model to ask; empty: the default model.

        A choice that the operator forbade later does not count. A persona that somebody chose goes
        before the place; the persona of the place goes after it.
        """
        chosen, offered = self.preferences.model, self.services.model.names
        allowed = self.services.access.may_choose(chosen, self.person, offered)
        preset = [self.persona.model, self.place.model]
        if not self.preferences.persona:
            preset.reverse()
        return (chosen if allowed else "") or preset[0] or preset[1]

    @property
    def options(self) -> dict[str, Any]:
        """The model's parameters, by OpenAI's names. Those of the persona go before the place's."""
        return {**self.place.options, **self.persona.options}

    @property
    def now(self) -> datetime.datetime:
        """The time in the place's zone, else in the operator's, else in the machine's."""
        if zone := self.place.timezone or self.services.settings.timezone:
            return datetime.datetime.now(ZoneInfo(zone))
        return datetime.datetime.now(datetime.UTC).astimezone()
