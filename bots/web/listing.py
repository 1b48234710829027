"""The list of a visitor's conversations. The page shows it beside them."""

import time

import msgspec

from bots.web.posts import (
    MOST_CONVERSATIONS,
    NAME,
    Entry,
    decode_entry,
    decode_post,
    files_of,
    list_of,
    posts_of,
    title_of,
)
from core.lent import PostLog
from core.messages import conversation_id

MOST_SEARCHED = 100
"""So many conversations, the newest ones, are searched for words."""


class Listing:
    """Each visitor has a post log of entries. Raises `StoreError`."""

    def __init__(self, post_log: PostLog) -> None:
        self._post_log = post_log

    async def entries(self, visitor: str) -> list[Entry]:
        """Pinned ones first, then the newest."""
        found = (await self._with_keys(visitor)).values()
        return sorted(found, key=lambda entry: (not entry.pinned, -entry.at))

    async def said(self, visitor: str, words: str) -> list[Entry]:
        """The newest conversations in which *words* were said, whole or as a part of others."""
        wanted = words.casefold()
        found = []
        for entry in (await self.entries(visitor))[:MOST_SEARCHED]:
            conversation = conversation_id(NAME, visitor, entry.thread)
            posts = await self._post_log.read(posts_of(conversation))
            if any(wanted in decode_post(value).text.casefold() for _, value in posts):
                found.append(entry)
        return found

    async def enter(self, visitor: str, thread: str, text: str) -> None:
        """*text* was asked in *thread* just now. Too old a conversation is deleted."""
        entries = await self._with_keys(visitor)
        old = next((key for key, entry in entries.items() if entry.thread == thread), None)
        now = time.time()
        if old is None:
            entry = Entry(thread, title_of(text), now)
        else:
            entry = msgspec.structs.replace(entries[old], at=now)
        await self._post_log.put(list_of(visitor), msgspec.json.encode(entry), old)
        if old is None and len(entries) >= MOST_CONVERSATIONS:
            oldest = min(entries, key=lambda key: (entries[key].pinned, entries[key].at))
            await self._erase(visitor, oldest, entries[oldest].thread)

    async def change(
        self, visitor: str, thread: str, *, title: str = "", pinned: bool | None = None
    ) -> bool:
        """Give *thread* a new title, or pin it. Returns whether it is in the list."""
        for key, entry in (await self._with_keys(visitor)).items():
            if entry.thread == thread:
                changed = Entry(
                    thread,
                    title_of(title) if title.strip() else entry.title,
                    entry.at,
                    entry.pinned if pinned is None else pinned,
                )
                await self._post_log.put(list_of(visitor), msgspec.json.encode(changed), key)
                return True
        return False

    async def erase(self, visitor: str, thread: str) -> None:
        """Delete *thread*: its entry, its posts and its files."""
        for key, entry in (await self._with_keys(visitor)).items():
            if entry.thread == thread:
                await self._erase(visitor, key, thread)

    async def _erase(self, visitor: str, key: int, thread: str) -> None:
        await self._post_log.remove(list_of(visitor), key)
        conversation = conversation_id(NAME, visitor, thread)
        for post_log in (posts_of(conversation), files_of(conversation)):
            for one in await self._post_log.keys(post_log):
                await self._post_log.remove(post_log, one)

    async def _with_keys(self, visitor: str) -> dict[int, Entry]:
        return {
            key: decode_entry(value) for key, value in await self._post_log.read(list_of(visitor))
        }
