"""The terminal: one question from the command line, streamed to standard output."""

import asyncio
import sys
from collections import deque
from collections.abc import AsyncGenerator, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
from aiohttp import web

from core.border import printable
from core.errors import AttachmentLost, AttachmentTooLarge, ChatLost, ContentRefused
from core.messages import Attachment, Button, ConversationId, Incoming, Picture
from core.platform import Bucket, Limits
from core.posted import Posted
from core.said import Feeling, Span, Transcript

TAKE_BACK_S = 1.5
"""How long the program waits for a question that is being taken back."""


def taken_back(question: Incoming) -> Incoming:
    """What takes *question* back."""
    event_id = f"{question.event_id}:back"
    return msgspec.structs.replace(question, event_id=event_id, text="", command="", deleted=True)


class TerminalSurface:
    """Prints the new part of a text. Its handle is the event id of the question.

    If several grow at once, the first in *line* is printed, and the others wait for its end. The
    end of the last text is printed when the platform knows how the answer ended.
    """

    def __init__(self, terminal: "TerminalPlatform", event_id: str, *, ours: bool) -> None:
        self._terminal = terminal
        self._event_id = event_id
        self._ours = ours
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

    @property
    def final_budget(self) -> Sequence[Bucket]:
        return ()

    async def show(self, text: str, buttons: Sequence[Button] = ()) -> None:
        if self._terminal.is_before(self._event_id):
            # What `/new` of `--new` says is no part of the answer, which may go to a file.
            return
        self._text = text
        line = self._terminal.line
        if self not in line:
            line.append(self)
        while line:
            first = line[0]
            first.print_more()
            if not first.finished:
                break
            line.popleft()
            self._terminal.write("\n")

    async def finish(self, text: str, buttons: Sequence[Button] = ()) -> None:
        self.finished = True
        line = self._terminal.line
        if self._ours and all(one is self for one in line):
            line.clear()
            again = not text.startswith(self._printed)
            self._terminal.end(text, f"\n\n{text}" if again else text[len(self._printed) :])
        else:
            await self.show(text)
            if self._ours and not line:
                # The first one has ended, and has printed all the others.
                self._terminal.end(text, "")

    def print_more(self) -> None:
        """Print the part that was not printed yet."""
        if not self._text.startswith(self._printed):
            # The answer has begun again. What is printed cannot be changed.
            self._terminal.write("\n\n")
            self._printed = ""
        self._terminal.write(self._text[len(self._printed) :])
        self._printed = self._text

    async def delete(self) -> None:
        # What is printed cannot be changed. A person who took the question back need not wait.
        if self._ours:
            self._terminal.end("", "")


