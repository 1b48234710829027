"""What a person writes on the page is never lost, never posted twice, and can be taken back."""

import asyncio

import pytest
from aiohttp import web
from playwright.async_api import expect

from core.languages.catalogue import LANGUAGES
from tests.harness import palaver, until
from tests.page.conftest import ask, bot

WORDS = LANGUAGES["en"].sentences
SENDING = "**/api/conversations/*"


def text_file(name, data=b"words"):
    return {"name": name, "mimeType": "text/plain", "buffer": data}


async def test_a_stop_is_heard_although_the_question_is_still_on_its_way(page, app, model):
    model.answer = lambda messages: "word " * 400
    await page.goto(app.url)
    await expect(page.locator(".hello")).to_be_visible()
    stopped = asyncio.Event()

    async def late(route):
        if "talk" in (route.request.post_data or ""):
            await stopped.wait()
        await route.continue_()

    await page.route(SENDING, late)
    await ask(page, "talk")
    await expect(page.locator("#halt")).to_be_visible()
    await page.keyboard.press("Escape")
    stopped.set()
    await expect(bot(page)).to_contain_text("(stopped)")
    await expect(bot(page)).to_have_count(1)
    await expect(page.locator("#halt")).to_be_hidden()


async def test_what_was_never_on_its_way_comes_back_into_the_text_box_when_it_is_stopped(page, app):
    await page.goto(app.url)
    await expect(page.locator(".hello")).to_be_visible()
    free = asyncio.Event()

    async def held(route):
        await free.wait()
        await route.continue_()

    await page.route(SENDING, held)
    await ask(page, "apples")
    await ask(page, "pears")
    await expect(page.locator(".pending")).to_have_count(2)
    await page.keyboard.press("Escape")
    await expect(page.locator("#text")).to_have_value("pears")
    await expect(page.locator(".pending")).to_have_text(["apples" + WORDS["page_waiting"]])
    free.set()
    await expect(page.locator(".post.person:not(.pending)")).to_have_count(1)


async def test_a_draft_is_there_again_after_a_question_was_edited(page, app):
    await page.goto(app.url)
    await ask(page, "apples")
    # While it is written, Escape stops it.
    await expect(bot(page)).to_have_text("Echo of apples -- before that: nothing.")
    await expect(page.locator("#halt")).to_be_hidden()
    await page.fill("#text", "half a thought")
    for leave in ("Escape", "Enter"):
        await page.hover(".post.person")
        await page.click(".edit-post")
        await page.fill("#text", "pears")
        await page.keyboard.press(leave)
        await expect(page.locator("#text")).to_have_value("half a thought")
    await expect(bot(page)).to_have_text("Echo of pears -- before that: nothing.")
    await page.reload()
    await expect(page.locator("#text")).to_have_value("half a thought")


async def test_two_tabs_that_come_back_at_once_post_nothing_twice(page, app):
    await page.goto(app.url)
    await ask(page, "apples")
    await expect(bot(page)).to_contain_text("Echo of apples")
    other = await page.context.new_page()
    await other.goto(page.url)
    await expect(bot(other)).to_contain_text("Echo of apples")
    await page.context.set_offline(True)
    for tab, text in ((page, "pears"), (other, "plums"), (page, "figs")):
        await ask(tab, text)
    await page.context.set_offline(False)
    asked = ["apples", "pears", "plums", "figs"]
    for tab in (page, other):
        await expect(bot(tab).last).to_contain_text("Echo of figs")
        await expect(tab.locator(".pending")).to_have_count(0)
        await expect(tab.locator(".post.person > .text")).to_have_text(asked)
        await expect(bot(tab)).to_have_count(4)


async def test_what_is_wrong_with_a_file_is_said_before_it_is_sent_and_until_something_changes(
    page, app
):
    await page.goto(app.url)
    await expect(page.locator(".hello")).to_be_visible()
    state, uploads = page.locator("#state"), []
    page.on("request", lambda request: "/files" in request.url and uploads.append(request))
    await page.locator("#pick").set_input_files([text_file("empty.txt", b""), text_file("a.txt")])
    await expect(state).to_have_text(WORDS["page_empty"].format(name="empty.txt"))
    await expect(page.locator("#files .name")).to_have_text(["a.txt"])
    await page.locator("#pick").set_input_files([text_file(f"{one}.txt") for one in range(12)])
    await expect(page.locator("#files li")).to_have_count(10)
    await expect(state).to_have_text(WORDS["page_too_many"].format(most=10))
    await page.locator("#files li button").first.click()
    await expect(state).to_have_text("")
    await until(lambda: len(uploads) == 10)
    await page.context.set_offline(True)
    await page.locator("#pick").set_input_files([text_file("late.txt")])
    await expect(state).to_contain_text(WORDS["page_offline"])
    await expect(page.locator("#files li")).to_have_count(9)


