"""`/settings` on Slack: a dialog of buttons for its channel, for those who may."""

import pytest

from tests.contracts.drivers import SlackDriver, driving
from tests.harness import until
from tests.servers.slack import BOT_USER

ANN, BOB = "U01", "U02"
"""Ann is an admin of the workspace, Bob is not."""


@pytest.fixture
async def slack(tmp_path, model):
    driver = SlackDriver()
    async with driving(driver, tmp_path, model):
        driver.server.about[ANN] = {"is_admin": True}
        yield driver.server


def words(view):
    return str(view["blocks"])


async def opened(slack, user=ANN, channel="C01"):
    """The dialog that *user* opens in *channel*, when it is filled."""
    slack.slash("/palaver", "settings", channel=channel, user=user)
    return await showing(slack, "persona")


async def showing(slack, word, at=0):
    return await until(
        lambda: next((one for one in slack.views[at : at + 1] if word in words(one)), None)
    )


async def test_a_dialog_shows_what_holds_and_its_buttons_change_the_channel(slack, model):
    view = await opened(slack)
    slack.press_view(view, "settings place persona")
    view = await showing(slack, "persona teacher")
    slack.press_view(view, "settings place persona teacher")
    await showing(slack, "✓ teacher")
    assert len(slack.views) == 1
    slack.say("C01", f"<@{BOT_USER}> why?")
    await until(lambda: model.requests)
    assert "patient teacher" in model.requests[-1]["messages"][0]["content"]


async def test_a_text_is_asked_for_in_a_dialog_above_the_menu(slack, model):
    view = await opened(slack)
    slack.press_view(view, "settings place about")
    view = await showing(slack, "ask:settings place about")
    slack.press_view(view, "settings place about")
    asks = await showing(slack, "input", at=1)
    slack.submit(asks, "Support for our shop.", user=ANN)
    await showing(slack, "Support for our shop.")
    slack.say("C01", f"<@{BOT_USER}> why?")
    await until(lambda: model.requests)
    assert "Support for our shop." in model.requests[-1]["messages"][0]["content"]


async def test_who_may_not_change_a_channel_is_refused_when_they_press(slack):
    view = await opened(slack, BOB)
    slack.press_view(view, "settings place persona", user=BOB)
    refused = await until(lambda: slack.views[0] if "admin" in words(slack.views[0]) else None)
    assert "persona teacher" not in words(refused)


async def test_a_dialog_that_was_closed_is_told_in_a_post_for_one(slack):
    view = await opened(slack)
    slack.closed.add(view["id"])
    slack.press_view(view, "settings place context", user=ANN)
    await until(lambda: slack.ephemerals)
    assert slack.ephemerals[-1][0] == ANN
