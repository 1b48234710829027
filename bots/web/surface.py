"""One growing bubble on the page, under the question that it answers."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec
from msgspec.structs import replace

from bots.web.branches import Tree
from bots.web.posts import STATUS_KEY, Post, decode_post, posts_of
from core.activity import Activity
from core.errors import PlatformError, StoreError
from core.lent import PostLog
from core.messages import Button, ConversationId
from core.platform import Bucket


class WebSurface:
    """A bubble is one value in the conversation's post log."""

    def __init__(
        self,
        post_log: PostLog,
        conversation: ConversationId,
        key: int | None = None,
        *,
        reply_to: str = "",
    ) -> None:
        self._post_log = post_log
        self._conversation = conversation
        self._key = key
        self._reply_to = reply_to
        self._to: str | None = None
        self._activity = Activity()

    @property
    def handle(self) -> str:
        return "" if self._key is None else str(self._key)

    @property
    def grows(self) -> bool:
        return False

    @property
    def budget(self) -> Sequence[Bucket]:
        return ()

    @property
    def final_budget(self) -> Sequence[Bucket]:
        return ()

    async def show(self, text: str, buttons: Sequence[Button] = ()) -> None:
        post = self._post(text, buttons, self._activity, growing=True)
        if self._key is None:
            await self._put(post)
            return
        with store_as_platform():
            await self._post_log.grow(
                posts_of(self._conversation), msgspec.json.encode(post), self._key
            )

    async def finish(self, text: str, buttons: Sequence[Button] = ()) -> None:
        kept = self._activity if self._activity.verbose else Activity()
        await self._put(self._post(text, buttons, kept, growing=False))

    def take_steps(self, activity: Activity) -> bool:
        self._activity = activity
        return True

    @staticmethod
    def _post(text: str, buttons: Sequence[Button], steps: Activity, *, growing: bool) -> Post:
        rows = tuple(row.removeprefix("- ").replace("`", "") for row in steps.listed.splitlines())
        return Post(
            "bot",
            text,
            buttons=tuple(buttons),
            growing=growing,
            status=steps.plain,
            steps=rows,
            at=time.time(),
        )

    async def delete(self) -> None:
        if self._key is None:
            return
        with store_as_platform():
            await self._post_log.remove(posts_of(self._conversation), self._key)

    async def _put(self, post: Post) -> None:
        with store_as_platform():
            if self._to is None:
                self._to = await question_of(
                    self._post_log, self._conversation, self._reply_to, self._key
                )
            post = replace(post, to=self._to)
            self._key = await self._post_log.put(
                posts_of(self._conversation), msgspec.json.encode(post), self._key
            )


async def question_of(
    post_log: PostLog, conversation: ConversationId, reply_to: str, key: int | None = None
) -> str:
    """The question under which a post is shown. *key*: of the post, if it is there already.

    It is *reply_to*, also on a branch that nobody looks at. But what comes later by itself, such as
    a reminder, is shown where people look.
    """
    if key is not None:
        value = await post_log.get(posts_of(conversation), key)
        return decode_post(value).to if value is not None else ""
    values = await post_log.read(posts_of(conversation))
    tree = Tree({at: decode_post(value) for at, value in values if at != STATUS_KEY})
    shown = tree.end()
    answers = reply_to in tree.keys and not tree.answered(reply_to)
    return reply_to if answers or reply_to in tree.way(shown) else shown


@contextmanager
def store_as_platform() -> Iterator[None]:
    """The store is this platform's server: when it is away, the platform is."""
    try:
        yield
    except StoreError as error:
        raise PlatformError(str(error)) from error
