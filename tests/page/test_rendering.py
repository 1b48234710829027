"""How a growing answer is drawn, in a real Chromium: bench/page has the same at full length."""

import asyncio
from functools import partial

import msgspec
import pytest
import pytest_asyncio
from playwright.async_api import expect

from bench.page.answer import answer, frames
from bots.web.posts import Post
from core.languages.catalogue import LANGUAGES
from tests.harness import until
from tests.page.conftest import ask, bot, log_of

PHONE = {"viewport": {"width": 375, "height": 700}, "has_touch": True, "is_mobile": True}
TRICKY = r"""Intro
# h
#not a heading
1. one

2. two
- a
  - b

text[^1] and [ref] and **这是重点。**后面, **한국어(강조)**입니다.

> quote
lazy
***
| a | b | c |
|:--|:-:|--:|
| 1 | x | 3 |

$$
a
- b
= c
$$

Cost $5 and $6, but $x^2$ and \(a_1\) and \[b\].
\begin{align}
a &= b \\
- c
\end{align}

Title
===

    indented

```js
let a = "<b>";
```
- [x] done
- [ ] open

[^1]: The **note**.
[ref]: https://example.org

שלום `code` עולם
"""


@pytest_asyncio.fixture(loop_scope="session")
async def canvas(page, app):
    """A page with one empty answer, on which `draw` draws texts: one each frame of the display."""
    await page.goto(app.url)
    await expect(page.locator(".hello")).to_be_visible()
    await page.evaluate(
        """async () => {
          const app = document.querySelector("script[type=module]").src;
          const { Blocks, reachable } = await import(app.replace("app.js", "blocks.js"));
          const formulas = await import(app.replace("app.js", "formulas.js"));
          await formulas.loadFormulas();
          const post = document.querySelector("#posts");
          window.restart = () => {
            window.root = document.createElement("div");
            root.className = "text";
            post.replaceChildren(root);
            window.blocks = new Blocks(root, () => {});
          };
          restart();
          window.nodes = 0;
          const watcher = new MutationObserver((all) => {
            for (const { addedNodes, removedNodes } of all) {
              nodes += addedNodes.length + removedNodes.length;
            }
          });
          watcher.observe(post, { childList: true, subtree: true });
          window.draw = async (texts, whole) => {
            for (const [at, text] of texts.entries()) {
              await new Promise(requestAnimationFrame);
              blocks.set(text, whole && at === texts.length - 1);
              blocks.step();
            }
            while (!blocks.step()) await new Promise(requestAnimationFrame);
            reachable(root);
            return root.innerHTML;
          };
        }"""
    )

    async def draw(*texts, whole=True):
        return await page.evaluate("([texts, whole]) => draw(texts, whole)", [texts, whole])

    async def at_once(text):
        await page.evaluate("restart()")
        return await draw(text)

    page.draw, page.at_once = draw, at_once
    return page


async def test_a_long_answer_streams_block_by_block_and_ends_as_if_rendered_at_once(canvas):
    text = answer()
    grown = await canvas.draw(*frames(text, 150))
    # Everything anew in each frame would be 35,000.
    assert await canvas.evaluate("nodes") < 2_500
    assert grown == await canvas.at_once(text)
    assert await canvas.locator(".block .hljs-keyword, .block .hljs-attr").count() > 30
    assert await canvas.locator(".katex").count() > 30
    assert await canvas.evaluate("violations") == []
    assert canvas.problems == []


async def test_whatever_a_next_line_changes_the_end_is_as_if_rendered_at_once(canvas):
    texts = [TRICKY[:end] for end in range(0, len(TRICKY), 3)]
    assert await canvas.draw(*texts, TRICKY) == await canvas.at_once(TRICKY)
    assert await canvas.evaluate("violations") == []


