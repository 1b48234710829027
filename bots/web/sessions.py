"""Who may use the page, and who is who.

A session is a cookie with a random token, which names the visitor. If others can reach the server,
our signature follows the token. Only a browser that brings the *key* gets one. The key stands in
the link that the start prints. A browser keeps its token for good, also when it comes by a link
from another site: nobody may lose their conversations by that.
"""

import hashlib
import hmac
import re
import secrets
import time
from collections import OrderedDict

from core.lent import Secret

NEW_PER_MINUTE = 20
"""New visitors from one address. It is bounded because each of them may store something."""
MOST_ADDRESSES = 10_000
_TOKEN = re.compile(r"[A-Za-z0-9_-]{8,64}")


def is_token(value: str) -> bool:
    """Whether *value* may name a visitor, a thread or an event."""
    return bool(_TOKEN.fullmatch(value))


class Sessions:
    """The visitors of one server. *guarded*: only a browser with the key gets a session."""

    def __init__(self, secret: Secret, *, guarded: bool) -> None:
        self._secret = secret
        self.guarded = guarded
        self._newcomers = Newcomers()

    async def key(self) -> str:
        """The key in the link; empty if everybody may come in."""
        return await self._sign("key") if self.guarded else ""

    async def visitor(self, cookie: str) -> str:
        """The visitor who holds *cookie*; empty if we do not let them in.

        Conversation ids and logs hold only a hash of it, because the cookie lets its holder in.
        """
        token, _, signature = cookie.partition(".")
        if not is_token(token):
            return ""
        if self.guarded and not _same(signature, await self._sign(token)):
            return ""
        return hashlib.sha256(token.encode()).hexdigest()[:20]

    async def renew(self, cookie: str, key: str, address: str) -> str:
        """The cookie to keep from now on. Empty: no right key, or too many new visitors.

        Args:
            cookie: the browser's cookie, perhaps of an earlier version. It is kept if possible.
            key: the key in the link, or empty.
            address: the address of the browser.
        """
        if await self.visitor(cookie):
            return cookie
        if self.guarded and not _same(key, await self.key()):
            return ""
        token = cookie.partition(".")[0]
        if not is_token(token):
            if not self._newcomers.admit(address, time.monotonic()):
                return ""
            token = secrets.token_hex(16)
        return f"{token}.{await self._sign(token)}" if self.guarded else token

    async def _sign(self, what: str) -> str:
        value = await self._secret.value()
        return hmac.new(value.encode(), f"page:{what}".encode(), "sha256").hexdigest()[:32]


class Newcomers:
    """Counts the new visitors of each address in the last minute."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def admit(self, address: str, now: float) -> bool:
        """Whether one more visitor may come from *address*."""
        began, count = self._seen.pop(address, (now, 0))
        if now - began > 60:
            began, count = now, 0
        self._seen[address] = began, count + 1
        if len(self._seen) > MOST_ADDRESSES:
            self._seen.popitem(last=False)
        return count < NEW_PER_MINUTE


def _same(given: str, right: str) -> bool:
    return hmac.compare_digest(given.encode(errors="replace"), right.encode())
