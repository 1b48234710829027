"""The page's one setting, and how it is built from it."""

from typing import Literal

from pydantic import BaseModel, Field

from bots.plugin import Lent, Plugin, Shared
from core.platform import Platform


class WebSettings(BaseModel):
    web_chat: bool | Literal["open"] | None = Field(
        None,
        description="the chat page; unset: on when HTTP_HOST is loopback or no bot token is set. "
        "Where others reach it, it asks for the link that the start prints; open: it never does",
    )


def _on(settings: WebSettings, shared: Shared) -> bool | None:
    if settings.web_chat is not None:
        return bool(settings.web_chat)
    return shared.loopback or None


def _build(settings: WebSettings, lent: Lent) -> Platform:
    from bots.web.adapter import WebPlatform  # noqa: PLC0415 - only if on

    return WebPlatform(
        lent.post_log,
        lent.secret,
        local=lent.shared.loopback,
        everyone=settings.web_chat == "open",
        public_url=lent.shared.public_url,
    )


PLUGIN = Plugin("web", WebSettings, "WEB_CHAT", _on, _build, local=True)