async def test_selection_scrolling_and_a_half_pressed_button_survive_growth(canvas):
    code = "```python\n" + "x = 'a long line ' * 100  # " + "so that it scrolls " * 20 + "\n"
    await canvas.draw("First **words**.\n\nSecond", code + "y = 1\n```", whole=False)
    await canvas.draw("First **words**.\n\nSecond wor", whole=False)
    await canvas.evaluate(
        """() => {
          const text = root.querySelectorAll("p")[1].firstChild;
          getSelection().setBaseAndExtent(root.querySelector("p").firstChild, 0, text, 6);
        }"""
    )
    await canvas.draw("First **words**.\n\nSecond words *and more* of it", whole=False)
    await canvas.draw("First **words**.\n\nSecond words *and more* of it, to the end.\n\nThird")
    assert await canvas.evaluate("String(getSelection())") == "First words.\n\nSecond"
    await canvas.evaluate("restart()")
    await canvas.draw(code + "y\n```", whole=False)
    await canvas.evaluate(
        "() => { window.kept = root.querySelector('pre'); kept.scrollLeft = 90;"
        " window.button = root.querySelector('button'); }"
    )
    box = await canvas.locator(".copy").bounding_box()
    await canvas.mouse.move(box["x"] + 5, box["y"] + 5)
    await canvas.mouse.down()
    await canvas.draw(code + "y = 2\n```", code + "y = 2\nz\n```\n\nAnd then", whole=False)
    await canvas.draw(code + "y = 2\nz\n```\n\nAnd then this.")
    assert await canvas.evaluate("[kept.isConnected, kept.scrollLeft]") == [True, 90]
    await canvas.mouse.up()
    await expect(canvas.locator(".copy")).to_have_text(LANGUAGES["en"].sentences["page_copied"])


async def test_everything_that_markdown_has_is_drawn(canvas):
    await canvas.draw(TRICKY)
    root = canvas.locator("#posts .text")
    await expect(root.locator("td")).to_have_text(["1", "x", "3"])
    aligned = await root.locator("td").evaluate_all(
        "cells => cells.map((cell) => getComputedStyle(cell).textAlign)"
    )
    assert aligned == ["left", "center", "right"]
    await expect(root.locator("strong")).to_have_text(["这是重点。", "한국어(강조)", "note"])
    await expect(root.locator("li.task")).to_have_text(["☑ done", "☐ open"])
    await expect(root.locator("a:text-is('ref')")).to_have_attribute("href", "https://example.org")
    tex = await root.locator(".math").evaluate_all("all => all.map((one) => one.dataset.tex)")
    assert tex == [
        "a\n- b\n= c",
        "x^2",
        "a_1",
        "b",
        "\\begin{align}\na &= b \\\\\n- c\n\\end{align}",
    ]
    await expect(root).to_contain_text("Cost $5 and $6, but")
    await root.locator("sup button").click()
    await expect(root.locator(".note .from-note")).to_be_focused()
    await root.locator(".note .from-note").click()
    await expect(root.locator("sup button")).to_be_focused()
    hebrew = root.locator("p:has-text('שלום')")
    code = await hebrew.locator("code").bounding_box()
    box = await hebrew.bounding_box()
    # Right to left: the line stands at the right, and its code between its words.
    assert code["x"] > box["x"] + box["width"] / 2
    direction = "node => getComputedStyle(node).direction"
    assert await hebrew.locator("code").evaluate(direction) == "ltr"


@pytest.mark.parametrize("width", [375, 1180])
async def test_tables_scroll_on_a_phone_and_fit_their_content_on_a_desk(canvas, width):
    await canvas.set_viewport_size({"width": width, "height": 700})
    row = "| Monday | a rather long description of it | 1,234.50 | somebody |\n"
    await canvas.draw("| Day | What | Cost | Who |\n|---|---|--:|---|\n" + row * 3)
    table = canvas.locator(".wide")
    inner, outer = await table.evaluate("node => [node.scrollWidth, node.clientWidth]")
    cells = await table.locator("tr:last-child td").evaluate_all(
        "cells => cells.map((cell) => cell.offsetWidth)"
    )
    assert min(cells) > 60
    assert await canvas.evaluate("document.documentElement.scrollWidth") <= width
    if width == 375:
        assert inner > outer
        await table.press("ArrowRight")
        await until(lambda: table.evaluate("node => node.scrollLeft > 0"))
    else:
        assert inner == outer
        assert sum(cells) < outer


async def test_code_is_copied_also_without_a_clipboard(canvas):
    await canvas.evaluate(
        """() => {
          Object.defineProperty(navigator, "clipboard", { value: undefined });
          document.addEventListener("copy", () => (window.copied = document.activeElement.value));
        }"""
    )
    await canvas.draw("```python\nprint(1)\n```")
    await expect(canvas.locator(".bar span")).to_have_text("python")
    await canvas.locator(".copy").click()
    assert await canvas.evaluate("copied") == "print(1)\n"
    await expect(canvas.locator(".copy")).to_have_text(LANGUAGES["en"].sentences["page_copied"])


async def test_an_answer_with_formulas_and_emoji_arrives_whole(page, app, model):
    text = "😀 The *sum* 👩‍👩‍👧 $\\frac{a}{b}$ and **bold 🎉** words.\n\n" * 3 + "The end 😀."
    model.answer = lambda messages: text
    await page.goto(app.url)
    await ask(page, "Show me")
    await expect(page.locator("button[data-command=retry]")).to_be_visible()
    await expect(page.locator(".katex")).to_have_count(3)
    await expect(bot(page).locator("p").last).to_have_text("The end 😀.")
    await expect(bot(page).locator("strong")).to_have_text(["bold 🎉"] * 3)
    assert await page.evaluate("violations") == []
    assert page.problems == []


