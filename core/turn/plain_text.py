"""The bytes of a text file as text, in whatever encoding. Pure."""

_MARKS = (("utf-8-sig", b"\xef\xbb\xbf"), ("utf-32", b"\xff\xfe\0\0"), ("utf-32", b"\0\0\xfe\xff"))
_MARKS_16 = (("utf-16", b"\xff\xfe"), ("utf-16", b"\xfe\xff"))


def text_of_bytes(data: bytes) -> str:
    """*data* as text. Raises `ValueError` if it is no text."""
    for encoding, mark in (*_MARKS, *_MARKS_16):
        if data.startswith(mark):
            return _sane(data.decode(encoding, "replace"))
    if b"\0" in data[:4_000]:
        # Perhaps UTF-16 without a mark: in most scripts nearly every second byte is then zero.
        even, odd = data[:4_000:2].count(0), data[1:4_000:2].count(0)
        few, many = sorted((even, odd))
        if len(data) % 2 or few * 10 > many or many * 4 < len(data[:4_000]):
            raise ValueError("it is no text")
        return _sane(data.decode("utf-16-le" if odd > even else "utf-16-be", "replace"))
    for encoding in ("utf-8", "gb18030"):
        try:
            return _sane(data.decode(encoding))
        except UnicodeDecodeError:
            continue
    return _sane(data.decode("cp1252", "replace"))


def _sane(text: str) -> str:
    """*text*. Raises `ValueError` if too many of its characters cannot be shown."""
    sample = text[:4_000]
    odd = sum(not (one.isprintable() or one in "\r\n\t\f\x0b\x1b\ufeff") for one in sample)
    if odd * 10 > len(sample):
        raise ValueError("it is no text")
    return text.replace("\0", "")
