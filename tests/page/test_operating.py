"""The operator's page when its session ends, the server is away, or somebody changes their mind."""

import asyncio
import time

import msgspec
from playwright.async_api import expect

from core.languages.catalogue import LANGUAGES
from core.people.roles import Member, Role
from core.store import keys
from core.store.use import days
from tests.page.test_admin import TOKEN, operated, tab
from tests.page.test_use import faults

WORDS = LANGUAGES["en"].sentences
__all__ = ["operated"]


async def enter(page, running, part="now"):
    await page.goto(f"{running.url}/admin#{part}")
    await page.fill("#token", TOKEN)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.locator("main h2").first).to_be_visible()
    await expect(page.locator("#who button")).to_be_visible()


async def end_sessions(core):
    for name in [one async for one in core.redis.scan_iter(keys.visit("*"))]:
        await core.redis.delete(name)


async def test_who_is_signed_out_or_cut_off_is_told_which_of_both_it_is(page, operated, model):
    running, _ = operated
    await enter(page, running, "people")
    told = page.locator("#told")
    await page.fill("#new-id", "telegram:@ann")
    await page.get_by_role("button", name="Decide").click()
    await expect(told).to_contain_text("no such person")
    # What was said of one part is not said of the next.
    await tab(page, "places")
    await expect(told).to_be_hidden()
    await page.get_by_label("Place", exact=True).fill("nonsense")
    await page.get_by_role("button", name="Look").click()
    await expect(told).to_have_text("There is no such person or place: nonsense")
    # While the store is away, nobody is asked to sign in again, and a right token is no wrong one.
    away = "**/admin/api/now"
    await page.route(away, lambda route: route.fulfill(status=503, body="the store is away"))
    await page.goto(f"{running.url}/admin#now")
    await page.reload()
    await expect(told).to_have_text(WORDS["admin_away"])
    await expect(page.locator("#token")).to_have_count(0)
    await page.unroute(away)
    await expect(page.locator(".card")).to_have_count(6)
    await expect(told).to_be_hidden()
    # The session has ended: what was pressed is not done, and that is said.
    await tab(page, "people")
    await expect(page.locator("#new-id")).to_be_visible()
    await end_sessions(running.core)
    await page.fill("#new-id", "telegram:4242")
    await page.get_by_role("button", name="Decide").click()
    await expect(told).to_have_text(WORDS["admin_ended"])
    await page.route("**/admin/session", lambda route: route.fulfill(status=503))
    await page.fill("#token", TOKEN)
    await page.get_by_role("button", name="Sign in").click()
    await expect(told).to_have_text("That did not work (error 503).")
    assert (await running.core.services.requests.members.look("telegram", ["telegram:4242"])) == [
        None
    ]


async def test_what_was_looked_at_is_sent_and_what_was_written_is_kept(page, operated, model):
    running, server = operated
    core = running.core
    await core.redis.delete(keys.BROADCAST)
    for who in (501, 502):
        server.add_private(who, f"Person {who}")
    await enter(page, running, "broadcast")
    text = page.locator("textarea")
    await text.fill("Closed on Monday")
    await page.get_by_label("More places").fill("telegram:501 telegram:501")
    await page.get_by_role("button", name="Preview").click()
    await expect(page.locator("main h2", has_text="1")).to_be_visible()
    # Whoever changes it looks again.
    await text.fill("Closed on Tuesday")
    await expect(page.get_by_role("button", name="Send", exact=True)).to_have_count(0)
    await tab(page, "people")
    await tab(page, "broadcast")
    await expect(text).to_have_value("Closed on Tuesday")
    await page.get_by_role("button", name="Preview").click()
    await page.get_by_role("button", name="Send", exact=True).click()
    await expect(page.locator("#told")).to_have_text("Done.")
    await expect(text).to_have_value("")
    await expect(page.locator(".preview")).to_have_text("Closed on Tuesday")
    # An addition that is not kept yet outlives what is done beside it, and a reload.
    await tab(page, "tools")
    added = page.locator("textarea.toml")
    await added.fill('[[persona]]\nname = "mine"\ntext = "x"')
    await page.get_by_role("button", name=WORDS["admin_read_anew"]).click()
    await expect(page.locator("#told")).to_have_text("Done.")
    await page.reload()
    await expect(added).to_have_value('[[persona]]\nname = "mine"\ntext = "x"')
    await expect(page.get_by_text(WORDS["admin_unsaved"])).to_be_visible()
    # What somebody else wrote meanwhile is shown before it is written over.
    theirs = '[[persona]]\nname = "theirs"\ntext = "y"'
    held = (await core.redis.hget(keys.ADDITIONS, "text") or b"").decode()
    await core.redis.hset(keys.ADDITIONS, mapping={"text": theirs, "version": "2"})
    await page.get_by_role("button", name=WORDS["admin_check_and_hold"]).click()
    await expect(page.locator("#told")).to_have_text(WORDS["admin_wrong_changed"])
    await expect(page.locator("pre", has_text="theirs")).to_be_visible()
    assert await faults(page) == []
    await page.get_by_role("button", name=WORDS["admin_discard"]).dblclick()
    await expect(added).to_have_value(theirs)
    await expect(page.get_by_text(WORDS["admin_unsaved"])).to_be_hidden()
    await core.redis.hset(keys.ADDITIONS, mapping={"text": held, "version": "3"})


