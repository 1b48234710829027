"""Wordings: whether an edit is the new wording of a question, or asks for the first time."""

from functools import partial

from msgspec.structs import replace

from core.messages import Incoming
from core.retry import retry_until_available
from core.store.limits import Notices, asked_name

EDITABLE_S = 48 * 3600
"""Telegram lets people edit for two days, Slack mostly less."""


class Wordings:
    """Notes what was asked. Waits for an absent store."""

    def __init__(self, notices: Notices) -> None:
        self._notices = notices

    async def first(self, incoming: Incoming) -> Incoming:
        """*incoming*; an edit that asks us for the first time becomes a question.

        In a group it may have become one to us; in private it was a command.
        """
        if not incoming.message or incoming.deleted:
            return incoming
        if incoming.private or incoming.command:
            return await self._once_a_command(incoming)
        first = await retry_until_available(
            partial(self._notices.first_time, asked_name(incoming), EDITABLE_S), "first wording"
        )
        return replace(incoming, edited=incoming.edited and not first)

    async def _once_a_command(self, incoming: Incoming) -> Incoming:
        """*incoming*, which is no edit if the message was a command before."""
        name = f"command:{incoming.conversation}:{incoming.message}"
        if incoming.command and not incoming.edited:
            note = partial(self._notices.first_time, name, EDITABLE_S)
            await retry_until_available(note, "a command")
        elif incoming.edited and not incoming.command:
            was = partial(self._notices.already_given, name)
            if await retry_until_available(was, "was a command"):
                asked = partial(self._notices.first_time, asked_name(incoming), EDITABLE_S)
                first = await retry_until_available(asked, "first wording")
                return replace(incoming, edited=not first)
        return incoming
