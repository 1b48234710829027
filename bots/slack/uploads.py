"""Posting files: pictures with their captions and buttons, sound, and files to download."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bots.slack.failures import slack_errors
from bots.slack.files import ASK
from bots.slack.markup import fallback
from bots.slack.posts import actions
from core.border import clean
from core.errors import ContentRefused, NoRight, PlatformError
from core.messages import Attachment, Button, ConversationId, Picture, split_conversation
from core.posted import Posted

log = logging.getLogger(__name__)

NO_FILES = frozenset(("missing_scope", "not_allowed_token_type", "file_uploads_disabled"))
"""Slack's errors when the app or the workspace may post no files."""


class Uploads:
    """Posts files with the token of one workspace. Raises the errors of a surface."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client
        self._told: set[str] = set()

    async def pictures(
        self,
        conversation: ConversationId,
        pictures: Sequence[Picture],
        buttons: Sequence[Button] = (),
    ) -> Posted:
        _, channel, thread = split_conversation(conversation)
        with self._allowed():
            files = await _upload(self._client, channel, thread, pictures)
        if buttons:
            # A file's message takes no buttons. The picture itself is what matters.
            where: Any = {"channel": channel, "thread_ts": thread or None}
            text = " · ".join(button.label for button in buttons)
            with suppress(PlatformError), slack_errors():
                posted = await self._client.chat_postMessage(
                    **where, text=text, blocks=[actions(buttons)]
                )
                return Posted(str(posted["ts"]), files)
        return Posted(pictures=files)

    async def file(self, conversation: ConversationId, name: str, data: bytes) -> None:
        _, channel, thread = split_conversation(conversation)
        with self._allowed():
            await _upload_file(self._client, channel, thread, name, data)

    @contextmanager
    def _allowed(self) -> Iterator[None]:
        """Raise `NoRight` where no file can be posted. The operator is told why, once."""
        try:
            yield
        except ContentRefused as error:
            code = str(error)
            if code not in NO_FILES:
                raise
            if code not in self._told:
                self._told.add(code)
                log.error("Slack lets us post no files (%s): the scope files:write", code)
            raise NoRight(code, "files") from error


async def _upload(
    client: AsyncWebClient, channel: str, thread: str, pictures: Sequence[Picture]
) -> tuple[Attachment, ...]:
    """Post *pictures* in one message, with their captions. Raises the errors of a surface.

    Returns them as attachments, by the ids of their files. The answer tells nothing else of them.
    """
    uploads = [
        {
            "content": picture.data,
            "filename": f"picture-{number}.{picture.mime.rpartition('/')[2]}",
            "title": fallback(picture.caption) or "picture",
            "alt_txt": picture.caption or "a picture that was asked for",
        }
        for number, picture in enumerate(pictures, 1)
    ]
    captions = "\n".join(picture.caption for picture in pictures if picture.caption)
    with slack_errors():
        answer = await client.files_upload_v2(
            file_uploads=uploads,
            channel=channel,
            thread_ts=thread or None,
            initial_comment=fallback(captions) or None,
        )
    files = answer.get("files")
    ids = [one.get("id") for one in files if isinstance(one, dict)] if files else []
    return tuple(
        Attachment("image", ASK + clean(id_), mime=picture.mime, size_bytes=len(picture.data))
        for id_, picture in zip(ids, pictures, strict=False)
        if isinstance(id_, str) and id_
    )


async def _upload_file(
    client: AsyncWebClient, channel: str, thread: str, name: str, data: bytes
) -> None:
    """Post *data* as a file. Slack finds out its kind. Raises the errors of a surface."""
    with slack_errors():
        await client.files_upload_v2(
            content=data, filename=name, title=name, channel=channel, thread_ts=thread or None
        )
