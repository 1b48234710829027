"""The page with the keyboard alone: where the focus is, and what Escape closes."""

from playwright.async_api import expect

from core.languages.catalogue import LANGUAGES
from tests.harness import until
from tests.page.conftest import ask, bot
from tests.page.test_use import faults

WORDS = LANGUAGES["en"].sentences


async def test_escape_closes_the_menu_and_gives_the_focus_back(page, app, model):
    model.answer = lambda messages: "word " * 400
    await page.goto(app.url)
    await ask(page, "talk")
    await expect(page.locator(".growing")).to_be_visible()
    opener = page.locator("#more summary")
    await opener.focus()
    await page.keyboard.press("Enter")
    await expect(page.locator(".menu")).to_be_visible()
    assert await faults(page) == []
    await page.keyboard.press("Tab")
    await page.keyboard.press("Escape")
    await expect(page.locator(".menu")).to_be_hidden()
    await expect(opener).to_be_focused()
    # The answer goes on: only the next one stops it.
    await expect(page.locator(".growing")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(bot(page)).to_contain_text("(stopped)")
    await opener.press("Enter")
    await page.locator("#menu-keys").press("Enter")
    assert await faults(page) == []
    await page.keyboard.press("Escape")
    await expect(opener).to_be_focused()


async def test_on_a_phone_the_list_has_the_focus_only_while_it_is_open(page, app):
    await page.set_viewport_size({"width": 375, "height": 700})
    await page.goto(app.url)
    await ask(page, "apples")
    await expect(bot(page)).to_contain_text("Echo of apples")
    menu = page.locator("#menu")
    for name in ("new", "search", "language"):
        await expect(page.locator(f"#{name}")).to_be_hidden()
    await menu.press("Enter")
    await expect(menu).to_have_attribute("aria-expanded", "true")
    await expect(page.locator("#new")).to_be_visible()
    await page.locator("#search").focus()
    assert await faults(page) == []
    await page.keyboard.press("Escape")
    await expect(menu).to_have_attribute("aria-expanded", "false")
    await expect(menu).to_be_focused()
    await expect(page.locator("#new")).to_be_hidden()
    await page.keyboard.press("Control+k")
    await expect(page.locator("#search")).to_be_focused()
    await page.locator(".entry .open").press("Enter")
    await expect(menu).to_have_attribute("aria-expanded", "false")


async def test_who_deletes_with_the_keyboard_can_undo_with_it(page, app):
    await page.goto(app.url)
    for name in ("apples", "pears"):
        await page.click("#new")
        await ask(page, name)
        await expect(bot(page)).to_contain_text(f"Echo of {name}")
    await page.locator(".entry", has_text="apples").locator(".drop").focus()
    await page.keyboard.press("Enter")
    undo = page.get_by_role("button", name=WORDS["page_undo"])
    await expect(undo).to_be_focused()
    assert await faults(page) == []
    await page.keyboard.press("Enter")
    await expect(page.locator(".entry .open")).to_have_text(["pears", "apples"])
    await page.locator(".entry", has_text="apples").locator(".rename").focus()
    await page.keyboard.press("Enter")
    assert await faults(page) == []
    await page.keyboard.type("Fruit")
    await page.keyboard.press("Enter")
    await until(
        lambda: page.evaluate("document.activeElement.getAttribute('aria-label')"), seconds=5
    )
    await expect(page.locator(".entry", has_text="Fruit").locator(".rename")).to_be_focused()


async def test_at_four_hundred_percent_everything_is_there_and_nothing_scrolls_sideways(
    page, app, model
):
    # 1280 x 1024 pixels at 400 %: WCAG 2.2, 1.4.10.
    model.answer = lambda messages: (
        "# T\n\n| a | b | c |\n|--|--|--|\n| one | two | three |\n\n```py\n"
        + "x = 1 " * 30
        + "\n```"
    )
    await page.set_viewport_size({"width": 320, "height": 256})
    await page.goto(app.url)
    await ask(page, "apples")
    await expect(page.locator("button[data-command=retry]")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 320
    assert await faults(page) == []
    await expect(page.locator("#text")).to_be_in_viewport()
    await page.locator("#more summary").click()
    await page.locator("#menu-keys").scroll_into_view_if_needed()
    await expect(page.locator("#menu-keys")).to_be_in_viewport(ratio=0.9)
