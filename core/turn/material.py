"""What came with a question: pictures for the model to see, files for it to read.

History keeps the platform's reference, not the bytes: what a follow-up is about is
fetched again.
"""

import asyncio
import base64
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import PurePath

import msgspec

from core.errors import ModelError, PlatformError
from core.images.pictures import shrunk
from core.messages import Attachment, Exchange
from core.models.voice import MOST_BYTES as VOICE_BYTES
from core.models.voice import VoiceClient
from core.platform import Platform
from core.telemetry import logger
from core.turn.pdf import pdf_text

log = logger(__name__)

MOST_PICTURES = 4
PICTURE_BYTES = 20 * 1024 * 1024
"""getFile's limit (Telegram), and what vision APIs take at most."""
FILE_BYTES = 2 * 1024 * 1024
PDF_BYTES = 20 * 1024 * 1024
PDFS_AT_ONCE = 2
FILE_CHARS = 40_000
LOOK_BACK = 2
"""So many exchanges back, what came with a question is sent again."""
KEPT = 16
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


class Material(msgspec.Struct, frozen=True):
    """*pictures* are data URLs; *notes* say in words what the model should know of the rest."""

    pictures: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Reader:
    """Reads attachments of all platforms; keeps the last few, for the follow-ups."""

    def __init__(self, *, vision: bool, voice: VoiceClient | None) -> None:
        self._vision = vision
        self._voice = voice
        self._pdfs = asyncio.Semaphore(PDFS_AT_ONCE)
        self._kept: OrderedDict[tuple[str, str], str] = OrderedDict()

    async def read(
        self, platform: Platform, attachments: Sequence[Attachment], history: Sequence[Exchange]
    ) -> Material:
        """What *attachments*, and those of the last exchanges, hold."""
        before = [one for past in history[-LOOK_BACK:] for one in past.attachments]
        pictures: list[str] = []
        notes: list[str] = []
        for number, attached in enumerate([*before, *attachments]):
            if unread := self._unread(attached, len(pictures)):
                notes.append(unread)
                continue
            try:
                found = await self._fetched(platform, attached)
            except (PlatformError, ModelError, ValueError) as error:
                log.warning("attachment not read", kind=attached.kind, reason=str(error))
                notes.append(f"[{attached.title} could not be read: {error}]")
                continue
            match attached.kind:
                case "image":
                    pictures.append(found)
                    if number < len(before):
                        earlier = f"[picture {len(pictures)} is from earlier: {attached.title}]"
                        notes.append(earlier)
                case "audio":
                    notes.append(f"[said in a voice message:]\n{found}")
                case "file":
                    notes.append(f"[{attached.title}:]\n{found}")
        return Material(tuple(pictures), tuple(notes))

    def _unread(self, attached: Attachment, pictures: int) -> str:
        """Why *attached* is not even fetched, behind so many *pictures*; empty when it is."""
        match attached.kind:
            case "image" if not self._vision:
                why = "is a picture: you cannot see it, so say that you cannot"
            case "image" if pictures == MOST_PICTURES:
                why = "is one picture too many, and left out"
            case "audio" if self._voice is None:
                why = "is a voice message: you cannot hear it, so say so"
            case "file" if attached.title != "unnamed" and not (
                _is_text(attached) or _is_pdf(attached)
            ):
                why = "is of a kind that you cannot read"
            case _:
                return ""
        return f"[{attached.title} {why}]"

    async def _fetched(self, platform: Platform, attached: Attachment) -> str:
        key = (platform.name, attached.ref)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        if attached.kind == "image":
            picture = await shrunk(await platform.fetch(attached, PICTURE_BYTES))
            data = base64.b64encode(picture.data).decode()
            found = f"data:{picture.mime};base64,{data}"
        elif attached.kind == "audio" and self._voice is not None:
            sound = await platform.fetch(attached, VOICE_BYTES)
            found = await self._voice.hear(sound, attached.name, attached.mime)
        elif _is_pdf(attached):
            async with self._pdfs:
                pdf = await platform.fetch(attached, PDF_BYTES)
                found = _beginning(await pdf_text(pdf, FILE_CHARS))
        else:
            data_read = await platform.fetch(attached, FILE_BYTES)
            found = _beginning(await asyncio.to_thread(_text, data_read))
        self._kept[key] = found
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return found


def _is_text(attached: Attachment) -> bool:
    path = PurePath(attached.name.lower())
    named = path.suffix.removeprefix(".") or path.name
    return attached.mime.startswith("text/") or attached.mime in _TEXT_MIME or named in _TEXT_NAMES


def _is_pdf(attached: Attachment) -> bool:
    return attached.mime == "application/pdf" or attached.name.lower().endswith(".pdf")


def _text(data: bytes) -> str:
    """Raises `ValueError` for what is no text."""
    if b"\0" in data:
        raise ValueError("it is no text")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("gb18030")


def _beginning(text: str) -> str:
    if len(text) <= FILE_CHARS:
        return text
    return f"{text[:FILE_CHARS]}\n[... the rest is left out]"
