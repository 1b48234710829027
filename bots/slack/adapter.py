"""Slack as a platform: Socket Mode or HTTP events in, messages and files out."""

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import aiohttp
from aiohttp import web
from slack_bolt.async_app import AsyncApp

from bots.push_queue import PushQueue
from bots.slack.admins import Admins
from bots.slack.asides import alone
from bots.slack.border import connected, serve
from bots.slack.client import SlackClient
from bots.slack.failures import slack_errors
from bots.slack.fields import scopes_of
from bots.slack.files import DOMAINS, Files
from bots.slack.history import History, link_to
from bots.slack.inbound import NAME, Me
from bots.slack.limits import App, post_budget, status_budget
from bots.slack.listeners import Listeners, StandingOf
from bots.slack.markup import BLOCK_CHARS, fill
from bots.slack.menus import of_one, surface_of_one
from bots.slack.people import People
from bots.slack.reactions import Reactions
from bots.slack.sessions import Sessions
from bots.slack.stream import Streams, StreamSurface
from bots.slack.surface import SlackSurface
from bots.slack.uploads import Uploads
from core.credentials import Credential
from core.errors import ChatLost, ConfigError, ContentRefused
from core.languages.catalogue import Speak
from core.lent import CommandInfo, Known, Overhears, Spare
from core.messages import (
    Attachment,
    Button,
    ConversationId,
    Incoming,
    Picture,
    conversation_id,
    split_conversation,
)
from core.net.way import DIRECT, Way
from core.platform import Bucket, Limits
from core.posted import Posted
from core.retry import retry_while_away
from core.said import Feeling, Span, Transcript


