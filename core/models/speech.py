"""Text to speech, by an OpenAI-compatible audio API.

Source: `/v1/audio/speech` takes `model`, `voice`, `input` (4,096 characters at most) and
`response_format`. The answer is the encoded sound. `opus` comes in an OGG file, and Telegram plays
that as a voice message (core.telegram.org/bots/api#sendvoice).
"""

import re

import aiohttp
import msgspec

from core.errors import ModelError, Overloaded, Refused
from core.models.providers import Endpoint
from core.models.refusals import http_error
from core.net.bounded_body import read_up_to

INPUT_CHARS = 4_096
MOST_BYTES = 20 * 1024 * 1024
"""Well below what Telegram takes (core.telegram.org/bots/api#sending-files: 50 MB)."""
SPEAK_S = 120.0
_LINK = re.compile(r"\[([^\[\]]{1,300})\]\([^()\s]{1,2000}\)")
_MARKS = str.maketrans("", "", "*_`#>|~")


class SpeechClient:
    """Speaks texts at one endpoint, in one *voice*."""

    def __init__(self, session: aiohttp.ClientSession, endpoint: Endpoint, voice: str) -> None:
        self._session = session
        self._endpoint = endpoint
        self._voice = voice

    async def speak(self, markdown: str) -> bytes:
        """*markdown*, or its beginning if it is long, as sound: OGG with Opus.

        Raises:
            Overloaded, Refused: it could not be spoken, or there is nothing to speak.
        """
        text = spoken(markdown)
        if not text:
            raise Refused("there is nothing to speak", "empty")
        asked = {
            "model": self._endpoint.model,
            "voice": self._voice,
            "input": text,
            "response_format": "opus",
        }
        url = f"{self._endpoint.base_url}/audio/speech"
        try:
            async with self._session.post(
                url,
                data=msgspec.json.encode(asked),
                headers={**self._endpoint.headers_to(url), "Content-Type": "application/json"},
                timeout=aiohttp.ClientTimeout(total=SPEAK_S, sock_connect=10),
                allow_redirects=False,
            ) as response:
                if response.status != 200:
                    raise await http_error(response)
                sound = await read_up_to(response.content, MOST_BYTES)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Overloaded(f"the audio API cannot be reached ({type(error).__name__})") from error
        if len(sound) > MOST_BYTES or not sound.startswith(b"OggS"):
            raise _no_sound(sound)
        return sound


def _no_sound(sound: bytes) -> ModelError:
    return Refused(f"the audio API sent {len(sound)} bytes that are no OGG file", "request")


def spoken(markdown: str) -> str:
    """The text of *markdown* to speak: no code, marks or addresses, within the API's limit."""
    lines: list[str] = []
    fence = ""
    for line in markdown.splitlines():
        mark = line.lstrip()[:3]
        if fence:
            fence = "" if mark == fence else fence
        elif mark in ("```", "~~~"):
            fence = mark
        else:
            lines.append(line)
    text = _LINK.sub(r"\1", "\n".join(lines)).translate(_MARKS).strip()
    if len(text) <= INPUT_CHARS:
        return text
    # Cut at the end of a sentence, if one ends in the second half.
    ends = (". ", "。", "! ", "? ")
    cut = max(text.rfind(end, INPUT_CHARS // 2, INPUT_CHARS - 1) for end in ends)
    return text[: cut + 1 if cut > 0 else INPUT_CHARS]
