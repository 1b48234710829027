"""How long a recording is, read from its container. Pure."""

import struct

GRANULES = 48_000
"""Opus in an OGG file counts in these (RFC 7845, 4)."""
BYTES_A_SECOND = 2_000
"""A voice message of an unknown kind is taken for one of 16 kbit/s."""


def seconds_of(data: bytes) -> float:
    """The length of the encoded sound *data* in seconds; a guess by its size if it does not say."""
    for read in (_ogg, _wav, _mp4):
        seconds = read(data)
        if seconds is not None and 0 < seconds < len(data):
            return seconds
    return guessed_s(len(data))


def guessed_s(size_bytes: int) -> float:
    return size_bytes / BYTES_A_SECOND


def _ogg(data: bytes) -> float | None:
    """From the position that the last page tells (RFC 3533, 6)."""
    at = data.rfind(b"OggS")
    if not data.startswith(b"OggS") or at + 14 > len(data) or b"OpusHead" not in data[:100]:
        return None
    (position,) = struct.unpack_from("<q", data, at + 6)
    return float(position) / GRANULES


def _wav(data: bytes) -> float | None:
    """From the bytes a second in the format chunk (RIFF WAVE)."""
    if data[:4] != b"RIFF" or data[8:16] != b"WAVEfmt " or len(data) < 32:
        return None
    (rate,) = struct.unpack_from("<I", data, 28)
    return len(data) / rate if rate else None


def _mp4(data: bytes) -> float | None:
    """From the movie header (ISO/IEC 14496-12, 8.2.2)."""
    at = data.find(b"mvhd")
    if data[4:8] != b"ftyp" or at < 0 or at + 36 > len(data):
        return None
    if data[at + 4] == 1:
        scale, length = struct.unpack_from(">IQ", data, at + 24)
    else:
        scale, length = struct.unpack_from(">II", data, at + 16)
    return float(length) / scale if scale else None
