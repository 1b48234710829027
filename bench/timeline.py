"""One answer as it grows: on Telegram, on Slack, and on the page.

    python -m bench.timeline

Prints what the loopback servers saw and when, and saves screenshots of the page at three
moments of the same answer as docs/growing-1.png to -3.
"""

import asyncio
import tempfile
import time
from pathlib import Path

from playwright.async_api import async_playwright

from core.telemetry import set_up_logs
from tests.contracts.drivers import SlackDriver, TelegramDriver, started
from tests.harness import palaver
from tests.page.conftest import CHROMIUM, FLAGS, ask
from tests.servers.model import ModelServer

DOCS = Path(__file__).parents[1] / "docs"
ANSWER = """## Rainbows

A rainbow is **sunlight**, bent and sorted by *raindrops*.

| step | what happens |
|---|---|
| enter | light slows and bends |
| reflect | it turns at the back of the drop |
| leave | it bends again, each colour a little differently |

```python
def angle(colour):
    return {"red": 42.4, "violet": 40.6}[colour]
```

So red stands on the outside, and violet on the inside of the bow.
"""


async def on(driver, model, place, folder):
    """(seconds, call, text) of one answer in *place*."""
    async with driver.running(), started(driver, folder, model):
        began = time.monotonic()
        await driver.say(place, "How does a rainbow form?")
        await driver.answered(place)
        await asyncio.sleep(0.2)
        return [
            (at - began, call, text)
            for at, call, *_, text in driver.server.timeline
            if call != "action"
        ]


async def photograph(model, folder):
    async with (
        palaver(folder, web_chat=True, llm_base_url=model.url, llm_model="scripted") as app,
        async_playwright() as playwright,
    ):
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = await browser.new_page(viewport={"width": 820, "height": 640})
        await page.goto(app.url)
        await ask(page, "How does a rainbow form?")
        for number, text in enumerate(("sorted by", "it turns at", "violet on the inside"), 1):
            await page.get_by_text(text).first.wait_for()
            await page.screenshot(path=DOCS / f"growing-{number}.png")
        await browser.close()


async def main():
    set_up_logs("ERROR", as_json=False)
    model = ModelServer(lambda _: ANSWER, piece_s=0.06, piece_chars=5)
    places = (
        ("Telegram, private: edits", TelegramDriver(), "dm"),
        ("Slack, channel: edits", SlackDriver(), "channel"),
        ("Slack, direct message: native stream", SlackDriver(), "dm"),
    )
    async with model.running():
        for name, driver, place in places:
            with tempfile.TemporaryDirectory() as folder:
                rows = await on(driver, model, place, Path(folder))
            print(f"\n**{name}**\n\n| s | call | characters | ends with |\n|---|---|---|---|")
            for at, call, text in rows:
                end = " ".join(text[-28:].split()).replace("|", "¦").replace("`", "'")
                print(f"| {at:.2f} | {call} | {len(text)} | …{end} |")
        with tempfile.TemporaryDirectory() as folder:
            await photograph(model, Path(folder))


if __name__ == "__main__":
    asyncio.run(main())
