"""The kind of a file, from its first bytes. The name and type that came with it may lie. Pure."""

import struct
from typing import Literal

Kind = Literal[
    "", "png", "jpeg", "gif", "webp", "bmp", "tiff", "avif", "heic", "ico", "svg", "pdf", "zip"
]

PICTURES: frozenset[Kind] = frozenset(
    ("png", "jpeg", "gif", "webp", "bmp", "tiff", "avif", "heic", "ico", "svg")
)
_BEGIN: tuple[tuple[bytes, Kind], ...] = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"BM", "bmp"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"II+\0", "tiff"),
    (b"MM\0+", "tiff"),
    (b"\0\0\1\0", "ico"),
    (b"%PDF-", "pdf"),
    (b"PK\3\4", "zip"),
)
_HEIC = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")


def kind_of(data: bytes) -> Kind:
    """The kind of *data*; empty for any other kind, such as text."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data[4:8] == b"ftyp":
        brands = data[8:64]
        if b"avif" in brands or b"avis" in brands:
            return "avif"
        return "heic" if any(brand in brands for brand in _HEIC) else ""
    for begin, kind in _BEGIN:
        if data.startswith(begin):
            return kind
    beginning = data[:1_000].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if beginning.startswith(b"<svg") or (beginning.startswith(b"<?xml") and b"<svg" in beginning):
        return "svg"
    return ""


def pixels_of(data: bytes) -> int | None:
    """How many pixels the header of *data* states; None if its beginning does not say."""
    try:
        match kind_of(data):
            case "png":
                width, height = struct.unpack(">II", data[16:24])
            case "gif":
                width, height = struct.unpack("<HH", data[6:10])
            case "bmp":
                width, height = struct.unpack("<ii", data[18:26])
            case "webp" if data[12:16] == b"VP8X":
                width = int.from_bytes(data[24:27], "little") + 1
                height = int.from_bytes(data[27:30], "little") + 1
            case _:
                return None
    except struct.error:
        return None
    return abs(int(width) * int(height))
