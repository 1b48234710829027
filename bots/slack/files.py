"""Files of a Slack workspace: pictures out, attachments in."""

from collections.abc import Sequence

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bots.slack.markup import fallback
from bots.slack.surface import slack_errors
from core.errors import Gone, Rejected
from core.messages import Attachment, Picture


async def upload(
    client: AsyncWebClient, channel: str, thread: str, pictures: Sequence[Picture]
) -> None:
    """Post *pictures* in one message, with their captions. Raises as a surface."""
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
        await client.files_upload_v2(
            file_uploads=uploads,
            channel=channel,
            thread_ts=thread or None,
            initial_comment=fallback(captions) or None,
        )


async def download(
    session: aiohttp.ClientSession, bot_token: str, attachment: Attachment, most_bytes: int
) -> bytes:
    """As `Platform.fetch`."""
    if attachment.size_bytes > most_bytes:
        raise Rejected(f"{attachment.name} is larger than {most_bytes} bytes")
    with slack_errors():
        async with session.get(
            attachment.ref,
            headers={"Authorization": f"Bearer {bot_token}"},
            allow_redirects=False,
        ) as response:
            # Without the scope files:read Slack answers 200 with its sign-in page.
            if response.status != 200 or response.content_type == "text/html":
                raise Gone(f"{attachment.name} cannot be read ({response.status})")
            body = bytearray()
            async for piece in response.content.iter_chunked(1 << 16):
                body += piece
                if len(body) > most_bytes:
                    raise Rejected(f"{attachment.name} is larger than {most_bytes} bytes")
            return bytes(body)
