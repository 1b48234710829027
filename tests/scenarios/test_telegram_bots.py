"""Several Telegram bots in one deployment: each for itself, whatever happens to another."""

import asyncio
from contextlib import asynccontextmanager

import aiohttp
import pytest

from core.store import keys
from tests.harness import at_rest, palaver, readiness, until
from tests.servers.redis import redis_at
from tests.servers.telegram import TOKEN
from tests.servers.telegram_bots import TelegramBots


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr("core.starting.AGAIN_S", (0.2,))
    monkeypatch.setattr("core.starting.FIRST_S", 1.0)
    monkeypatch.setattr("bots.reload.LOOK_S", 0.1)


@asynccontextmanager
async def serving(tmp_path, model, bots, *, tokens=None, **more):
    tokens = [bot.token for bot in bots.bots] if tokens is None else tokens
    async with palaver(
        tmp_path,
        telegram_bot_token=",".join(tokens),
        telegram_api_url=bots.url,
        llm_base_url=model.url,
        llm_model="scripted",
        **more,
    ) as running:
        yield running


async def asked(bot, text, chat=77):
    """The answer of *bot* to *text*, in a private chat."""
    before = len(bot.posts(chat))
    bot.say(chat, text)
    answered = await until(lambda: [p for p in bot.posts(chat)[before:] if text in p.text])
    return answered[0].text


async def histories(core):
    """The conversations of which something is kept."""
    names = [key.decode() async for key in core.redis.scan_iter(keys.history("*"))]
    return {name.removeprefix(keys.history("")) for name in names}


def texts_of(request):
    return " ".join(str(one.get("content")) for one in request["messages"])


async def test_each_bot_answers_its_own_chats_and_knows_nothing_of_the_other(tmp_path, model):
    """The same person, in a chat of the same number, is somebody else for another bot."""
    bots = TelegramBots(2)
    one, two = bots.bots
    async with bots.running(), serving(tmp_path, model, bots) as running:
        await asked(one, "my secret is pineapple")
        await asked(two, "what is my secret?")
        await at_rest(running.core)
        assert "pineapple" not in texts_of(model.requests[-1])
        other = f"telegram+{two.bot['id']}"
        assert await histories(running.core) == {"telegram:77:", f"{other}:77:"}
        assert {call[1] for call in one.calls} >= {"setMyCommands", "getUpdates"}
        assert {call[1] for call in two.calls} >= {"setMyCommands", "getUpdates"}
        assert (await readiness(running.url))[0] == 200


async def test_another_order_of_tokens_gives_no_bot_what_another_knows(tmp_path, model):
    bots = TelegramBots(2)
    one, two = bots.bots
    tokens = [one.token, two.token]
    async with bots.running(), redis_at(tmp_path / "redis") as redis:
        async with serving(tmp_path, model, bots, tokens=tokens, redis_url=redis.url) as running:
            await asked(one, "my secret is pineapple")
            await at_rest(running.core)
        async with serving(tmp_path, model, bots, tokens=tokens[::-1], redis_url=redis.url):
            await asked(two, "what is my secret?")
            assert "pineapple" not in texts_of(model.requests[-1])
            await asked(one, "and mine?")
            assert "pineapple" in texts_of(model.requests[-1])


async def test_a_revoked_token_harms_no_other_bot_and_is_told_in_readyz(tmp_path, model):
    bots = TelegramBots(2)
    one, two = bots.bots
    tokens = [one.token, two.token, "555:revoked"]
    async with bots.running(), serving(tmp_path, model, bots, tokens=tokens) as running:
        status, told = await readiness(running.url)
        assert status == 200
        assert any("telegram+555" in warning for warning in told["warnings"])
        assert "555:revoked" not in str(told)
        await asked(two, "hello")
        two.token = "changed"  # Revoked while it is read.
        two.end_polls()

        async def lost():
            return str((await readiness(running.url))[1]["warnings"]).count("telegram+") == 2

        await until(lost)
        await asked(one, "still there?")


async def test_bots_come_and_go_with_the_file_while_others_serve(tmp_path, model):
    """One is added with settings of its own, changed to another token, and taken away."""
    bots = TelegramBots(3)
    one, two, three = bots.bots
    path = tmp_path / "palaver.toml"
    rest = '[[persona]]\nname = "pirate"\ntext = "Speak as a pirate."\n'
    rest += '[[place]]\nid = "telegram+shop"\npersona = "pirate"\n'
    path.write_text(rest)
    more = {"tokens": [one.token], "palaver_config": path}
    async with bots.running(), serving(tmp_path, model, bots, **more) as running:

        async def listed(*entries):
            before = path.stat().st_mtime_ns
            path.write_text(rest + "\n".join(f"[[telegram]]\n{one}" for one in entries))
            assert path.stat().st_mtime_ns > before

        await asked(one, "first")
        polls = [call for call in one.calls if call[1] == "getMe"]
        await listed(f'name = "shop"\ntoken = "{two.token}"')
        await asked(two, "second")
        await at_rest(running.core)
        assert "telegram+shop:77:" in await histories(running.core)
        assert "pirate" in texts_of(model.requests[-1])
        await listed(f'name = "shop"\ntoken = "{three.token}"')
        await asked(three, "third")
        assert "second" in texts_of(model.requests[-1]), "the same tenant, with another bot"
        await listed("nonsense = 1")
        await asked(three, "fourth")
        await listed()
        await until(lambda: "telegram+shop" not in running.core.lent.tenants.wanted)
        calls = len(three.calls)
        three.say(77, "fifth")
        await asked(one, "still there?")
        assert [call for call in one.calls if call[1] == "getMe"] == polls, "it was not disturbed"
        assert len(three.calls) <= calls + 1, "a call that was under way"
        assert (await readiness(running.url))[0] == 200


