"""The text of a PDF, read in a process of its own: a hostile file harms nobody else."""

import asyncio
import sys
from contextlib import suppress

READ_S = 20


async def pdf_text(data: bytes, most_chars: int) -> str:
    """The beginning of the text in *data*, a little more than *most_chars* if there is more.

    Raises:
        ValueError: it is no PDF, has a password, holds no text, or takes too long.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "core.turn.pdf_process", str(most_chars), str(READ_S)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(READ_S):
            text, _ = await process.communicate(data)
    except TimeoutError as error:
        raise ValueError("it takes too long to read") from error
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    if process.returncode != 0:
        raise ValueError("it is no PDF, or has a password")
    if not text.strip():
        raise ValueError("it holds no text, perhaps scanned pages")
    return text.decode("utf-8", "replace")
