"""On Slack, settings hold where they were set, words are questions, and threads are followed."""

import re
from pathlib import Path

import pytest

from bots.slack.commands import read_slash
from bots.slack.manifest import EVENTS, SCOPES, as_yaml
from core.store import keys
from tests.contracts.drivers import SlackDriver, driving
from tests.harness import command_infos, until
from tests.servers.slack import BOT_USER, FREE, SCOPE_OF

CHOICES = {"model": ["large"], "persona": ["teacher"], "lang": ["en", "zh"], "follow": ["all"]}


@pytest.fixture
def driver():
    return SlackDriver()


async def quiet(driver):
    await until(lambda: not driver.server._deliveries)


async def at_rest(driver):
    """Wait until no turn runs: what was said to be set is set."""
    registry = driver.app.core.services.metrics.registry
    await until(lambda: not registry.get_sample_value("palaver_turns_running"))


def told(driver, user="U01"):
    return [post.shown for who, post in driver.server.ephemerals if who == user]


async def ask(driver, model, channel="C01", text="why?", thread=""):
    before = len(model.requests)
    text = text if channel.startswith("D") else f"<@{BOT_USER}> {text}"
    ts = driver.server.say(channel, text, thread=thread)

    def ended():
        posts = driver.server.answers(channel, thread or ts)
        return len(model.requests) > before and posts and "retry" in str(posts[-1].blocks)

    await until(ended)
    return thread or ts


@pytest.mark.parametrize(
    ("text", "command", "left"),
    [
        ("help", "help", ""),
        ("help?", "help", ""),
        ("", "help", ""),
        ("new", "new", ""),
        ("model large", "model", "large"),
        ("model gpt-5.2", "model", "gpt-5.2"),
        ("model default", "model", "default"),
        ("persona teacher", "persona", "teacher"),
        ("lang zh", "lang", "zh"),
        ("system Answer briefly.", "system", "Answer briefly."),
        ("/model anything at all", "model", "anything at all"),
        ("!image a fox", "image", "a fox"),
        ("new ideas for a party", "", "new ideas for a party"),
        ("image formats: which one for the web?", "", "image formats: which one for the web?"),
        ("image a fox", "", "image a fox"),
        ("compare apples and pears", "", "compare apples and pears"),
        ("stop signs in Europe", "", "stop signs in Europe"),
        ("help me write a letter", "", "help me write a letter"),
        ("usage of commas", "", "usage of commas"),
        ("model trains", "", "model trains"),
        ("persona non grata", "", "persona non grata"),
        ("lang lasts", "", "lang lasts"),
        ("system requirements of Doom?", "", "system requirements of Doom?"),
        ("/etc/hosts is what?", "", "/etc/hosts is what?"),
        ("model, or theory?", "", "model, or theory?"),
    ],
)
def test_a_bare_word_is_a_command_only_where_it_is_one_for_sure(text, command, left):
    body = {"command": "/palaver", "text": text, "user_id": "U01", "channel_id": "C01"}
    slash = read_slash(body, command_infos(**CHOICES))
    assert (slash.command, slash.text) == (command, left)


async def test_what_is_set_in_a_channel_holds_in_every_thread_of_it(driver, tmp_path, model):
    async with driving(driver, tmp_path, model, admins="slack:U01"):
        await ask(driver, model)
        driver.server.slash("/palaver", "model other-1")
        await until(lambda: any("other-1" in text for text in told(driver)))
        driver.server.slash("/palaver", "system Speak like a pirate.", channel="D01")
        await until(lambda: len(told(driver)) == 2)
        await ask(driver, model)
        assert model.requests[-1]["model"] == "other-1"
        await ask(driver, model, channel="C02")
        assert model.requests[-1]["model"] != "other-1"
        await ask(driver, model, channel="D01")
        assert "pirate" in model.requests[-1]["messages"][0]["content"]


async def test_a_thread_may_choose_for_itself(driver, tmp_path, model):
    async with driving(driver, tmp_path, model, admins="slack:U01"):
        driver.server.slash("/palaver", "model other-1")
        await until(lambda: told(driver))
        thread = await ask(driver, model)
        driver.server.say("C01", f"<@{BOT_USER}> !model own-2", thread=thread)
        await until(lambda: any("own-2" in p.shown for p in driver.server.answers("C01", thread)))
        await ask(driver, model, thread=thread)
        assert model.requests[-1]["model"] == "own-2"
        await ask(driver, model)
        assert model.requests[-1]["model"] == "other-1"


