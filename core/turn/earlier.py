"""What was called for earlier answers, in short, for the model of a later one.

The calls themselves live in one turn only, so that any model can go on with any history. What is
kept of them is told with the question that they were made for: names, arguments, and the beginning
of each result, as material. An answer that read text of others is tainted (`core.messages`), and so
is every turn that is told of it.
"""

import hashlib
from collections.abc import Iterable

from core.messages import Exchange
from core.turn.foreign import framed, lines_of
from core.words import cut

MOST_CHARS = 600
"""Of all calls for one answer."""
RESULT_CHARS, ARGUMENTS_CHARS = 160, 80
"""Of one call."""
HEAD = "[For the answer to this, tools were called. Here is what they did and brought, in short.]"
_WORDS = {"unsure": "may have been done", "failed": "failed"}


def with_digest(question: str, exchange: Exchange, *, own: bool) -> str:
    """*question* of *exchange*, with what was called to answer it.

    *own*: the person who asks now asked it too. What tools brought for somebody else may be for
    their eyes only, so it is not told.
    """
    lines = list(_lines(exchange, own=own))
    if not lines:
        return question
    # The same in each turn, so that providers can cache what stands before it; and no text can
    # hold its own digest.
    body = "\n".join(lines)
    mark = hashlib.sha256(f"{exchange.event_id}\n{body}".encode()).hexdigest()[:8]
    return f"{question}\n\n{framed(HEAD, body, mark)}"


def _lines(exchange: Exchange, *, own: bool) -> Iterable[str]:
    left = MOST_CHARS
    for at, step in enumerate(exchange.steps):
        arguments = _short(step.arguments, ARGUMENTS_CHARS) if own else ""
        result = _short(step.result, RESULT_CHARS) if own else ""
        name = _short(f"{step.tool} {arguments}".strip(), MOST_CHARS)
        line = f"- {name} ({_WORDS.get(step.outcome, 'done')}){': ' if result else ''}{result}"
        left -= len(line)
        if left < 0:
            yield f"- and {len(exchange.steps) - at} more"
            return
        yield line


def _short(text: str, most: int) -> str:
    """*text* as a part of one line."""
    return cut(" ".join(" ".join(lines_of(text)).split()), most)
