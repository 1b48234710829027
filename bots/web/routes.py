"""The requests between the page and its server.

No other site can post to the server: it takes only JSON of its own origin. No other site can read
from it: the cookie is not sent along with their requests, and the host is checked. See `sessions`.
"""

import asyncio
import secrets
import time
from collections.abc import Iterable
from urllib.parse import urlsplit

import msgspec
from aiohttp import web

from bots.push_queue import PushQueue
from bots.web.assets import asset
from bots.web.posts import (
    MOST_CONVERSATIONS,
    MOST_POSTS,
    NAME,
    TEXT_CHARS,
    Entry,
    Post,
    Sent,
    decode_entry,
    decode_post,
    decode_sent,
    files_of,
    list_of,
    posts_of,
    read_sent,
    title_of,
)
from bots.web.responses import change, file_response, json_response, keep_alive, read_json
from bots.web.sessions import Sessions, answers_to, is_token
from bots.web.words import language_of, page
from core.errors import StoreError
from core.lent import PostLog
from core.messages import ConversationId, conversation_id, split_conversation

COOKIE = "palaver"
SECURE_COOKIE = "__Host-palaver"
"""With this name, only this host can set the cookie, and only over https (RFC 6265bis, 4.1.3)."""
COOKIE_S = 365 * 24 * 3600
ACCEPT_S = 10.0
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; media-src 'self'; connect-src 'self'; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'none'"
)


