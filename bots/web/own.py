"""The posts of the person: shown before any answer to them, once, and edited."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from bots.web.posts import (
    MOST_POSTS,
    MOST_VERSIONS,
    STATUS_KEY,
    Download,
    Post,
    Sent,
    Version,
    decode_post,
    posts_of,
)
from core.lent import PostLog
from core.messages import Attachment, ConversationId


@dataclass(frozen=True, slots=True)
class Shown:
    """What was shown of a message that the inbox does not hold yet.

    Args:
        key: of the person's post; None if it was there before.
        before: what stood there.
        answers: the posts of the answer that an edit makes out of date.
    """

    post_log: PostLog
    log_name: str
    key: int | None = None
    before: bytes | None = None
    answers: tuple[int, ...] = ()

    async def take_back(self) -> None:
        if self.key is None:
            return
        if self.before is None:
            await self.post_log.remove(self.log_name, self.key)
        else:
            await self.post_log.put(self.log_name, self.before, self.key)

    async def settle(self) -> None:
        """The inbox holds the message."""
        for key in self.answers:
            await self.post_log.remove(self.log_name, key)


class OwnPosts:
    """Raises `StoreError`."""

    def __init__(self, post_log: PostLog) -> None:
        self._post_log = post_log

    async def show(
        self, conversation: ConversationId, sent: Sent, attachments: Sequence[Attachment]
    ) -> Shown:
        """Show *sent*, unless it is a button, or was shown when it came before."""
        log_name = posts_of(conversation)
        if sent.command:
            return Shown(self._post_log, log_name)
        values = [one for one in await self._post_log.read(log_name) if one[0] != STATUS_KEY]
        posts = {key: decode_post(value) for key, value in values}
        if any(sent.id in (post.id, post.edit) for post in posts.values()):
            return Shown(self._post_log, log_name)
        post = _post(sent, attachments)
        old = next((key for key in posts if sent.edits and posts[key].id == sent.edits), None)
        if old is not None:
            answers = {key: one for key, one in posts.items() if key > old and one.author == "bot"}
            post = _edited(posts[old], post, [one.text for one in answers.values()])
            await self._post_log.put(log_name, msgspec.json.encode(post), old)
            return Shown(self._post_log, log_name, old, dict(values)[old], tuple(answers))
        for key in sorted(posts)[: 1 - MOST_POSTS]:
            await self._post_log.remove(log_name, key)
        new = await self._post_log.put(log_name, msgspec.json.encode(post))
        return Shown(self._post_log, log_name, new)


def _post(sent: Sent, attachments: Sequence[Attachment]) -> Post:
    keys = [(one.kind, int(one.ref.rpartition(" ")[2]), one.title) for one in attachments]
    return Post(
        "person",
        sent.text,
        id=sent.id,
        files=tuple(key for kind, key, _ in keys if kind == "image"),
        sounds=tuple(key for kind, key, _ in keys if kind == "audio"),
        downloads=tuple(Download(key, title) for kind, key, title in keys if kind == "file"),
        at=time.time(),
    )


def _edited(old: Post, new: Post, answers: Sequence[str]) -> Post:
    """*new* in the place of *old*, which was answered with *answers*."""
    past = Version(old.text, "\n\n".join(filter(None, answers)))
    return msgspec.structs.replace(
        new, id=old.id, edit=new.id, versions=(*old.versions, past)[-MOST_VERSIONS:]
    )
