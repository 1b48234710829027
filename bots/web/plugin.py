"""The page's settings, and how it is built from it."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field

from bots.plugin import Lent, Plugin, Shared
from core.platform import Platform


def _addresses(value: str) -> str:
    from bots.web.proxies import read  # noqa: PLC0415 - only if it is set

    if value:
        read(value)
    return value


class WebSettings(BaseModel):
    web_chat: bool | Literal["open"] | None = Field(
        None,
        description="the chat page; unset: on when HTTP_HOST is loopback or no bot token is set. "
        "Where others reach it, it asks for the link that the start prints; open: it never does",
    )
    web_user_header: str = Field(
        "",
        description="the page: the header in which a proxy that signs people in tells who they "
        "are, such as X-Forwarded-User",
        pattern=r"^[A-Za-z0-9-]*$",
    )
    web_proxies: Annotated[str, AfterValidator(_addresses)] = Field(
        "",
        description="the page: the addresses or networks of that proxy, separated by commas. From "
        "others the header is not believed",
    )


def _on(settings: WebSettings, shared: Shared) -> bool | None:
    if settings.web_chat is not None:
        return bool(settings.web_chat)
    return shared.loopback or None


def _build(settings: WebSettings, lent: Lent) -> Platform:
    from bots.web.adapter import WebPlatform  # noqa: PLC0415 - only if on
    from bots.web.proxies import Proxies  # noqa: PLC0415 - only if on

    return WebPlatform(
        lent.post_log,
        lent.secret,
        lent.visits,
        local=lent.shared.loopback,
        everyone=settings.web_chat == "open",
        public_url=lent.shared.public_url,
        proxies=Proxies(settings.web_user_header, settings.web_proxies),
    )


PLUGIN = Plugin("web", WebSettings, "WEB_CHAT", _on, _build, local=True)
