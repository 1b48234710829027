"""What a person does on the page: sending, attaching, finding, keys, and being away."""

import io
import json
from importlib import resources
from pathlib import Path

import aiohttp
import msgspec
import pytest
from PIL import Image
from playwright.async_api import expect

from core.languages.catalogue import LANGUAGES
from core.messages import ConversationId, Exchange, Sender
from core.store import keys
from core.store.archive import indexed
from tests.harness import until
from tests.page.conftest import ask, bot, paste
from tests.scenarios.test_telegram import pdf

WORDS = LANGUAGES["en"].sentences
AXE = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")


async def faults(page):
    """What axe-core finds wrong on *page*, in short."""
    await page.evaluate(AXE)
    found = await page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [(one["id"], [node["html"] for node in one["nodes"]]) for one in found["violations"]]


@pytest.mark.parametrize(
    ("scheme", "width", "language"), [("light", 1180, "en"), ("dark", 375, "ar")]
)
async def test_axe_finds_nothing_wrong(page, app, model, scheme, width, language):
    model.answer = lambda messages: (
        "# Title\n\n| a | b | a long cell that is wide |\n|--|--|--|\n| 1 | 2 | 3 |\n\n"
        "```python\n" + "x = 1  # " * 30 + "\n```\n\n$\\frac{a}{b}$ and text[^1]\n\n[^1]: A note."
    )
    await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    await page.set_viewport_size({"width": width, "height": 700})
    await page.goto(app.url)
    await page.locator("#language").evaluate(
        "(node, tag) => { node.value = tag; node.dispatchEvent(new Event('change')); }", language
    )
    await expect(page.locator("html")).to_have_attribute("lang", language)
    await expect(page.locator(".hello")).to_be_visible()
    assert await faults(page) == []
    await ask(page, "Show me")
    await expect(page.locator("button[data-command=retry]")).to_be_visible()
    await page.locator("#more summary").click()
    assert await faults(page) == []
    assert page.problems == []


async def test_an_input_method_ends_a_word_without_sending_it(page, app):
    await page.goto(app.url)
    await page.fill("#text", "にほん")
    # Together, as a browser sends them: what comes much later is another key.
    keys = """(node, events) => { for (const [type, more] of events) node.dispatchEvent(
      type.startsWith("comp") ? new CompositionEvent(type, { bubbles: true })
        : new KeyboardEvent(type, { key: "Enter", bubbles: true, cancelable: true, ...more })) }"""
    text = page.locator("#text")
    # Chrome and Firefox; Safari (webkit.org/b/165004); Safari's older order, with another number.
    for order in (
        [("keydown", {"isComposing": True, "keyCode": 229}), ("compositionend", {})],
        [("compositionend", {}), ("keydown", {"keyCode": 229})],
        [("compositionend", {}), ("keydown", {"keyCode": 13})],
        [("keydown", {"shiftKey": True}), ("keydown", {"ctrlKey": True})],
    ):
        await text.evaluate(keys, [[type_, more] for type_, more in order])
    await expect(text).to_have_value("にほん")
    await expect(page.locator(".post")).to_have_count(0)


async def test_a_screen_reader_hears_an_answer_once(page, app, model):
    model.answer = lambda messages: "One two three. " * 20
    await page.goto(app.url)
    await page.evaluate(
        """() => {
          window.heard = [];
          const said = document.querySelector("#said");
          const listener = new MutationObserver(() => heard.push(said.textContent));
          listener.observe(said, { childList: true });
        }"""
    )
    await ask(page, "talk")
    await expect(page.locator("#posts")).to_have_attribute("aria-busy", "true")
    await expect(page.locator("button[data-command=retry]")).to_be_visible()
    await expect(page.locator("#posts")).to_have_attribute("aria-busy", "false")
    assert await page.locator("#posts").get_attribute("aria-live") == "off"
    heard = [one.strip() for one in await page.evaluate("heard")]
    assert heard == ["An answer is being written.", ("One two three. " * 20).strip()]


