"""Files of which Slack sends only the id (`check_file_info`). `files.info` gives the rest.

Source: docs.slack.dev, Slack Connect, "check_file_info".
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bots.slack.attached import is_stub
from bots.slack.failures import slack_errors
from bots.slack.fields import mapping, string
from bots.slack.files import MOST_FILES
from bots.slack.reading import shared_files
from core.errors import PlatformError

INFO_S = 1.0
"""How long we wait for Slack. An event must be acknowledged within three seconds."""


async def completed(client: AsyncWebClient, message: Mapping[str, Any]) -> None:
    """Complete the files of *message* that are stubs, as far as Slack answers in time."""
    stubs = [file for file in shared_files(message) if is_stub(file)][:MOST_FILES]

    async def fill(stub: dict[str, Any]) -> None:
        with suppress(PlatformError), slack_errors():
            answer: Any = await client.files_info(file=string(stub, "id"))
            if found := mapping(answer.data, "file"):
                stub.pop("file_access", None)
                stub.update(found)

    with suppress(TimeoutError):
        async with asyncio.timeout(INFO_S):
            await asyncio.gather(*map(fill, stubs))
