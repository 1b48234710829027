"""Makes a picture ready for a vision model. A job: see `core.sandbox`.

The header is checked before memory for any pixel is taken. A large picture is made smaller before
it is converted, so that there is never a second picture of its size in memory.
"""

import importlib
import warnings
from collections.abc import Iterator
from io import BytesIO

from PIL import Image, ImageOps

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "ICO")
for _name in ("Png", "Jpeg", "Mpo", "WebP", "Gif", "Bmp", "Tiff", "Avif", "Ico"):
    importlib.import_module(f"PIL.{_name}ImagePlugin")
LARGE_PIXELS = 16_000_000
"""A picture with more pixels is first reduced roughly, which needs little memory."""
PNG_BYTES = 400_000
"""A drawing stays a PNG, which is sharp. A PNG with more bytes is not a drawing."""


class _TooLarge(ValueError):
    pass


def smaller(data: bytes, most_pixels: str, most_side: str) -> Iterator[bytes]:
    """The MIME type, a line end, the bytes. Raises `ValueError` with a reason for the person."""
    side = int(most_side)
    image = _opened(data, int(most_pixels), side)
    drawn = image.mode in ("1", "P") or "A" in image.getbands()
    plain = _plain(image)
    plain.thumbnail((side, side))
    if drawn:
        file = BytesIO()
        plain.save(file, "PNG", optimize=True)
        if file.tell() <= PNG_BYTES:
            yield b"image/png\n" + file.getvalue()
            return
    file = BytesIO()
    plain.save(file, "JPEG", quality=85)
    yield b"image/jpeg\n" + file.getvalue()


def square(data: bytes, most_pixels: str, side: str, most_bytes: str) -> Iterator[bytes]:
    """As `smaller`, but as a square PNG. What is added to make it square is transparent."""
    image = _plain(_opened(data, int(most_pixels), int(side)))
    size = int(side)
    while True:
        image.thumbnail((size, size))
        longer = max(image.size)
        canvas = Image.new("RGBA", (longer, longer))
        canvas.paste(image, ((longer - image.width) // 2, (longer - image.height) // 2))
        file = BytesIO()
        canvas.save(file, "PNG", optimize=True)
        if file.tell() <= int(most_bytes) or size < 64:
            yield b"image/png\n" + file.getvalue()
            return
        size = size * 3 // 4


def _opened(data: bytes, most_pixels: int, side: int) -> Image.Image:
    warnings.simplefilter("ignore")
    Image.MAX_IMAGE_PIXELS = None  # It is checked below, with a clearer message.
    try:
        with Image.open(BytesIO(data), formats=FORMATS) as opened:
            pixels = opened.width * opened.height
            if pixels > most_pixels:
                raise _TooLarge(
                    f"it has {pixels // 10**6} million pixels, "
                    f"and {most_pixels // 10**6} million are the most"
                )
            Image.MAX_IMAGE_PIXELS = most_pixels // 2  # An icon holds pictures of its own.
            opened.draft("RGB", (side, side))
            opened.load()
            return _upright(_thinned(opened, side))
    except _TooLarge:
        raise
    except (
        ValueError,
        OSError,
        SyntaxError,
        KeyError,
        IndexError,
        TypeError,
        Image.DecompressionBombError,
    ) as error:
        raise ValueError("it is no picture, or a broken one") from error


def _thinned(image: Image.Image, side: int) -> Image.Image:
    if image.width * image.height <= LARGE_PIXELS:
        return image.copy()
    if image.mode in ("RGB", "L"):
        return image.reduce(max(1, max(image.size) // side))
    scale = min(1.0, 2 * side / max(image.size))
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.NEAREST)


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except (OSError, SyntaxError, ValueError, TypeError, KeyError, ZeroDivisionError):
        return image  # Its data about rotation makes no sense.


def _plain(image: Image.Image) -> Image.Image:
    """*image* in plain RGB. Transparent parts become white."""
    if image.mode.startswith("I"):
        # 16-bit grey. `convert` would cut its values off at 255.
        image = image.convert("I").point(lambda value: value * (1 / 256))
    if image.mode in ("I", "F"):
        return image.convert("L").convert("RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image).convert("RGB")
    return image.convert("RGB")