class TerminalPlatform:
    """Asks *questions* one after the other, and sets *done* when the last answer is complete.

    *quiet*: it prints nothing, and the caller reads `last_text` and `files`.
    """

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
        self, name: str, questions: Sequence[Incoming], done: asyncio.Event, *, quiet: bool = False
    ) -> None:
        self.name = name
        self.line: deque[TerminalSurface] = deque()
        self.last_text = self.unprinted = ""
        self.files: list[str] = []
        self.unwritten: OSError | None = None
        """Why nothing can be printed any more: nobody reads it, or the disk is full."""
        self._questions = questions
        self._done = done
        self._quiet = quiet
        self._taken_back = asyncio.Event()

    def write(self, text: str) -> None:
        """Print *text*. If nobody reads it any more, take the question back."""
        if self._quiet or self.unwritten is not None:
            return
        try:
            sys.stdout.write(printable(text))
            sys.stdout.flush()
        except OSError as error:
            self.unwritten = error
            self.take_back()

    def end(self, text: str, unprinted: str) -> None:
        """Note the last answer, *text*, and its end that was not printed yet, *unprinted*."""
        self.last_text, self.unprinted = text, unprinted
        self._done.set()

    def take_back(self) -> None:
        """Ask no further question, and end soon."""
        self._taken_back.set()
        asyncio.get_running_loop().call_later(TAKE_BACK_S, self._done.set)

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
        await self._taken_back.wait()
        yield [taken_back(self._questions[-1])]
        await asyncio.Event().wait()

    def budget(self, conversation: ConversationId) -> Sequence[Bucket]:
        return ()

    def indicate_budget(self, conversation: ConversationId, *, busy: bool) -> Sequence[Bucket]:
        return ()

    def fill(self, text: str) -> float:
        return 0.0

    def open_surface(self, conversation: ConversationId, reply_to: str) -> TerminalSurface:
        return self._surface(reply_to)

    def reopen_surface(self, conversation: ConversationId, handle: str) -> TerminalSurface:
        # The answer goes on in this process, and no other text is printed before it.
        self.line.clear()
        return self._surface(handle)

    def is_before(self, event_id: str) -> bool:
        """Whether *event_id* is a command that prepares the question."""
        return any(one.event_id == event_id for one in self._questions[:-1])

    def _surface(self, handle: str) -> TerminalSurface:
        return TerminalSurface(self, handle, ours=handle == self._questions[-1].event_id)

    async def send_pictures(
        self,
        conversation: ConversationId,
        reply_to: str,
        pictures: Sequence[Picture],
        buttons: Sequence[Button] = (),
        *,
        replacing: str = "",
    ) -> Posted:
        kept = []
        for picture in pictures:
            path = await asyncio.to_thread(_save_picture, picture)
            size = len(picture.data)
            ref = str(path.resolve())
            kept.append(Attachment("image", ref, mime=picture.mime, size_bytes=size))
            caption = f" ({picture.caption})" if picture.caption else ""
            self.files.append(str(path))
            self.write(f"{path}{caption}\n")
        # Without buttons, the text of the answer is still to come.
        if buttons and reply_to == self._questions[-1].event_id:
            self._done.set()
        return Posted(pictures=tuple(kept))

    async def send_voice(self, conversation: ConversationId, reply_to: str, sound: bytes) -> None:
        path = await asyncio.to_thread(_save_picture, Picture(sound, "audio/ogg"))
        self.files.append(str(path))
        self.write(f"{path}\n")

    async def send_file(
        self, conversation: ConversationId, reply_to: str, name: str, data: bytes, mime: str
    ) -> None:
        path = await asyncio.to_thread(_save, data, Path(name))
        self.files.append(str(path))
        self.write(f"{path}\n")
        if reply_to == self._questions[-1].event_id:
            self._done.set()

    async def indicate(
        self, conversation: ConversationId, *, busy: bool, asked: bool = False
    ) -> None:
        return None

    async def entitle(self, conversation: ConversationId, title: str) -> None:
        return None

    async def administers(self, conversation: ConversationId, person: str) -> bool:
        return True

    async def private_with(self, person: str) -> ConversationId:
        raise ChatLost("a terminal is open only for its own question")

    async def fetch(self, attachment: Attachment, most_bytes: int) -> bytes:
        # A terminal sends no attachments: these are pictures of ours.
        try:
            data = await asyncio.to_thread(Path(attachment.ref).read_bytes)
        except OSError as error:
            raise AttachmentLost(str(error)) from error
        if len(data) > most_bytes:
            raise AttachmentTooLarge(f"it is larger than {most_bytes} bytes")
        return data

    async def read(self, conversation: ConversationId, span: Span) -> Transcript:
        return Transcript()

    async def react(self, conversation: ConversationId, message: str, feeling: Feeling) -> None:
        raise ContentRefused("a terminal shows no reactions")

    async def alone(self, incoming: Incoming) -> str:
        return ""

    async def hears(self, conversation: ConversationId) -> bool:
        return True

    def link_to(self, conversation: ConversationId, message: str) -> str:
        return ""


def _save_picture(picture: Picture) -> Path:
    return _save(picture.data, Path(f"palaver-1.{picture.mime.rpartition('/')[2]}"))


def _save(data: bytes, path: Path) -> Path:
    """Write *data* to *path* in the working directory, or to the next name that is free there."""
    stem, number = path.stem.removesuffix("-1"), 1
    while True:
        try:
            with path.open("xb") as file:
                file.write(data)
        except FileExistsError:
            number += 1
            path = path.with_name(f"{stem}-{number}{path.suffix}")
        else:
            return path