async def test_keys_search_begin_copy_edit_and_stop(page, app, model):
    await page.goto(app.url)
    await ask(page, "apples")
    await expect(bot(page)).to_have_text("Echo of apples -- before that: nothing.")
    await page.evaluate(
        """() => {
          const writeText = async (text) => (window.copied = text);
          Object.defineProperty(navigator, "clipboard", { value: { writeText } });
        }"""
    )
    await page.keyboard.press("Control+Shift+C")
    assert await page.evaluate("copied") == "Echo of apples -- before that: nothing."
    await page.keyboard.press("Control+k")
    await expect(page.locator("#search")).to_be_focused()
    await page.keyboard.type("ECHO of app")
    await expect(page.locator(".entry")).to_have_count(1)
    await page.keyboard.type("x")
    await expect(page.locator(".none")).to_have_text(WORDS["page_nothing_found"])
    await page.locator("#search").fill("")
    await page.keyboard.press("Control+/")
    await expect(page.locator("dialog[open] dt")).to_have_count(6)
    await page.keyboard.press("Escape")
    await expect(page.locator("dialog")).to_have_count(0)
    await page.keyboard.press("Control+Shift+O")
    await expect(page.locator(".hello")).to_be_visible()
    await expect(page.locator("#text")).to_be_focused()
    model.answer = lambda messages: "word " * 500
    await ask(page, "talk")
    # It can be stopped from the first moment.
    await expect(page.locator("#halt")).to_be_visible(timeout=1000)
    await expect(page.locator(".growing")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(bot(page)).to_contain_text("(stopped)")
    await expect(page.locator("#halt")).to_be_hidden()


async def test_a_conversation_is_renamed_pinned_and_forgotten_with_undo(page, app):
    await page.goto(app.url)
    for name in ("apples", "pears"):
        await page.click("#new")
        await ask(page, name)
        await expect(bot(page)).to_contain_text(f"Echo of {name}")
    entries = page.locator(".entry .open")
    await expect(entries).to_have_text(["pears", "apples"])
    apples = page.locator(".entry", has_text="apples")
    await apples.hover()
    await apples.locator(".pin").click()
    await expect(entries).to_have_text(["apples", "pears"])
    await apples.hover()
    await apples.locator(".rename").click()
    await page.locator("dialog input").fill("Fruit")
    await page.keyboard.press("Enter")
    await expect(entries).to_have_text(["Fruit", "pears"])
    pears = page.locator(".entry", has_text="pears")
    await pears.hover()
    await pears.locator(".drop").click()
    await expect(entries).to_have_text(["Fruit"])
    await page.locator("#toast button").click()
    await expect(entries).to_have_text(["Fruit", "pears"])
    await expect(bot(page)).to_contain_text("Echo of pears")
    await pears.hover()
    await pears.locator(".drop").click()
    await page.reload()
    await expect(entries).to_have_text(["Fruit"])
    await entries.click()
    await expect(bot(page)).to_contain_text("Echo of apples")
    async with page.expect_download() as download:
        await page.locator("#more summary").click()
        await page.click("#menu-json")
    saved = json.loads(Path(await (await download.value).path()).read_text())
    assert saved["title"] == "Fruit"
    assert saved["posts"][0]["text"] == "apples"
    assert page.problems == []


async def test_a_question_is_edited_and_what_was_answered_before_is_kept(page, app, model):
    await page.goto(app.url)
    await ask(page, "apples")
    await expect(bot(page)).to_have_text("Echo of apples -- before that: nothing.")
    await page.locator("#text").press("ArrowUp")
    await expect(page.locator("#text")).to_have_value("apples")
    await expect(page.locator("#editing")).to_be_visible()
    await ask(page, "pears")
    await expect(bot(page)).to_have_text("Echo of pears -- before that: nothing.")
    await expect(page.locator(".post.person > .text")).to_have_text(["pears"])
    await page.reload()
    await page.get_by_label(WORDS["page_version_before"]).click()
    await expect(page.locator(".versions span")).to_have_text("1 / 2")
    await expect(page.locator(".post.person > .text")).to_have_text(["apples"])
    await expect(bot(page)).to_have_text("Echo of apples -- before that: nothing.")
    await page.get_by_label(WORDS["page_version_after"]).click()
    await expect(page.locator(".post.person > .text")).to_have_text(["pears"])
    await ask(page, "plums")
    await expect(bot(page).last).to_have_text("Echo of plums -- before that: pears.")
    assert page.problems == []


async def test_drafts_stay_with_their_conversation_and_over_reloads(page, app):
    await page.goto(app.url)
    await ask(page, "apples")
    await expect(bot(page)).to_contain_text("apples")
    await page.fill("#text", "half a thou")
    await page.click("#new")
    await expect(page.locator("#text")).to_have_value("")
    await page.click(".entry .open")
    await expect(page.locator("#text")).to_have_value("half a thou")
    await page.reload()
    await expect(page.locator("#text")).to_have_value("half a thou")


def png():
    data = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(data, "PNG")
    return data.getvalue()


async def test_files_are_picked_pasted_dropped_removed_and_read(page, app, model):
    await page.goto(app.url)
    files = [
        {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"The secret word is xylophone."},
        {"name": "dot.png", "mimeType": "image/png", "buffer": png()},
    ]
    await page.locator("#pick").set_input_files(files)
    await expect(page.locator("#files li")).to_have_count(2)
    give = """(name) => {
      const data = new DataTransfer();
      data.items.add(new File(["more"], `${name}.md`, { type: "text/markdown" }));
      const more = { bubbles: true, cancelable: true };
      if (name === "pasted") document.querySelector("#text").dispatchEvent(
        new ClipboardEvent("paste", { ...more, clipboardData: data }));
      else for (const type of ["dragover", "drop"]) document.body.dispatchEvent(
        new DragEvent(type, { ...more, dataTransfer: data }));
    }"""
    await page.evaluate(give, "pasted")
    await page.evaluate(give, "dropped")
    await expect(page.locator("#files li")).to_have_count(4)
    await page.locator("#files li", has_text="dropped.md").locator("button").click()
    await expect(page.locator("#files .name")).to_have_text(["notes.txt", "dot.png", "pasted.md"])
    await expect(page.locator("#files progress")).to_have_count(0)
    await ask(page, "What is the word?")
    await expect(page.locator(".post.person .downloads a")).to_have_text(["notes.txt", "pasted.md"])
    await expect(page.locator(".post.person .pictures img")).to_be_visible()
    await expect(bot(page)).to_contain_text("Echo of")
    asked = json.dumps([request["messages"] for request in model.requests])
    assert "xylophone" in asked
    assert "data:image/" in asked
    await expect(page.locator("#files li")).to_have_count(0)
    # Too large is told before anything is sent.
    await page.evaluate(
        """() => {
          const data = new DataTransfer();
          data.items.add(new File([new Uint8Array(21 * 1024 * 1024)], "huge.pdf"));
          document.querySelector("#text").dispatchEvent(
            new ClipboardEvent("paste", { bubbles: true, cancelable: true, clipboardData: data }));
        }"""
    )
    await expect(page.locator("#state")).to_contain_text("huge.pdf")
    await expect(page.locator("#files li")).to_have_count(0)
    assert page.problems == []


async def test_a_pdf_and_a_sound_reach_the_model_as_text(page, app, model):
    await page.goto(app.url)
    await expect(page.locator(".hello")).to_be_visible()
    await paste(page, "paper.pdf", "application/pdf", pdf("Tea is a drink"))
    sound = {"name": "note.ogg", "mimeType": "audio/ogg", "buffer": b"OggS voice"}
    await page.locator("#pick").set_input_files([sound])
    await expect(page.locator("#files .name")).to_have_text(["paper.pdf", "note.ogg"])
    await expect(page.locator("#files progress")).to_have_count(0)
    await ask(page, "Which one speaks?")
    await expect(bot(page)).to_contain_text("Echo of")
    asked = str(model.requests[-1]["messages"][-1]["content"])
    assert "Tea is a drink" in asked
    assert model.heard[-1][2] == b"OggS voice"
    assert "what is the time?" in asked
    assert page.problems == []


async def test_a_message_that_failed_is_told_kept_and_sent_once(page, app, model):
    await page.goto(app.url)
    await expect(page.locator(".hello")).to_be_visible()
    lost = []

    async def lose(route):
        # The server takes the message, but its answer is lost: the page cannot know.
        lost.append(await route.fetch())
        await route.abort()

    await page.route("**/api/conversations/*", lose)
    await ask(page, "only once")
    await expect(page.locator("#state")).to_contain_text(WORDS["page_offline"])
    await until(lambda: len(lost) > 1)
    await page.unroute("**/api/conversations/*")
    await page.evaluate("window.dispatchEvent(new Event('online'))")
    await expect(bot(page)).to_have_text("Echo of only once -- before that: nothing.")
    await expect(page.locator(".pending")).to_have_count(0)
    await expect(page.locator("#state")).to_have_text("")
    await ask(page, "and then")
    await expect(bot(page).last).to_have_text("Echo of and then -- before that: only once.")
    await expect(page.locator(".post.person")).to_have_count(2)


async def test_what_waits_survives_a_reload_and_connecting_again_is_told(page, app):
    await page.goto(app.url)
    await expect(page.locator(".hello")).to_be_visible()
    await page.context.set_offline(True)
    await ask(page, "from afar")
    await expect(page.locator(".pending")).to_contain_text("from afar")
    await expect(page.locator(".pending")).to_contain_text(WORDS["page_waiting"])
    await page.context.set_offline(False)
    await expect(bot(page)).to_have_text("Echo of from afar -- before that: nothing.")
    await page.route("**/events", lambda route: route.fulfill(status=503))
    await page.reload()
    await expect(page.locator("#state")).to_have_text(WORDS["page_reconnecting"])
    await page.unroute("**/events")
    await expect(bot(page)).to_have_text("Echo of from afar -- before that: nothing.")
    await expect(page.locator("#state")).to_have_text("")


async def test_the_first_load_is_small_and_kept_for_good(page, app):
    loaded = []

    def note(response):
        loaded.append(response)

    page.on("response", note)
    await page.goto(app.url)
    await expect(page.locator(".hello")).to_be_visible()
    assets = [one for one in loaded if "/static/" in one.url]
    sizes = [int((await one.all_headers()).get("content-length", 0)) for one in assets]
    assert sum(sizes) < 150_000
    for one in assets:
        assert "immutable" in (await one.all_headers())["cache-control"]
    manifest = await page.evaluate("document.querySelector('link[rel=manifest]').href")
    async with aiohttp.ClientSession() as session, session.get(manifest) as response:
        told = json.loads(await response.text())
    assert told["display"] == "standalone"
    assert {one["sizes"] for one in told["icons"]} >= {"192x192", "512x512"}
    # 200 %: half as many pixels for the same page.
    await page.set_viewport_size({"width": 590, "height": 400})
    assert await page.evaluate("document.documentElement.scrollWidth") <= 590
    await expect(page.locator("#text")).to_be_in_viewport()


async def test_who_has_a_link_of_the_bot_signs_in_with_a_press_reads_their_chats_and_leaves(
    page, app
):
    visits = app.core.services.visits
    said = Exchange("telegram:1", "Ann", "apples?", "**Yes**", 1.0, person="telegram:77")
    index = indexed(ConversationId("telegram:77:"), private=True)
    await app.core.redis.zadd(keys.asked("telegram:77"), {index: 1})
    history = keys.history(ConversationId("telegram:77:"))
    await app.core.redis.rpush(history, msgspec.json.encode(said))
    link = await visits.invite(Sender("telegram:77", "Ann"), "page")
    await page.goto(f"{app.url}/#me={link}")
    await expect(page.locator(".hello h2")).to_have_text(WORDS["page_sign_in_title"])
    assert "me=" not in page.url
    await page.get_by_role("button", name=WORDS["page_sign_in"]).click()
    await expect(page.locator("#person span")).to_have_text("Ann (telegram)")
    await ask(page, "pears")
    await expect(bot(page)).to_contain_text("Echo of pears")
    await page.get_by_role("button", name=WORDS["page_elsewhere"]).click()
    await expect(page.locator("dialog .post.person .text")).to_have_text("apples?")
    await expect(page.locator("dialog .post.bot strong")).to_have_text("Yes")
    assert await faults(page) == []
    await page.get_by_role("button", name=WORDS["page_close"]).click()
    # What they wrote and did not send is nobody's after them in this browser.
    await page.context.set_offline(True)
    await ask(page, "of Ann alone")
    await expect(page.locator(".pending")).to_contain_text("of Ann alone")
    await page.fill("#text", "half of Ann's")
    assert "of Ann" in await page.evaluate("JSON.stringify(localStorage)")
    await page.route("**/api/conversations/*", lambda route: route.abort())
    await page.context.set_offline(False)
    await page.get_by_role("button", name=WORDS["page_sign_out"]).click()
    await expect(page.locator("#person")).to_be_hidden()
    await expect(page.locator(".hello")).to_be_visible()
    await expect(page.locator(".entry")).to_have_count(0)
    assert "of Ann" not in await page.evaluate("JSON.stringify(localStorage)")
    await page.unroute("**/api/conversations/*")
    await page.goto(f"{app.url}/#me={link}")
    await page.get_by_role("button", name=WORDS["page_sign_in"]).click()
    await expect(page.get_by_role("alert")).to_have_text(WORDS["page_link_gone"])
    assert [one for one in page.problems if "410" not in one and "net::ERR_" not in one] == []
