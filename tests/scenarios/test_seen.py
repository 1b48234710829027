"""What people see of an answer's steps: the line while they run, the steps, what stays of them."""

import pytest

from core.models.chunks import Source
from core.tools import built_in
from core.tools.tool import ToolResult
from tests.contracts.drivers import SlackDriver, TelegramDriver, WebDriver, driving, started
from tests.harness import until
from tests.scenarios.test_servers import STRANGER, config, entry, ready
from tests.servers.limits import loose, strict
from tests.servers.tools import ALL, ServedTool, calling

UNASKED = {"tools_ask": "never"}


@pytest.fixture
def driver():
    return WebDriver()


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr("core.live.status.AFTER_S", 0.05)


async def shown(driver, place, part):
    """The newest post, once it shows *part*."""

    async def showing():
        posts = await driver.posts(place)
        return posts[-1] if posts and part in posts[-1].text else None

    return await until(showing)


@pytest.mark.parametrize(("make", "place"), [(TelegramDriver, "dm"), (SlackDriver, "channel")])
async def test_a_line_shows_what_runs_and_is_gone_from_the_answer(
    make, place, tmp_path, model, served
):
    driver = make()
    calling(model, ("Let me see.", [("look", {"what": "a"})]))
    served.hold.clear()
    async with driving(driver, tmp_path, model, tools=ALL, **UNASKED):
        await driver.say(place, "go")
        post = await shown(driver, place, "🔧 ")
        assert post.text.startswith("Let me see.")
        assert "look" in post.text
        served.hold.set()
        (post,) = await driver.answered(place)
    assert "🔧" not in post.text
    assert "RESULT look a number 1" in post.text


async def test_the_page_gets_the_line_and_the_steps_while_they_run(driver, tmp_path, model, served):
    calling(model, ("", [("look", {"what": "a"})]))
    served.hold.clear()
    async with driving(driver, tmp_path, model, tools=ALL, **UNASKED):
        await driver.say("page", "go")

        async def told():
            posts = await driver.sent("page")
            return posts[-1] if posts and posts[-1].get("status") else None

        post = await until(told)
        assert post["status"] == "🔧 look …"
        assert post["steps"] == ["🔧 look …"]
        served.hold.set()
        await driver.answered("page")
        (*_, post) = await driver.sent("page")
    assert "status" not in post
    assert "steps" not in post


async def test_a_stream_shows_a_card_for_each_step_and_leaves_none_open(tmp_path, model, served):
    driver = SlackDriver()
    calling(model, ("", [("look", {"what": "a"})]), ("And then.", [("look", {"what": "b"})]))
    served.hold.clear()
    async with driving(driver, tmp_path, model, tools=ALL, **UNASKED):
        await driver.say("dm", "go")
        post = await until(lambda: card_of(driver, "in_progress"))
        assert post.display == "plan"
        assert post.plan == "🔧 look …"
        served.hold.set()
        (shown,) = await driver.answered("dm")
        assert [one["status"] for one in post.cards.values()] == ["complete", "complete"]
        assert all("details" not in one or not one["details"] for one in post.cards.values())
        assert post.plan.startswith("🔧 look ×2")
        assert driver.server.sessions["D01", driver._threads["dm"]] == "active"
    assert not post.streaming
    assert "🔧" not in shown.text
    assert not any(method == "chat.update" for _, method, _ in driver.server.calls)


def card_of(driver, status):
    """The newest post of the direct messages, if a card of it has *status*."""
    posts = driver.server.answers("D01", driver._threads.get("dm", ""))
    found = [one for one in posts if status in {card["status"] for card in one.cards.values()}]
    return found[-1] if found else None


