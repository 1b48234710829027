"""A Telegram group in slow mode: posts are rare, edits are not, and who waits is told why."""

import pytest

import bots.telegram.slow_mode
import core.turn.alone
from bots.telegram.slow_mode import SlowModes, SlowModeWait
from core.store.connection import connect
from core.store.embedded import embedded
from core.store.recent import SharedRecent
from tests.contracts.drivers import TelegramDriver, driving
from tests.harness import until

GROUP = -1001
SENTENCE = "in slow mode"


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    """People are told soon, and Telegram is asked again soon."""
    monkeypatch.setattr(core.turn.alone, "TOLD_AFTER_S", 0.3)
    monkeypatch.setattr(core.turn.alone, "LOOK_S", 0.1)


@pytest.fixture
def driver():
    return TelegramDriver()


def whole(server):
    return [post for post in server.posts(GROUP) if "retry" in str(post.markup)]


def asked(server):
    return sum(method == "getChat" for _, method, _ in server.calls)


async def test_posts_wait_and_edits_go_on_and_who_waits_is_told_once_alone(driver, tmp_path, model):
    model.answer, model.piece_s = lambda messages: "Some words of an answer. " * 12, 0.02
    async with driving(driver, tmp_path, model):
        server = driver.server
        server.slow[GROUP] = 2
        for person, name in ((77, "Ann"), (78, "Bob")):
            server.say(GROUP, "@palaver_bot hello", user=server.person(person, name))
        await until(lambda: len(whole(server)) == 1)
        # While Bob's post waits, Ann's grew to its end.
        assert whole(server)[0].edits >= 1
        assert len(server.posts(GROUP)) == 1
        await until(lambda: server.posts(77) or server.posts(78))
        await until(lambda: len(whole(server)) == 2)
        server.say(GROUP, "@palaver_bot and again", user=server.person(78, "Bob"))
        server.say(GROUP, "@palaver_bot and again", user=server.person(77, "Ann"))
        await until(lambda: len(whole(server)) == 4)
        assert [[SENTENCE in post.text for post in server.posts(who)] for who in (77, 78)] == [
            [True],
            [True],
        ]
        # Only the first post that did not know of it was refused, and Telegram was asked once.
        assert len(server.floods) == 1
        assert asked(server) == 1


async def test_who_has_no_private_chat_with_us_still_gets_the_answer(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        server = driver.server
        server.slow[GROUP] = 2
        for person in (901, 902):
            server.say(GROUP, "@palaver_bot hello", user=server.person(person, f"P{person}"))
        await until(lambda: len(whole(server)) == 2)
        assert not server.posts(77)
        assert all(SENTENCE not in post.text for post in server.posts(GROUP))


async def test_when_slow_mode_ends_who_waits_gets_the_answer_soon(
    driver, tmp_path, model, monkeypatch
):
    monkeypatch.setattr(bots.telegram.slow_mode, "ASK_AGAIN_S", 0.5)
    async with driving(driver, tmp_path, model):
        server = driver.server
        server.slow[GROUP] = 40
        server.say(GROUP, "@palaver_bot hello")
        await until(lambda: len(whole(server)) == 1)
        server.say(GROUP, "@palaver_bot and Bob?", user=server.person(78, "Bob"))
        await until(lambda: server.posts(78))
        del server.slow[GROUP]
        await until(lambda: len(whole(server)) == 2)


async def test_who_must_wait_for_an_hour_is_told_so_too(driver, tmp_path, model):
    """Such an answer is kept, and its worker does other things meanwhile."""
    async with driving(driver, tmp_path, model):
        server = driver.server
        server.slow[GROUP] = 3600
        server.say(GROUP, "@palaver_bot hello")
        await until(lambda: len(whole(server)) == 1)
        server.say(GROUP, "@palaver_bot and Bob?", user=server.person(78, "Bob", "de"))
        (post,) = await until(lambda: server.posts(78))
        assert "im langsamen Modus" in post.text


async def test_another_refusal_silences_the_whole_group(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        server = driver.server
        server.hold(GROUP, 2)
        server.say(GROUP, "@palaver_bot hello")
        await until(lambda: len(whole(server)) == 1)
        assert asked(server) == 1
        assert not server.posts(77)


async def test_a_process_learns_of_slow_mode_from_others_before_it_is_refused(tmp_path):
    answers = {"getChat": {"slow_mode_delay": 30}, "getChatMember": {"status": "member"}}

    async def call(method, parameters):
        return answers[method]

    async with embedded(tmp_path / "store") as url, connect(url) as redis:
        one, other = (SlowModes(call, SharedRecent(redis)) for _ in range(2))
        assert not other.buckets(GROUP)
        assert await one.refused(GROUP, 29) in one.buckets(GROUP)
        assert await one.refused(GROUP, 300) is None
        with pytest.raises(SlowModeWait):
            await other.before(GROUP)
        assert other.buckets(GROUP) == one.buckets(GROUP)
        # It raises only once: from then on the bucket is known.
        await other.before(GROUP)
        answers["getChatMember"] = {"status": "administrator"}
        one._known.clear()
        assert await one.refused(GROUP, 5) is None
        assert not one.buckets(GROUP)
