"""Makes the pictures of the documents anew: `python -m bench.screenshots`.

The chat page with the demo model, and the operator's page with figures that were made up.
"""

import asyncio
import io
import math
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.async_api import async_playwright, expect

from core.messages import Sender
from core.store import keys
from core.store.use import days, hours
from tests.harness import palaver
from tests.page.conftest import CHROMIUM, FLAGS, ask
from tests.page.test_admin import fill
from tests.servers import telegram as telegram_server
from tests.servers.telegram import TelegramServer

DOCS = Path(__file__).parents[1] / "docs"
QUESTIONS = {
    "en": ("How do I connect Telegram?", "Show me a table, a formula and some code"),
    "zh-Hans": ("Show me what Markdown can do", "你是谁?"),
    "ar": ("Show me what Markdown can do", "من أنت؟"),
}
LOCALES = {"zh-Hans": "zh-CN"}
PEOPLE = {"Ann": 1.9, "Bob": 0.8, "Chen": 0.4, "Dana": 0.3, "Emil": 0.2, "Farid": 0.1, "Gül": 0.1}
PLACES = {"-1001": 1.7, "-1002": 1.2, "-1003": 0.7}


async def shot(browser, url, language, *, dark, width, height=640):
    """The chat page in *language*, after some questions."""
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if dark else "light",
        locale=LOCALES.get(language, language),
    )
    page = await context.new_page()
    await page.goto(url)
    for number, text in enumerate(QUESTIONS[language], 1):
        await ask(page, text)
        ended = page.locator("article .actions time")
        await expect(ended).to_have_count(2 * number, timeout=40_000)
    await page.mouse.move(2, 2)
    await asyncio.sleep(0.5)
    data = await page.screenshot()
    await context.close()
    return Image.open(io.BytesIO(data))


