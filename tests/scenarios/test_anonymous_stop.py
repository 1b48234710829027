"""On Telegram an anonymous admin is an admin: what they write comes from the group itself.

The facts: such a message is from GroupAnonymousBot with the group as `sender_chat`; a press of a
button comes from the person (tdlib/telegram-bot-api, Client.cpp, `JsonMessage`).
"""

import pytest

from tests.contracts.drivers import TelegramDriver, driving
from tests.harness import until

GROUP = -1001
CHAT = {"id": GROUP, "type": "supergroup", "title": "Friends"}
ANONYMOUS = {
    "id": 1087968824,
    "is_bot": True,
    "first_name": "Group",
    "username": "GroupAnonymousBot",
}


@pytest.fixture
def driver():
    return TelegramDriver()


@pytest.fixture(autouse=True)
def endless(model):
    model.answer, model.piece_s = lambda messages: "word " * 2_000, 0.05


def ask(server, text="@palaver_bot talk for ever", *, anonymous=False):
    if anonymous:
        server.say(GROUP, text, user=ANONYMOUS, sender_chat=CHAT)
    else:
        server.say(GROUP, text)


async def growing(server, model):
    await until(lambda: server.posts(GROUP) and model.running_streams == 1)
    return server.posts(GROUP)[-1]


async def stopped(server, model):
    await until(lambda: model.running_streams == 0, 5)
    await until(lambda: "stopped" in server.posts(GROUP)[0].text)


@pytest.mark.parametrize("asker", ["the group", "a member"])
@pytest.mark.parametrize("how", ["/stop@palaver_bot", "/stop", "a press"])
async def test_an_anonymous_admin_stops_what_runs_in_the_group(driver, tmp_path, model, asker, how):
    async with driving(driver, tmp_path, model):
        server = driver.server
        server.chat_admins[GROUP] = {78}
        ask(server, anonymous=asker == "the group")
        post = await growing(server, model)
        if how == "a press":
            server.press(post, "stop", user=server.person(78, "Bob"))
        else:
            ask(server, how, anonymous=True)
        await stopped(server, model)


async def test_a_member_stops_no_answer_to_the_group_itself(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        server = driver.server
        server.chat_admins[GROUP] = {78}
        ask(server, anonymous=True)
        post = await growing(server, model)
        server.press(post, "stop", user=server.person(79, "Eve"))
        await until(lambda: "or an admin of this group" in str(server.alerts))
        ask(server, "/stop@palaver_bot")
        await until(lambda: "Nothing is being written" in server.posts(GROUP)[-1].text)
        assert model.running_streams == 1
        assert server.posts(GROUP)[0].id == post.id


async def test_somebody_who_posts_as_another_channel_is_no_admin_here(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        server = driver.server
        ask(server)
        await growing(server, model)
        channel = {"id": -1009, "type": "channel", "title": "News"}
        fake = {"id": 136817688, "is_bot": True, "first_name": "Channel"}
        server.say(GROUP, "/stop@palaver_bot", user=fake, sender_chat=channel)
        await until(lambda: server.asides or len(server.posts(GROUP)) > 1)
        assert model.running_streams == 1