class SlackPlatform:
    """The app of one workspace.

    *commands*: those that people type. *standing*: whether a person may ask. *speak*: says what
    cannot wait for the core. *follow_threads*: also hear threads without a mention. *streams*: use
    native streams in direct messages. *name*: the tenant. *installed*: it is one of several
    workspaces, and `bots.slack.workspaces` hands it its events.
    """

    local = False
    limits = Limits(
        page_chars=BLOCK_CHARS,
        caption_chars=900,
        pictures_per_post=4,
        interval_s=0.02,
        # docs.slack.dev, agent sessions: `processing` ends after an hour, unless we repeat it.
        indicate_every_s=600.0,
        rates=True,
        reads=True,
        asks=True,
        follows=True,
        groups=("C", "G"),
    )

    def __init__(
        self,
        bot_token: str,
        api_url: str,
        spare: Spare,
        *,
        name: str = NAME,
        known: Known,
        commands: Mapping[str, CommandInfo],
        standing: StandingOf,
        speak: Speak,
        app_token: str = "",
        signing_secret: str = "",
        events_path: str = "",
        follow_threads: bool = True,
        streams: bool = True,
        overhears: Overhears,
        way: Way = DIRECT,
        installed: bool = False,
    ) -> None:
        self.name, self._known, self._installed = name, known, installed
        if not (installed or app_token or signing_secret):
            text = "is needed for Socket Mode (or SLACK_SIGNING_SECRET for HTTP events)"
            raise ConfigError("SLACK_APP_TOKEN", text)
        self._way = way
        self._bot_token, self._api_url = bot_token, api_url
        self._spare = spare
        self._app_token, self._signing_secret = app_token, signing_secret
        self._events_path = events_path
        self._addresses = {"direct"} | ({"thread"} if follow_threads else set())
        self._overhears = overhears
        self._commands, self._standing = commands, standing
        self._speak = speak
        self._push_queue = PushQueue()
        self._me = Me("", "", {})
        self._streams = Streams(on=streams)
        self.identity = "Slack"
        self.app: AsyncApp | None = None
        """What hears the events; None: not started."""

    def renew(self, bot_token: str) -> None:
        """From now on call with *bot_token*."""
        self._bot_token = bot_token
        if self.app is not None:
            self._client.token = bot_token
            self._files.credential = self._history.credential = self._credential()

    @property
    def me(self) -> Me:
        """Who we are; nobody before the start."""
        return self._me

    def _credential(self) -> Credential:
        token = (("Authorization", f"Bearer {self._bot_token}"),)
        return Credential(token, self._api_url, DOMAINS)

    async def __aenter__(self) -> Self:
        # Without a session the client would open a connection for each call.
        self._session = self._way.session(timeout=aiohttp.ClientTimeout(total=30))
        # The client's own handlers repeat a call when its answer was lost. That would post twice.
        self._client = SlackClient(
            token=self._bot_token,
            base_url=self._api_url,
            session=self._session,
            retry_handlers=[],
        )
        credential = self._credential()
        self._files = Files(self._session, self._client, credential)
        self._uploads, self._reactions = Uploads(self._client), Reactions(self._client)
        self._people = People(self._client, self.name)
        try:
            answer = await self._start()
            team = str(
                answer["enterprise_id" if answer.get("is_enterprise_install") else "team_id"]
            )
            await self._known(self.name, team)
        except BaseException:
            await self._session.close()
            raise
        self._me = Me(str(answer["user_id"]), team, self._commands, self.name)
        self._admins = Admins(self._client, self._me.team)
        self._workspace = str(answer.get("url") or "")
        self._scopes = scopes_of(answer.headers)
        self._history = History(self._session, credential, self._api_url, self._people, self._me)
        self._sessions = Sessions(self._client, self._spare, self._limited)
        mode = "Socket Mode" if self._app_token else "HTTP events"
        mode = "installed" if self._installed else mode
        self.identity = f"@{answer['user']} in {answer['team']} ({mode})"
        heard = Listeners(
            self._client,
            self._people,
            self._push_queue,
            self._me,
            addresses=self._addresses,
            overhears=self._overhears,
            standing=self._standing,
            speak=self._speak,
        )
        self.app = heard.app(self._signing_secret, str(answer.get("bot_id")))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._session.close()

    @retry_while_away
    async def _start(self) -> Any:
        with slack_errors():
            answer = await self._client.auth_test()
        if self._app_token:
            with slack_errors("SLACK_APP_TOKEN"):
                await self._client.apps_connections_open(app_token=self._app_token)
        return answer

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        no_route = self._app_token or self._installed
        return () if no_route else (web.post(self._events_path, self._http),)

    async def _http(self, request: web.Request) -> web.StreamResponse:
        assert self.app is not None  # noqa: S101 - requests are answered once it has started
        return await serve(self.app, self._signing_secret, request)

    async def updates(self) -> AsyncGenerator[Sequence[Incoming]]:
        if not self._app_token:
            async for batch in self._push_queue.batches():
                yield batch
        assert self.app is not None  # noqa: S101 - as above
        async with connected(self.app, self._app_token, self._api_url, self._session, self._way):
            async for batch in self._push_queue.batches():
                yield batch

    @property
    def _limited(self) -> App:
        return App(f"{self._me.team}:{self._me.user_id}", self.name)

    def budget(self, conversation: ConversationId) -> Sequence[Bucket]:
        return post_budget(self._limited, split_conversation(conversation)[1])

    def indicate_budget(self, conversation: ConversationId, *, busy: bool) -> Sequence[Bucket]:
        return status_budget(self._limited)

    def fill(self, text: str) -> float:
        return fill(text)

    def open_surface(self, conversation: ConversationId, reply_to: str) -> SlackSurface:
        """*reply_to*: a message's ts, `@USER` (perhaps with a response_url), or `home USER`."""
        app, speak, rest = self._limited, self._speak, self._sessions.rest
        if of_one(reply_to):
            return surface_of_one(self._client, self._session, app, conversation, reply_to, speak)
        if self._streams.wanted(conversation):
            return StreamSurface(self._client, app, conversation, self._streams, rest)
        return SlackSurface(self._client, app, conversation, thread=reply_to, rest=rest)

    def reopen_surface(self, conversation: ConversationId, handle: str) -> SlackSurface:
        if of_one(handle):  # A dialog whose button was pressed.
            return self.open_surface(conversation, handle)
        rest = self._sessions.rest
        return SlackSurface(self._client, self._limited, conversation, ts=handle, rest=rest)

    async def send_pictures(
        self,
        conversation: ConversationId,
        reply_to: str,
        pictures: Sequence[Picture],
        buttons: Sequence[Button] = (),
        *,
        replacing: str = "",
    ) -> Posted:
        return await self._uploads.pictures(conversation, pictures, buttons)

    async def send_voice(self, conversation: ConversationId, reply_to: str, sound: bytes) -> None:
        # Slack plays a sound file within the message.
        await self._uploads.file(conversation, "answer.ogg", sound)

    async def send_file(
        self, conversation: ConversationId, reply_to: str, name: str, data: bytes, mime: str
    ) -> None:
        await self._uploads.file(conversation, name, data)

    async def indicate(
        self, conversation: ConversationId, *, busy: bool, asked: bool = False
    ) -> None:
        _, channel, thread = split_conversation(conversation)
        await self._sessions.show(channel, thread, busy=busy, asked=asked)

    async def entitle(self, conversation: ConversationId, title: str) -> None:
        _, channel, thread = split_conversation(conversation)
        await self._sessions.entitle(channel, thread, title)

    async def administers(self, conversation: ConversationId, person: str) -> bool:
        return await self._admins.has(split_conversation(conversation)[1], person.partition(":")[2])

    async def private_with(self, person: str) -> ConversationId:
        return conversation_id(self.name, await self._people.direct_with(person.partition(":")[2]))

    async def fetch(self, attachment: Attachment, most_bytes: int) -> bytes:
        return await self._files.download(attachment, most_bytes)

    async def read(self, conversation: ConversationId, span: Span) -> Transcript:
        return await self._history.read(conversation, span)

    async def react(self, conversation: ConversationId, message: str, feeling: Feeling) -> None:
        await self._reactions.add(split_conversation(conversation)[1], message, feeling)

    async def alone(self, incoming: Incoming) -> str:
        return alone(incoming)

    async def hears(self, conversation: ConversationId) -> bool:
        return not self._scopes or self._scopes >= {"channels:history", "groups:history"}

    async def sees(self, channel: str) -> bool:
        """Whether *channel* is in our workspace, or shared with it. Raises `PlatformError`."""
        try:
            with slack_errors():
                await self._client.conversations_info(channel=channel)
        except (ChatLost, ContentRefused):
            return False
        return True

    def link_to(self, conversation: ConversationId, message: str) -> str:
        return link_to(self._workspace, conversation, message)
