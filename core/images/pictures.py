"""Pictures' bytes: is this really an image, and of what kind? Off the event loop."""

import asyncio
import io
import warnings

from PIL import Image, ImageOps, UnidentifiedImageError

from core.errors import Refused
from core.messages import Picture

MOST_PIXELS = 64_000_000
SEEN_PIXELS = 1_536
"""Vision models scale down what is larger (OpenAI, "Images and vision")."""
_MIME = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "GIF": "image/gif"}


async def checked(data: bytes, caption: str = "") -> Picture:
    """*data* as a picture.

    Raises:
        Refused: it is not a PNG, JPEG, WebP or GIF, or it has too many pixels.
    """
    return Picture(data=data, mime=await asyncio.to_thread(_mime, data), caption=caption)


async def shrunk(data: bytes) -> Picture:
    """*data* as a vision model wants it: at most `SEEN_PIXELS` a side, upright, nothing but pixels.

    Raises:
        Refused: it is no picture, or it has too many pixels.
    """
    await checked(data)
    return await asyncio.to_thread(_shrunk, data)


def _shrunk(data: bytes) -> Picture:
    with Image.open(io.BytesIO(data)) as opened:
        image = ImageOps.exif_transpose(opened)
        image.thumbnail((SEEN_PIXELS, SEEN_PIXELS))
        file = io.BytesIO()
        if "A" in image.getbands() or image.mode == "P":
            image.convert("RGBA").save(file, "PNG")
            return Picture(file.getvalue(), "image/png")
        image.convert("RGB").save(file, "JPEG", quality=85)
        return Picture(file.getvalue(), "image/jpeg")


def _mime(data: bytes) -> str:
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
