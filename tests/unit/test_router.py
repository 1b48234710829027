"""Several models: the next is asked when one fails before its first word."""

import aiohttp
import pytest

from core.buckets import LocalBudget
from core.clients import open_models
from core.errors import ConfigError, Overloaded, Refused
from core.models.chunks import AnsweredBy, SpentBefore, TextDelta, Usage
from core.models.client import ChatClient
from core.models.palaver_file import PlaceEntry, read_palaver_file
from core.models.providers import Endpoint, Provider
from core.models.request import ChatMessage, ChatRequest
from core.models.router import Route, Router
from core.people.personas import Persona, places_of
from core.platform import Bucket
from tests.contracts.drivers import TelegramDriver, driving
from tests.harness import settings_for
from tests.servers.model import ModelServer, raw, status

REQUEST = ChatRequest((ChatMessage("user", "hello"),))


@pytest.fixture
async def servers():
    first, second = ModelServer(lambda _: "from the first"), ModelServer(lambda _: "the second")
    async with first.running(), second.running():
        yield first, second


@pytest.fixture
async def router(servers):
    async with aiohttp.ClientSession() as session:
        yield Router(
            [
                Route(name, ChatClient(session, Endpoint(server.url, "", "m"), tries=1), at_once=2)
                for name, server in zip(("one", "two"), servers, strict=True)
            ],
            LocalBudget(),
        )


async def ask(router, request=REQUEST):
    async with router.stream(request) as deltas:
        found = [delta async for delta in deltas]
    (by,) = [delta.model for delta in found if isinstance(delta, AnsweredBy)]
    return by, "".join(delta.text for delta in found if isinstance(delta, TextDelta))


async def test_the_first_is_asked_while_it_works(router, servers):
    assert await ask(router) == ("one", "from the first")
    assert servers[1].requests == []


@pytest.mark.parametrize("code", [401, 402, 404, 429, 500, 503])
async def test_the_next_is_asked_when_one_fails(router, servers, code):
    servers[0].faults.append(status(code))
    assert await ask(router) == ("two", "the second")


async def test_a_question_that_is_refused_is_not_asked_elsewhere(router, servers):
    servers[0].faults.append(
        status(400, '{"error": {"code": "content_policy_violation", "message": "no"}}')
    )
    with pytest.raises(Refused):
        await ask(router)
    assert servers[1].requests == []


async def test_one_that_keeps_failing_is_left_alone_for_a_while(router, servers):
    servers[0].faults += [status(503)] * 3
    for _ in range(5):
        assert (await ask(router))[0] == "two"
    assert len(servers[0].requests) == 3


async def test_the_last_error_is_told_when_all_fail_and_they_are_tried_again(router, servers):
    for server in servers:
        server.faults.append(status(402))
    with pytest.raises(Refused):
        await ask(router)
    assert await ask(router) == ("one", "from the first")


async def test_the_chosen_one_is_asked_first_and_the_others_stand_in(router, servers):
    chosen = ChatRequest(REQUEST.messages, model="two")
    assert (await ask(router, chosen))[0] == "two"
    assert servers[1].requests[0]["model"] == "m"
    servers[1].faults.append(status(503))
    assert (await ask(router, chosen))[0] == "one"


async def test_an_answer_is_gone_on_with_only_where_that_is_possible(servers):
    async with aiohttp.ClientSession() as session:
        able = Provider("", "prefix")
        router = Router(
            [
                Route("one", ChatClient(session, Endpoint(servers[0].url, "", "m"))),
                Route("two", ChatClient(session, Endpoint(servers[1].url, "", "m", able))),
            ],
            LocalBudget(),
        )
        assert router.continues
        begun = ChatRequest(REQUEST.messages, begun="from")
        assert (await ask(router, begun))[0] == "two"


async def test_a_failed_call_gives_its_slot_back(router, servers):
    servers[0].faults += [status(503)] * 2
    for _ in range(2):
        await ask(router)
    router._routes[0].rests_until = 0
    assert (await ask(router))[0] == "one"
    servers[1].faults += [status(503)]
    servers[0].faults += [status(503)]
    with pytest.raises(Overloaded):
        await ask(router)


@pytest.fixture
async def rated(servers):
    """Makes routers as several processes would, which share one budget."""
    budget = LocalBudget()
    async with aiohttp.ClientSession() as session:

        def make(*rates):
            return Router(
                [
                    Route(name, ChatClient(session, Endpoint(server.url, "", "m"), tries=1), rate=r)
                    for name, server, r in zip(("one", "two"), servers, rates, strict=False)
                ],
                budget,
            )

        yield make


async def test_who_has_had_its_calls_is_passed_over_by_all_processes(rated, servers):
    rate = Bucket("model:one", 2, 60)
    first, second = rated(rate, None), rated(rate, None)
    assert [(await ask(one))[0] for one in (first, second, first)] == ["one", "one", "two"]
    assert len(servers[0].requests) == 2


async def test_the_last_one_is_waited_for(rated):
    router = rated(Bucket("model:one", 1, 0.2))
    assert [(await ask(router))[0] for _ in range(3)] == ["one"] * 3