async def test_odd_names_on_a_phone_and_a_finger_that_taps(browser, operated, model):
    running, _ = operated
    names = ["x" * 64, "<img src=x onerror=alert(1)>", "\u202eevil", "😀" * 30, "ا" * 60]
    row = {"turns": 1, "cost_usd": 0.5}
    for day in days(30):
        rows = {
            f"person telegram:{n}": msgspec.json.encode({**row, "name": name})
            for n, name in enumerate(names)
        }
        await running.core.redis.hset(keys.tally("telegram", day), mapping=rows)
    context = await browser.new_context(viewport={"width": 360, "height": 740}, has_touch=True)
    page = await context.new_page()
    dialogs = []

    def opened(dialog):
        dialogs.append(dialog.message)

    page.on("dialog", opened)
    await enter(page, running, "time")
    await page.get_by_role("button", name="30d").click()
    plot = page.locator("figure", has_text="Dollars by person").first
    await expect(plot.locator("figcaption")).to_contain_text("x" * 64)
    for part in ("time", "tools", "budgets"):
        await tab(page, part)
        await expect(page.locator("main h2").first).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), part
    await tab(page, "time")
    newest = await plot.locator("figcaption b").inner_text()
    box = await plot.locator("svg").bounding_box()
    await plot.locator("svg").tap(position={"x": box["width"] * 0.3, "y": 50})
    await expect(plot.locator("figcaption b")).not_to_have_text(newest)
    await plot.locator("svg").press("End")
    await expect(plot.locator("figcaption b")).to_have_text(newest)
    await plot.locator("svg").press("Home")
    await expect(plot.locator("figcaption b")).not_to_have_text(newest)
    assert dialogs == []
    await context.close()
    for day in days(30):
        await running.core.redis.delete(keys.tally("telegram", day))


async def test_two_thousand_people_are_shown_in_pieces_and_found(page, operated, model):
    running, _ = operated
    core = running.core
    members = {
        f"telegram:{10_000 + n}": msgspec.json.encode(
            Member(Role.MEMBER, f"Person {n}", "telegram:77", time.time())
        )
        for n in range(2_000)
    }
    await core.redis.hset(keys.members("telegram"), mapping=members)
    await enter(page, running)
    # How many rows are made in one go.
    await page.evaluate("""() => {
      window.most = 0;
      new MutationObserver((found) => {
        const added = found.flatMap((one) => [...one.addedNodes]);
        window.most = Math.max(window.most, added.filter((one) => one.tagName === "TR").length);
      }).observe(document.getElementById("main"), { childList: true, subtree: true });
    }""")
    await tab(page, "people")
    rows = page.locator("tbody").last.locator("tr")
    await page.get_by_label("Find in it").last.fill("person 1999")
    # The owner of the settings is in the table too.
    many = await core.redis.hlen(keys.members("telegram")) + 1
    await expect(rows).to_have_count(many, timeout=30_000)
    await expect(rows.locator("visible=true")).to_have_count(1, timeout=30_000)
    assert 0 < await page.evaluate("most") <= 60
    await core.redis.hdel(keys.members("telegram"), *members)


async def test_a_tool_that_hangs_is_tried_once_and_one_sees_that_it_goes_on(page, operated, model):
    running, _ = operated
    tried, free = [], asyncio.Event()

    async def hang(route):
        tried.append(route.request.post_data_json)
        await free.wait()
        await route.continue_()

    await page.route("**/admin/api/try", hang)
    await enter(page, running, "tools")
    row = page.locator("tbody tr", has_text="calculate").last
    given, press = row.locator("input"), row.get_by_role("button", name="Try")
    # What is no JSON is not sent as if it were nothing.
    for odd in ("{6*7", "[1]", "null"):
        await given.fill(odd)
        await press.click()
        await expect(page.locator("#told")).to_contain_text(f"do not fit: {odd}")
    await given.fill('{"expression": "6*7"}')
    await press.click()
    await expect(press).to_have_attribute("aria-busy", "true")
    await press.click()
    free.set()
    await expect(page.locator("pre")).to_contain_text("42")
    await expect(press).not_to_have_attribute("aria-busy", "true")
    assert tried == [{"tool": "calculate", "arguments": {"expression": "6*7"}}]
