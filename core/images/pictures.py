"""Pictures' bytes: is this really an image, and of what kind? Off the event loop."""

import asyncio
import io
import warnings

from PIL import Image, UnidentifiedImageError

from core.errors import Refused
from core.messages import Picture

MOST_PIXELS = 64_000_000
_MIME = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "GIF": "image/gif"}


async def checked(data: bytes, caption: str = "") -> Picture:
    """*data* as a picture.

    Raises:
        Refused: it is not a PNG, JPEG, WebP or GIF, or it has too many pixels.
    """
    return Picture(data=data, mime=await asyncio.to_thread(_mime, data), caption=caption)


def _mime(data: bytes) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=tuple(_MIME)) as image:
                if image.width * image.height > MOST_PIXELS:
                    raise Refused("the picture is too large", "empty")
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
        raise Refused("the image API returned something that is no picture", "empty") from error