async def test_a_provider_that_asks_for_a_pause_gets_it_from_all_processes(rated, servers):
    rate = Bucket("model:one", 100, 60)
    servers[0].faults.append(status(429, headers={"Retry-After": "20"}))
    for router in (rated(rate, None), rated(rate, None)):
        assert (await ask(router))[0] == "two"
    assert len(servers[0].requests) == 1


FILE = """
[[model]]
name = "fast"
base_url = "{first}"
model = "small"
key = "FAST_KEY"
price = [1000, 100, 10000]
per_minute = 100

[[model]]
name = "careful"
base_url = "{second}"
model = "large"
"""


async def test_a_file_of_models_serves_the_chat_and_its_failover(servers, tmp_path, monkeypatch):
    monkeypatch.setenv("FAST_KEY", "sk-fast-secret")
    path = tmp_path / "palaver.toml"
    path.write_text(FILE.format(first=servers[0].url, second=servers[1].url))
    driver = TelegramDriver()
    async with driving(driver, tmp_path, servers[0], palaver_config=path):
        await driver.say("dm", "hello")
        (post,) = await driver.answered("dm", 1)
        assert post.text == "from the first"
        servers[0].faults.append(status(500))
        await driver.say("dm", "and now?")
        posts = await driver.answered("dm", 2)
        assert posts[1].text == "the second"
        assert servers[1].requests[0]["model"] == "large"
        await driver.say("dm", "/model careful")
        await driver.posted("dm", 3)
        await driver.say("dm", "who are you?")
        assert (await driver.answered("dm", 3))[3].text == "the second"


ONE = "[[model]]\nname='a'\nbase_url='http://h/v1'\nmodel='m'\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("nonsense", "Expected"),
        ("[[model]]\nname='a'", "base_url"),
        ("[[model]]\nname='a'\nbase_url='u'\nmodel='m'\nprice=[1]", "three prices"),
        ("[[model]]\nname='a'\nbase_url='u'\nmodel='m'\nsecret='x'", "secret"),
        ("[[model]]\nname='a'\nbase_url='u'\nmodel='m'\n" * 2, "name of its own"),
        (f"{ONE}[[persona]]\nname='p'\nmodel='b'", "persona p: there is no model named b"),
        (f"{ONE}[[place]]\nid='slack:C1'\nmodel='m'", "place slack:C1: there is no model named m"),
    ],
)
def test_a_file_that_says_something_else_is_named(tmp_path, text, reason):
    path = tmp_path / "palaver.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=reason):
        read_palaver_file(path)


def test_a_place_with_a_persona_that_is_none_is_named(tmp_path):
    entries = [PlaceEntry("slack:C1", persona="Support"), PlaceEntry("slack:C2", persona="Butler")]
    with pytest.raises(ConfigError, match="place slack:C2: there is no persona named Butler"):
        places_of(entries, tmp_path, {"support": Persona()})


async def test_the_keys_of_one_model_share_the_load_and_rest_alone(model, tmp_path, monkeypatch):
    monkeypatch.setenv("KEY_A", "key-a-secret")
    monkeypatch.setenv("KEY_B", "key-b-secret")
    config = tmp_path / "palaver.toml"
    config.write_text(
        f'[[model]]\nname = "one"\nbase_url = "{model.url}"\nmodel = "m"\n'
        'key = ["KEY_A", "KEY_B"]\n'
    )
    used = []

    async def note(request):
        used.append(request.headers["Authorization"].rpartition(" ")[2])
        return await model.stream(request, "fine")

    async def refuse(request):
        used.append(request.headers["Authorization"].rpartition(" ")[2])
        return await status(429, headers={"Retry-After": "20"})(request)

    settings = settings_for(tmp_path, palaver_config=config)
    async with open_models(settings, LocalBudget()) as models:
        assert list(models.chat.names) == ["one"]
        model.faults += [note, note]
        async with (
            models.chat.stream(REQUEST) as first,
            models.chat.stream(REQUEST) as second,
        ):
            begun = [aiter(first), aiter(second)]
            assert [type(await anext(one)) for one in begun] == [AnsweredBy] * 2
            assert sorted(used) == ["key-a-secret", "key-b-secret"]
        used.clear()
        model.faults += [refuse, *[note] * 3]
        for _ in range(3):
            async with models.chat.stream(ChatRequest(REQUEST.messages, model="one")) as deltas:
                assert "fine" in "".join([getattr(one, "text", "") async for one in deltas])
        assert len(set(used[1:])) == 1
        assert used[0] not in used[1:]


async def test_what_a_model_cost_before_it_failed_is_counted_with_who_stood_in(router, servers):
    told = b'data: {"choices":[],"usage":{"prompt_tokens":100,"completion_tokens":1000}}\n\n'
    bad = b'data: {"error":{"message":"no","code":402}}\n\n'
    servers[0].faults.append(raw(told + bad))
    async with router.stream(REQUEST) as deltas:
        said = [one async for one in deltas]
    costs = [one for one in said if isinstance(one, Usage | SpentBefore)]
    assert costs == [SpentBefore(Usage(100, 1000)), Usage(11, 7)]
    servers[0].faults.append(raw(told + bad))
    servers[1].faults.append(raw(told + bad))
    router._routes[0].rests_until = router._routes[1].rests_until = 0.0
    with pytest.raises(Refused) as failed:
        await ask(router)
    assert Usage.of(failed.value) == Usage(200, 2000)
