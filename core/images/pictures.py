"""Checks pictures from image APIs, and makes people's pictures ready for models.

All of it runs outside the event loop.
"""

import asyncio
import io
import warnings

from core.errors import Refused
from core.images.kinds import Kind, kind_of, pixels_of
from core.messages import Picture
from core.sandbox.run import Bounds, Sandbox
from core.semaphore import Weighted

MOST_PIXELS = 64_000_000
SEEN_PIXELS = 1_536
"""Vision models scale larger pictures down (OpenAI, "Images and vision")."""
SQUARE_PIXELS, SQUARE_BYTES = 1_024, 4_000_000
"""dall-e-2 changes a square PNG below 4 MB (OpenAI, `/v1/images/edits`)."""
DECODING = Bounds(seconds=20, memory_bytes=512 << 20, output_bytes=4 << 20)
UNSEEN: dict[Kind, str] = {
    "heic": "it is a HEIC picture, which I cannot open; sent as JPEG or PNG I can",
    "svg": "it is a drawing in SVG, which I cannot see; sent as PNG I can",
}
_MIME = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "GIF": "image/gif"}


async def checked(data: bytes, caption: str = "") -> Picture:
    """*data* as a picture.

    Raises:
        Refused: it is not a PNG, JPEG, WebP or GIF, or it has too many pixels.
    """
    return Picture(data=data, mime=await asyncio.to_thread(_mime, data), caption=caption)


class Pictures:
    """Makes people's pictures ready for models, each in a process of its own.

    The program has one. All pictures that are decoded at the same time have at most `MOST_PIXELS`
    together. The others wait.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._pixels = Weighted(MOST_PIXELS)

    async def for_model(self, data: bytes, *, square: bool = False) -> Picture:
        """*data* for a vision model: an upright PNG or JPEG, at most `SEEN_PIXELS` on each side.

        Of an animation it is the first frame.

        Args:
            square: make a square PNG with transparency, of at most `SQUARE_BYTES`, for a model
                that changes pictures.

        Raises:
            ValueError: it cannot be read. The text says why.
        """
        kind = kind_of(data)
        if kind in UNSEEN:
            raise ValueError(UNSEEN[kind])
        promised = pixels_of(data)
        if promised is not None and promised > MOST_PIXELS:
            raise ValueError(
                f"it has {promised // 10**6} million pixels, and {MOST_PIXELS // 10**6} million "
                "are the most"
            )
        # If its size is not known, it may have as many pixels as are allowed.
        job = "core.sandbox.picture:square" if square else "core.sandbox.picture:smaller"
        bounds = (SQUARE_PIXELS, SQUARE_BYTES) if square else (SEEN_PIXELS,)
        async with self._pixels.hold(MOST_PIXELS if promised is None else promised):
            found = await self._sandbox.run(job, data, MOST_PIXELS, *bounds, bounds=DECODING)
        mime, _, encoded = found.partition(b"\n")
        return Picture(encoded, mime.decode("ascii", "replace"))


def _mime(data: bytes) -> str:
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415 - 4 MB, for who gets a picture

    Image.init()  # Without it, `formats` knows only some of the kinds.
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=tuple(_MIME)) as image:
                if image.width * image.height > MOST_PIXELS:
                    raise Refused("the picture is too large", "picture")
                image.verify()
                return _MIME[image.format or ""]
    except Refused:
        raise
    except (
        UnidentifiedImageError,
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
        OSError,
        SyntaxError,
        ValueError,
    ) as error:
        raise Refused("the image API returned something that is no picture", "picture") from error
