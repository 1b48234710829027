"""Attachments: pictures that the model sees, voice messages that it hears, files that it reads.

History keeps the platform's reference to a file, not its bytes. For a follow-up question the file
is fetched again.
"""

import asyncio
import base64
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import PurePath

import msgspec

from core.errors import ModelError, PlatformError
from core.images.kinds import PICTURES, kind_of
from core.images.pictures import Pictures
from core.messages import Attachment, Exchange, Picture
from core.models.sound import seconds_of
from core.models.transcription import MOST_BYTES as VOICE_BYTES
from core.models.transcription import TranscriptionClient
from core.platform import Platform
from core.retry import retry_after_silence
from core.sandbox.run import Bounds, Sandbox
from core.semaphore import Weighted
from core.telemetry import logger
from core.turn.office import READERS
from core.turn.plain_text import text_of_bytes

log = logger(__name__)

MOST_PICTURES = 4
PICTURE_BYTES = 20 * 1024 * 1024
"""The limit of Telegram's getFile, and the most that vision APIs take."""
FILE_BYTES = 2 * 1024 * 1024
SOUND_BYTES = 10 * 1024 * 1024
"""The limit for a voice message that is sent to the chat model itself, within the request."""
PDF_BYTES = 20 * 1024 * 1024
FILE_CHARS = 40_000
MOST_ATTACHMENTS = 10
"""How many one turn reads, with those of earlier exchanges. The others are only named."""
TURN_CHARS = 120_000
BYTES_AT_ONCE = 64 * 1024 * 1024
"""How much all turns together may fetch and read at once. Other turns wait."""
READING = Bounds(memory_bytes=256 << 20, output_bytes=4 * FILE_CHARS + 10_000)
LOOK_BACK = 2
"""The attachments of this many last exchanges are sent again."""
KEPT_CHARS = 32_000_000
"""How much of what was read is kept for follow-ups. A picture takes up to a million."""
_TEXT_MIME = ("application/json", "application/xml", "application/javascript", "application/sql")
_TEXT_NAMES = frozenset(
    (
        *("txt", "md", "rst", "csv", "tsv", "json", "jsonl", "yaml", "yml", "toml", "ini", "cfg"),
        *("conf", "log", "xml", "html", "css", "sql", "tex", "srt", "vtt", "diff", "patch"),
        *("py", "pyi", "js", "jsx", "ts", "tsx", "java", "kt", "c", "h", "cc", "cpp", "hpp", "cs"),
        *("go", "rs", "rb", "php", "swift", "sh", "bash", "ps1", "lua", "r", "m", "dockerfile"),
        "makefile",
    )
)
MOST_FAILED = 1_000
"""How many unreadable attachments are remembered. They are not fetched again for follow-ups."""


class ReadAttachments(msgspec.Struct, frozen=True):
    """What the model gets of the attachments.

    *pictures* and *sounds* are data URLs. *notes* tell the model in words what else there is.
    *heard_s*: so many seconds of speech were transcribed for this.
    """

    pictures: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    sounds: tuple[str, ...] = ()
    heard_s: float = 0.0


