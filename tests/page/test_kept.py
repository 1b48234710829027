"""What a person attached, pressed or wrote stays: over reloads, refusals and networks that hang."""

import asyncio

from playwright.async_api import expect

from bots.web.posts import files_of
from core.languages.catalogue import LANGUAGES
from tests.harness import until
from tests.page.conftest import ask, bot, log_of, paste
from tests.page.test_sending import SENDING, text_file

WORDS = LANGUAGES["en"].sentences


async def test_attached_files_are_there_after_a_reload_and_go_with_the_question(page, app, model):
    await page.goto(app.url)
    await ask(page, "hello")
    await expect(bot(page)).to_contain_text("Echo of hello")
    await page.set_input_files("#pick", [text_file("pears.txt", b"ripe pears"), text_file("b.txt")])
    await expect(page.locator("#files progress")).to_have_count(0)
    await page.reload()
    await expect(page.locator("#files li")).to_have_count(2)
    await page.get_by_role("button", name="b.txt").click()
    # Another conversation has its own.
    here = page.url
    await page.click("#new")
    await expect(page.locator("#files li")).to_have_count(0)
    await page.goto(here)
    await expect(page.locator("#files li")).to_contain_text(["pears.txt"])
    await ask(page, "what is it?")
    await until(lambda: "ripe pears" in str(model.requests[-1]["messages"]))
    assert "words" not in str(model.requests[-1]["messages"][-1])
    await expect(page.locator("#files li")).to_have_count(0)
    await page.reload()
    await expect(bot(page)).to_have_count(2)
    await expect(page.locator("#files li")).to_have_count(0)


async def test_what_is_no_more_or_never_arrived_must_be_attached_again(page, app):
    await page.goto(app.url)
    await ask(page, "hello")
    await expect(bot(page)).to_contain_text("Echo of hello")
    await page.set_input_files("#pick", [text_file("gone.txt"), text_file("there.txt")])
    await expect(page.locator("#files progress")).to_have_count(0)
    log, name = await log_of(page, app)
    first = min(key for key in await log.keys(files_of(name)) if key)
    await log.remove(files_of(name), first)
    late = asyncio.Event()

    async def held(route):
        await late.wait()
        await route.abort()

    await page.route("**/files?name=late*", held)
    await page.set_input_files("#pick", [text_file("late.txt")])
    await expect(page.locator("#files li")).to_have_count(3)
    await page.reload()
    late.set()
    await expect(page.locator("#state")).to_contain_text("late.txt")
    told = WORDS["page_attach_again"].format(names="late.txt, gone.txt")
    await expect(page.locator("#state")).to_have_text(told)
    await expect(page.locator("#files li")).to_have_count(1)


async def test_a_pressed_thumb_is_seen_after_a_reload_and_in_another_tab(page, app):
    await page.goto(app.url)
    await ask(page, "apples")
    await expect(bot(page)).to_contain_text("Echo of apples")
    other = await page.context.new_page()
    await other.goto(page.url)
    up = "button[data-command^='rate up']"
    await page.locator(up).press("Enter")
    for one in (page, other):
        await expect(one.locator(up)).to_have_attribute("aria-pressed", "true")
    # Whoever pressed it with the keyboard is still there.
    await expect(page.locator(up)).to_be_focused()
    await page.reload()
    await expect(page.locator(up)).to_have_attribute("aria-pressed", "true")
    await page.locator("button[data-command^='rate down']").click()
    await expect(other.locator(up)).to_have_attribute("aria-pressed", "false")
    # A new answer to the same question has no verdict yet.
    await page.locator("button[data-command=retry]").click()
    await expect(page.locator(f"{up}[aria-pressed]")).to_have_count(0)
    await other.close()


async def test_a_request_that_hangs_is_sent_again_when_there_is_a_network(page, app):
    await page.goto(app.url)
    await expect(page.locator(".hello")).to_be_visible()
    asked, never = [], asyncio.Event()

    async def hang(route):
        asked.append(route)
        if len(asked) == 1:
            await never.wait()
            await route.abort()
        else:
            await route.continue_()

    await page.route(SENDING, hang)
    await ask(page, "through a tunnel")
    await until(lambda: asked)
    await page.evaluate("window.dispatchEvent(new Event('online'))")
    await expect(bot(page)).to_have_text("Echo of through a tunnel -- before that: nothing.")
    never.set()
    await expect(page.locator(".post.person")).to_have_count(1)
    await expect(page.locator("#state")).to_have_text("")


async def test_what_is_refused_comes_back_with_its_files_whatever_was_written_since(page, app):
    await page.goto(app.url)
    await ask(page, "hello")
    await expect(bot(page)).to_contain_text("Echo of hello")
    refused = asyncio.Event()

    async def refuse(route):
        await refused.wait()
        await route.fulfill(status=403)

    await page.route(SENDING, refuse)
    await paste(page, "a.txt", "text/plain", b"words")
    await expect(page.locator("#files progress")).to_have_count(0)
    await ask(page, "first")
    await ask(page, "second")
    await page.fill("#text", "third")
    refused.set()
    await expect(page.locator("#text")).to_have_value("first\n\nsecond\n\nthird")
    await expect(page.locator("#files li")).to_have_count(1)
    await expect(page.locator(".pending")).to_have_count(0)
    # Of another conversation, it waits there.
    refused.clear()
    await page.fill("#text", "elsewhere")
    await page.press("#text", "Enter")
    here = page.url
    await page.click("#new")
    refused.set()
    await expect(page.locator("#state")).to_contain_text(WORDS["page_error_403"])
    await expect(page.locator("#text")).to_have_value("")
    await page.goto(here)
    await expect(page.locator("#text")).to_have_value("elsewhere")
    await expect(page.locator("#files li")).to_have_count(1)


async def test_a_link_that_could_not_be_tried_is_not_called_used_up(page, app):
    await page.goto(f"{app.url}/#me=abcdefghijklmnop")
    press = page.get_by_role("button", name=WORDS["page_sign_in"])
    await page.context.set_offline(True)
    await press.click()
    await expect(page.locator("#state")).to_contain_text(WORDS["page_offline"])
    await page.context.set_offline(False)
    await press.click()
    await expect(page.get_by_role("alert")).to_have_text(WORDS["page_link_gone"])


COUNTED = """
const Own = window.EventSource;
window.alive = 0;
window.EventSource = class extends Own {
  constructor(...args) {
    super(...args);
    this.addEventListener("alive", () => (window.alive += 1));
  }
};
"""


async def test_a_connection_that_went_silent_is_made_anew_and_one_that_lives_is_not(
    page, app, monkeypatch
):
    asked = []
    page.on(
        "request", lambda request: request.url.endswith("/events") and asked.append(request.url)
    )
    await page.add_init_script(COUNTED)
    await page.clock.install()
    await page.goto(app.url)
    await until(lambda: len(asked) == 1)
    # The server's next word comes in fifteen seconds, which for this page are over.
    await page.clock.fast_forward(41_000)
    await until(lambda: len(asked) == 2)
    await expect(page.locator("#state")).to_have_text("")
    monkeypatch.setattr("bots.web.responses.KEEP_ALIVE_S", 0.02)
    await page.evaluate("location.hash = 'another-thread-of-mine'")
    await until(lambda: len(asked) == 3)

    async def heard(before):
        return await page.evaluate("alive") > before

    for _ in range(3):
        alive = await page.evaluate("alive")
        await until(lambda alive=alive: heard(alive))
        await page.clock.fast_forward(25_000)
    assert len(asked) == 3