async def test_a_command_outside_a_thread_is_about_the_place_and_answered_below_it(
    driver, tmp_path, model
):
    async with driving(driver, tmp_path, model, admins="slack:U01"):
        said = driver.server.say("D01", "!model other-1")
        await until(lambda: driver.server.answers("D01", said))
        await ask(driver, model, channel="D01")
        assert model.requests[-1]["model"] == "other-1"
        said = driver.server.say("C01", f"<@{BOT_USER}> /persona teacher")
        await until(lambda: driver.server.answers("C01", said))
        await ask(driver, model)
        assert "patient teacher" in model.requests[-1]["messages"][0]["content"]


async def test_new_in_a_channel_forgets_its_threads(driver, tmp_path, model):
    async with driving(driver, tmp_path, model, admins="slack:U01"):
        thread = await ask(driver, model, text="remember apples")
        driver.server.slash("/palaver", "new")
        await until(lambda: told(driver))
        await ask(driver, model, thread=thread)
        assert "apples" not in str(model.requests[-1]["messages"])


async def test_usage_in_a_channel_counts_its_threads(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        await ask(driver, model)
        await ask(driver, model)
        driver.server.slash("/palaver", "usage")
        await until(lambda: any("2 answers" in text for text in told(driver)))


async def test_stop_in_a_channel_stops_what_the_person_has_running_there(driver, tmp_path, model):
    model.piece_s, model.answer = 0.1, lambda messages: "word " * 300
    async with driving(driver, tmp_path, model):
        mine = driver.server.say("C01", f"<@{BOT_USER}> talk")
        theirs = driver.server.say("C01", f"<@{BOT_USER}> talk too", user="U02")
        await until(
            lambda: driver.server.answers("C01", mine) and driver.server.answers("C01", theirs)
        )
        driver.server.slash("/palaver", "stop")
        await until(lambda: "stopped" in driver.server.answers("C01", mine)[0].shown)
        assert "stopped" not in driver.server.answers("C01", theirs)[0].shown
        await until(lambda: "Stopped." in told(driver))


async def test_an_admin_stops_everybody_there(driver, tmp_path, model):
    model.piece_s, model.answer = 0.1, lambda messages: "word " * 300
    async with driving(driver, tmp_path, model, admins="slack:U02"):
        mine = driver.server.say("C01", f"<@{BOT_USER}> talk")
        await until(lambda: driver.server.answers("C01", mine))
        driver.server.slash("/palaver", "stop", user="U02")
        await until(lambda: "stopped" in driver.server.answers("C01", mine)[0].shown)


async def test_retry_in_a_channel_answers_the_persons_last_question_again(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        await ask(driver, model, text="older?")
        thread = await ask(driver, model, text="newer?")
        driver.server.slash("/palaver", "retry")
        await until(lambda: len(model.requests) == 3)
        assert "newer?" in str(model.requests[-1]["messages"][-1])
        await until(lambda: "retry" in str(driver.server.answers("C01", thread)[-1].blocks))


async def test_who_may_not_ask_is_told_before_anything_is_posted(driver, tmp_path, model):
    async with driving(driver, tmp_path, model, allowed_users="slack:U02"):
        for text in ("what is the plan?", "help", "model x-1"):
            driver.server.slash("/palaver", text)
            await quiet(driver)
            # One sentence, alone, and not one for each command.
            (alone,) = await until(lambda: told(driver))
            assert "slack:U01" in alone
        assert driver.server.answers("C01", "") == []
        assert model.requests == []


async def test_help_where_we_are_no_member_comes_through_the_response_url(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        driver.server.members["C09"] = {"U01"}
        driver.server.slash("/palaver", "help", channel="C09")
        await until(lambda: driver.server.responses)
        assert "/image" in str(driver.server.responses[0])
        assert driver.server.responses[0]["response_type"] == "ephemeral"


async def test_where_others_joined_a_thread_only_what_is_for_us_is_answered(
    driver, tmp_path, model
):
    async with driving(driver, tmp_path, model):
        thread = await ask(driver, model)
        driver.server.say("C01", "and why blue?", thread=thread)
        await until(lambda: len(model.requests) == 2)
        driver.server.say("C01", "that was quick", thread=thread, user="U02")
        driver.server.say("C01", "thanks!", thread=thread)
        driver.server.say("C01", "Bob, did you see that?", thread=thread)
        driver.server.say("C01", "<@U02> what do you think?", thread=thread)
        driver.server.say("C01", "lol 👍", thread=thread, user="U02")
        await quiet(driver)
        driver.server.say("C01", "why is that so?", thread=thread, user="U02")
        await until(lambda: len(model.requests) == 3)
        driver.server.say("C01", "please make it shorter", thread=thread, user="U02")
        await until(lambda: len(model.requests) == 4)


@pytest.mark.parametrize(("words", "name"), [(("palaver",), ""), ((), "Palaver, ")])
async def test_a_wake_word_or_our_name_speaks_to_the_bot_in_a_thread_that_others_joined(
    words, name, driver, tmp_path, model
):
    async with driving(driver, tmp_path, model, wake_words=words):
        thread = await ask(driver, model)
        driver.server.say("C01", "that was quick", thread=thread, user="U02")
        driver.server.say("C01", "palavering again", thread=thread)
        await quiet(driver)
        driver.server.say("C01", "Palaver, MX records next", thread=thread, user="U02")
        await until(lambda: len(model.requests) == 2)
        assert f"Bob: {name}MX records next" in str(model.requests[1]["messages"][-1])


async def test_a_channel_may_have_everything_in_its_threads_answered_or_nothing(
    driver, tmp_path, model
):
    async with driving(driver, tmp_path, model, admins="slack:U01"):
        thread = await ask(driver, model)
        driver.server.say("C01", "hello", thread=thread, user="U02")
        await quiet(driver)
        assert len(model.requests) == 1
        driver.server.slash("/palaver", "follow all")
        await until(lambda: told(driver))
        await at_rest(driver)
        driver.server.say("C01", "hello again", thread=thread, user="U02")
        await until(lambda: len(model.requests) == 2)
        driver.server.slash("/palaver", "follow off")
        await until(lambda: len(told(driver)) == 2)
        await at_rest(driver)
        driver.server.say("C01", "why?", thread=thread)
        await quiet(driver)
        assert len(model.requests) == 2


async def test_the_home_tab_shows_what_is_ones_own_and_its_buttons_change_it(
    driver, tmp_path, model
):
    """Its settings are those of the private chat, in the dialog of `/settings`."""
    async with driving(driver, tmp_path, model, budgets="person 5 usd/day"):
        server = driver.server
        server.locales["U01"] = "de-DE"
        server.open_home()
        blocks = str((await until(lambda: server.homes))["U01"]["blocks"])
        assert "persona" in blocks
        assert "Sprache: Deutsch" in blocks
        assert "Dein Gedächtnis ist an" in blocks
        assert "5.00" in blocks  # The bar of the budget.
        server.press_home("U01", "home memory off")
        await until(lambda: "Dein Gedächtnis ist aus" in str(server.homes["U01"]))
        server.press_home("U01", "home memory on")
        await until(lambda: "Dein Gedächtnis ist an" in str(server.homes["U01"]))
        server.press_home("U01", "settings")
        view = await until(
            lambda: next((one for one in server.views if "persona" in str(one)), None)
        )
        server.press_view(view, "settings place persona")
        view = await until(lambda: server.views[0] if "teacher" in str(server.views[0]) else None)
        server.press_view(view, "settings place persona teacher")
        await until(lambda: "✓ teacher" in str(server.views[0]))
        assert server.answers("D01", "") == []
        await ask(driver, model, channel="D01")
        assert "patient teacher" in model.requests[-1]["messages"][0]["content"]
        server.open_home()
        await until(lambda: "`teacher`" in str(server.homes["U01"]))


async def test_the_home_tab_of_a_stranger_says_how_to_ask_and_asks_nobody_for_them(
    driver, tmp_path, model
):
    async with driving(driver, tmp_path, model, owners=("slack:U01",), open=False):
        driver.server.open_home("U02", "D02")
        view = (await until(lambda: driver.server.homes))["U02"]
        assert "slack:U02" in str(view["blocks"])
        assert "persona" not in str(view["blocks"])
        await quiet(driver)
        assert driver.server.answers("D01", "") == []
        driver.server.say("D02", "may I?", user="U02")
        await until(lambda: driver.server.answers("D01", ""))


async def test_ask_about_this_opens_a_dialog_and_answers_in_the_thread(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        ts = driver.server.say("C01", "The release is on Friday.", user="U02")
        driver.server.shortcut("ask_about", driver.server.posts["C01", ts])
        (view,) = await until(lambda: driver.server.views)
        driver.server.submit(view, "which week?")
        await until(lambda: model.requests)
        asked = str(model.requests[0]["messages"][-1])
        assert "which week?" in asked
        assert "The release is on Friday." in asked
        assert "Bob" in asked
        await until(lambda: len(driver.server.answers("C01", ts)) == 2)


@pytest.mark.parametrize("way", ["slash", "dialog", "summary"])
async def test_what_may_not_be_asked_now_is_shown_to_nobody(
    driver, tmp_path, model, monkeypatch, way
):
    monkeypatch.setattr("core.store.maintenance.LOOK_AGAIN_S", 0.0)
    async with driving(driver, tmp_path, model, owners=("slack:U02",), open=True):
        server, store = driver.server, driver.app.core.redis
        ts = server.say("C01", "The release is on Friday.", user="U02")
        server.shortcut("ask_about", server.posts["C01", ts])
        (view,) = await until(lambda: server.views)
        await store.set(keys.MAINTENANCE, "slack:U02")
        match way:
            case "slash":
                server.slash("/palaver", "which week?")
            case "dialog":
                server.submit(view, "which week?")
            case "summary":
                server.shortcut("summarise_thread", server.posts["C01", ts])
        ((user, _),) = await until(lambda: server.ephemerals)
        assert user == "U01"
        assert server.answers("C01", "") == [] == server.answers("C01", ts)
        server.slash("/palaver", "is it over?", user="U02")
        await until(lambda: "is it over?" in str(model.requests))
        assert "which week?" not in str(model.requests)


async def test_the_dialog_of_somebody_who_was_blocked_since_shows_nothing(driver, tmp_path, model):
    async with driving(driver, tmp_path, model, owners=("slack:U02",), open=True):
        server = driver.server
        ts = server.say("C01", "The release is on Friday.", user="U02")
        server.shortcut("ask_about", server.posts["C01", ts])
        (view,) = await until(lambda: server.views)
        server.slash("/palaver", "block <@U01>", user="U02")
        await until(lambda: server.ephemerals)
        server.submit(view, "which week?")
        await until(lambda: not server._deliveries)
        await quiet(driver)
        assert server.answers("C01", ts) == []
        assert model.requests == []


async def test_a_thread_is_summarised_by_its_shortcut(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        ts = driver.server.say("C01", "Lunch at noon?", user="U02")
        driver.server.say("C01", "Better at one.", thread=ts)
        await quiet(driver)
        driver.server.shortcut("summarise_thread", driver.server.posts["C01", ts])
        await until(lambda: model.requests)
        asked = str(model.requests[0]["messages"][-1])
        assert "Bob: Lunch at noon?" in asked
        assert "Ann: Better at one." in asked
        driver.server.members["C09"] = {"U01"}
        driver.server.posts["C09", "1.1"] = type(driver.server.posts["C01", ts])(
            "1.1", "C09", "", "secret", "U01"
        )
        driver.server.shortcut("summarise_thread", driver.server.posts["C09", "1.1"])
        await quiet(driver)
        assert len(model.requests) == 1
        assert driver.server.unacked == []


async def test_a_thumb_is_counted_and_kept_with_its_exchange(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        ts = await ask(driver, model, channel="D01")
        (post,) = driver.server.answers("D01", ts)
        (thumbs,) = [b for b in post.blocks if b["type"] == "context_actions"]
        value = thumbs["elements"][0]["positive_button"]["value"]
        driver.server.press(post, value)
        counter = driver.app.core.services.metrics.ratings.labels("slack", "up")
        await until(lambda: counter._value.get() == 1)
        kept = await driver.app.core.redis.hgetall(f"palaver:{{0}}:ratings:slack:D01:{ts}")
        assert set(kept.values()) == {b"up"}
        assert len(driver.server.answers("D01", ts)) == 1


def test_the_manifest_is_the_one_that_the_code_writes():
    assert Path("deploy/slack-manifest.yaml").read_text("utf-8") == as_yaml()


def test_the_manifest_asks_for_the_scopes_of_the_methods_that_are_called():
    """Each method that the code names has its scope in the manifest, and none is for nothing."""
    code = "".join(p.read_text("utf-8") for p in Path("bots/slack").glob("*.py"))
    named = set(re.findall(r"_client\.([a-z]+(?:_[A-Za-z0-9]+)+)", code)) - {"files_upload_v2"}
    called = {name.replace("_", ".") for name in named if not name.startswith("client")}
    for method in called - set(FREE):
        assert set(SCOPE_OF[method]) & set(SCOPES), method
    assert {"app_mention", "message.im", "agent_session_stopped", "app_home_opened"} <= set(EVENTS)


@pytest.mark.parametrize(
    ("code", "alone", "sentence"),
    [
        ("restricted_action_read_only_channel", False, "I may not write in the channel"),
        ("restricted_action_thread_only_channel", True, "I may not write in the channel"),
        ("restricted_action_thread_locked", True, "I may not write in the channel"),
        ("restricted_action", False, "I may not write in the channel"),
        ("is_archived", False, "is archived"),
    ],
)
async def test_who_asks_where_slack_lets_us_not_write_is_told_alone(
    driver, tmp_path, model, code, alone, sentence
):
    """In the channel, if Slack takes a post that only they see; else in our direct messages."""
    async with driving(driver, tmp_path, model):
        for method in ("chat.postMessage", "chat.startStream"):
            driver.server.barred[method, "C01"] = code
        if not alone:
            driver.server.barred["chat.postEphemeral", "C01"] = code
        driver.server.say("C01", f"<@{BOT_USER}> why?")

        def seen():
            return told(driver) if alone else [p.shown for p in driver.server.answers("D01", "")]

        await until(lambda: sentence in str(seen()))
        await at_rest(driver)
        assert len(seen()) == 1
        assert driver.server.answers("C01", "") == []


def tries(driver, method="chat.postMessage", channel="C01"):
    """How often the program tried to post in *channel*."""
    calls = driver.server.calls
    return sum(called == method and sent.get("channel") == channel for _, called, sent in calls)


async def test_a_channel_that_takes_no_posts_is_not_asked_and_not_logged_at_each_question(
    driver, tmp_path, model, capsys
):
    async with driving(driver, tmp_path, model):
        driver.server.barred["chat.postMessage", "C01"] = "restricted_action_read_only_channel"
        for count in (1, 2, 3):
            driver.server.say("C01", f"<@{BOT_USER}> why?")
            await until(lambda count=count: len(told(driver)) == count)
        await at_rest(driver)
        assert tries(driver) == 1
        assert capsys.readouterr().out.count("not let in") == 1
        # Another channel is another matter.
        await ask(driver, model, "C02")


async def test_a_locked_thread_says_nothing_of_others(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        locked = await ask(driver, model)
        driver.server.barred["chat.postMessage", "C01"] = "restricted_action_thread_locked"
        driver.server.say("C01", f"<@{BOT_USER}> and now?", thread=locked)
        await until(lambda: "I may not write" in str(told(driver)))
        driver.server.barred.clear()
        await ask(driver, model)


async def test_who_is_invited_again_answers_at_once(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        driver.server.barred["chat.postMessage", "C01"] = "not_in_channel"
        driver.server.say("C01", f"<@{BOT_USER}> why?")
        await until(lambda: tries(driver) == 1)
        await at_rest(driver)
        driver.server.barred.clear()
        await ask(driver, model)


async def test_where_direct_messages_are_off_a_command_is_answered_by_its_own_address(
    driver, tmp_path, model
):
    async with driving(driver, tmp_path, model):
        for method in ("chat.postMessage", "chat.postEphemeral", "chat.startStream"):
            driver.server.barred[method, "D01"] = "messages_tab_disabled"
        driver.server.slash("/palaver", "help", channel="D01")
        await until(lambda: "What you can send" in str(driver.server.responses))
        driver.server.slash("/palaver", "model", channel="D01")
        await until(lambda: len(driver.server.responses) == 2)
        assert tries(driver, "chat.postEphemeral", "D01") == 1
        driver.server.slash("/palaver", "why is the sky blue?", channel="D01")
        await until(lambda: "its messages tab" in str(driver.server.replies))
