"""One Chromium for all tests of the page, and a browser profile for each."""

import base64
import shutil

import pytest
import pytest_asyncio
from playwright.async_api import async_playwright

from core.store import keys
from core.store.post_log import RedisPostLog
from tests.harness import at_rest, palaver
from tests.servers.model import ModelServer

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
in_a_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
FLAGS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--no-first-run",
]
# What the page did badly: each task that the browser could not interrupt, and each violation of
# our own Content-Security-Policy.
WATCH = """
window.longTasks = [];
window.violations = [];
new PerformanceObserver((list) => {
  for (const one of list.getEntries()) window.longTasks.push(one.duration);
}).observe({ type: "longtask" });
document.addEventListener("securitypolicyviolation", (event) => {
  window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
});
"""


def pytest_collection_modifyitems(items):
    for item in items:
        if "tests/page/" in item.path.as_posix() and pytest_asyncio.is_async_test(item):
            # The browser lives on one event loop, and so does everything that talks with it.
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def browser():
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser):
    """A page of a browser that was never here. `page.problems`: what its console complained of."""
    context = await browser.new_context(viewport={"width": 1180, "height": 800})
    await context.add_init_script(WATCH)
    page = await context.new_page()
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on(
        "console",
        lambda message: message.type == "error" and page.problems.append(message.text),
    )
    yield page
    await context.close()


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def scripted():
    async with ModelServer(piece_s=0.03).running() as server:
        yield server


@pytest.fixture
def model(scripted):
    """A scriptable model that echoes."""
    before = vars(scripted).copy()
    yield scripted
    vars(scripted).update(before)


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def app(tmp_path_factory, scripted):
    """One program for all tests: each comes with a browser of its own, so as another person."""
    values = {
        "llm_base_url": scripted.url,
        "llm_model": "scripted",
        "image_base_url": scripted.url,
        "audio_model": "whisper-1",
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bots.web.sessions.NEW_PER_MINUTE", 1_000)
        async with palaver(tmp_path_factory.mktemp("page"), web_chat=True, **values) as running:
            yield running


async def ask(page, text):
    await page.fill("#text", text)
    await page.press("#text", "Enter")


async def paste(page, name, mime, data):
    """As a browser does when somebody pastes a file into the box of the question."""
    await page.evaluate(
        """([name, type, data]) => {
          const clipboardData = new DataTransfer();
          const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
          clipboardData.items.add(new File([bytes], name, { type }));
          document.querySelector("#text").dispatchEvent(
            new ClipboardEvent("paste", { bubbles: true, cancelable: true, clipboardData }));
        }""",
        [name, mime, base64.b64encode(data).decode()],
    )


async def log_of(page, app):
    """The log of the posts on *page*, and its name: the conversation."""
    await at_rest(app.core)
    thread = page.url.partition("#")[2]
    (found,) = [one async for one in app.core.redis.scan_iter(keys.history(f"web:*:{thread}"))]
    name = found.decode().removeprefix(keys.history(""))
    return RedisPostLog(app.core.redis, None, 1_000), name


def bot(page):
    return page.locator(".post.bot .text")
