"""The first hour: a page, a bot, its owner, a stranger, a budget, and what the dashboard shows."""

import io
import re

from PIL import Image
from playwright.async_api import expect

from tests.attacks.watching import free_port
from tests.contracts.drivers import TelegramDriver, driving
from tests.harness import at_rest, until
from tests.page.conftest import ask, bot, paste
from tests.scenarios.test_requests import code_in_store, press, wait_for

LINK = re.compile(
    r"http://127\.0\.0\.1:\d+/(?:admin)?#me=[\w-]+|http://127\.0\.0\.1:\d+/\S*#me=[\w-]+"
)


async def link_after(driver, command):
    """The link that the owner gets for *command* in private."""
    before = len(driver.server.posts(77))
    await driver.say("dm", command)

    def found():
        posts = driver.server.posts(77)[before:]
        return next((match[0] for one in posts if (match := LINK.search(one.text))), None)

    return await until(found)


async def test_the_first_hour_from_an_empty_page_to_a_dashboard_that_shows_it_all(
    page, tmp_path, model, monkeypatch
):
    monkeypatch.setattr("core.counting.EVERY_S", 0.1)
    driver, port = TelegramDriver(), free_port()
    more = {"open": False, "web_chat": True, "http_port": port, "llm_price": "1,1,1000"}
    more["public_url"] = f"http://127.0.0.1:{port}"
    async with driving(driver, tmp_path, model, **more):
        core = driver.app.core
        # Nobody is let in, until somebody sends the code of the log: then they are the owner.
        await driver.say("dm", await code_in_store(driver))
        await wait_for(driver, "my owner")
        # The owner goes to the page by the bot's link, as the same person, and pastes a picture.
        await page.goto(await link_after(driver, "/web"))
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.locator("#person span")).to_contain_text("telegram")
        picture = io.BytesIO()
        Image.new("RGB", (40, 30), "tomato").save(picture, "PNG")
        await paste(page, "image.png", "image/png", picture.getvalue())
        await expect(page.locator("#files img")).to_be_visible()
        await ask(page, "What is in it?")
        await expect(bot(page)).to_contain_text("Echo of What is in it?")
        asked = str(model.requests[-1]["messages"])
        assert "image/" in asked
        # A stranger asks, is let in with a button, and gets a budget.
        await driver.say("dm2", "may I?")
        press(driver, await wait_for(driver, "wants to use me"), "allow telegram:78")
        await wait_for(driver, "go ahead", "bob")
        await driver.say("dm2", "why is the sky blue?")
        await driver.answered("dm2", 1)
        await at_rest(core)
        await page.goto(await link_after(driver, "/admin"))
        await page.get_by_role("button", name="Sign in with the link").click()
        await page.locator('nav button[data-name="budgets"]').click()
        await page.get_by_label("Whom (empty: each)").fill("telegram:78")
        await page.get_by_label("How much").fill("1 tokens/day")
        await page.get_by_role("button", name="Set", exact=True).click()
        await expect(page.locator("#told")).to_have_text("Done.")
        await driver.say("dm2", "and the sea?")
        await driver.answered("dm2", 2)
        await driver.say("dm2", "and the grass?")
        await until(lambda: any("used up" in one.text for one in driver.server.posts(78)))
        # The dashboard shows all of it.
        await page.locator('nav button[data-name="time"]').click()
        spenders = page.locator(
            "section", has=page.get_by_role("heading", name="People by dollars")
        )
        await expect(spenders.locator("tbody tr", has_text="telegram:77")).to_have_count(1)
        await expect(spenders.locator("tbody tr", has_text="telegram:78")).to_have_count(1)
        await page.locator('nav button[data-name="changes"]').click()
        rows = page.locator("tbody tr")
        await expect(rows.nth(0)).to_contain_text("telegram person telegram:78")
        await expect(rows.nth(1)).to_contain_text("member")
        assert page.problems == []
