"""The terminal: one question from the command line, streamed to standard output."""

import asyncio
import sys
from collections import deque
from collections.abc import AsyncGenerator, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from aiohttp import web

from core.errors import Gone
from core.messages import Attachment, Button, ConversationId, Incoming, Picture
from core.platform import Bucket, Limits


class TerminalSurface:
    """Prints what is new of a text; its handle is the event id of the question.

    Of several that grow at once, the first in *line* is printed; the others wait for its end.
    """

    def __init__(
        self,
        out: TextIO,
        event_id: str,
        done: asyncio.Event | None,
        line: "deque[TerminalSurface]",
    ) -> None:
        self._out = out
        self._event_id = event_id
        self._done = done
        self._line = line
        self._text = self._printed = ""
        self.finished = False

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
        self._text = text
        if self not in self._line:
            self._line.append(self)
        while self._line:
            first = self._line[0]
            first.print_more()
            if not first.finished:
                break
            self._line.popleft()
            self._out.write("\n")
        self._out.flush()

    async def finish(self, text: str, buttons: Sequence[Button] = ()) -> None:
        self.finished = True
        await self.show(text)
        if self._done is not None and not self._line:
            self._done.set()

    def print_more(self) -> None:
        """Print what was not printed yet."""
        if not self._text.startswith(self._printed):
            # Another text than before (an answer begun again): what is printed stays printed.
            self._out.write("\n\n")
            self._printed = ""
        self._out.write(self._text[len(self._printed) :])
        self._printed = self._text

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
        self._line: deque[TerminalSurface] = deque()

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
        return self._surface(reply_to)

    def reopen_surface(self, conversation: ConversationId, handle: str) -> TerminalSurface:
        # What was begun is gone on with here: nothing waits for its end.
        self._line.clear()
        return self._surface(handle)

    def _surface(self, handle: str) -> TerminalSurface:
        ours = handle == self._questions[-1].event_id
        return TerminalSurface(self._out, handle, self._done if ours else None, self._line)

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
