"""What `palaver check` asks of Telegram: getMe and getWebhookInfo, which change nothing."""

import re
import time
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

from telegram import Bot, WebhookInfo

from bots.finding import Finding
from bots.telegram.request import Request
from bots.telegram.surface import telegram_errors
from core.errors import PlatformError
from core.net.way import DIRECT, Way

RECENT_S = 3600
_TOKEN = re.compile(r"\d+:\S+")


async def look(
    token: str,
    api_url: str,
    *,
    webhook: str = "",
    wake_words: bool = False,
    way: Way = DIRECT,
) -> AsyncIterator[Finding]:
    """What works. *webhook*: where Telegram should send updates; empty: long polling."""
    if not _TOKEN.fullmatch(token):
        whose = " It is a Slack token." if token.startswith(("xox", "xapp")) else ""
        text = f"TELEGRAM_BOT_TOKEN is not what @BotFather gives: digits, a colon, letters.{whose}"
        yield Finding("FAIL", text)
        return
    bot = Bot(
        token,
        base_url=f"{api_url}/bot",
        request=Request(way, at_once=4, read_s=10),
        get_updates_request=Request(way, at_once=1),
    )
    try:
        with telegram_errors():
            async with bot:
                me = bot.bot
                reads_all = bool(me.can_read_all_group_messages)
                mode = "webhook" if webhook else "long polling"
                privacy = "reads all group messages" if reads_all else "privacy mode"
                yield Finding("ok", f"https://t.me/{me.username} ({mode}, {privacy})")
                state = await bot.get_webhook_info()
    except PlatformError as error:
        yield Finding("FAIL", str(error))
        return
    if wake_words and not reads_all:
        text = "WAKE_WORDS are not heard in groups: turn privacy mode off (@BotFather, /setprivacy)"
        yield Finding("FAIL", text)
    for finding in _of_webhook(state, webhook):
        yield finding


def _of_webhook(state: WebhookInfo, wanted: str) -> list[Finding]:
    found = []
    if wanted and state.url != wanted:
        now = f"at {_host(state.url)}" if state.url else "not set"
        found.append(Finding("note", f"its webhook is {now}: the start sets it"))
    elif state.url and not wanted:
        text = f"a webhook is set at {_host(state.url)}: the start takes it away, to poll"
        found.append(Finding("note", text))
    if state.pending_update_count:
        found.append(Finding("note", f"{state.pending_update_count} updates wait to be fetched"))
    if state.last_error_message and state.last_error_date is not None:
        ago_s = time.time() - state.last_error_date.timestamp()
        level: Finding = Finding(
            "FAIL" if wanted and ago_s < RECENT_S else "note",
            f"its webhook failed {ago_s / 60:.0f} minutes ago: {state.last_error_message[:200]}",
        )
        found.append(level)
    return found


def _host(url: str) -> str:
    """The host of *url*. Path and query may hold a secret."""
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.hostname}"
    except ValueError:
        return "an address that cannot be read"
