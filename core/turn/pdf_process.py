"""The process of `core.turn.pdf`: a PDF on standard input, its text on standard output."""

import resource
import sys
from io import BytesIO

from pypdf import PdfReader

MEMORY_BYTES = 1 << 30


def main(most_chars: int, most_s: int) -> None:
    """Read within bounds; a file that breaks them ends this process."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (most_s, most_s))
    written = 0
    for number, page in enumerate(PdfReader(BytesIO(sys.stdin.buffer.read())).pages, 1):
        if text := page.extract_text().strip():
            sys.stdout.buffer.write(f"[page {number}]\n{text}\n\n".encode("utf-8", "replace"))
            written += len(text)
        if written > most_chars:
            return


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
