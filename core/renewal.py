"""`palaver.toml`, and what was added to it on the operator's page, hold as soon as they change."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple, Protocol

from core.errors import ConfigError, StoreError
from core.models.additions import Additions
from core.models.choice import Choice
from core.models.guard import Guard, GuardedModel
from core.models.palaver_file import PalaverFile
from core.models.router import Router
from core.people.budgets import Limit
from core.people.personas import Persona, Place

LOOK_S = 3.0
"""A process looks this often whether there are other additions."""


class Budgets(Protocol):
    """Where the operator's budgets hold."""

    limits: Sequence[Limit]


class Kept(Protocol):
    """Keeps what was added to `palaver.toml`. Both methods raise `StoreError`."""

    async def version(self) -> str: ...

    async def read(self) -> Additions: ...


class InFile(NamedTuple):
    """What `palaver.toml` and the additions to it decide.

    *version*: of the additions; None: the store was away. *fault*: why they do not hold.
    """

    version: str | None
    fault: str
    file: PalaverFile
    chat: Choice
    guard: Guard
    personas: dict[str, Persona]
    places: dict[str, Place]
    limits: Sequence[Limit]


class Renewal:
    """Lets `palaver.toml` hold as it stands now, while answers are written.

    Tool servers, and the APIs for pictures and voice, stay as they were at the start.

    Args:
        read: reads the file and what it names, with additions: those given, which must be right, or
            those that are kept. It changes nothing.
        kept: the additions.
        found: what holds. The mappings in it are changed in place.
    """

    def __init__(
        self,
        read: Callable[[Additions | None], Awaitable[InFile]],
        found: InFile,
        guarded: GuardedModel,
        kept: Kept | None,
    ) -> None:
        self._read, self._found, self._guarded, self._kept = read, found, guarded, kept
        self.at = time.time()
        """Since when it holds."""
        self.checks: list[Callable[[], Awaitable[None]]] = []
        """What else must be right in the file. Each raises `ConfigError`, and changes nothing."""
        self.fault = found.fault
        """What is wrong with the file or the additions, and was not taken."""

    async def take(self, budgets: Budgets) -> None:
        """Read the file anew and let it hold.

        Raises:
            ConfigError: it is wrong. Then nothing has changed.
        """
        try:
            new = await self._right(None)
        except ConfigError as error:
            self.fault = str(error)
            raise
        # Between two steps of the loop: no turn sees a part of it.
        self._guarded.become(new.chat.model)
        self._found.guard.become(new.guard)
        self._found.personas.clear()
        self._found.personas.update(new.personas)
        self._found.places.clear()
        self._found.places.update(new.places)
        budgets.limits = new.limits
        self._found = self._found._replace(chat=new.chat, version=new.version)
        self.at, self.fault = time.time(), new.fault

    async def check(self, additions: Additions) -> None:
        """Raises `ConfigError` if *additions* could not hold."""
        await self._right(additions)

    async def _right(self, additions: Additions | None) -> InFile:
        for check in self.checks:
            await check()
        return await self._read(additions)

    async def watch(self, budgets: Budgets) -> None:
        """Take the additions when they were changed, by whichever process."""
        tried = self._found.version
        while self._kept is not None:
            await asyncio.sleep(LOOK_S)
            with suppress(StoreError):
                version = await self._kept.version()
                if version != tried:
                    with suppress(ConfigError):
                        await self.take(budgets)
                    tried = version

    def resting(self) -> Mapping[str, float]:
        """For how long models are not asked, by name."""
        model = self._found.chat.model
        return model.resting() if isinstance(model, Router) else {}
