"""Files that a turn sends to the person who asked, before it commits.

If the worker dies between the sending and the commit, the turn is done again and the file comes
twice. The other way round, a person who asked would get none and would not know it.
"""

from core.live.delivery import deliver
from core.messages import ConversationId
from core.turn.context import TurnContext
from core.words import file_name

TRIES = 3


async def send_file(
    context: TurnContext,
    name: str,
    data: bytes,
    mime: str,
    *,
    where: ConversationId | None = None,
) -> None:
    """Send *data* as a file with *name*, in at most `TRIES` tries.

    *where*: the conversation to send it to; None: where the person asked.

    Raises:
        Impossible: this place takes no files from us (`NoRight` says whether a right is missing).
        PlatformError: it cannot be reached now.
    """
    platform, there = context.platform, where or context.claim.conversation
    under = context.first.reply_to if there == context.claim.conversation else ""
    await deliver(
        lambda: platform.send_file(there, under, file_name(name), data, mime),
        lambda: platform.budget(there),
        there,
        context.services.pacer.budget,
        tries=TRIES,
    )
