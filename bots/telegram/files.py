"""Files of Telegram's messages. Their addresses hold the bot's token, so nobody is told one.

Source: core.telegram.org/bots/api#getfile, and "Using a Local Bot API Server". Started with
`--local`, a server gives the absolute path of a file, in a folder whose name is the token.
"""

import asyncio
from pathlib import Path, PurePosixPath

import aiohttp
from telegram import Bot
from yarl import URL

from bots.telegram.surface import telegram_errors
from core.errors import AttachmentLost, AttachmentTooLarge, Impossible, PlatformError
from core.messages import Attachment
from core.net.bounded_body import read_up_to

DOWNLOAD_S = 60.0
_PROTECTED = ("forwards_restricted", "protected content")
"""Source: core.telegram.org/api/errors, and tdlib/td, `MessagesManager::can_forward_message`."""


class Files:
    """Downloads from the Bot API at *api_url*. No other host is sent *token*."""

    def __init__(self, session: aiohttp.ClientSession, bot: Bot, api_url: str, token: str) -> None:
        self._session = session
        self._bot = bot
        self._root = f"{api_url}/file/bot{token}/"
        self._token = token

    async def download(self, attachment: Attachment, most_bytes: int) -> bytes:
        """The same as `Platform.fetch`."""
        too_large = AttachmentTooLarge(f"it is larger than {most_bytes} bytes")
        if attachment.size_bytes > most_bytes:
            raise too_large
        try:
            with telegram_errors():
                file = await self._bot.get_file(attachment.ref)
        except Impossible as error:
            if any(word in str(error).lower() for word in _PROTECTED):
                raise AttachmentLost("its chat protects what is in it: say so") from error
            raise AttachmentLost(str(error)) from error
        if (file.file_size or 0) > most_bytes:
            raise too_large
        body = await self._read(file.file_path or "", most_bytes)
        if len(body) > most_bytes:
            raise too_large
        return body

    async def _read(self, path: str, most_bytes: int) -> bytes:
        # If no such file is on this machine, the library turns the path into an address.
        relative = path.removeprefix(self._root)
        folder, _, inner = relative.partition(f"/{self._token}/")
        local = folder.startswith("/") and bool(inner)
        if local:
            relative = inner
        parts = PurePosixPath(relative).parts
        if not parts or {"..", "/"} & set(parts) or ":" in parts[0]:
            raise AttachmentLost("Telegram does not say where it is")
        if local:
            here = Path(folder, self._token, *parts)
            found = await asyncio.to_thread(_beginning, here, most_bytes)
            if found is not None:
                return found
        return await self._over_http("/".join(parts), most_bytes)

    async def _over_http(self, relative: str, most_bytes: int) -> bytes:
        try:
            async with self._session.get(
                URL(self._root).joinpath(*relative.split("/")),
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=DOWNLOAD_S),
            ) as response:
                if response.status in (404, 403, 410):
                    raise AttachmentLost("it is not there any more")
                if response.status != 200:
                    raise PlatformError(f"Telegram answers {response.status}")
                return await read_up_to(response.content, most_bytes)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            # The error's text may hold the address.
            raise PlatformError(f"the download broke ({type(error).__name__})") from None


def _beginning(path: Path, most_bytes: int) -> bytes | None:
    """The file of a Bot API server on this machine; None if the server is on another machine."""
    try:
        if path.resolve() != path or not path.is_file():
            return None
        with path.open("rb") as file:
            return file.read(most_bytes + 1)
    except OSError:
        return None