async def test_what_is_picked_before_the_page_is_ready_is_attached(page, app):
    ready = asyncio.Event()

    async def late(route):
        await ready.wait()
        await route.continue_()

    await page.route("**/api/session", late)
    await page.goto(app.url)
    await page.locator("#pick").set_input_files([text_file("a.txt"), text_file("b.txt")])
    ready.set()
    await expect(page.locator("#files .name")).to_have_text(["a.txt", "b.txt"])
    await expect(page.locator("#files progress")).to_have_count(0)
    assert page.problems == []


@pytest.mark.parametrize("status", [502, 418])
async def test_a_refusal_is_told_in_the_persons_language_whatever_a_proxy_writes(page, app, status):
    words = LANGUAGES["de"].sentences
    await page.goto(app.url)
    await page.locator("#language").select_option("de")
    await expect(page.locator(".hello h2")).to_have_text(words["page_hello"])
    html = "<html><body><h1>nginx</h1></body></html>"
    await page.route(SENDING, lambda route: route.fulfill(status=status, body=html))
    await ask(page, "apples")
    said = words["page_error_other"].format(status=status)
    name = "page_retrying" if status == 502 else "page_not_sent"
    told = words[name].format(reason=said)
    await expect(page.locator("#state")).to_have_text(told, timeout=15_000)


async def test_a_voice_is_recorded_and_attached_but_not_to_another_conversation(page, app):
    await page.context.grant_permissions(["microphone"], origin=app.url)
    await page.goto(app.url)
    await expect(page.locator(".hello")).to_be_visible()
    record = page.locator("#record")
    await record.click()
    await expect(record).to_have_attribute("aria-pressed", "true")
    await record.click()
    await expect(page.locator("#files .name")).to_contain_text("voice.")
    await page.locator("#files button").click()
    await record.click()
    await expect(record).to_have_attribute("aria-pressed", "true")
    await page.click("#new")
    await expect(record).to_have_attribute("aria-pressed", "false")
    await expect(page.locator("#files li")).to_have_count(0)
    assert page.problems == []


async def test_what_is_painted_is_said_in_words_and_can_be_stopped(page, app, model):
    painted = asyncio.Event()

    async def slow(request):
        await painted.wait()
        raise web.HTTPServiceUnavailable

    model.image_faults = [slow]
    await page.goto(app.url)
    await ask(page, "/image a red fox")
    await expect(page.locator(".dots")).to_have_text(WORDS["page_painting"])
    await page.keyboard.press("Escape")
    await expect(bot(page)).to_contain_text("(stopped)")
    await expect(page.locator(".dots")).to_have_count(0)
    painted.set()


async def test_a_picture_that_is_there_in_part_is_said_to_be_painted(page, tmp_path, model):
    model.partial_images = asyncio.Semaphore(0)
    own = {"image_base_url": model.url, "image_model": "gpt-image-2", "llm_base_url": model.url}
    async with palaver(tmp_path, web_chat=True, **own) as running:
        await page.goto(running.url)
        await ask(page, "/image a red fox")
        await expect(page.locator(".painting")).to_have_text(WORDS["page_painting"])
        await expect(page.locator("#halt")).to_be_visible()
        for _ in range(2):
            model.partial_images.release()
        await expect(page.locator("button[data-command^=another]")).to_be_visible()
        await expect(page.locator(".painting")).to_have_count(0)


async def test_the_thumb_that_was_pressed_is_told_from_the_other(page, app):
    await page.goto(app.url)
    await ask(page, "apples")
    up = page.locator("button[data-command^='rate up']")
    down = page.locator("button[data-command^='rate down']")
    await up.click()
    await expect(up).to_have_attribute("aria-pressed", "true")
    await down.click()
    await expect(down).to_have_attribute("aria-pressed", "true")
    await expect(up).to_have_attribute("aria-pressed", "false")


async def test_an_address_that_names_no_conversation_changes_nothing(page, app):
    await page.goto(app.url)
    await ask(page, "apples")
    await expect(bot(page)).to_contain_text("Echo of apples")
    await page.evaluate("location.hash = 'abc'")
    await ask(page, "pears")
    await expect(bot(page).last).to_have_text("Echo of pears -- before that: apples.")
    assert page.problems == []