class Reader:
    """Reads the attachments of all platforms. Keeps the last ones for follow-ups."""

    def __init__(
        self, *, vision: bool, voice: TranscriptionClient | None, hears: bool = False
    ) -> None:
        self._vision = vision
        self._hears = hears
        self._voice = voice
        self._sandbox = Sandbox()
        self._pictures = Pictures(self._sandbox)
        self._bytes = Weighted(BYTES_AT_ONCE)
        self._kept: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._kept_chars = 0
        self._failed: OrderedDict[tuple[str, str], None] = OrderedDict()

    async def read(
        self, platform: Platform, attachments: Sequence[Attachment], history: Sequence[Exchange]
    ) -> ReadAttachments:
        """The contents of *attachments*, and of those of the last exchanges in *history*."""
        before = [one for past in history[-LOOK_BACK:] for one in past.attachments]
        pictures: list[str] = []
        sounds: list[str] = []
        notes: list[str] = []
        heard_s: list[float] = []
        # New attachments are more important than those of earlier exchanges.
        before = before[: max(0, MOST_ATTACHMENTS - len(attachments))]
        for number, attached in enumerate([*before, *attachments]):
            unread = self._unread(attached, len(pictures), earlier=number < len(before))
            if number >= MOST_ATTACHMENTS or sum(map(len, notes)) > TURN_CHARS:
                unread = f"[{attached.title} is one file too many, and left out]"
            if unread:
                notes.append(unread)
                continue
            key = (platform.name, attached.ref)
            if number < len(before) and key in self._failed:
                # The person was told when they asked the earlier question.
                continue
            try:
                found = await self._fetched(platform, attached, heard_s)
            except (PlatformError, ModelError, ValueError) as error:
                self._failed[key] = None
                while len(self._failed) > MOST_FAILED:
                    self._failed.popitem(last=False)
                log.warning("attachment not read", kind=attached.kind, reason=str(error))
                notes.append(f"[{attached.title} could not be read: {error}]")
                continue
            match attached.kind:
                case "audio" if self._voice is None:
                    sounds.append(found)
                    notes.append("[a voice message is attached]")
                case "image":
                    pictures.append(found)
                    if number < len(before):
                        earlier = f"[picture {len(pictures)} is from earlier: {attached.title}]"
                        notes.append(earlier)
                case "audio":
                    notes.append(f"[said in a voice message:]\n{found}")
                case "file" if isinstance(found, _Picture):
                    pictures.append(str(found))
                case "file":
                    notes.append(f"[{attached.title}:]\n{found}")
        return ReadAttachments(tuple(pictures), tuple(notes), tuple(sounds), sum(heard_s))

    def _unread(self, attached: Attachment, pictures: int, *, earlier: bool) -> str:
        """Why *attached* is not fetched, after so many *pictures*; empty if it is fetched."""
        match attached.kind:
            case "image" if not self._vision:
                why = "is a picture: you cannot see it, so say that you cannot"
            case "image" if pictures == MOST_PICTURES:
                why = "is one picture too many, and left out"
            case "audio" if self._voice is None and self._hears and earlier:
                why = "is a recording from earlier, and not sent again"
            case "audio" if self._voice is None and not self._hears:
                why = "is a recording: you cannot hear it, so say so"
            case "file" if not (
                _is_text(attached) or _is_document(attached) or _is_unsaid(attached)
            ):
                why = "is of a kind that you cannot read"
            case _:
                return ""
        return f"[{attached.title} {why}]"

    async def _fetched(self, platform: Platform, attached: Attachment, heard_s: list[float]) -> str:
        key = (platform.name, attached.ref)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        if attached.kind == "image":
            found = _address(await self.picture(platform, attached))
        elif attached.kind == "audio" and self._voice is not None:
            async with self._fetching(platform, attached, VOICE_BYTES) as sound:
                heard_s.append(seconds_of(sound))
                found = await self._voice.hear(sound, attached.name, attached.mime)
        elif attached.kind == "audio":
            async with self._fetching(platform, attached, SOUND_BYTES) as sound:
                data = base64.b64encode(sound).decode()
            # Slack calls its sound clips video, but they contain no picture.
            kind = attached.mime.partition(";")[0].replace("video/", "audio/") or "audio/ogg"
            found = f"data:{kind};base64,{data}"
        else:
            large = _is_document(attached) or _is_unsaid(attached)
            most = PDF_BYTES if large else FILE_BYTES
            async with self._fetching(platform, attached, most) as file:
                kind = kind_of(file)
                # A screenshot may be named `error.txt`. But a drawing as text may be a question.
                if self._vision and kind in PICTURES and (kind != "svg" or _is_unsaid(attached)):
                    found = _Picture(_address(await self._pictures.for_model(file)))
                else:
                    found = _beginning(await self._words(file, attached))
        self._keep(key, found)
        return found

    async def picture(
        self, platform: Platform, attached: Attachment, *, square: bool = False
    ) -> Picture:
        """The picture *attached*, in a form that models take. *square*: see `Pictures.for_model`.

        Raises:
            PlatformError: it cannot be fetched.
            ValueError: it is no picture; the text says why.
        """
        async with self._fetching(platform, attached, PICTURE_BYTES) as data:
            return await self._pictures.for_model(data, square=square)

    @asynccontextmanager
    async def _fetching(
        self, platform: Platform, attached: Attachment, most_bytes: int
    ) -> AsyncIterator[bytes]:
        """Fetch *attached*: at most about twice its stated size. Other turns wait for room."""
        stated = attached.size_bytes
        most = min(2 * stated + (1 << 16) if stated > 0 else most_bytes, most_bytes)
        if attached.size_bytes > most_bytes:
            raise ValueError(f"it is larger than {most_bytes // 1_000_000} MB")
        async with self._bytes.hold(most):
            yield await retry_after_silence(lambda: platform.fetch(attached, most))

    async def _words(self, file: bytes, attached: Attachment) -> str:
        """The text of *file*. Raises `ValueError` if it has none."""
        reader = READERS.get(_ending(attached))
        if kind_of(file) == "pdf":
            job = "core.sandbox.pdf:text"
        elif reader is not None:
            job = f"{reader.__module__}:{reader.__name__}"
        else:
            return await asyncio.to_thread(text_of_bytes, file)
        words = await self._sandbox.run(job, file, bounds=READING)
        if not words.strip():
            raise ValueError("it holds no text, perhaps scanned pages")
        return words.decode("utf-8", "replace")

    def _keep(self, key: tuple[str, str], found: str) -> None:
        self._kept[key] = found
        self._kept_chars += len(found)
        while self._kept_chars > KEPT_CHARS:
            _, dropped = self._kept.popitem(last=False)
            self._kept_chars -= len(dropped)


def _ending(attached: Attachment) -> str:
    path = PurePath(attached.name.lower())
    return path.suffix.removeprefix(".") or path.name


class _Picture(str):
    """The address of the picture that a file turned out to be."""

    __slots__ = ()


def _address(picture: Picture) -> str:
    return f"data:{picture.mime};base64,{base64.b64encode(picture.data).decode()}"


def _is_unsaid(attached: Attachment) -> bool:
    """Whether neither name nor type says what it is. Then its bytes must show that."""
    typed = attached.mime not in ("", "application/octet-stream")
    return attached.title == "unnamed" or not (typed or PurePath(attached.name).suffix)


def _is_text(attached: Attachment) -> bool:
    mime = attached.mime
    return mime.startswith("text/") or mime in _TEXT_MIME or _ending(attached) in _TEXT_NAMES


def _is_document(attached: Attachment) -> bool:
    """Whether *attached* is read in the sandbox."""
    ending = _ending(attached)
    return attached.mime == "application/pdf" or ending == "pdf" or ending in READERS


def _beginning(text: str) -> str:
    if len(text) <= FILE_CHARS:
        return text
    return f"{text[:FILE_CHARS]}\n[... the rest is left out]"
