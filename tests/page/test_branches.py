"""Branches on the page: each wording of a question goes on with what was asked behind it."""

import json
from pathlib import Path
from types import SimpleNamespace

import aiohttp
import msgspec
import pytest
from msgspec.structs import replace
from playwright.async_api import expect

from bots.web.posts import Post, Version
from core.languages.catalogue import LANGUAGES
from tests.attacks.watching import free_port
from tests.harness import Replica, until
from tests.page.conftest import ask, bot, log_of
from tests.page.test_use import faults
from tests.servers.redis import redis_at

WORDS = LANGUAGES["en"].sentences
BEFORE, AFTER = WORDS["page_version_before"], WORDS["page_version_after"]


def questions(page):
    return page.locator(".post.person:not(.pending) > .text")


async def edit(page, number, text):
    """Edit the question with *number*, counted from 0."""
    post = page.locator(".post.person").nth(number)
    await post.hover()
    await post.locator(".edit-post").click()
    await expect(page.locator("#editing")).to_be_visible()
    await ask(page, text)


async def forked(page, app):
    """A conversation with two wordings of its first question; the second one is shown."""
    await page.goto(app.url)
    await ask(page, "apples")
    await expect(bot(page)).to_have_text("Echo of apples -- before that: nothing.")
    await ask(page, "plums")
    await expect(bot(page).last).to_have_text("Echo of plums -- before that: apples.")
    await edit(page, 0, "pears")
    await expect(bot(page)).to_have_text(["Echo of pears -- before that: nothing."])
    await expect(questions(page)).to_have_text(["pears"])


async def test_an_older_branch_goes_on_and_the_model_gets_the_history_that_is_shown(page, app):
    await forked(page, app)
    await page.get_by_label(BEFORE).click()
    await expect(questions(page)).to_have_text(["apples", "plums"])
    await expect(bot(page).last).to_have_text("Echo of plums -- before that: apples.")
    await ask(page, "figs")
    await expect(bot(page).last).to_have_text("Echo of figs -- before that: apples | plums.")
    await page.get_by_label(AFTER).click()
    await expect(questions(page)).to_have_text(["pears"])
    await ask(page, "kiwis")
    await expect(bot(page).last).to_have_text("Echo of kiwis -- before that: pears.")
    assert page.problems == []


async def test_the_branch_that_is_shown_is_the_same_after_a_reload_and_on_another_device(
    page, app, browser
):
    await forked(page, app)
    await page.get_by_label(BEFORE).click()
    await expect(questions(page)).to_have_text(["apples", "plums"])
    await page.reload()
    await expect(questions(page)).to_have_text(["apples", "plums"])
    context = await browser.new_context(storage_state=await page.context.storage_state())
    try:
        other = await context.new_page()
        await other.goto(page.url)
        await expect(questions(other)).to_have_text(["apples", "plums"])
        await other.get_by_label(AFTER).click()
        await expect(questions(page)).to_have_text(["pears"])
        await ask(other, "figs")
        await expect(bot(page).last).to_have_text("Echo of figs -- before that: pears.")
    finally:
        await context.close()


async def test_what_is_saved_is_the_branch_that_is_shown(page, app):
    await forked(page, app)
    await page.get_by_label(BEFORE).click()
    await expect(questions(page)).to_have_text(["apples", "plums"])
    async with page.expect_download() as download:
        await page.locator("#more summary").click()
        await page.click("#menu-json")
    saved = json.loads(Path(await (await download.value).path()).read_text())
    assert [one["text"] for one in saved["posts"]] == [
        "apples",
        "Echo of apples -- before that: nothing.",
        "plums",
        "Echo of plums -- before that: apples.",
    ]


async def test_retry_answers_the_branch_that_is_shown(page, app, model):
    await forked(page, app)
    await page.get_by_label(BEFORE).click()
    model.answer = lambda messages: f"again: {messages[-1]['content']}, {len(messages)} messages"
    await page.locator("button[data-command=retry]").click()
    await expect(bot(page).last).to_have_text("again: plums, 4 messages")
    await page.get_by_label(AFTER).click()
    await expect(bot(page)).to_have_text(["Echo of pears -- before that: nothing."])


async def test_an_answer_grows_on_its_own_branch_while_another_one_is_shown(page, app, model):
    await forked(page, app)
    model.answer = lambda messages: "word " * 120 + "end"
    await ask(page, "talk")
    await expect(page.locator(".growing")).to_be_visible()
    await page.get_by_label(BEFORE).click()
    await expect(questions(page)).to_have_text(["apples", "plums"])
    await expect(bot(page)).to_have_count(2)
    await expect(page.locator("#halt")).to_be_hidden(timeout=20_000)
    await expect(bot(page)).to_have_count(2)
    await page.get_by_label(AFTER).click()
    await expect(bot(page).last).to_contain_text("word end")


