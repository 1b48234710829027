"""The chat page in a real Chromium."""

import asyncio

import aiohttp
import pytest
from playwright.async_api import expect

from core.languages.catalogue import LANGUAGES
from tests.page.conftest import ask, bot

MARKDOWN = """# A heading

Some **bold** text, `code`, <script>alert(1)</script> and [a link](https://example.org).

| a | b |
|---|---|
| 1 | 2 |

```python
print("hello")
```
"""


async def test_an_answer_streams_in_with_its_markdown_rendered(page, app, model):
    model.answer = lambda messages: MARKDOWN
    await page.goto(app.url)
    await ask(page, "Show me")
    await expect(page.locator(".growing")).to_be_visible()
    await expect(page.locator("button[data-command=stop]")).to_be_visible()
    await expect(page.locator("button[data-command=retry]")).to_be_visible()
    await expect(bot(page).locator("h1")).to_have_text("A heading")
    await expect(bot(page).locator("strong")).to_have_text("bold")
    await expect(bot(page).locator("td")).to_have_text(["1", "2"])
    await expect(bot(page).locator(".block code")).to_have_text('print("hello")\n')
    await expect(bot(page).locator(".hljs-string")).to_have_text('"hello"')
    await expect(bot(page).locator("a")).to_have_attribute("rel", "noopener noreferrer nofollow")
    await expect(bot(page)).to_contain_text("<script>alert(1)</script>")
    assert await page.locator("#posts script").count() == 0
    assert page.problems == []


async def test_history_is_there_after_a_reload_and_in_several_conversations(page, app):
    await page.goto(app.url)
    await ask(page, "apples")
    await expect(bot(page)).to_have_text("Echo of apples -- before that: nothing.")
    await page.click("#new")
    await expect(page.locator(".hello")).to_be_visible()
    await ask(page, "pears")
    await expect(bot(page)).to_have_text("Echo of pears -- before that: nothing.")
    await page.reload()
    await expect(page.locator(".entry")).to_have_count(2)
    await expect(bot(page)).to_have_text("Echo of pears -- before that: nothing.")
    await page.click(".entry .open:text('apples')")
    await expect(bot(page)).to_have_text("Echo of apples -- before that: nothing.")
    await ask(page, "plums")
    await expect(bot(page).last).to_have_text("Echo of plums -- before that: apples.")
    assert page.problems == []


async def test_stop_and_retry_buttons_work(page, app, model):
    model.answer = lambda messages: "word " * 500
    await page.goto(app.url)
    await ask(page, "talk")
    await page.click("button[data-command=stop]")
    await expect(bot(page)).to_contain_text("(stopped)")
    model.answer = lambda messages: "short and done"
    await page.click("button[data-command=retry]")
    await expect(bot(page).last).to_have_text("short and done")


async def test_a_picture_appears_inline(page, app):
    await page.goto(app.url)
    await ask(page, "/image a red fox --size 256x128")
    image = page.locator(".pictures img")
    await expect(image).to_be_visible()
    await page.wait_for_function("document.querySelector('.pictures img').complete")
    assert await image.evaluate("node => [node.naturalWidth, node.naturalHeight]") == [256, 128]
    assert page.problems == []


async def test_what_is_typed_and_sent_before_the_page_is_ready_is_sent(page, app):
    async def late(route):
        await asyncio.sleep(0.3)
        await route.continue_()

    await page.route("**/api/session", late)
    await page.goto(app.url)
    await ask(page, "early")
    await expect(bot(page)).to_have_text("Echo of early -- before that: nothing.")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_it_fits_a_phone_in_light_and_dark(page, app, model, scheme):
    model.answer = lambda messages: MARKDOWN + "| " + "a wide cell | " * 12
    await page.emulate_media(color_scheme=scheme)
    await page.set_viewport_size({"width": 375, "height": 700})
    await page.goto(app.url)
    await ask(page, "Show me")
    await expect(page.locator("button[data-command=retry]")).to_be_visible()
    wide = await page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 375
    await page.click("#menu")
    await expect(page.locator("#new")).to_be_in_viewport()
    background = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == {"light": "rgb(255, 255, 255)", "dark": "rgb(22, 22, 29)"}[scheme]


async def test_a_conversation_can_be_forgotten(page, app, model):
    await page.goto(app.url)
    await ask(page, "secret")
    await expect(bot(page)).to_have_text("Echo of secret -- before that: nothing.")

    await page.hover(".entry")
    await page.click(".entry .drop")
    await expect(page.locator(".entry")).to_have_count(0)
    await expect(page.locator(".hello")).to_be_visible()


async def test_another_site_can_neither_post_nor_read(app):
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        async with session.get(app.url) as response:
            policy = response.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert not response.cookies
        async with session.post(f"{app.url}/api/session", json={}) as response:
            assert response.cookies["palaver"]["samesite"] == "Lax"
            assert response.cookies["palaver"]["httponly"]
        path = f"{app.url}/api/conversations/thread-12345"
        body = {"id": "abcdefgh", "text": "hello"}
        for headers in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}):
            async with session.post(path, json=body, headers=headers) as response:
                assert response.status == 403
        async with session.get(f"{app.url}/static/..%2fadapter.py") as response:
            assert response.status == 404
    async with aiohttp.ClientSession() as stranger, stranger.post(path, json=body) as response:
        assert response.status == 403


async def test_one_visitor_cannot_see_anothers_conversations(app):
    path = f"{app.url}/api/conversations"
    seen = []
    for _ in range(2):
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
            await session.post(f"{app.url}/api/session", json={})
            async with session.get(path) as response:
                seen.append(await response.json())
            body = {"id": "abcdefgh", "text": "mine"}
            async with session.post(f"{path}/thread-12345", json=body) as response:
                assert response.status == 202
    assert seen == [[], []]


async def test_the_server_tells_its_health_and_metrics(app):
    async with aiohttp.ClientSession() as session:
        for path, word in (
            ("healthz", "alive"),
            ("readyz", '"ready"'),
            ("metrics", "palaver_turns"),
        ):
            async with session.get(f"{app.url}/{path}") as response:
                assert response.status == 200
                assert word in await response.text()


async def test_the_page_speaks_the_language_that_is_chosen_on_it(page, app):
    await page.goto(app.url)
    await expect(page.locator("#title")).to_have_text(LANGUAGES["en"].sentences["page_new"])
    await page.locator("#language").select_option("ar")
    await expect(page.locator("#title")).to_have_text(LANGUAGES["ar"].sentences["page_new"])
    await expect(page.locator("html")).to_have_attribute("dir", "rtl")
    box, side = await page.locator("main").bounding_box(), page.locator("#side")
    assert (await side.bounding_box())["x"] > box["x"]
    await page.locator("#text").fill("/nonsense")
    await page.locator("#send").click()
    await expect(page.locator(".post.bot .text").last).to_contain_text("لا أعرف")
    assert page.problems == []
