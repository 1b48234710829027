"""One growing post: one value in the conversation's post log."""

from collections.abc import Sequence

from core.errors import PlatformError, StoreError
from core.lent import PostLog
from core.messages import Button, ConversationId
from core.platform import Bucket
from palaver_lines.wire import Post, write


class LinesSurface:
    grows = False
    # Our own server has no rate limits.
    budget: Sequence[Bucket] = ()
    final_budget: Sequence[Bucket] = ()

    def __init__(
        self, post_log: PostLog, conversation: ConversationId, key: int | None = None
    ) -> None:
        self._post_log = post_log
        self._conversation = conversation
        self._key = key

    @property
    def handle(self) -> str:
        return "" if self._key is None else str(self._key)

    async def show(self, text: str, buttons: Sequence[Button] = ()) -> None:
        await self.put(Post(text, tuple(buttons)))

    finish = show

    async def delete(self) -> None:
        if self._key is not None:
            try:
                await self._post_log.remove(self._conversation, self._key)
            except StoreError as error:
                raise PlatformError(str(error)) from error

    async def put(self, post: Post) -> None:
        """Set the post to *post*. The first call makes it."""
        try:
            self._key = await self._post_log.put(self._conversation, write(post), self._key)
        except StoreError as error:
            raise PlatformError(str(error)) from error
