"""What only one person sees: an answer to a slash command, and the Home tab."""

from collections.abc import Sequence

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bots.slack.failures import slack_errors
from bots.slack.home import home_view
from bots.slack.limits import App, of_one_budget
from bots.slack.posts import content, controls
from bots.slack.surface import NO_MEMBER, SlackSurface
from core.errors import Barred, ChatLost, PlatformError
from core.messages import Button, ConversationId, Incoming
from core.platform import Bucket


def alone(incoming: Incoming) -> str:
    """The reference for a post that only the sender of *incoming* sees."""
    slash = incoming.reply_to if incoming.reply_to.startswith("@") else ""
    return slash or incoming.if_barred


class AsideSurface(SlackSurface):
    """A post that only *user* sees. It is shown once, when it is final.

    It is shown in the thread *within*, or in the channel: Slack shows it only in a thread that
    somebody has begun (docs.slack.dev/reference/methods/chat.postEphemeral, `thread_ts`).

    If we may not write in the channel, or are no member of it, it goes to *response_url*, which
    Slack sent with the command (docs.slack.dev, handling user interaction: five uses within 30
    minutes). If there is none and we may not write, it goes to our direct messages with *user*
    (docs.slack.dev/reference/methods/chat.postMessage: a user's id as the channel).
    """

    def __init__(
        self,
        client: AsyncWebClient,
        session: aiohttp.ClientSession,
        app: App,
        conversation: ConversationId,
        user: str,
        response_url: str,
        within: str = "",
    ) -> None:
        super().__init__(client, app, conversation)
        self._within = within
        self._session = session
        self._user = user
        self._response_url = response_url

    async def show(self, text: str, buttons: Sequence[Button] = ()) -> None:
        """Do nothing: such a post cannot be changed, so only the final text is sent."""

    async def finish(self, text: str, buttons: Sequence[Button] = ()) -> None:
        try:
            with slack_errors():
                await self._client.chat_postEphemeral(
                    channel=self._channel,
                    user=self._user,
                    thread_ts=self._within or None,
                    **content(text, buttons),
                )
        except Barred:
            if self._response_url:
                await self._respond(text)
                return
            with slack_errors():
                await self._client.chat_postMessage(channel=self._user, **content(text, ()))
        except ChatLost as error:
            if str(error) not in NO_MEMBER or not self._response_url:
                raise
            await self._respond(text)

    async def _respond(self, text: str) -> None:
        body = {"response_type": "ephemeral", **content(text, ())}
        try:
            async with self._session.post(
                self._response_url, json=body, allow_redirects=False
            ) as response:
                if response.status >= 300:
                    raise ChatLost(f"response_url answers {response.status}")
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise PlatformError(type(error).__name__) from error


class HomeSurface(SlackSurface):
    """The Home tab of *user*. It tells about the place of *conversation*."""

    def __init__(
        self, client: AsyncWebClient, app: App, conversation: ConversationId, user: str
    ) -> None:
        super().__init__(client, app, conversation)
        self._user = user

    @property
    def budget(self) -> Sequence[Bucket]:
        # docs.slack.dev, views.publish: Tier 4.
        return of_one_budget(self._app, "home")

    async def show(self, text: str, buttons: Sequence[Button] = ()) -> None:
        """Do nothing: only the final text is shown."""

    async def finish(self, text: str, buttons: Sequence[Button] = ()) -> None:
        with slack_errors():
            await self._client.views_publish(
                user_id=self._user, view=home_view(text, controls(buttons), self._channel)
            )