async def test_who_scrolls_up_and_selects_while_a_long_answer_streams_is_left_alone(
    page, app, model
):
    model.piece_chars, model.piece_s = 60, 0.004
    model.answer = lambda messages: answer()
    await page.goto(app.url)
    await ask(page, "Show me")
    await until(lambda: page.evaluate("document.querySelector('#posts').scrollHeight > 3000"))
    await page.locator("#posts").hover()
    await page.mouse.wheel(0, -1500)
    await expect(page.locator("#down")).to_be_visible()
    await page.evaluate(
        """() => {
          const [first, second] = document.querySelectorAll(".text p");
          getSelection().setBaseAndExtent(first.firstChild, 0, second, 1);
          window.selected = String(getSelection());
          window.top0 = document.querySelector("#posts").scrollTop;
        }"""
    )
    await expect(page.locator("button[data-command=retry]")).to_be_visible(timeout=60_000)
    assert await page.evaluate("selected.length > 3 && String(getSelection()) === selected")
    assert await page.evaluate("document.querySelector('#posts').scrollTop === top0")
    await page.click("#down")
    await expect(page.locator("button[data-command=retry]")).to_be_in_viewport()
    await expect(page.locator("#down")).to_be_hidden()
    assert await page.locator(".block").count() == 40
    assert await page.evaluate("violations") == []
    assert page.problems == []


async def test_a_long_conversation_opens_at_its_end_and_the_rest_comes_in_pieces(page, app):
    await page.goto(app.url)
    await ask(page, "apples")
    await expect(page.locator("button[data-command=retry]")).to_be_visible()
    log, conversation = await log_of(page, app)
    for _ in range(40):
        post = Post("bot", answer()[:3_000], at=1.0)
        await log.put(conversation, msgspec.json.encode(post))
    await page.add_init_script(
        """
        window.drawn = [];  // key of each post, and the frame in which it was drawn
        let frame = 0;
        const count = () => { frame += 1; requestAnimationFrame(count); };
        count();
        new MutationObserver((all) => {
          for (const { addedNodes } of all) for (const { dataset } of addedNodes) {
            if (dataset?.key) drawn.push([Number(dataset.key), frame]);
          }
        }).observe(document, { childList: true, subtree: true });
        """
    )
    await page.reload()
    await until(lambda: page.evaluate("drawn.length >= 42"))
    drawn = await page.evaluate("drawn")
    # In one frame it would block the browser for seconds.
    frames = {frame: [key for key, other in drawn if other == frame] for _, frame in drawn}
    assert len(frames) > 5
    # Of those that are there, the newest first.
    assert all(keys == sorted(keys, reverse=True) for keys in frames.values())
    order = await page.evaluate(
        "[...document.querySelectorAll('article')].map(({ dataset }) => Number(dataset.key))"
    )
    assert order == sorted(order)
    end = "(node) => node.scrollHeight - node.scrollTop - node.clientHeight"
    assert await page.locator("#posts").evaluate(end) < 2
    # What comes into view above gets its true height, and moves nothing that one reads.
    await page.locator("#posts").hover()
    seen = """(key) => {
      const box = document.querySelector("#posts").getBoundingClientRect();
      const middle = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
      const node = key ? document.querySelector(`[data-key="${key}"]`) : middle.closest("article");
      return [node?.dataset.key, Math.round(node?.getBoundingClientRect().top)];
    }"""
    for _ in range(8):
        await page.mouse.wheel(0, -500)
        await asyncio.sleep(0.3)
        key, top = await page.evaluate(seen, None)
        await page.mouse.wheel(0, -100)
        await until(partial(moved, page, seen, key, top + 100))


async def moved(page, seen, key, top):
    return abs((await page.evaluate(seen, key))[1] - top) < 5


async def test_what_one_can_do_with_a_post_is_seen_where_nothing_can_be_pointed_at(browser, app):
    context = await browser.new_context(**PHONE)
    try:
        page = await context.new_page()
        await page.goto(app.url)
        await page.fill("#text", "apples")
        await page.tap("#send")
        await expect(bot(page)).to_contain_text("Echo of apples")
        await expect(page.locator(".post.person .actions")).to_have_css("opacity", "1")
        await page.tap(".edit-post")
        await expect(page.locator("#editing")).to_be_visible()
    finally:
        await context.close()