async def test_the_new_wording_of_a_question_that_is_not_answered_yet_takes_its_place(
    page, app, model
):
    model.answer = lambda messages: "word " * 400
    await page.goto(app.url)
    await ask(page, "talk")
    await expect(page.locator(".growing")).to_be_visible()
    model.answer = lambda messages: "short: " + messages[-1]["content"]
    await edit(page, 0, "speak")
    await expect(bot(page)).to_have_text(["short: speak"])
    await expect(questions(page)).to_have_text(["speak"])
    await expect(page.locator(".versions")).to_have_count(0)


async def test_one_turns_from_wording_to_wording_with_the_keyboard(page, app):
    await forked(page, app)
    assert await faults(page) == []
    await edit(page, 0, "figs")
    await expect(questions(page)).to_have_text(["figs"])
    await expect(page.locator(".versions span")).to_have_text("3 / 3")
    await page.get_by_label(BEFORE).focus()
    await page.keyboard.press("Enter")
    await expect(questions(page)).to_have_text(["pears"])
    await expect(page.get_by_label(BEFORE)).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(questions(page)).to_have_text(["apples", "plums"])
    # There is nothing before it, so the way back has the focus.
    await expect(page.get_by_label(AFTER)).to_be_focused()
    await expect(page.locator(".versions span")).to_have_attribute(
        "aria-label", WORDS["page_version"].format(number=1, all=3)
    )


async def test_a_message_that_was_lost_on_its_way_comes_to_the_branch_on_which_it_was_written(
    page, app
):
    await forked(page, app)
    await page.get_by_label(BEFORE).click()
    await expect(questions(page)).to_have_text(["apples", "plums"])
    lost = []

    async def lose(route):
        if route.request.method == "POST":
            lost.append(await route.fetch())
            await route.abort()
        else:
            await route.continue_()

    await page.route("**/api/conversations/*", lose)
    await ask(page, "figs")
    await until(lambda: lost)
    await page.unroute("**/api/conversations/*")
    await expect(bot(page).last).to_have_text("Echo of figs -- before that: apples | plums.")
    await page.evaluate("window.dispatchEvent(new Event('online'))")
    await expect(page.locator(".pending")).to_have_count(0)
    await expect(questions(page)).to_have_text(["apples", "plums", "figs"])


@pytest.mark.parametrize("asked", [False, True], ids=["as it was", "with a new wording"])
async def test_what_earlier_versions_kept_of_edits_can_be_read(page, app, asked):
    await page.goto(app.url)
    await ask(page, "pears")
    await expect(bot(page)).to_have_text("Echo of pears -- before that: nothing.")
    log, conversation = await log_of(page, app)
    post = msgspec.json.decode(await log.get(conversation, 1), type=Post)
    versions = (Version("apples", "Echo of **apples**"),)
    old = replace(post, after=None, versions=versions, edit="abcdefgh")
    await log.put(conversation, msgspec.json.encode(old), 1)
    await page.reload()
    if asked:
        await edit(page, 0, "figs")
        await expect(questions(page)).to_have_text(["figs"])
        await page.get_by_label(BEFORE).click()
        await expect(questions(page)).to_have_text(["pears"])
    await page.get_by_label(BEFORE).click()
    await expect(page.locator(".versions span")).to_have_text(f"1 / {2 + asked}")
    await expect(page.locator(".past")).to_contain_text("Echo of apples")
    await expect(page.locator(".past strong")).to_have_text("apples")
    await page.get_by_label(AFTER).click()
    await expect(page.locator(".past")).to_be_hidden()
    await ask(page, "plums")
    await expect(bot(page).last).to_have_text("Echo of plums -- before that: pears.")


async def test_a_killed_process_goes_on_with_the_history_of_the_branch(page, tmp_path, model):
    nobody, url = SimpleNamespace(token="", url=""), f"http://127.0.0.1:{(port := free_port())}"
    async with redis_at(tmp_path / "redis") as redis:
        running = []

        async def start():
            folder = tmp_path / str(len(running))
            more = {"warm": True, "web_chat": "true", "http_port": port}
            running.append(one := Replica(folder, redis, nobody, model, **more))
            one.start()
            await until(lambda: answers(url))
            return one

        try:
            first = await start()
            await forked(page, SimpleNamespace(url=url))
            await page.get_by_label(BEFORE).click()
            await expect(questions(page)).to_have_text(["apples", "plums"])
            usual, model.answer = model.answer, lambda messages: "word " * 400
            await ask(page, "figs")
            await expect(page.locator(".growing")).to_contain_text("word word")
            first.kill()
            model.answer = usual
            await start()
            await expect(bot(page).last).to_contain_text("that: apples | plums.", timeout=20_000)
            await expect(questions(page)).to_have_text(["apples", "plums", "figs"])
            await page.get_by_label(AFTER).click()
            await expect(questions(page)).to_have_text(["pears"])
        finally:
            for one in running:
                one.end()


async def answers(url):
    """Whether a page is served at *url*."""
    try:
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            return response.status == 200
    except aiohttp.ClientError:
        return False
