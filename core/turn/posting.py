"""Posts pictures, however often the platform must be asked."""

from collections.abc import Sequence
from contextlib import suppress

from core.errors import PostLost, StoreError
from core.live.delivery import deliver
from core.messages import Attachment, Button, Picture
from core.turn.context import TurnContext
from core.words import cut


async def post_pictures(
    context: TurnContext,
    pictures: Sequence[Picture],
    buttons: Sequence[Button] = (),
    replacing: str = "",
) -> tuple[Attachment, ...]:
    """Post *pictures*, with *buttons* under the last of them. Raises as `deliver`.

    *replacing*: the handle of an unfinished picture, in whose place the first comes.

    Returns those that the platform can fetch again.
    """
    limits, conversation = context.platform.limits, context.claim.conversation
    posted: list[Attachment] = []
    for start in range(0, len(pictures), limits.pictures_per_post):
        group = [
            Picture(picture.data, picture.mime, cut(picture.caption, limits.caption_chars))
            for picture in pictures[start : start + limits.pictures_per_post]
        ]
        under = buttons if start + len(group) == len(pictures) else ()

        async def send(group: Sequence[Picture] = group, under: Sequence[Button] = under) -> None:
            nonlocal replacing
            await context.lease.may_show(new_post=False)
            place = conversation, context.first.reply_to
            send_pictures = context.platform.send_pictures
            try:
                sent = await send_pictures(*place, group, under, replacing=replacing)
            except PostLost:
                # Somebody deleted the unfinished picture. Post the finished one all the same.
                replacing = ""
                sent = await send_pictures(*place, group, under)
            posted.extend(sent.pictures)
            if sent.handle:
                context.painted.append(sent.handle)
                with suppress(StoreError):
                    # Somebody else may press a button before the commit.
                    await context.claim.places.note_asker(context.claim.lane, sent.handle)

        await context.lease.may_show(new_post=True)
        await deliver(
            send,
            lambda: context.platform.budget(conversation),
            conversation,
            context.services.pacer.budget,
        )
    return tuple(posted)
