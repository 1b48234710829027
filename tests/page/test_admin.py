"""The operator's page in a browser."""

import re
import time

import msgspec
import pytest
import pytest_asyncio
from playwright.async_api import expect

from core.admin.broadcasting import STATE, Sending
from core.languages.catalogue import LANGUAGES
from core.messages import Incoming, Sender, conversation_id
from core.store import keys
from core.store.audit import Change
from core.store.requests import Request
from core.store.values import DeadLetter
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


async def choose_in_place(page, place):
    """The words and values of a setting are shown, and a long one has room."""
    await tab(page, "places")
    await page.get_by_label("Place").fill(place)
    await page.get_by_role("button", name="Look").click()
    await page.get_by_label("Setting").select_option("system")
    await page.locator("textarea").fill("You speak of gardens.\nBriefly.")
    await page.get_by_role("button", name="Choose").click()
    await expect(page.locator("tbody tr")).to_contain_text("You speak of gardens.")
    await page.get_by_label("Setting").select_option("when")
    await expect(page.locator("main section").first).to_contain_text("mention, reply, always")
    await expect(page.get_by_label("Its value")).to_have_value("")


async def look_far_back(page, core):
    """Many changes are turned over, and found by their words."""
    for n in range(205):
        await core.services.audit.note(Change("reload", f"file-{n}.toml", "telegram:77"))
    await tab(page, "people")
    await tab(page, "changes")
    rows = page.locator("tbody tr:visible")
    await expect(rows).to_have_count(200)
    await page.get_by_label("Find in it").fill("READ anew file-19")
    await expect(rows).to_have_count(11)
    await page.get_by_role("button", name="Older").click()
    await expect(rows.first).to_contain_text("file-4.toml")
    await page.get_by_role("button", name="Newest").click()
    await expect(rows.first).to_contain_text("file-204.toml")
    await core.redis.delete(keys.AUDIT)


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

    await look_far_back(page, running.core)
    server.add_group(-1001)
    await choose_in_place(page, "telegram:-1001")
    for name in ("budgets", "places", "tools", "letters", "broadcast"):
        await tab(page, name)
        await expect(page.locator("main h2").first).to_be_visible()
        assert await faults(page) == [], name
    assert await page.evaluate("violations") == []
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.locator("#token")).to_be_visible()
    assert [one for one in page.problems if "403" not in one] == []


# What stands on the page in words of ours: not in `bdi` or `code`, which hold what is not ours, and
# not the values that people type.
WORDS = """() => {
  const found = [document.title];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const own = walk.currentNode.parentElement;
    if (own.closest("bdi, code, pre, textarea, .preview, #language, script")) continue;
    if (own.tagName === "OPTION" && own.value === own.textContent) continue;
    found.push(walk.currentNode.data);
  }
  for (const one of document.querySelectorAll("[aria-label], [title], [placeholder]")) {
    if (one.dir !== "ltr") found.push(one.placeholder || "");
    found.push(one.title || "", one.tagName === "svg" ? "" : one.ariaLabel || "");
  }
  return found;
}"""
# Names, and what CLDR writes in Latin letters in these languages too.
NAMES = {"Palaver", "palaver", "toml", "CSV", "JSON", "API", "token", "ms", "MB", "US"}
SAME_EVERYWHERE = re.compile(r"p\d\d")
ACTS = {
    "role": ("telegram:78", "stranger", "member"),
    "budget": (
        "telegram person telegram:78",
        [],
        [{"of": "person", "unit": "usd", "most": 2_000_000, "per": "day"}],
    ),
    "maintenance": ("", False, True),
    "additions": ("palaver.toml", "", "[[persona]]"),
    "place": ("telegram:-1001 persona", "reset", "teacher"),
    "requeue": ("questions set aside", None, 2),
    "drop": ("questions set aside", None, 1),
    "broadcast": ("12 places", None, "News"),
    "cancel": ("broadcast", None, None),
    "go on": ("broadcast", None, None),
    "reload": ("palaver.toml", None, None),
    "sign out": ("telegram:78", None, None),
    "try": ("calculate", None, None),
    "key": ("deepseek", None, "set for https://api.deepseek.com"),
    "grant": ("telegram person telegram:78", None, "1 usd"),
    "accept tools": ("crm", None, ["crm__find"]),
}


async def fill(core):
    """Something of everything that the page can show."""
    services, redis = core.services, core.redis
    for act, (target, before, after) in ACTS.items():
        await services.audit.note(Change(act, target, "telegram:77", 0.0, before, after))
    (newest, _), *_ = await services.audit.newest(most=1)
    await services.audit.note(
        Change("role", "telegram:78", "token", 0.0, "member", "stranger", newest)
    )
    mail = Incoming(
        event_id="telegram:9",
        conversation=conversation_id("telegram", "78"),
        sender=Sender("telegram:78", "Bob"),
        text="?",
    )
    for raw in (msgspec.json.encode(mail).decode(), "unreadable"):
        await redis.rpush(keys.DEAD, msgspec.json.encode(DeadLetter("it failed", raw)))
    sending = Sending(
        "News", 3, "telegram:77", 1.0, 1.0, 1, ("telegram:404",), under_way="telegram:78"
    )
    await redis.hset(keys.BROADCAST, STATE, msgspec.json.encode(sending))
    place = conversation_id("telegram", "-1001")
    asked = Request("telegram:79", "Cleo", place, time.time(), "", "telegram:-1001", "Garden")
    await services.requests.kept.keep("telegram", asked)


@pytest.mark.parametrize(
    ("locale", "tag", "scheme", "width"),
    [("zh-CN", "zh-Hans", "light", 1180), ("ar", "ar", "dark", 375)],
)
async def test_the_whole_page_is_in_the_operators_language_and_axe_finds_nothing(
    browser, operated, locale, tag, scheme, width
):
    running, _ = operated
    await fill(running.core)
    texts = LANGUAGES[tag].sentences
    context = await browser.new_context(
        locale=locale, color_scheme=scheme, viewport={"width": width, "height": 800}
    )
    page = await context.new_page()
    await page.goto(f"{running.url}/admin")
    assert await page.locator("html").get_attribute("dir") == LANGUAGES[tag].direction
    await page.fill("#token", "something-else")
    await page.get_by_role("button", name=texts["admin_sign_in"]).click()
    await expect(page.locator("#told")).to_have_text(texts["admin_wrong_token"])
    await whole(page, "door")
    visits = running.core.services.visits
    link = await visits.invite(Sender("telegram:77", "Ann"), "admin")
    await page.goto(f"{running.url}/admin#me={link}")
    await page.get_by_role("button", name=texts["admin_sign_in_link"]).click()
    await expect(page.locator(".card")).to_have_count(6)
    await whole(page, "now")
    for name in ("time", "people", "budgets", "places", "tools", "letters", "broadcast", "changes"):
        await tab(page, name)
        await expect(page.locator("main h2").first).to_be_visible()
        await whole(page, name)
    # What the server says is in the same language.
    await tab(page, "people")
    await page.fill("#new-id", "nobody")
    await page.locator("button.main").click()
    said = texts["admin_wrong_place"].split("`")[0]
    await expect(page.locator("#told")).to_contain_text(said.strip())
    await context.close()


async def whole(page, name):
    """Nothing on *page* is English, wider than the window, or a fault to axe."""
    english = {
        word
        for text in await page.evaluate(WORDS)
        for word in re.findall(r"[A-Za-z]\w+", text)
        if word not in NAMES and not SAME_EVERYWHERE.fullmatch(word)
    }
    assert english == set(), name
    assert await faults(page) == [], name
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
