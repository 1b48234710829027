"""In whose name a tool server is called: the tokens of the person who asks, and of nobody else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from core.mcp.authorization import SignInFailed
from core.mcp.entry import ServerEntry
from core.mcp.frames import Listed
from core.mcp.oauth import Account, Denied, OAuth
from core.telemetry import logger

log = logger(__name__)


class KeptAccounts(Protocol):
    """See `core.store.sign_ins.SignIns`. Each method raises `StoreError`."""

    async def account(self, person: str, server: str) -> Account | None: ...

    async def keep(self, account: Account, instead_of: Account | None = None) -> bool: ...

    async def forget(self, person: str, server: str) -> bool: ...

    async def servers_of(self, person: str) -> list[str]: ...

    def renewing(self, person: str, server: str) -> AbstractAsyncContextManager[None]: ...

    async def offers(self, server: str) -> Listed | None: ...

    async def keep_offers(self, server: str, listed: Listed) -> None: ...

    def offered(self) -> AbstractAsyncContextManager[AsyncIterator[bytes]]: ...


class Accounts:
    """The accounts of people with the servers that ask them to sign in."""

    def __init__(self, oauth: OAuth, kept: KeptAccounts) -> None:
        self.kept = kept
        self.oauth = oauth
        self._renewals: set[asyncio.Task[Account | None]] = set()

    async def of(self, person: str, entry: ServerEntry, refused: str = "") -> Account | None:
        """The account of *person* with the server of *entry*, good to be used; None: there is none.

        *refused*: an access token that the server does not take any more.

        Raises:
            SignInFailed: the authorization server cannot be asked now.
            StoreError: the store is away.
        """
        account = await self.kept.account(person, entry.name)
        if account is None or account.url != entry.url:
            return None
        if account.fresh and account.access != refused:
            return account
        # A renewal that is cut could lose a refresh token that counts once.
        renewal = asyncio.create_task(self._renewed(person, entry, refused), name="renew account")
        self._renewals.add(renewal)
        renewal.add_done_callback(self._renewals.discard)
        return await asyncio.shield(renewal)

    async def _renewed(self, person: str, entry: ServerEntry, refused: str) -> Account | None:
        """As `of`, in one process at a time: a refresh token may count once."""
        async with self.kept.renewing(person, entry.name):
            account = await self.kept.account(person, entry.name)
            if account is None or (account.fresh and account.access != refused):
                return account
            try:
                renewed = await self.oauth.renew(entry, account) if account.refresh else None
            except Denied:
                renewed = None
            if renewed is None:
                log.info("signed out by a server", server=entry.name)
                await self.kept.forget(person, entry.name)
                return None
            return renewed if await self.kept.keep(renewed, account) else None

    async def sign_out(self, person: str, entry: ServerEntry) -> bool:
        """Forget the account, and tell the authorization server. Returns whether there was one."""
        account = await self.kept.account(person, entry.name)
        there = await self.kept.forget(person, entry.name)
        if account is not None and account.url == entry.url:
            try:
                await self.oauth.revoke(entry, account)
            except SignInFailed as error:
                log.warning("tokens not revoked", server=entry.name, reason=str(error))
        return there

    async def close(self) -> None:
        """Let renewals end."""
        await asyncio.gather(*self._renewals, return_exceptions=True)
