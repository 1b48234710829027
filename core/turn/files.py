"""Files that a turn sends to the person who asked, before it commits.

If the worker dies between the sending and the commit, the turn is done again and the file comes
twice. The other way round, a person who asked would get none and would not know it.
"""

from core.live.delivery import deliver
from core.messages import file_name
from core.turn.context import TurnContext

TRIES = 3


async def send_file(context: TurnContext, name: str, data: bytes, mime: str) -> None:
    """Send *data* as a file with *name* to where the person asked, in at most `TRIES` tries.

    Raises:
        Impossible: this place takes no files from us (`NoRight` says whether a right is missing).
        PlatformError: it cannot be reached now.
    """
    where, platform = context.claim.conversation, context.platform
    await deliver(
        lambda: platform.send_file(where, context.first.reply_to, file_name(name), data, mime),
        lambda: platform.budget(where),
        where,
        context.services.pacer.budget,
        tries=TRIES,
    )
