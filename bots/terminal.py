"""The terminal: one question from the command line, streamed to standard output."""

import asyncio
import sys
from collections.abc import AsyncGenerator, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from aiohttp import web

from core.errors import Gone
from core.messages import Attachment, Button, ConversationId, Incoming, Picture
from core.platform import Bucket, Limits


class TerminalSurface:
    """Prints what is new of a text; its handle is the event id of the question."""

    def __init__(self, out: TextIO, event_id: str, done: asyncio.Event | None) -> None:
        self._out = out
        self._event_id = event_id
        self._done = done
        self._printed = ""

    @property
    def handle(self) -> str:
        return self._event_id

    @property
    def grows(self) -> bool:
        return True

    @property
    def budget(self) -> Sequence[Bucket]:
        return ()

    async def show(self, text: str, buttons: Sequence[Button] = ()) -> None:
        if not text.startswith(self._printed):
            # Another text than before (an answer begun again): what is printed stays printed.
            self._out.write("\n\n")
            self._printed = ""
        self._out.write(text[len(self._printed) :])
        self._out.flush()
        self._printed = text

    async def finish(self, text: str, buttons: Sequence[Button] = ()) -> None:
        await self.show(text)
        self._out.write("\n")
        self._out.flush()
        if self._done is not None:
            self._done.set()

    async def delete(self) -> None:
        return None


class TerminalPlatform:
    """Asks *questions* one after the other; sets *done* when the last answer is complete."""

    limits = Limits(
        page_chars=10_000_000,
        caption_chars=2_000,
        pictures_per_post=4,
        interval_s=0.0,
        indicate_every_s=60.0,
    )
    local = True
    identity = "terminal"

    def __init__(
        self,
        name: str,
        questions: Sequence[Incoming],
        done: asyncio.Event,
        out: TextIO = sys.stdout,
    ) -> None:
        self.name = name
        self._questions = questions
        self._done = done
        self._out = out

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        return ()

    async def updates(self) -> AsyncGenerator[Sequence[Incoming]]:
        yield self._questions
        await asyncio.Event().wait()

    def budget(self, conversation: ConversationId) -> Sequence[Bucket]:
        return ()

    def fits(self, text: str) -> bool:
        return True

    def open_surface(self, conversation: ConversationId, reply_to: str) -> TerminalSurface:
        return self.reopen_surface(conversation, reply_to)

    def reopen_surface(self, conversation: ConversationId, handle: str) -> TerminalSurface:
        ours = handle == self._questions[-1].event_id
        return TerminalSurface(self._out, handle, self._done if ours else None)

    async def send_pictures(
        self,
        conversation: ConversationId,
        reply_to: str,
        pictures: Sequence[Picture],
        buttons: Sequence[Button] = (),
        *,
        replacing: str = "",
    ) -> str:
        for picture in pictures:
            path = await asyncio.to_thread(_save, picture)
            caption = f" ({picture.caption})" if picture.caption else ""
            self._out.write(f"{path}{caption}\n")
        self._out.flush()
        if reply_to == self._questions[-1].event_id:
            self._done.set()
        return ""

    async def indicate(self, conversation: ConversationId, *, busy: bool) -> None:
        return None

    async def entitle(self, conversation: ConversationId, title: str) -> None:
        return None

    async def fetch(self, attachment: Attachment, most_bytes: int) -> bytes:
        raise Gone("a terminal sends no attachments")


def _save(picture: Picture) -> Path:
    """Write *picture* to a new file in the working directory."""
    suffix = picture.mime.rpartition("/")[2]
    number = 1
    while True:
        path = Path(f"palaver-{number}.{suffix}")
        try:
            with path.open("xb") as file:
                file.write(picture.data)
        except FileExistsError:
            number += 1
        else:
            return path
