"""The operator's page in a browser."""

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.harness import palaver, until
from tests.page.conftest import ask, bot
from tests.page.test_use import faults
from tests.servers import telegram as telegram_server
from tests.servers.telegram import TelegramServer

TOKEN = "a-token-of-the-operator"


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def operated(tmp_path_factory, scripted):
    """A program with a page and a bot."""
    server = TelegramServer()
    async with server.running():
        values = {
            "llm_base_url": scripted.url,
            "llm_model": "scripted",
            "admin_token": TOKEN,
            "web_chat": True,
            "open": False,
            "owners": "telegram:77",
            "telegram_bot_token": telegram_server.TOKEN,
            "telegram_api_url": server.url,
        }
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("core.counting.EVERY_S", 0.1)
            async with palaver(tmp_path_factory.mktemp("operated"), **values) as running:
                yield running, server


async def tab(page, name):
    await page.locator(f'nav button[data-name="{name}"]').click()
    await expect(page.locator(f'nav button[data-name="{name}"]')).to_have_attribute(
        "aria-current", "page"
    )


async def look_over_time(page):
    await tab(page, "time")
    await expect(page.locator("figure").first).to_be_visible()
    questions = page.locator("figure", has_text="Questions")
    await questions.locator("svg").hover()
    await expect(questions.locator("figcaption")).to_contain_text("kept")
    await questions.locator("svg").press("ArrowRight")
    assert await faults(page) == []
    await page.get_by_role("button", name="30d").click()
    await expect(page.locator("figure h2", has_text="People")).to_be_visible()
    spent = page.locator("figure", has_text="Tokens by person and day")
    await expect(spent.locator("figcaption span")).to_have_count(1)


async def test_an_operator_signs_in_looks_decides_and_takes_it_back(page, operated, model):
    running, server = operated
    await page.emulate_media(color_scheme="dark")
    await page.set_viewport_size({"width": 375, "height": 800})
    who = 78
    server.add_private(who, "Bob")
    server.say(who, "May I?", user=server.person(who, "Bob"))
    await until(lambda: running.core.services.requests.kept.waiting("telegram"))
    await page.goto(running.url)
    await ask(page, "apples")
    await expect(bot(page)).to_contain_text("Echo of apples")
    await page.goto(f"{running.url}/admin")
    await page.fill("#token", "something-else")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.locator("#told")).to_contain_text("That is not it")
    # Who sits at the machine that only they reach is an owner, and gets a link on the page.
    await page.goto(running.url)
    await ask(page, "/admin")
    link = await bot(page).last.get_by_role("link", name="/admin").get_attribute("href")
    await page.goto(running.url + link)
    await page.get_by_role("button", name="Sign in with the link").click()
    await expect(page.locator("table", has_text="telegram").first).to_be_visible()
    await expect(page.locator(".card")).to_have_count(6)
    assert await faults(page) == []

    await look_over_time(page)
    await tab(page, "people")
    row = page.locator("tr", has_text=f"telegram:{who}")
    await row.get_by_role("button", name="Block", exact=True).click()
    await expect(page.locator("#told")).to_have_text("Done.")
    await expect(row).to_contain_text("blocked")
    assert await faults(page) == []
    await tab(page, "changes")
    undo = page.locator("tbody tr").first.get_by_role("button")
    await undo.click()
    await undo.click()
    await expect(page.locator("tbody tr").first).to_contain_text("undo role")

    for name in ("budgets", "places", "tools", "letters", "broadcast"):
        await tab(page, name)
        await expect(page.locator("main h2").first).to_be_visible()
        assert await faults(page) == [], name
    assert await page.evaluate("violations") == []
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.locator("#token")).to_be_visible()
    assert [one for one in page.problems if "403" not in one] == []
