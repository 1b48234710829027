"""One growing bubble on the page."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec

from bots.web.posts import Post, posts_of
from core.activity import Activity
from core.errors import PlatformError, StoreError
from core.lent import PostLog
from core.messages import Button, ConversationId
from core.platform import Bucket


class WebSurface:
    """A bubble is one value in the conversation's post log."""

    def __init__(
        self, post_log: PostLog, conversation: ConversationId, key: int | None = None
    ) -> None:
        self._post_log = post_log
        self._conversation = conversation
        self._key = key
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
            self._key = await self._post_log.put(
                posts_of(self._conversation), msgspec.json.encode(post), self._key
            )


@contextmanager
def store_as_platform() -> Iterator[None]:
    """The store is this platform's server: when it is away, the platform is."""
    try:
        yield
    except StoreError as error:
        raise PlatformError(str(error)) from error
