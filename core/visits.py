"""People who come to a page by a link, and are there who they are on their own platform.

A session ends when its person may not ask any more, whoever decided that, and with
`/forget everything`.
"""

from core.lent import Talk
from core.messages import ConversationId, Sender, conversation_id, split_conversation
from core.people.rights import Rights
from core.people.roles import Role, tenant_of
from core.store.archive import Archive
from core.store.visits import SharedVisits, To, Visit
from core.tenant_names import GUEST

MOST_TALKS = 50
MOST_SHOWN = 100
"""So many exchanges of one conversation are shown, the newest."""


class Visits:
    """Every method but `open` raises `StoreError`. *public_url*: our server's for the world."""

    def __init__(
        self, kept: SharedVisits, rights: Rights, archive: Archive, public_url: str = ""
    ) -> None:
        self._kept = kept
        self._rights = rights
        self._archive = archive
        self._public_url = public_url
        self._open = False

    def open(self) -> None:
        """There is a chat page."""
        self._open = True

    @property
    def address(self) -> str:
        """The chat page's address for the world; empty if there is none."""
        return self._public_url if self._open else ""

    def ending_of(self, person: str) -> str:
        """What the name of *person* among a page's visitors ends with."""
        tenant = self._kept.guest_of(person)
        return f"{GUEST}{tenant}" if tenant else ""

    async def invite(self, sender: Sender, to: To) -> str:
        """The secret part of a link for *sender*."""
        return await self._kept.invite(Visit(sender, to))

    async def begin(self, link: str) -> str:
        visit = await self._kept.accept(link, "page")
        return await self._kept.begin(visit) if visit is not None else ""

    async def person(self, cookie: str) -> Sender | None:
        sender = await self._kept.of(cookie, "page") if cookie else None
        return sender if sender is not None and await self.may_come(sender.id) else None

    async def may_come(self, person: str) -> bool:
        """Whether *person* may ask on their own, and not only in some group."""
        nowhere = conversation_id(tenant_of(person), "")
        return await self._rights.role_of(person, nowhere) >= Role.MEMBER

    async def leave(self, cookie: str) -> None:
        await self._kept.leave(cookie)

    async def end(self, person: str) -> None:
        """Sign *person* out everywhere."""
        await self._kept.end(person)

    async def talks(self, person: str) -> list[Talk]:
        asked = await self._archive.asked_by(person)
        own = [one.conversation for one in asked if one.private]
        at_home = [one for one in own if split_conversation(one)[0] == tenant_of(person)]
        talks = [await self._talk(one, person) for one in at_home[:MOST_TALKS]]
        return [one for one in talks if one.said]

    async def _talk(self, conversation: ConversationId, person: str) -> Talk:
        exchanges = [one async for one in self._archive.exchanges(conversation, person)]
        said = tuple((one.question, one.answer, one.at) for one in exchanges[-MOST_SHOWN:])
        return Talk(split_conversation(conversation)[0], said)
