"""The posts of the person: shown before any answer to them, once; edited; and of which branch."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from msgspec.structs import replace

from bots.web.branches import Tree
from bots.web.posts import (
    MOST_POSTS,
    STATUS_KEY,
    Download,
    Place,
    Post,
    Sent,
    decode_post,
    posts_of,
)
from core.lent import PostLog
from core.messages import Attachment, ConversationId

MOMENT_S = 0.001


@dataclass(frozen=True, slots=True)
class Shown:
    """What was shown of a message that the inbox does not hold yet.

    Args:
        place: where it stands.
        key: of the person's post; None if it was there before.
        before: what stood there.
    """

    post_log: PostLog
    log_name: str
    place: Place
    key: int | None = None
    before: bytes | None = None

    async def take_back(self) -> None:
        if self.key is None:
            return
        if self.before is None:
            await self.post_log.remove(self.log_name, self.key)
        else:
            await self.post_log.put(self.log_name, self.before, self.key)


class OwnPosts:
    """Raises `StoreError`."""

    def __init__(self, post_log: PostLog) -> None:
        self._post_log = post_log

    async def show(
        self, conversation: ConversationId, sent: Sent, attachments: Sequence[Attachment]
    ) -> Shown:
        """Show *sent*, unless it is a button, or was shown when it came before."""
        log, log_name = self._post_log, posts_of(conversation)
        values = dict(await log.read(log_name))
        posts = {key: decode_post(value) for key, value in values.items() if key != STATUS_KEY}
        tree = Tree(posts)
        if sent.command:
            asked = tree.end(sent.after if sent.after in tree.keys else "")
            place = Place(asked, tree.elsewhere(asked))
            for key, post in posts.items():
                if verdict := _thumb(sent, post):
                    rated = msgspec.json.encode(replace(post, rated=verdict))
                    await log.put(log_name, rated, key)
                    return Shown(log, log_name, place, key, values[key])
            return Shown(log, log_name, place)
        if sent.id in tree.keys:
            instead = sent.edits if sent.edits in tree.keys else ""
            return Shown(log, log_name, Place(sent.id, tree.elsewhere(sent.id), instead))
        old = next((one for one in posts.values() if sent.id == one.edit), None)
        if old is not None:
            return Shown(log, log_name, _in_place(old, tree))
        if sent.edits in tree.keys and not tree.answered(sent.edits):
            key = tree.keys[sent.edits]
            return await self._reword(log_name, key, values[key], _post(sent, attachments), tree)
        instead = sent.edits if sent.edits in tree.keys else ""
        after = sent.after if sent.after in tree.keys else ""
        before = tree.before(instead) if instead else tree.end(after)
        for key in sorted(posts)[: 1 - MOST_POSTS]:
            await log.remove(log_name, key)
        post = _post(sent, attachments)
        chosen = _later(tree) if tree.newest >= post.at else 0.0
        post = replace(post, after=before, chosen=chosen)
        place = Place(sent.id, tree.elsewhere(before), instead)
        new = await log.put(log_name, msgspec.json.encode(post))
        if await self._is_twice(log_name, sent.id, since=max(posts, default=0), key=new):
            await log.remove(log_name, new)
            return Shown(log, log_name, place)
        return Shown(log, log_name, place, new)

    async def _is_twice(self, log_name: str, name: str, *, since: int, key: int) -> bool:
        """Whether another tab, which sends what waits too, was faster than the post with *key*."""
        between = [one for one in await self._post_log.keys(log_name) if since < one < key]
        values = [await self._post_log.get(log_name, one) for one in between]
        return any(value is not None and decode_post(value).id == name for value in values)

    async def _reword(
        self,
        log_name: str,
        key: int,
        before: bytes,
        new: Post,
        tree: Tree,
    ) -> Shown:
        """Let *new* take the place of a question that is not answered yet."""
        old = decode_post(before)
        kept = {"versions": old.versions, "after": old.after, "chosen": old.chosen}
        post = replace(new, id=old.id, edit=new.id, **kept)
        await self._post_log.put(log_name, msgspec.json.encode(post), key)
        return Shown(self._post_log, log_name, _in_place(old, tree), key, before)

    async def choose(self, conversation: ConversationId, question: str) -> bool:
        """Show the branch of *question* from now on. Returns whether there is such a question."""
        log_name = posts_of(conversation)
        values = dict(await self._post_log.read(log_name))
        posts = {key: decode_post(value) for key, value in values.items() if key != STATUS_KEY}
        tree = Tree(posts)
        if question not in tree.keys:
            return False
        key = tree.keys[question]
        post = replace(posts[key], chosen=_later(tree))
        await self._post_log.put(log_name, msgspec.json.encode(post), key)
        return True


def _in_place(old: Post, tree: Tree) -> Place:
    return Place(old.id, tree.elsewhere(old.id), old.id, edited=True)


def _later(tree: Tree) -> float:
    """Now, by the clocks of all replicas."""
    return max(time.time(), tree.newest + MOMENT_S)


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


def _thumb(sent: Sent, post: Post) -> str:
    """Which thumb under *post* was pressed: `up` or `down`; empty: none of its."""
    name, _, rest = sent.command.partition(" ")
    if name != "rate" or not any(one.command == sent.command for one in post.buttons):
        return ""
    return rest.partition(" ")[0]
