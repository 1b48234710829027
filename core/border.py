"""The border: data from outside is read item by item.

An item that cannot be read is set aside: it is counted, the operator is told without the item's
text, and the next item is read. All code that reads from outside (updates of a platform, entries of
the store, a stream, a list in the settings) uses `set_aside`. So one bad item never ends the rest.
"""

import logging
import time

from prometheus_client import Counter

TELL_AGAIN_S = 60.0
"""How often the same reason is logged at most, so that a sender of rubbish cannot fill the log."""

SET_ASIDE = Counter(
    "palaver_set_aside_total",
    "What came from outside and could not be read, by where it came in.",
    ["border", "reason"],
    registry=None,  # Each process's `Metrics` shows it.
)

_log = logging.getLogger(__name__)
_logged_at: dict[tuple[str, str], float] = {}


def set_aside(border: str, reason: str | BaseException) -> None:
    """Count one item that could not be read, and log it now and then.

    Args:
        border: where the item came in, such as `telegram.update` or `store.mail`; of a fixed set.
        reason: what was wrong; of a fixed set too, and never the item's own text. Of an exception
            only the class is logged, because its text may quote the item.
    """
    word = reason if isinstance(reason, str) else type(reason).__name__
    SET_ASIDE.labels(border, word).inc()
    now = time.monotonic()
    if now - _logged_at.get((border, word), -TELL_AGAIN_S) >= TELL_AGAIN_S:
        _logged_at[border, word] = now
        _log.warning("set aside: %s (%s)", border, word)


MOST_VALUES = 50_000
"""In one JSON text. Megabytes of them would keep the loop for seconds, and take 500 MB."""
_BETWEEN = (b",", b"[", b"{")
"""What stands before each value, but for a few."""


def crowded(data: bytes, most: int = MOST_VALUES) -> bool:
    """Whether the JSON in *data* holds more than *most* values. A long text with commas is one."""
    # Nearly every payload has fewer bytes than that.
    if len(data) <= most or sum(map(data.count, _BETWEEN)) <= most:
        return False
    plain = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    if plain.count(b'"') > 2 * most:
        return True
    outside = b"".join(plain.split(b'"')[::2])
    return sum(map(outside.count, _BETWEEN)) > most


DIRECTIONS = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
"""Signs that turn the order of the letters around them (unicode.org/reports/tr9)."""
_VISIBLE = {
    **{code: chr(0x2400 + code) for code in range(32) if chr(code) not in "\n\t\r"},
    **dict.fromkeys([*range(0x7F, 0xA0), *DIRECTIONS], "\ufffd"),
    0x0D: None,
}


def printable(text: str) -> str:
    """*text* for a terminal: control characters are shown, and do nothing."""
    return clean(text).translate(_VISIBLE)


def clean(text: str) -> str:
    """*text* made encodable: surrogate pairs are joined, and lone surrogates replaced."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
