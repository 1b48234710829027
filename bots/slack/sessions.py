"""Agent sessions: what Slack shows of our work on a thread. Failures here end here.

Source: docs.slack.dev, agents.sessions.setStatus and agents.sessions.rename.
"""

import time

from slack_sdk.web.async_client import AsyncWebClient

from bots.slack.failures import slack_errors
from bots.slack.limits import App, rename_budget, status_budget
from bots.slack.stream import AGAIN_S, cannot
from core.errors import Impossible
from core.lent import Spare

TITLE_CHARS = 80


class Sessions:
    """The sessions of one workspace. *app*: the owner of the limits."""

    def __init__(self, client: AsyncWebClient, spare: Spare, app: App) -> None:
        self._client = client
        self._spare = spare
        self._app = app
        self._off_until = 0.0

    async def show(self, channel: str, thread: str, *, busy: bool, asked: bool) -> None:
        """Show that we work, that a person must decide before we go on, or neither."""
        status = "processing" if busy else "suspended" if asked else "active"
        await self.set_status(channel, thread, status)

    async def set_status(
        self, channel: str, thread: str, status: str, *, title: str | None = None
    ) -> None:
        if not thread or time.monotonic() < self._off_until:
            return
        try:
            with slack_errors():
                await self._client.agents_sessions_setStatus(
                    channel_id=channel, thread_ts=thread, status=status, title=title
                )
        except Impossible as error:
            if cannot(str(error)):
                self._off_until = time.monotonic() + AGAIN_S

    async def rest(self, channel: str, thread: str) -> None:
        """Set the session to `active`. This call must not be left out: only `chat.stopStream` does
        it by itself; otherwise the session stays at work for an hour.
        """
        await self._spare.make(
            status_budget(self._app),
            lambda: self.set_status(channel, thread, "active"),
            owed=True,
        )

    async def entitle(self, channel: str, thread: str, title: str) -> None:
        """Give the session a name. If there is none yet, one begins with *title*."""
        if not thread:
            return
        # In the title of a new session, Slack turns a colon into an underscore.
        title = title.replace(":", " -")[:TITLE_CHARS]

        missing = False

        async def rename() -> None:
            nonlocal missing
            try:
                with slack_errors():
                    await self._client.agents_sessions_rename(
                        channel_id=channel, thread_ts=thread, title=title
                    )
            except Impossible as error:
                missing = str(error) in ("session_not_found", "not_authorized")

        await self._spare.make(rename_budget(self._app), rename)
        if missing:
            await self._spare.make(
                status_budget(self._app),
                lambda: self.set_status(channel, thread, "active", title=title),
            )
