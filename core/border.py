"""The border: what comes from outside is read item by item.

What cannot be read is set aside: counted, told to the operator without its text, and the next
item is read. A room that reads from outside (a platform's updates, a store's entries, a stream,
a list in the settings) says so here, in one way, and is never ended by one bad item.
"""

import logging
import time

from prometheus_client import Counter

TELL_AGAIN_S = 60.0
"""The same reason at the same border is told so seldom: who sends rubbish cannot fill the log."""

SET_ASIDE = Counter(
    "palaver_set_aside_total",
    "What came from outside and could not be read, by where it came in.",
    ["border", "reason"],
    registry=None,  # Each process's `Metrics` shows it.
)

_log = logging.getLogger(__name__)
_told: dict[tuple[str, str], float] = {}


def set_aside(border: str, reason: str | BaseException) -> None:
    """Count one item that could not be read, and tell the operator now and then.

    Args:
        border: where it came in, such as `telegram.update` or `store.mail`; one of a fixed set.
        reason: what was wrong, one of a fixed set too, never the item's own text; of an
            exception its class is named, for its words may quote the item.
    """
    word = reason if isinstance(reason, str) else type(reason).__name__
    SET_ASIDE.labels(border, word).inc()
    now = time.monotonic()
    if now - _told.get((border, word), -TELL_AGAIN_S) >= TELL_AGAIN_S:
        _told[border, word] = now
        _log.warning("set aside: %s (%s)", border, word)


_VISIBLE = {
    **{code: chr(0x2400 + code) for code in range(32) if chr(code) not in "\n\t\r"},
    **dict.fromkeys([*range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)], "\ufffd"),
    0x0D: None,
}


def printable(text: str) -> str:
    """*text* for a terminal: what would command it is shown, and does nothing."""
    return clean(text).translate(_VISIBLE)


def clean(text: str) -> str:
    """*text* that can be encoded: halves of a surrogate pair are joined, lone ones replaced."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