@pytest.mark.parametrize("verbose", [False, True])
async def test_stop_closes_the_cards_of_a_stream(tmp_path, model, served, verbose):
    driver = SlackDriver()
    calling(model, ("", [("look", {"what": "a secret place"})]))
    served.hold.clear()
    async with driving(driver, tmp_path, model, tools=ALL, **UNASKED):
        if verbose:
            await driver.say("dm", "/verbose on")
            await driver.posted("dm", 1)
        await driver.say("dm", "go")
        post = await until(lambda: card_of(driver, "in_progress"))
        assert post.display == ("timeline" if verbose else "plan")
        (card,) = post.cards.values()
        assert ('{"what": "a secret place"}' in card["details"]) == verbose
        # Palaver's own command, in the thread: Slack's own button ends the message itself.
        await driver.say("dm", "/stop")
        await until(lambda: not post.streaming)
    assert {card["status"] for card in post.cards.values()} <= {"error"}


async def test_a_killed_processs_cards_do_not_spin_on(tmp_path, model, served):
    driver = SlackDriver()
    calling(model, ("Let me see.", [("look", {"what": "a"})]))
    served.hold.clear()
    async with driver.running():
        async with started(driver, tmp_path, model, grace_s=0.0, tools=ALL, **UNASKED):
            await driver.say("dm", "go")
            post = await until(lambda: card_of(driver, "in_progress"))
        assert post.streaming
        served.hold.set()
        async with started(driver, tmp_path, model, tools=ALL, **UNASKED):
            (shown,) = await driver.answered("dm")
    assert "RESULT look a number" in shown.text
    assert not post.streaming
    assert not any(card["status"] == "in_progress" for card in post.cards.values())


async def test_a_workspace_that_takes_no_cards_gets_the_text_and_is_asked_once(
    tmp_path, model, served
):
    driver = SlackDriver()
    calling(model, ("Let me see.", [("look", {"what": "a"})]), ("", [("look", {"what": "b"})]))
    async with driving(driver, tmp_path, model, tools=ALL, **UNASKED):
        driver.server.takes_cards = False
        await driver.say("dm", "go")
        (post,) = await driver.answered("dm")
    assert "RESULT look a number 1 / look b number 1" in post.text
    assert len([1 for name, error in driver.server.refused if error == "invalid_arguments"]) == 1


@pytest.mark.parametrize(("place", "who"), [("dm", "U01"), ("channel", "U01"), ("channel", "U03")])
async def test_slack_shows_that_a_person_must_decide_until_they_or_an_admin_have(
    tmp_path, model, served, place, who
):
    driver = SlackDriver()
    calling(model, ("", [("make", {"what": "a"})]))
    async with driving(driver, tmp_path, model, tools=ALL, admins=("slack:U03",)):
        await driver.say(place, "go")
        channel = driver._channels[place]

        def status():
            return driver.server.sessions.get((channel, driver._threads[place]))

        await until(lambda: status() == "suspended")
        post = await shown(driver, place, '"what": "a"')
        (yes,) = [one for one in post.commands if one.startswith("permit ")]
        driver.server.press(driver.server.answers(channel, driver._threads[place])[-1], yes, who)
        await driver.answered(place)
        await until(lambda: status() == "active")
    assert served.done == {("make", "a"): 1}


@pytest.mark.parametrize(("make", "place"), [(TelegramDriver, "dm"), (SlackDriver, "channel")])
async def test_where_people_want_it_each_step_stays_under_the_answer(
    make, place, tmp_path, model, served
):
    driver = make()
    calling(model, ("", [("look", {"what": "a `b` <!channel> [c](http://d)"}), ("nothing", {})]))
    async with driving(driver, tmp_path, model, tools=ALL, **UNASKED):
        if place == "channel":  # In groups it takes an admin.
            driver.server.about["U01"] = {"is_admin": True}
        await driver.say(place, "/verbose on")
        await driver.posted(place, 1)
        await driver.say(place, "go")
        *_, post = await driver.answered(place)
        # What is under the answer is no part of it.
        await driver.say(place, "again")
        await driver.answered(place, 2)
    last = post.text.splitlines()[-1]
    assert "look" in last
    assert "a 'b'" in last
    assert "✓" in last
    assert "nothing" not in last
    assert "✓" not in str(model.requests[-1]["messages"])


