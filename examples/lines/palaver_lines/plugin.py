"""The one setting of the platform, and how it is built from it."""

from pydantic import BaseModel, Field

from bots.plugin import Lent, Plugin, Shared
from core.platform import Platform


class LinesSettings(BaseModel):
    lines_port: int | None = Field(
        None, ge=0, le=65535, description="the chat of lines is on when this is set; 0: any port"
    )


def _on(settings: LinesSettings, shared: Shared) -> bool:
    return settings.lines_port is not None


def _build(settings: LinesSettings, lent: Lent) -> Platform:
    from palaver_lines.adapter import LinesPlatform  # noqa: PLC0415 - only if on

    return LinesPlatform(settings.lines_port or 0, lent.post_log)


PLUGIN = Plugin("lines", LinesSettings, "LINES_PORT", _on, _build, local=True)