def beside(name, *pictures):
    """Write *pictures* side by side, as few colours as one can bear."""
    opened = [one.convert("RGB") for one in pictures]
    whole = Image.new("RGB", (sum(one.width for one in opened), max(one.height for one in opened)))
    at = 0
    for one in opened:
        whole.paste(one, (at, 0))
        at += one.width
    small = whole.quantize(192, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    small.save(DOCS / name, optimize=True)
    print(name, (DOCS / name).stat().st_size)


async def made_up(redis):
    """Counts of a day, as if many had asked."""
    for at, period in enumerate(hours(24)):
        busy = max(1, round(60 * (1 - math.cos(2 * math.pi * (at + 3) / 24)) + 7 * (at % 3)))
        fields = {"in|telegram|kept": busy, "turns|telegram|answered": busy - at % 2}
        fields |= {"turns|telegram|failed": at % 4 == 3, "updates|telegram|refused": at % 5}
        for part, bound in ((0.3, 0.25), (0.8, 0.5), (0.97, 1.0), (0.995, 2.0), (1, "+Inf")):
            fields[f"first|telegram|{bound}"] = busy * part
            fields[f"word|api|deepseek|{bound}"] = busy * min(1, part * 1.1)
        fields |= {"usd|deepseek-v4": busy * 0.0004, "usd|claude-opus": busy * 0.0011}
        fields |= {"tokens|deepseek-v4|prompt": busy * 900, "tokens|claude-opus|prompt": busy * 300}
        fields |= {"calls|api|deepseek-v4|ok": busy, "pictures|gpt-image": at % 3}
        fields |= {"tools|web_search|done": busy // 3, "tools|time|done": busy // 9}
        await redis.hset(keys.use(period), mapping={k: float(v) for k, v in fields.items()})
    for at, day in enumerate(days(30)):
        busy = 1 + math.sin(at) / 2 if at % 7 not in (5, 6) else 0.2
        spent = {
            f"person telegram:{100 + ord(who[0])}": (who, cost) for who, cost in PEOPLE.items()
        }
        spent |= {f"place telegram:{place}": ("", cost) for place, cost in PLACES.items()}
        spent["model deepseek-v4"], spent["model claude-opus"] = ("", 0.9), ("", 2.8)
        rows = {who: row_of(name, cost * busy) for who, (name, cost) in spent.items()}
        await redis.hset(keys.tally("telegram", day), mapping=rows)
        fields = {"in|telegram|kept": round(900 * busy), "turns|telegram|failed": at % 4}
        fields |= {"usd|deepseek-v4": 0.9 * busy, "usd|claude-opus": 2.8 * busy}
        fields |= {"updates|telegram|refused": at % 5, "calls|api|deepseek-v4|ok": 900 * busy}
        fields |= {"tokens|deepseek-v4|prompt": 9e5 * busy, "tokens|claude-opus|prompt": 3e5 * busy}
        for kind in ("first|telegram", "whole|telegram", "word|api|deepseek", "lag"):
            for part, bound in ((0.4 + 0.1 * busy, 0.25), (0.8, 0.5), (0.995, 2.0), (1, "+Inf")):
                fields[f"{kind}|{bound}"] = 900 * part
        await redis.hset(keys.use(day), mapping={k: float(v) for k, v in fields.items()})


def row_of(name, cost):
    turns, tokens = round(40 * cost), round(90_000 * cost)
    told = f'"turns":{turns},"prompt_tokens":{tokens},"cost_usd":{cost:.4f}'
    return f'{{{told},"name":"{name}"}}'


async def operated(browser, running, language, part, *, dark, width, height=860):
    """The operator's page in *language*, at one of its parts."""
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if dark else "light",
        locale=LOCALES.get(language, language),
    )
    page = await context.new_page()
    visits = running.core.services.visits
    link = await visits.invite(Sender("telegram:77", "Ann"), "admin")
    await page.goto(f"{running.url}/admin#me={link}")
    await page.locator("button.main").click()
    await page.locator(".card").first.wait_for()
    if part == "time":
        await page.locator('nav button[data-name="time"]').click()
        await page.locator("main .row button").nth(3).click()
        await expect(page.locator("main .row button").nth(3)).to_have_class("main")
        if width > 600:
            # The plots by person and place.
            await page.locator("figure").nth(7).evaluate("node => node.scrollIntoView()")
        await page.locator("figure svg").nth(10).hover()
    elif part != "now":
        await page.locator(f'nav button[data-name="{part}"]').click()
        await page.locator("main h2").first.wait_for()
    await asyncio.sleep(0.3)
    data = await page.screenshot()
    await context.close()
    return Image.open(io.BytesIO(data))


async def pictures_of_admin(browser, running):
    """In three languages, on a desk and a phone, by day and by night."""
    for name, language, dark in (
        ("admin", "en", False),
        ("admin-zh", "zh-Hans", True),
        ("admin-ar", "ar", False),
    ):
        desk = await operated(browser, running, language, "time", dark=dark, width=1180)
        phone = await operated(browser, running, language, "now", dark=not dark, width=375)
        beside(f"{name}.png", desk, phone)
    people = await operated(browser, running, "ar", "people", dark=True, width=375)
    changes = await operated(browser, running, "zh-Hans", "changes", dark=False, width=375)
    beside("admin-phone.png", people, changes)


async def main():
    server = TelegramServer()
    with tempfile.TemporaryDirectory() as folder:
        async with server.running(), async_playwright() as playwright:
            more = {"owners": "telegram:77", "telegram_bot_token": telegram_server.TOKEN}
            more |= {"telegram_api_url": server.url, "web_chat": True}
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            async with palaver(Path(folder), **more) as running:
                desk = await shot(browser, running.url, "en", dark=False, width=1000)
                phone = await shot(browser, running.url, "en", dark=True, width=375)
                beside("page.png", desk, phone)
                chinese = await shot(browser, running.url, "zh-Hans", dark=True, width=700)
                arabic = await shot(browser, running.url, "ar", dark=False, width=500)
                beside("page-languages.png", chinese, arabic)
                chinese = await shot(browser, running.url, "zh-Hans", dark=False, width=375)
                arabic = await shot(browser, running.url, "ar", dark=True, width=375)
                beside("page-phone.png", chinese, arabic)
                await made_up(running.core.redis)
                await fill(running.core)
                await pictures_of_admin(browser, running)
            await browser.close()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