async def test_the_progress_of_a_server_is_shown_and_stop_reaches_it(driver, tmp_path, model):
    told = tmp_path / "cancelled"
    calling(model, ("", [("one__echo", {"text": "hi"})]))
    more = 'allow = ["*"]\nread = ["echo"]'
    path = config(tmp_path, entry("one", STRANGER, "hangs", told, more=more))
    async with driving(driver, tmp_path, model, palaver_config=path):
        await ready(driver)
        await driver.say("page", "go")

        async def shown():
            posts = await driver.sent("page")
            return posts and posts[-1].get("status", "") == "🔧 one: echo 75 % …"

        await until(shown)
        await driver.press("page", "stop")
        (post,) = await driver.answered("page")
        await until(told.exists)
    assert "stopped" in post.text


WORDS = "<!channel> `@everyone` [here](http://evil.example) \u202e\u200b" + "long " * 40


class Telling(ServedTool):
    async def call(self, arguments, context):
        context.progress(WORDS)
        return await super().call(arguments, context)


async def test_what_a_tool_says_of_its_progress_is_cleaned_and_cut(
    driver, tmp_path, model, served, monkeypatch
):
    monkeypatch.setitem(built_in.BUILT_IN, "look", lambda: Telling(served.url, "look"))
    served.hold.clear()
    calling(model, ("", [("look", {"what": "a"})]))
    async with driving(driver, tmp_path, model, tools=ALL, **UNASKED):
        await driver.say("page", "go")

        async def shown():
            posts = await driver.sent("page")
            return posts[-1] if posts and "here" in posts[-1].get("status", "") else None

        status = (await until(shown))["status"]
        served.hold.set()
        await driver.answered("page")
    assert status.startswith("🔧 look <!channel> '@everyone' [here](http://evil.example) long")
    assert status.endswith("… …")
    assert len(status) < 100


class Citing(ServedTool):
    async def call(self, arguments, context):
        found = await super().call(arguments, context)
        sources = (Source("https://a.example/x", "A page"), Source("javascript:alert(1)", "Evil"))
        return ToolResult(found.text, sources)


@pytest.mark.parametrize(
    ("make", "place"), [(WebDriver, "page"), (TelegramDriver, "dm"), (SlackDriver, "dm")]
)
async def test_of_the_steps_the_sources_stay_as_links_and_usage_last_tells_the_rest(
    make, place, tmp_path, model, served, monkeypatch
):
    driver = make()
    monkeypatch.setitem(built_in.BUILT_IN, "look", lambda: Citing(served.url, "look"))
    calling(model, ("", [("look", {"what": "a"}), ("look", {"what": "b"})]))
    async with driving(driver, tmp_path, model, tools=ALL, **UNASKED):
        await driver.say(place, "go")
        (post,) = await driver.answered(place)
        await driver.say(place, "/usage last")
        (*_, told) = await driver.posted(place, 2)
    assert post.text.count("A page") == 1
    assert "Evil" not in post.text
    assert "✓" not in post.text
    rows = [row for row in told.text.splitlines() if "look" in row]
    assert len(rows) == 2
    assert all("done" in row for row in rows)


@pytest.mark.parametrize("world", [strict, loose])
@pytest.mark.parametrize(("make", "place"), [(TelegramDriver, "dm"), (SlackDriver, "dm")])
async def test_the_line_is_refused_in_no_world_and_holds_up_no_answer(
    make, place, world, tmp_path, model, served, monkeypatch
):
    monkeypatch.setattr("core.live.status.APART_S", (0.05,))
    driver = make()
    served.seconds = 0.2
    calling(model, *[(f"Round {n}.", [("look", {"what": str(n)})]) for n in range(6)])
    async with driving(driver, tmp_path, model, tools=ALL, **UNASKED):
        driver.server.world = world()
        await driver.say(place, "go")
        (post,) = await driver.answered(place)
    assert "RESULT look 0 number 1" in post.text
    if make is TelegramDriver:
        assert driver.server.floods == []
    else:
        assert driver.server.limited == []
