"""Who chooses a setting, as far as reading its value needs: somebody in a chat, or the operator."""

from typing import Protocol

from core.languages.catalogue import Language
from core.turn.services import Services


class Chooser(Protocol):
    """A turn is one."""

    @property
    def language(self) -> Language:
        """In which they are told what does not fit."""
        ...

    @property
    def services(self) -> Services: ...

    @property
    def choosable(self) -> list[str]:
        """The models to show to them."""
        ...

    def may_choose(self, model: str) -> bool: ...
