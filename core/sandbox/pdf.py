"""Reads the text of a PDF. A job: see `core.sandbox`."""

from collections.abc import Iterator
from io import BytesIO

from pypdf import PdfReader
from pypdf.errors import PyPdfError


class _Locked(ValueError):
    pass


def text(data: bytes) -> Iterator[str]:
    """The text, page by page. Raises `ValueError` with a reason for the person."""
    try:
        reader = PdfReader(BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise _Locked("it has a password")
        for number, page in enumerate(reader.pages, 1):
            if found := page.extract_text().strip():
                yield f"[page {number}]\n{found}\n\n"
    except _Locked:
        raise
    except (
        PyPdfError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        IndexError,
        RecursionError,
    ) as error:
        raise ValueError("it is no PDF, or a broken one") from error
