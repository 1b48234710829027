"""What the page shows of an answer's steps, in a real Chromium."""

import asyncio

from playwright.async_api import expect

from core.tools import built_in
from core.tools.tool import ToolResult
from tests.harness import palaver
from tests.page.conftest import ask, bot
from tests.servers.tools import ServedTool, calling


class Held(ServedTool):
    """A look that ends when the test lets it."""

    def __init__(self, released):
        super().__init__("", "look")
        self._released = released

    async def call(self, arguments, context):
        context.progress("<b>half</b>")
        await self._released.wait()
        return ToolResult("seen")


async def test_the_line_opens_to_each_step_and_goes_with_the_answer(
    page, model, tmp_path, monkeypatch
):
    released = asyncio.Event()
    monkeypatch.setitem(built_in.BUILT_IN, "look", lambda: Held(released))
    calling(model, ("", [("calculate", {"expression": "1+1"}), ("look", {"what": "a"})]))
    values = {"llm_base_url": model.url, "llm_model": "scripted", "tools": ("calculate", "look")}
    async with palaver(tmp_path, web_chat=True, **values) as running:
        await page.goto(running.url)
        await ask(page, "go")
        line = page.locator(".steps summary")
        await expect(line).to_have_text("🧮 calculation, 🔧 look <b>half</b> …")
        await expect(line).to_have_attribute("aria-live", "polite")
        await expect(page.locator(".steps li").first).not_to_be_visible()
        await line.click()
        await expect(page.locator(".steps li")).to_have_count(2)
        await expect(page.locator(".steps li").last).to_be_visible()
        released.set()
        await expect(bot(page)).to_have_text("RESULT 2 / seen")
        await expect(page.locator(".steps")).to_have_count(0)
    assert [one for one in page.problems if "ERR_" not in one] == []
