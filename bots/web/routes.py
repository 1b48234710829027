"""The requests between the page and its server. Who may make them: `admission`."""

import asyncio
import secrets
from collections.abc import Iterable

from aiohttp import web

from bots.push_queue import PushQueue
from bots.web.admission import Admission
from bots.web.assets import asset
from bots.web.files import MOST_ATTACHED, Files, received, response_of
from bots.web.listing import Listing
from bots.web.own import OwnPosts
from bots.web.posts import (
    NAME,
    TEXT_CHARS,
    TITLE_CHARS,
    Sent,
    Visitor,
    decode_change,
    decode_sent,
    posts_of,
    read_sent,
)
from bots.web.responses import change, keep_alive
from bots.web.sessions import is_token
from bots.web.words import page
from core.errors import StoreError
from core.languages.pages import language_of
from core.lent import PostLog, Visits
from core.messages import (
    TITLE,
    ConversationId,
    Incoming,
    conversation_id,
    split_conversation,
)
from core.net.own_requests import json_response, read_json, store_as_http

ACCEPT_S = 10.0
MOST_UPLOADS = 4
"""So many files come in at once. Others wait."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "font-src 'self'; media-src 'self' blob:; connect-src 'self'; manifest-src 'self'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)


class WebRoutes:
    """The handlers of the page's requests."""

    def __init__(
        self,
        post_log: PostLog,
        push_queue: PushQueue,
        admission: Admission,
        visits: Visits,
    ) -> None:
        self._post_log = post_log
        self._push_queue = push_queue
        self._admission = admission
        self._visits = visits
        self._files = Files(post_log)
        self._listing = Listing(post_log)
        self._own = OwnPosts(post_log)
        self._uploads = asyncio.Semaphore(MOST_UPLOADS)

    def table(self) -> Iterable[web.AbstractRouteDef]:
        thread = "/api/conversations/{thread}"
        return (
            web.get("/", self._page),
            web.get("/static/{version}/{file:.+}", self._static),
            web.post("/api/session", self._admission.session),
            web.delete("/api/session", self._admission.sign_out),
            web.get("/api/elsewhere", self._elsewhere),
            web.get("/api/conversations", self._list),
            web.post(thread, self._send),
            web.patch(thread, self._change),
            web.delete(thread, self._forget),
            web.get(f"{thread}/events", self._events),
            web.post(f"{thread}/files", self._upload),
            web.get(f"{thread}/files/{{key}}", self._file),
        )

    async def _page(self, request: web.Request) -> web.Response:
        # This sets no cookie. After a link on another site, the browser may not have sent ours.
        self._admission.check(request)
        response = web.Response(
            text=page(request),
            content_type="text/html",
            headers={"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"},
        )
        response.headers["Content-Security-Policy"] = POLICY
        return response

    async def _static(self, request: web.Request) -> web.Response:
        return asset(request, request.match_info["version"], request.match_info["file"])

    async def _list(self, request: web.Request) -> web.Response:
        visitor = await self._admission.visitor(request)
        with store_as_http():
            if not visitor:
                return json_response([])
            words = request.query.get("said", "")[:TITLE_CHARS]
            if words:
                return json_response(await self._listing.said(visitor.name, words))
            return json_response(await self._listing.entries(visitor.name))

    async def _elsewhere(self, request: web.Request) -> web.Response:
        """What a person who came by a link said to us in private on their platform."""
        visitor = await self._admission.visitor(request)
        if visitor is None or visitor.sender.id.startswith(f"{NAME}:"):
            raise web.HTTPForbidden
        with store_as_http():
            return json_response(await self._visits.talks(visitor.sender.id))

    async def _change(self, request: web.Request) -> web.Response:
        """Rename or pin a conversation, or show another branch of it."""
        visitor, conversation = await self._conversation(request)
        thread = split_conversation(conversation)[2]
        wanted = await read_json(request, decode_change)
        with store_as_http():
            if wanted.shows and not await self._own.choose(conversation, wanted.shows):
                raise web.HTTPNotFound
            known = await self._listing.change(
                visitor.name, thread, title=wanted.title, pinned=wanted.pinned
            )
        if not known:
            raise web.HTTPNotFound
        if wanted.title.strip():
            named = Sent(secrets.token_hex(16), text=wanted.title[:TITLE_CHARS], command=TITLE)
            await self._accept(read_sent(named, visitor, thread, ""))
        return web.json_response({"changed": True})

    async def _send(self, request: web.Request) -> web.Response:
        visitor, conversation = await self._conversation(request)
        sent = await read_json(request, decode_sent)
        if not is_token(sent.id) or not (sent.text.strip() or sent.command or sent.files):
            raise web.HTTPBadRequest(text="there is nothing in it")
        if len(sent.text) > TEXT_CHARS:
            raise web.HTTPRequestEntityTooLarge(TEXT_CHARS, len(sent.text))
        if sent.command.startswith("("):
            raise web.HTTPBadRequest(text="nobody can press that")
        thread = split_conversation(conversation)[2]
        with store_as_http():
            attached = [
                await self._files.attached(conversation, key) for key in sent.files[:MOST_ATTACHED]
            ]
            attachments = tuple(one for one in attached if one is not None)
            shown = await self._own.show(conversation, sent, attachments)
        language, place = language_of(request), shown.place
        incoming = read_sent(sent, visitor, thread, language, attachments, place)
        try:
            await self._accept(incoming)
        except web.HTTPServiceUnavailable:
            with store_as_http():
                await shown.take_back()
            raise
        if not sent.command:
            title = sent.text.strip() or next((one.title for one in attachments), "")
            with store_as_http():
                await self._listing.enter(visitor.name, thread, title)
        return web.json_response({"accepted": True}, status=202)

    async def _accept(self, incoming: Incoming) -> None:
        try:
            await self._push_queue.accept(incoming, ACCEPT_S)
        except TimeoutError as error:
            raise web.HTTPServiceUnavailable(text="not accepted; please send again") from error

    async def _forget(self, request: web.Request) -> web.Response:
        """Delete a conversation: its entry in the list, its posts and its history."""
        visitor, conversation = await self._conversation(request)
        thread = split_conversation(conversation)[2]
        await self._accept(
            read_sent(Sent(secrets.token_hex(16), command="new"), visitor, thread, "")
        )
        with store_as_http():
            await self._listing.erase(visitor.name, thread)
        return web.json_response({"forgotten": True})

    async def _upload(self, request: web.Request) -> web.Response:
        """Keep a file, which a question will name."""
        _, conversation = await self._conversation(request)
        async with self._uploads:
            mime, name, data = await received(request)
            with store_as_http():
                key = await self._files.keep(conversation, mime, data, name)
        return web.json_response({"file": key}, status=201)

    async def _file(self, request: web.Request) -> web.Response:
        _, conversation = await self._conversation(request)
        with store_as_http():
            found = await self._files.get(conversation, request.match_info["key"])
        if found is None:
            raise web.HTTPNotFound
        return response_of(*found)

    async def _events(self, request: web.Request) -> web.StreamResponse:
        """Send all posts, then each change. Of a text that grew, send only the new part."""
        visitor, conversation = await self._conversation(request)

        async def may_stay() -> bool:
            return await self._admission.visitor(request) == visitor

        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        post_log = posts_of(conversation)
        try:
            async with self._post_log.watch(post_log) as changes, asyncio.TaskGroup() as group:
                posts = await self._post_log.read(post_log)
                await response.prepare(request)
                # When the page is gone, this write fails, which ends the group and the watch.
                group.create_task(keep_alive(response, may_stay), name="keep-alive")
                texts: dict[int, str] = {}
                for key, value in posts:
                    await response.write(change(key, value, texts))
                await response.write(b"event: ready\ndata: {}\n\n")
                async for key, changed in changes:
                    await response.write(change(key, changed, texts))
        except* (StoreError, ConnectionError, web.HTTPException):
            # The page will connect again by itself, and will get all posts then.
            pass
        return response

    async def _conversation(self, request: web.Request) -> tuple[Visitor, ConversationId]:
        visitor = await self._admission.visitor(request)
        thread = request.match_info["thread"]
        if visitor is None or not is_token(thread):
            raise web.HTTPForbidden(text="open the page first")
        return visitor, conversation_id(NAME, visitor.name, thread)