async def test_who_asked_while_their_bot_was_changed_is_answered_by_what_comes_after_it(
    tmp_path, model, monkeypatch
):
    """The next question is claimed at the end of the last answer, when its bot is leaving."""
    monkeypatch.setattr("core.worker.CLAIM_WAIT_S", 3.0)
    bots = TelegramBots(2)
    one, two = bots.bots
    path = tmp_path / "palaver.toml"
    shop = f'[[telegram]]\nname = "shop"\ntoken = "{two.token}"\n'
    path.write_text(shop)
    more = {"tokens": [one.token], "palaver_config": path, "grace_s": 20.0}
    async with bots.running(), serving(tmp_path, model, bots, **more) as running:
        await asked(two, "hello")
        model.piece_s = 0.3
        two.say(77, "first")
        await until(lambda: "first" in texts_of(model.requests[-1]))
        two.say(77, "second")
        path.write_text(f'{shop}stream = "drafts"')
        await until(lambda: [post for post in two.posts(77) if "Echo of second" in post.text])
        await at_rest(running.core)


SHOP = f'[[telegram]]\nname = "shop"\ntoken = "{TOKEN}"\n'


@pytest.mark.parametrize(
    ("first", "then", "left"), [(SHOP, "", set()), ("", SHOP, {"web", "telegram+shop"})]
)
async def test_bots_that_come_and_go_open_and_close_no_page(tmp_path, model, first, then, left):
    """One that nobody asked for would stand open; on one that is there, people may be talking."""
    bots, path = TelegramBots(1), tmp_path / "palaver.toml"
    path.write_text(first)
    far = {
        "tokens": [],
        "palaver_config": path,
        "web_chat": None,
        "public_url": "https://a.example",
    }
    async with bots.running(), serving(tmp_path, model, bots, **far) as running:
        tenants = running.core.lent.tenants
        before = {*tenants.wanted}
        path.write_text(then)
        await until(lambda: {*tenants.wanted} != before)
        assert {*tenants.wanted} == left


async def test_each_webhook_has_a_path_of_its_own_also_of_a_bot_that_comes_later(tmp_path, model):
    bots = TelegramBots(2)
    one, two = bots.bots
    path = tmp_path / "palaver.toml"
    path.write_text("")
    more = {
        "tokens": [one.token],
        "palaver_config": path,
        "telegram_webhook_secret": "hush",
        "public_url": "https://bot.example",
    }
    async with (
        bots.running(),
        serving(tmp_path, model, bots, **more) as running,
        aiohttp.ClientSession() as session,
    ):
        path.write_text(f'[[telegram]]\nname = "shop"\ntoken = "{two.token}"')
        await until(lambda: two.webhook)
        assert one.webhook["url"] == "https://bot.example/telegram/webhook"
        assert two.webhook["url"] == "https://bot.example/telegram/webhook/shop"

        async def hook(way, secret, update):
            headers = {"X-Telegram-Bot-Api-Secret-Token": secret}
            url = f"{running.url}/telegram/webhook{way}"
            async with session.post(url, json=update, headers=headers) as answer:
                return answer.status

        two.say(77, "hello shop")
        update = two.updates.pop()

        async def refused():
            return await hook("/shop", "wrong", update) == 403

        await until(refused)
        assert await hook("/none", "hush", update) == 404
        assert await hook("/shop", "hush", update) == 200
        await until(lambda: "Echo of hello shop" in str([p.text for p in two.posts(77)]))
        assert not one.posts(77)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[[telegram]]\nname = "a b"\ntoken = "1:x"', "a name has letters"),
        ('[[telegram]]\nname = "shop"', "needs token or token_env"),
        ('[[telegram]]\nname = "shop"\ntoken = "1:x"\ntokem = 1', "no setting 'tokem'"),
        ('[[telegram]]\nname = "shop"\ntoken_env = "NOT_SET"', "NOT_SET"),
        ('[[telegram]]\nname="a"\ntoken="1:x"\n[[telegram]]\nname="b"\ntoken="1:y"', "are one"),
        ('[[telegram]]\nname="a"\ntoken="1:x"\n[[telegram]]\nname="a"\ntoken="2:y"', "are one"),
        ('[telegram]\nname = "shop"', "written as"),
        ('[[telegrams]]\nname = "shop"', "telegrams"),
    ],
)
async def test_a_tenant_that_is_set_up_wrongly_is_refused_in_words(tmp_path, text, words):
    path = tmp_path / "palaver.toml"
    path.write_text(text)
    with pytest.raises(Exception, match=words) as refused:
        async with asyncio.timeout(20), palaver(tmp_path, palaver_config=path):
            pass
    assert "1:x" not in str(refused.value)