class WebRoutes:
    """The handlers of the page's requests."""

    def __init__(
        self,
        post_log: PostLog,
        push_queue: PushQueue,
        sessions: Sessions,
        *,
        local: bool,
        public_url: str,
    ) -> None:
        self._post_log = post_log
        self._push_queue = push_queue
        self._sessions = sessions
        self._local = local
        self._public_url = public_url
        self._cookie = SECURE_COOKIE if public_url.startswith("https:") else COOKIE

    def table(self) -> Iterable[web.AbstractRouteDef]:
        thread = "/api/conversations/{thread}"
        return (
            web.get("/", self._page),
            web.get("/static/{version}/{file:.+}", self._static),
            web.post("/api/session", self._session),
            web.get("/api/conversations", self._list),
            web.post(thread, self._send),
            web.delete(thread, self._forget),
            web.get(f"{thread}/events", self._events),
            web.get(f"{thread}/files/{{key}}", self._file),
        )

    async def _page(self, request: web.Request) -> web.Response:
        # This sets no cookie. After a link on another site, the browser may not have sent ours.
        self._check(request)
        response = web.Response(
            text=page(request),
            content_type="text/html",
            headers={"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"},
        )
        response.headers["Content-Security-Policy"] = POLICY
        return response

    async def _session(self, request: web.Request) -> web.Response:
        """Give the browser a session, or renew the one it has."""
        self._check(request)
        asked = await read_json(request, _decode_asked)
        known = request.cookies.get(self._cookie) or request.cookies.get(COOKIE, "")
        try:
            cookie = await self._sessions.renew(known, asked.key, request.remote or "")
        except StoreError as error:
            raise web.HTTPServiceUnavailable(text="the store is away") from error
        if not cookie:
            return web.json_response({"guarded": self._sessions.guarded}, status=403)
        response = web.json_response({"welcome": True})
        response.set_cookie(
            self._cookie,
            cookie,
            max_age=COOKIE_S,
            httponly=True,
            # The cookie goes along with links on other sites, never with their forms or scripts.
            samesite="Lax",
            secure=self._cookie == SECURE_COOKIE,
        )
        return response

    async def _static(self, request: web.Request) -> web.Response:
        return asset(request, request.match_info["version"], request.match_info["file"])

    async def _list(self, request: web.Request) -> web.Response:
        visitor = await self._visitor(request)
        with_keys = await self._read(list_of(visitor)) if visitor else []
        entries = sorted((decode_entry(value) for _, value in with_keys), key=lambda e: -e.at)
        return json_response([*entries])

    async def _send(self, request: web.Request) -> web.Response:
        conversation = await self._conversation(request)
        sent = await read_json(request, decode_sent)
        if not is_token(sent.id) or not (sent.text.strip() or sent.command):
            raise web.HTTPBadRequest(text="there is nothing in it")
        if len(sent.text) > TEXT_CHARS:
            raise web.HTTPRequestEntityTooLarge(TEXT_CHARS, len(sent.text))
        _, visitor, thread = split_conversation(conversation)
        incoming = read_sent(sent, visitor, thread, language_of(request))
        key = None if sent.command else await self._show_own(conversation, sent)
        try:
            await self._push_queue.accept(incoming, ACCEPT_S)
        except TimeoutError as error:
            if key is not None:
                await self._post_log.remove(posts_of(conversation), key)
            raise web.HTTPServiceUnavailable(text="not accepted; please send again") from error
        if not sent.command:
            await self._enlist(visitor, thread, sent.text)
        return web.json_response({"accepted": True}, status=202)

    async def _show_own(self, conversation: ConversationId, sent: Sent) -> int | None:
        """Show the person's own bubble before any answer to it. None: it was there already."""
        post_log = posts_of(conversation)
        posts = await self._read(post_log)
        if any(decode_post(value).id == sent.id for _, value in posts):
            return None
        post = Post("person", sent.text, id=sent.id, at=time.time())
        try:
            for key, _ in posts[: 1 - MOST_POSTS]:
                await self._post_log.remove(post_log, key)
            return await self._post_log.put(post_log, msgspec.json.encode(post))
        except StoreError as error:
            raise web.HTTPServiceUnavailable(text="the store is away") from error

    async def _enlist(self, visitor: str, thread: str, text: str) -> None:
        post_log = list_of(visitor)
        entries = {key: decode_entry(value) for key, value in await self._read(post_log)}
        old = next((key for key, entry in entries.items() if entry.thread == thread), None)
        title = title_of(text) if old is None else entries[old].title
        entry = Entry(thread, title, time.time())
        await self._post_log.put(post_log, msgspec.json.encode(entry), old)
        if old is None and len(entries) >= MOST_CONVERSATIONS:
            oldest = min(entries, key=lambda key: entries[key].at)
            await self._erase(visitor, oldest, entries[oldest].thread)

    async def _erase(self, visitor: str, key: int, thread: str) -> None:
        """Delete *thread*, which has *key* in the list, and all its posts."""
        await self._post_log.remove(list_of(visitor), key)
        conversation = conversation_id(NAME, visitor, thread)
        for post_log in (posts_of(conversation), files_of(conversation)):
            for one in await self._post_log.keys(post_log):
                await self._post_log.remove(post_log, one)

    async def _forget(self, request: web.Request) -> web.Response:
        """Delete a conversation: its entry in the list, its posts and its history."""
        conversation = await self._conversation(request)
        _, visitor, thread = split_conversation(conversation)
        incoming = read_sent(Sent(secrets.token_hex(16), command="new"), visitor, thread, "")
        try:
            await self._push_queue.accept(incoming, ACCEPT_S)
        except TimeoutError as error:
            raise web.HTTPServiceUnavailable(text="not accepted; please try again") from error
        for key, value in await self._read(list_of(visitor)):
            if decode_entry(value).thread == thread:
                await self._erase(visitor, key, thread)
        return web.json_response({"forgotten": True})

    async def _file(self, request: web.Request) -> web.Response:
        conversation = await self._conversation(request)
        key = request.match_info["key"]
        value = (
            await self._post_log.get(files_of(conversation), int(key))
            if key.isascii() and key.isdigit() and len(key) < 10
            else None
        )
        if value is None:
            raise web.HTTPNotFound
        return file_response(value)

    async def _events(self, request: web.Request) -> web.StreamResponse:
        """Send all posts, then each change. Of a text that grew, send only the new part."""
        conversation = await self._conversation(request)
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        post_log = posts_of(conversation)
        try:
            async with self._post_log.watch(post_log) as changes, asyncio.TaskGroup() as group:
                posts = await self._read(post_log)
                await response.prepare(request)
                # When the page is gone, this write fails, which ends the group and the watch.
                group.create_task(keep_alive(response), name="keep-alive")
                texts: dict[int, str] = {}
                for key, value in posts:
                    await response.write(change(key, value, texts))
                await response.write(b"event: ready\ndata: {}\n\n")
                async for key, changed in changes:
                    await response.write(change(key, changed, texts))
        except* (StoreError, ConnectionError):
            # The page will connect again by itself, and will get all posts then.
            pass
        return response

    # --- who may ------------------------------------------------------------------------------

    def _check(self, request: web.Request) -> None:
        """Refuse other sites, and hosts that are not ours."""
        host = request.headers["Host"]
        if not answers_to(host, local=self._local, public_url=self._public_url):
            raise web.HTTPForbidden(text="this server has another name: see PUBLIC_URL")
        origin = request.headers.get("Origin")
        if origin is not None:
            if not _netloc(origin) or _netloc(origin) not in (host, _netloc(self._public_url)):
                raise web.HTTPForbidden(text="another site asks")
        elif request.headers.get("Sec-Fetch-Site") == "cross-site" and request.path != "/":
            raise web.HTTPForbidden(text="another site asks")

    async def _visitor(self, request: web.Request) -> str:
        """The visitor of *request*; empty if we do not let them in."""
        self._check(request)
        try:
            return await self._sessions.visitor(request.cookies.get(self._cookie, ""))
        except StoreError as error:
            raise web.HTTPServiceUnavailable(text="the store is away") from error

    async def _conversation(self, request: web.Request) -> ConversationId:
        visitor = await self._visitor(request)
        thread = request.match_info["thread"]
        if not visitor or not is_token(thread):
            raise web.HTTPForbidden(text="open the page first")
        return conversation_id(NAME, visitor, thread)

    async def _read(self, post_log: str) -> list[tuple[int, bytes]]:
        try:
            return await self._post_log.read(post_log)
        except StoreError as error:
            raise web.HTTPServiceUnavailable(text="the store is away") from error


class _Asked(msgspec.Struct, frozen=True):
    """What the page sends for a session. *key* comes from the link."""

    key: str = ""


_decode_asked = msgspec.json.Decoder(_Asked).decode


def _netloc(url: str) -> str:
    try:
        return urlsplit(url).netloc
    except ValueError:
        return ""
